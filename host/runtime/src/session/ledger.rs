//! What a run with a model has spent, and what it may.
//!
//! A run of an agent at another's side spends of its own ledger and of those around it, so no share is spent twice.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hotcell_agent::model::Usage;
use hotcell_agent::{Budget, Cost, OnExceed};
use hotcell_call::{AgentName, Code, Failure, Happening};
use serde::Serialize;
use tokio::sync::Notify;

use crate::config::Ceiling;
use crate::events::Events;
use crate::session::Owner;
use crate::session::approve::{Approval, Question};

/// What a run has spent on its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Spent {
    /// Replies.
    pub turns: u32,
    /// Tokens.
    pub tokens: Usage,
    /// Of these, those that are an estimate, because a provider did not tell them.
    #[serde(skip_serializing_if = "nothing")]
    pub estimated: u64,
    /// Money, as far as prices are known; none: of no reply is it known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

/// What an attempt at a reply cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Whether a reply came of it.
    pub(super) replied: bool,
    pub(super) usage: Usage,
    pub(super) estimated: bool,
    pub(super) cost: Option<Cost>,
}

/// The ledger of one run.
pub(super) struct Ledger {
    agent: AgentName,
    owner: Owner,
    whose: Whose,
    /// Of a run within another.
    share: Option<Share>,
    on_exceed: OnExceed,
    warn_at: u8,
    state: Mutex<State>,
    /// Told when something that was set aside is given back.
    freed: Notify,
    /// One question at a time.
    asking: tokio::sync::Mutex<()>,
    around: Option<Arc<Ledger>>,
}

/// Who says what may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Agent,
    Operator,
}

/// What another run gave of what it had left.
struct Share {
    /// Whose run that is.
    of: AgentName,
    percent: u8,
    /// What might be spent without it.
    own: Most,
}

/// What one reply may need, set aside in a ledger and in all around it until it is known what it did; given back on drop.
pub(super) struct Aside {
    ledger: Arc<Ledger>,
    tokens: u64,
    around: Option<Box<Aside>>,
}

impl Aside {
    /// The most tokens that are set aside for the reply, here and in all ledgers around.
    pub(super) fn tokens(&self) -> u64 {
        self.around.as_ref().map_or(self.tokens, |around| around.tokens().min(self.tokens))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        let mut state = self.ledger.lock();
        state.aside.0 = state.aside.0.saturating_sub(1);
        state.aside.1 = state.aside.1.saturating_sub(self.tokens);
        drop(state);
        self.ledger.freed.notify_waiters();
    }
}

#[derive(Clone, Copy)]
struct State {
    spent: Spent,
    /// What may be spent: more than the agent says after somebody agreed to it.
    most: Most,
    /// Turns and tokens that are set aside for replies under way.
    aside: (u64, u64),
    /// What it was in the beginning.
    first: Most,
    warned: [bool; 3],
    /// Nobody agreed to more: nobody is asked again.
    refused: bool,
}

#[derive(Clone, Copy)]
struct Most {
    turns: u64,
    tokens: Option<u64>,
    cost: Option<u64>,
}

/// One thing that is counted.
#[derive(Debug, Clone)]
struct Line {
    what: &'static str,
    used: u64,
    most: u64,
    shown: (String, String),
}

impl Ledger {
    /// The ledger of a run; of one within another, which may spend so much, in percent, of what is left there.
    pub(super) fn new(agent: &AgentName, owner: &Owner, budget: &Budget, around: Option<(Arc<Self>, u8)>) -> Arc<Self> {
        let own = Most { turns: u64::from(budget.turns), tokens: budget.tokens, cost: budget.cost.map(|cost| cost.0) };
        let (most, share) = match &around {
            // The operator's is reached by itself, and nobody is asked for more of it.
            Some((ledger, percent)) if ledger.whose == Whose::Agent => {
                let share = Share { of: ledger.agent.clone(), percent: *percent, own };
                (own.within(ledger.left(), *percent), Some(share))
            }
            _ => (own, None),
        };
        let around = around.map(|(ledger, _)| ledger);
        let terms = (budget.on_exceed, budget.warn_at);
        Self::open((agent, owner), (Whose::Agent, share), most, terms, around)
    }

    /// The ledger around a run, of what the operator lets it spend; none where nothing is said.
    pub(super) fn ceiling(agent: &AgentName, owner: &Owner, ceiling: &Ceiling) -> Option<Arc<Self>> {
        let Ceiling { turns, tokens, cost, .. } = *ceiling;
        if turns.is_none() && tokens.is_none() && cost.is_none() {
            return None;
        }
        let most = Most { turns: turns.map_or(u64::MAX, u64::from), tokens, cost: cost.map(|cost| cost.0) };
        let terms = (OnExceed::Stop, Budget::default().warn_at);
        Some(Self::open((agent, owner), (Whose::Operator, None), most, terms, None))
    }

    fn open(
        (agent, owner): (&AgentName, &Owner),
        (whose, share): (Whose, Option<Share>),
        most: Most,
        (on_exceed, warn_at): (OnExceed, u8),
        around: Option<Arc<Self>>,
    ) -> Arc<Self> {
        let state = Mutex::new(State {
            spent: Spent::default(),
            most,
            aside: (0, 0),
            first: most,
            warned: [false; 3],
            refused: false,
        });
        Arc::new(Self {
            agent: agent.clone(),
            owner: owner.clone(),
            whose,
            share,
            on_exceed,
            warn_at,
            state,
            freed: Notify::new(),
            asking: tokio::sync::Mutex::default(),
            around,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn spent(&self) -> Spent {
        self.lock().spent
    }

    fn left(&self) -> Most {
        let State { spent, most, .. } = *self.lock();
        Most {
            turns: most.turns.saturating_sub(u64::from(spent.turns)),
            tokens: most.tokens.map(|most| most.saturating_sub(spent.tokens.total())),
            cost: most.cost.map(|most| most.saturating_sub(spent.cost.unwrap_or_default().0)),
        }
    }

    /// Whether no tokens or no money are left, here or in any around. Turns are set aside before a request is made.
    pub(super) fn is_spent(&self) -> bool {
        let [_, tokens, cost] = self.lock().lines();
        let spent = [tokens, cost].into_iter().flatten().any(|line| line.used >= line.most);
        spent || self.around.as_ref().is_some_and(|around| around.is_spent())
    }

    /// What is left of the money, in millionths of a dollar, here and in those around; none: it is not bounded.
    pub(super) fn money(&self) -> Option<u64> {
        let around = self.around.as_ref().and_then(|around| around.money());
        self.left().cost.into_iter().chain(around).min()
    }

    /// Sets aside what a reply may need, which is so many tokens at most; waits for others where only what is set aside for them is in
    /// the way, and asks for more where the agent says so.
    ///
    /// # Errors
    ///
    /// [`Code::Budget`] with what is spent.
    pub(super) async fn admit(
        self: &Arc<Self>,
        tokens: u64,
        approval: &Approval,
        events: &Events,
    ) -> Result<Aside, Failure> {
        let mut outermost = None;
        // Always from without inwards: whoever waits in one holds nothing of those within it.
        let mut chain = vec![Arc::clone(self)];
        while let Some(around) = chain.last().and_then(|ledger| ledger.around.clone()) {
            chain.push(around);
        }
        for ledger in chain.into_iter().rev() {
            let tokens = loop {
                let freed = ledger.freed.notified();
                match ledger.take(tokens) {
                    Ok(tokens) => break tokens,
                    Err(None) => freed.await,
                    Err(Some(line)) => ledger.more(&line, approval, events).await?,
                }
            };
            outermost = Some(Box::new(Aside { ledger, tokens, around: outermost }));
        }
        outermost.map(|aside| *aside).ok_or_else(|| Failure::new(Code::Fault, "a run has no ledger"))
    }

    /// Sets aside a turn and as many of the tokens as there are; none where it has to wait, or what is spent.
    fn take(&self, tokens: u64) -> Result<u64, Option<Line>> {
        let mut state = self.lock();
        if let Some(line) = state.exceeded() {
            return Err(Some(line));
        }
        let (turns, spoken) = state.aside;
        let left = state.most.tokens.map(|most| most - state.spent.tokens.total().min(most));
        let free = left.map(|left| left.saturating_sub(spoken));
        // A budget of money can't be divided before prices are known: one at a time then.
        let alone = state.most.cost.is_some() && turns > 0;
        if alone || u64::from(state.spent.turns).saturating_add(turns) >= state.most.turns || free == Some(0) {
            return Err(None);
        }
        let tokens = free.map_or(tokens, |free| free.min(tokens));
        state.aside = (turns + 1, spoken.saturating_add(tokens));
        Ok(tokens)
    }

    async fn more(&self, line: &Line, approval: &Approval, events: &Events) -> Result<(), Failure> {
        let Line { what, shown: (used, most), .. } = line;
        let question = Question::Budget { agent: &self.agent, what, used, most };
        let paused = self.on_exceed == OnExceed::Pause;
        if paused {
            let _one = self.asking.lock().await;
            // Somebody else may have asked meanwhile, and been given more.
            let same = |now: &Line| now.what == line.what && now.most == line.most;
            let still = self.lock().lines().into_iter().flatten().any(|now| same(&now));
            if !still {
                return Ok(());
            }
            if !self.lock().refused && approval.ask(&question, &self.owner, events).await {
                self.lock().grow(what, line.most);
                self.freed.notify_waiters();
                return Ok(());
            }
            self.lock().refused = true;
        }
        let agent = &self.agent;
        let narrowed = self.share.as_ref().filter(|share| self.lock().first.of(what) < share.own.of(what));
        let (more, fix) = match (self.whose, narrowed) {
            (Whose::Operator, _) => {
                (", which the operator sets".to_owned(), format!("raise `[budget] {what}` in hotcell.toml"))
            }
            (Whose::Agent, Some(Share { of, percent, .. })) => {
                let fix = format!("raise `share` of {agent}, or `[budget] {what}` of {of}");
                (format!(", {percent} % of what {of} had left"), fix)
            }
            (Whose::Agent, None) => (String::new(), format!("raise `[budget] {what}` in the agent's file")),
        };
        let nobody = if paused { ", and nobody agreed to more" } else { "" };
        let failure = Failure::new(Code::Budget, format!("{agent} has spent its {what}"));
        Err(failure.why(format!("{used} of {most}{more}{nobody}")).fix(fix).reached(used, most))
    }

    /// Counts an attempt at a reply, here and in all ledgers around.
    pub(super) fn charge(&self, entry: Entry, events: &Events) {
        let mut ledger = Some(self);
        while let Some(one) = ledger {
            for line in one.add(entry) {
                let Line { what, shown: (used, most), .. } = line;
                events.tell(one.owner.about(), || Happening::BudgetWarning { what, used, most });
            }
            ledger = one.around.as_deref();
        }
    }

    /// Adds an attempt; gives what is to be warned of, each once.
    fn add(&self, entry: Entry) -> Vec<Line> {
        let mut state = self.lock();
        state.spent.turns = state.spent.turns.saturating_add(u32::from(entry.replied));
        state.spent.tokens += entry.usage;
        if entry.estimated {
            state.spent.estimated = state.spent.estimated.saturating_add(entry.usage.total());
        }
        if let Some(Cost(cost)) = entry.cost {
            let before = state.spent.cost.unwrap_or_default().0;
            state.spent.cost = Some(Cost(before.saturating_add(cost)));
        }
        let warn_at = u128::from(self.warn_at);
        let near = |line: &Line| u128::from(line.used) * 100 >= u128::from(line.most) * warn_at;
        let lines = state.lines();
        let mut warnings = Vec::new();
        for (place, line) in lines.into_iter().enumerate() {
            if let (Some(line), Some(warned)) = (line.filter(near), state.warned.get_mut(place))
                && !std::mem::replace(warned, true)
            {
                warnings.push(line);
            }
        }
        warnings
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn nothing(count: &u64) -> bool {
    *count == 0
}

impl State {
    /// The first bound that is reached.
    fn exceeded(&self) -> Option<Line> {
        self.lines().into_iter().flatten().find(|line| line.used >= line.most)
    }

    fn lines(&self) -> [Option<Line>; 3] {
        let line = |what, used: u64, most: Option<u64>, shown: fn(u64) -> String| {
            most.map(|most| Line { what, used, most, shown: (shown(used), shown(most)) })
        };
        let plain = |number: u64| number.to_string();
        let money = |micros: u64| Cost(micros).to_string();
        let Self { spent, most, .. } = self;
        [
            line("turns", u64::from(spent.turns), Some(most.turns), plain),
            line("tokens", spent.tokens.total(), most.tokens, plain),
            line("cost", spent.cost.unwrap_or_default().0, most.cost, money),
        ]
    }

    /// As much again as the agent says, of what was at `most`.
    fn grow(&mut self, what: &str, most: u64) {
        let more = most.saturating_add(self.first.of(what).max(1));
        match what {
            "turns" => self.most.turns = more,
            "tokens" => self.most.tokens = Some(more),
            _ => self.most.cost = Some(more),
        }
        self.warned = [false; 3];
    }
}

impl Most {
    /// How much of something; where nothing is said of it, all there is.
    fn of(&self, what: &str) -> u64 {
        match what {
            "turns" => self.turns,
            "tokens" => self.tokens.unwrap_or(u64::MAX),
            _ => self.cost.unwrap_or(u64::MAX),
        }
    }

    /// No more than so much of what is left around.
    fn within(self, left: Self, share: u8) -> Self {
        let part = |left: u64| u64::try_from(u128::from(left) * u128::from(share) / 100).unwrap_or(u64::MAX);
        let least = |own: Option<u64>, left: Option<u64>| own.into_iter().chain(left.map(part)).min();
        Self {
            turns: self.turns.min(part(left.turns).max(1)),
            tokens: least(self.tokens, left.tokens),
            cost: least(self.cost, left.cost),
        }
    }
}

#[cfg(test)]
mod tests {
    use hotcell_call::{RunId, TenantId};

    use super::*;

    fn ledger(budget: &Budget, around: Option<(Arc<Ledger>, u8)>) -> Arc<Ledger> {
        Ledger::new(&"scout".parse().unwrap(), &owner(), budget, around)
    }

    fn owner() -> Owner {
        Owner { tenant: TenantId::default(), run: RunId::from_bits(1) }
    }

    fn budget(turns: u32, tokens: u64) -> Budget {
        let mut budget = Budget::default();
        (budget.turns, budget.tokens) = (turns, Some(tokens));
        budget
    }

    const TEN: Usage = Usage { input: 4, output: 6 };

    fn reply(usage: Usage, cost: Option<Cost>) -> Entry {
        Entry { replied: true, usage, estimated: false, cost }
    }

    #[test]
    fn each_bound_is_warned_of_once_and_then_reached() {
        let ledger = ledger(&budget(10, 100), None);
        let mut warned = Vec::new();
        for turn in 1..=9 {
            warned.extend(ledger.add(reply(TEN, None)).into_iter().map(|line| (turn, line.what)));
            assert!(ledger.lock().exceeded().is_none(), "{turn}");
        }
        assert_eq!(warned, [(8, "turns"), (8, "tokens")]);
        ledger.add(reply(TEN, None));
        assert_eq!(ledger.lock().exceeded().map(|line| line.what), Some("turns"));
        assert_eq!(ledger.spent().tokens.total(), 100);
    }

    #[test]
    fn a_run_within_another_spends_of_both() {
        let events = Events::new();
        let outer = ledger(&budget(10, 100), None);
        outer.charge(reply(TEN, Some(Cost(5))), &events);
        let inner = ledger(&budget(50, 1_000), Some((Arc::clone(&outer), 50)));
        assert_eq!((inner.left().turns, inner.left().tokens), (4, Some(45)));
        inner.charge(reply(TEN, Some(Cost(7))), &events);
        assert_eq!((inner.spent().turns, outer.spent().turns), (1, 2));
        assert_eq!(outer.spent().cost, Some(Cost(12)));
        assert_eq!((inner.left().tokens, outer.left().tokens), (Some(35), Some(80)));
    }

    #[test]
    fn what_brought_no_reply_is_paid_for_and_is_no_turn() {
        let ledger = ledger(&budget(10, 100), None);
        ledger.add(reply(TEN, None));
        ledger.add(Entry { replied: false, usage: TEN, estimated: true, cost: Some(Cost(3)) });
        let expected = Spent { turns: 1, tokens: Usage { input: 8, output: 12 }, estimated: 10, cost: Some(Cost(3)) };
        assert_eq!(ledger.spent(), expected);
    }

    // Whoever asks at the same time shares what is left, and nothing is spent twice.
    #[tokio::test]
    async fn replies_that_are_asked_for_together_share_what_is_left() {
        let events = Events::new();
        let outer = ledger(&budget(3, 100), None);
        let inner: Vec<_> = (0..8).map(|_| ledger(&budget(50, 1_000), Some((Arc::clone(&outer), 100)))).collect();
        let spent = futures::future::join_all(inner.iter().map(async |ledger| {
            let aside = ledger.admit(60, &Approval::none(), &events).await?;
            let tokens = aside.tokens();
            tokio::task::yield_now().await;
            ledger.charge(reply(Usage { input: 0, output: tokens }, None), &events);
            Ok::<_, Failure>(tokens)
        }))
        .await;
        let given: Vec<u64> = spent.iter().filter_map(|spent| spent.as_ref().ok().copied()).collect();
        assert!(given.iter().sum::<u64>() <= 100 && given.len() <= 3 && !given.is_empty(), "{given:?}");
        assert_eq!(outer.spent().tokens.output, given.iter().sum::<u64>());
        assert!(spent.iter().filter_map(|spent| spent.as_ref().err()).all(|failure| failure.code() == Code::Budget));
        assert_eq!(outer.lock().aside, (0, 0));
    }

    #[tokio::test]
    async fn what_is_spent_ends_the_run_unless_somebody_agrees_to_more() {
        let events = Events::new();
        let spend = |on_exceed| {
            let mut budget = budget(1, 100);
            budget.on_exceed = on_exceed;
            let ledger = ledger(&budget, None);
            ledger.charge(reply(TEN, None), &events);
            ledger
        };
        let stopped = spend(OnExceed::Stop).admit(1, &Approval::yes(), &events).await.err().unwrap();
        assert_eq!((stopped.code(), stopped.reason()), (Code::Budget, "1 of 1"));
        let refused = spend(OnExceed::Pause).admit(1, &Approval::none(), &events).await.err().unwrap();
        assert!(refused.reason().contains("nobody agreed"), "{refused}");
        let once = spend(OnExceed::Pause);
        for approval in [Approval::none(), Approval::yes()] {
            assert!(once.admit(1, &approval, &events).await.is_err(), "a no is remembered");
        }
        let paused = spend(OnExceed::Pause);
        drop(paused.admit(1, &Approval::yes(), &events).await.unwrap());
        assert_eq!(paused.left().turns, 1);

        // Whoever runs it may agree to more than the agent says, and to no more than the operator does.
        let mut bounded = budget(1, 100);
        bounded.on_exceed = OnExceed::Pause;
        let ceiling = Ceiling { turns: Some(2), ..Ceiling::default() };
        let around = Ledger::ceiling(&"scout".parse().unwrap(), &owner(), &ceiling).unwrap();
        let run = ledger(&bounded, Some((around, 100)));
        for _ in 0..2 {
            drop(run.admit(1, &Approval::yes(), &events).await.unwrap());
            run.charge(reply(TEN, None), &events);
        }
        let stopped = run.admit(1, &Approval::yes(), &events).await.err().unwrap();
        assert_eq!(stopped.reason(), "2 of 2, which the operator sets");
        assert_eq!(stopped.remedy(), Some("raise `[budget] turns` in hotcell.toml"));
    }
}
