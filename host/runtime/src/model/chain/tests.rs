use std::collections::VecDeque;
use std::time::Instant;

use hotcell_agent::model::{StopReason, Usage};
use hotcell_call::Clock;
use hotcell_flow::retry::Share;

use super::*;

/// Gives its results one after the other, and remembers when it was asked.
struct Fake {
    name: &'static str,
    results: Mutex<VecDeque<Result<(), ModelError>>>,
    asked: Mutex<Vec<Instant>>,
}

impl Fake {
    fn new(name: &'static str, results: Vec<Result<(), ModelError>>) -> Arc<Self> {
        Arc::new(Self { name, results: Mutex::new(results.into()), asked: Mutex::default() })
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl ChatModel for Fake {
    fn name(&self) -> &str {
        self.name
    }

    fn reply<'a>(&'a self, _: &'a ChatRequest, hear: Hear<'a>) -> Replying<'a> {
        self.asked.lock().unwrap().push(TokioTimer.now());
        hear(self.name);
        let result = self.results.lock().unwrap().pop_front().expect("asked too often");
        let reply = || ChatReply {
            text: String::new(),
            uses: Vec::new(),
            stop: StopReason::Complete,
            usage: Usage::default(),
            estimated: false,
            opaque: None,
            model: self.name.to_owned(),
        };
        Box::pin(async move { result.map(|()| reply()) })
    }
}

fn status(status: u16, retry_after: Option<u64>) -> Result<(), ModelError> {
    Err(ModelError::Status { status, retry_after: retry_after.map(Duration::from_secs), text: String::new() })
}

fn chain(models: &[&Arc<Fake>]) -> Chain {
    let asked = |fake: &&Arc<Fake>| {
        Asked::new(Arc::clone(*fake) as Arc<dyn ChatModel>, Budget::new(Share::default(), TokioTimer.now()))
    };
    Chain::new(models.iter().map(asked).collect())
}

async fn ask(chain: &Chain, deadline: Option<Instant>) -> (Result<String, ModelError>, String) {
    let mut heard = String::new();
    let request = ChatRequest { deadline, ..ChatRequest::default() };
    let reply = chain.reply(&request, &mut |text| heard.push_str(text)).await;
    (reply.map(|reply| reply.model), heard)
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_asked_again_and_then_another_is() {
    let first = Fake::new("a", vec![status(500, None), status(503, None), status(529, None)]);
    let second = Fake::new("b", vec![status(429, None), Ok(())]);
    let (reply, heard) = ask(&chain(&[&first, &second]), None).await;
    assert_eq!((reply, heard.as_str()), (Ok("b".to_owned()), "aaabb"));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_not_asked_again() {
    for error in [
        status(400, None),
        status(401, None),
        Err(ModelError::Malformed(String::new())),
        Err(ModelError::Busy { wait: None }),
    ] {
        let (first, second) = (Fake::new("a", vec![error]), Fake::new("b", vec![Ok(())]));
        assert_eq!(ask(&chain(&[&first, &second]), None).await.0, Ok("b".to_owned()));
        assert_eq!((first.asked(), second.asked()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn it_waits_as_long_as_it_is_asked_to_and_no_longer_than_a_minute() {
    let first = Fake::new("a", vec![status(429, Some(7)), Ok(())]);
    assert!(ask(&chain(&[&first]), None).await.0.is_ok());
    let times = first.asked.lock().unwrap().clone();
    assert!(times[1] - times[0] >= Duration::from_secs(7), "{times:?}");
    let far = Fake::new("a", vec![status(429, Some(3_600))]);
    let began = TokioTimer.now();
    assert!(ask(&chain(&[&far]), None).await.0.is_err());
    assert_eq!(TokioTimer.now(), began, "an hour is not waited for");
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_after_the_deadline() {
    let first = Fake::new("a", vec![status(429, Some(30))]);
    let deadline = TokioTimer.now() + Duration::from_secs(20);
    let (reply, _) = ask(&chain(&[&first]), Some(deadline)).await;
    assert!(matches!(reply, Err(ModelError::Status { status: 429, .. })), "{reply:?}");
    assert!(TokioTimer.now() < deadline, "it is known at once");
}

#[tokio::test(start_paused = true)]
async fn if_none_answers_each_is_told() {
    let (first, second) = (Fake::new("a/x", vec![status(401, None)]), Fake::new("b/y", vec![status(404, None)]));
    let error = ask(&chain(&[&first, &second]), None).await.0.unwrap_err();
    let told = "a/x: it answered with the status 401; b/y: it answered with the status 404";
    assert_eq!(error.to_string(), told);
    let failure = error.failure("a/x");
    assert_eq!(failure.to_string(), format!("failed[E0103]: a/x gave no reply: {told}"));
}
