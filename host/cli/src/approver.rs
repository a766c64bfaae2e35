//! Who is asked before an agent does what has to be approved: the person at the terminal.
//!
//! What is asked for are a model's words, and a model may have been talked into them. So they are escaped and cut, what was typed
//! before the question was shown is no answer to it, and everything but a clear yes is a no. Where there is no terminal nobody is
//! asked, and everything is refused.

use std::future::Future;
use std::io::{IsTerminal, stdin};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;

use hotcell_call::{Effect, abridged, shortened};
use hotcell_runtime::{Approver, Question, Turn};
use rustix::fs::{Mode, OFlags, open};
use rustix::termios::{QueueSelector, tcflush};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Mutex;

use crate::output::{BOLD, DIM, Output, Voice, YELLOW};
use crate::progress::Stage;

/// What is shown of an input.
const MOST_SHOWN: usize = 2_000;
/// What is read of an answer.
const MOST_READ: usize = 64;

/// Answers in the place of whoever started the run.
struct Person {
    /// Whether every call is agreed to.
    agrees: bool,
    terminal: Option<Terminal>,
}

/// The terminal, where one line answers one question.
struct Terminal {
    voice: Voice,
    stage: Stage,
    /// Opened anew, so that not waiting for it is a matter of this descriptor and not of the shell's.
    keys: AsyncFd<OwnedFd>,
    /// Runs side by side ask one after the other.
    turn: Mutex<()>,
}

/// A question on the terminal. One that is withdrawn leaves a line of its own.
struct Asked<'a> {
    voice: &'a Voice,
    answered: bool,
}

/// Who answers for a run; none: nobody, and what has to be approved is refused.
pub(crate) fn approver(output: &Output, stage: &Stage, agrees: bool) -> Option<Arc<dyn Approver>> {
    let terminal = Terminal::open(output, stage);
    (agrees || terminal.is_some()).then(|| Arc::new(Person { agrees, terminal }) as Arc<dyn Approver>)
}

impl Approver for Person {
    fn turn<'a>(&'a self, question: &'a Question<'a>) -> Pin<Box<dyn Future<Output = Turn<'a>> + Send + 'a>> {
        Box::pin(async move {
            match (&self.terminal, question) {
                (_, Question::Call { .. }) if self.agrees => Box::new(()) as Turn<'a>,
                (Some(terminal), _) => Box::new(terminal.turn.lock().await),
                (None, _) => Box::new(()),
            }
        })
    }

    fn ask<'a>(&'a self, question: &'a Question<'a>) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(async move {
            match (&self.terminal, question) {
                (_, Question::Call { .. }) if self.agrees => true,
                (Some(terminal), _) => terminal.ask(question).await,
                (None, _) => false,
            }
        })
    }
}

impl Terminal {
    fn open(output: &Output, stage: &Stage) -> Option<Self> {
        let voice = output.voice();
        if !stdin().is_terminal() || !voice.is_terminal() {
            return None;
        }
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let keys = open("/dev/tty", flags, Mode::empty()).ok()?;
        #[expect(deprecated, reason = "it is for descriptors that are not what they say, and the other way is unsafe")]
        let keys = AsyncFd::with_interest(keys, Interest::READABLE).ok()?;
        Some(Self { voice, stage: stage.clone(), keys, turn: Mutex::default() })
    }

    async fn ask(&self, question: &Question<'_>) -> bool {
        let _held = self.stage.hold();
        // Where what was typed before can't be thrown away it might be taken for the answer.
        if tcflush(&self.keys, QueueSelector::IFlush).is_err() {
            return false;
        }
        let mut asked = Asked { voice: &self.voice, answered: false };
        self.voice.say(&(shown(&self.voice, question).join("\n") + " "));
        let agreed = self.answer().await;
        asked.answered = true;
        agreed
    }

    /// Reads one line. What can't be read is a no, and so is the end of the input.
    async fn answer(&self) -> bool {
        let mut line = Vec::new();
        let mut typed = [0; MOST_READ];
        // Nothing is lost when this is dropped: a line that nobody waits for is thrown away before the next question.
        while let Ok(mut ready) = self.keys.readable().await {
            match rustix::io::read(&self.keys, &mut typed) {
                Ok(0) => break,
                Ok(length) => line.extend_from_slice(typed.get(..length).unwrap_or_default()),
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => ready.clear_ready(),
                Err(_) => break,
            }
            if line.ends_with(b"\n") || line.len() > MOST_READ {
                return is_yes(&line);
            }
        }
        self.voice.say("\n");
        false
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.voice.say("\n");
        }
    }
}

fn is_yes(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.eq_ignore_ascii_case(b"y") || line.eq_ignore_ascii_case(b"yes")
}

/// The lines of a question; the answer is typed behind the last.
fn shown(voice: &Voice, question: &Question<'_>) -> Vec<String> {
    let label = |label: &str| voice.styled(DIM, format_args!("{label:<5}"));
    let name = |name: &str| voice.styled(BOLD, name);
    let choice = |what: &str| format!("  {what} [y]es / {}", voice.styled(BOLD, "[N]o"));
    match question {
        Question::Call { agent, target, says, effect, input } => vec![
            format!("{} {} wants to call", voice.styled(YELLOW, "?"), name(agent.as_str())),
            format!("  {}  {}  ({})", label("call"), name(&target.to_string()), could(*says, *effect)),
            format!("  {}  {}", label("input"), abridged(input, MOST_SHOWN)),
        ]
        .into_iter()
        .chain(unshown(input).map(|unshown| format!("  {}  {}", label(""), voice.styled(YELLOW, unshown))))
        .chain([choice("Let it?")])
        .collect(),
        Question::Budget { agent, what, used, most } => vec![
            format!("{} {} has spent its {what}", voice.styled(YELLOW, "?"), name(agent.as_str())),
            format!("  {}  {used} of {most}", label("spent")),
            choice("Let it spend as much again?"),
        ],
        // A kind that this program does not know can't be explained, so it is not to be agreed to.
        other => vec![format!("? {}", shortened(&other.what(), MOST_SHOWN)), choice("Let it?")],
    }
}

/// Says on a line of its own what of an input can't be seen: what stands in the middle of it may be a model's words.
fn unshown(input: &str) -> Option<String> {
    let all = input.chars().count();
    (all > MOST_SHOWN).then(|| format!("{} of {all} characters are not shown", all - MOST_SHOWN))
}

/// What a call could do, and what its author says where that is less.
fn could(says: Effect, effect: Effect) -> String {
    if says == effect { effect.to_string() } else { format!("{effect}: it says {says}, and is granted more") }
}

#[cfg(test)]
mod tests {
    use hotcell_call::{AgentName, Target};

    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for line in ["y\n", "Y\n", "yes\n", " YES \r\n"] {
            assert!(is_yes(line.as_bytes()), "{line:?}");
        }
        for line in ["\n", "", "n\n", "no\n", "yess\n", "y y\n", "ye\n", "\u{1b}[Ay\n"] {
            assert!(!is_yes(line.as_bytes()), "{line:?}");
        }
    }

    #[test]
    fn a_question_shows_a_models_words_escaped_and_cut() {
        let (agent, target): (AgentName, Target) = ("scout".parse().unwrap(), "mail.send".parse().unwrap());
        let input = format!(
            "{{\"to\":\"\u{1b}[2Jx\u{202e}\nLet it? y\",\"text\":\"{}\",\"end\":\"\n\u{9b}\"}}",
            "a".repeat(3_000)
        );
        let voice = Output::plain().voice();
        let question =
            |says| Question::Call { agent: &agent, target: &target, says, effect: Effect::Write, input: &input };
        let lines = shown(&voice, &question(Effect::Write));
        assert_eq!(
            shown(&voice, &question(Effect::Pure))[1],
            "  call   mail.send  (write: it says pure, and is granted more)"
        );
        assert_eq!(lines.len(), 5);
        assert!(
            lines[2].starts_with("  input  {\"to\":\"\\u{1b}[2Jx\\u{202e}\\nLet it? y\",\"text\":\"aaa"),
            "{}",
            lines[2]
        );
        assert!(lines[2].ends_with("aaa\",\"end\":\"\\n\\u{9b}\"}") && !lines[2].contains('\n'), "{}", lines[2]);
        assert!(lines[2].contains("aaa … (1046 characters cut) … aaa"), "{}", lines[2]);
        insta::assert_snapshot!(format!("{}\n{}\n{}\n{}", lines[0], lines[1], lines[3], lines[4]), @r"
        ? scout wants to call
          call   mail.send  (write)
                 1046 of 3046 characters are not shown
          Let it? [y]es / [N]o
        ");
        let budget = Question::Budget { agent: &agent, what: "turns", used: "50", most: "50" };
        insta::assert_snapshot!(shown(&voice, &budget).join("\n"), @r"
        ? scout has spent its turns
          spent  50 of 50
          Let it spend as much again? [y]es / [N]o
        ");
    }

    #[tokio::test]
    async fn who_agrees_to_calls_agrees_to_no_budget() {
        let (agent, target): (AgentName, Target) = ("scout".parse().unwrap(), "mail.send".parse().unwrap());
        let call =
            Question::Call { agent: &agent, target: &target, says: Effect::Write, effect: Effect::Write, input: "{}" };
        let budget = Question::Budget { agent: &agent, what: "turns", used: "50", most: "50" };
        let ask = |agrees, question| async move { Person { agrees, terminal: None }.ask(question).await };
        assert!(ask(true, &call).await && !ask(true, &budget).await);
        assert!(!ask(false, &call).await && !ask(false, &budget).await);
    }
}
