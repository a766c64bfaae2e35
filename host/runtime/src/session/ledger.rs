//! What a run with a model has spent, and what it may.
//!
//! A run of an agent at another's side spends of its own ledger and of those around it, so no share is spent twice.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hotcell_agent::model::Usage;
use hotcell_agent::{Budget, Cost, OnExceed};
use hotcell_call::{AgentName, Code, Failure, Happening, RunId};
use serde::Serialize;

use crate::events::Events;
use crate::session::approve::{Approval, Question};

/// What a run has spent on its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Spent {
    /// Replies.
    pub turns: u32,
    /// Tokens.
    pub tokens: Usage,
    /// Money, as far as prices are known; none: of no reply is it known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

/// The ledger of one run.
pub(super) struct Ledger {
    agent: AgentName,
    run: RunId,
    on_exceed: OnExceed,
    warn_at: u8,
    state: Mutex<State>,
    around: Option<Arc<Ledger>>,
}

#[derive(Clone, Copy)]
struct State {
    spent: Spent,
    /// What may be spent: more than the agent says after somebody agreed to it.
    most: Most,
    warned: [bool; 3],
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
    pub(super) fn new(agent: &AgentName, run: RunId, budget: &Budget, around: Option<(Arc<Self>, u8)>) -> Arc<Self> {
        let own = Most { turns: u64::from(budget.turns), tokens: budget.tokens, cost: budget.cost.map(|cost| cost.0) };
        let most = around.as_ref().map_or(own, |(ledger, share)| own.within(ledger.left(), *share));
        let state = Mutex::new(State { spent: Spent::default(), most, warned: [false; 3] });
        let (on_exceed, warn_at) = (budget.on_exceed, budget.warn_at);
        Arc::new(Self {
            agent: agent.clone(),
            run,
            on_exceed,
            warn_at,
            state,
            around: around.map(|(ledger, _)| ledger),
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

    /// The tokens that the next reply may have at most.
    pub(super) fn tokens_left(&self) -> Option<u64> {
        let around = self.around.as_ref().and_then(|ledger| ledger.tokens_left());
        self.left().tokens.into_iter().chain(around).min()
    }

    /// Makes sure that there is something left for another reply; asks for more where the agent says so.
    ///
    /// # Errors
    ///
    /// [`Code::Budget`] with what is spent.
    pub(super) async fn admit(&self, approval: &Approval, events: &Events) -> Result<(), Failure> {
        let mut ledger = Some(self);
        while let Some(one) = ledger {
            while let Some(line) = one.exceeded() {
                one.more(&line, approval, events).await?;
            }
            ledger = one.around.as_deref();
        }
        Ok(())
    }

    /// The first bound that is reached.
    fn exceeded(&self) -> Option<Line> {
        self.lock().lines().into_iter().flatten().find(|line| line.used >= line.most)
    }

    async fn more(&self, line: &Line, approval: &Approval, events: &Events) -> Result<(), Failure> {
        let Line { what, shown: (used, most), .. } = line;
        let question = Question::Budget { agent: &self.agent, what, used, most };
        let paused = self.on_exceed == OnExceed::Pause;
        if paused && approval.ask(&question, self.run, events).await {
            self.lock().grow(what);
            return Ok(());
        }
        let failure = Failure::new(Code::Budget, format!("{} has spent its {what}", self.agent))
            .why(format!("{used} of {most}{}", if paused { ", and nobody agreed to more" } else { "" }));
        Err(failure.fix(format!("raise `[budget] {what}` in the agent's file")).reached(used, most))
    }

    /// Counts a reply, here and in all ledgers around.
    pub(super) fn charge(&self, usage: Usage, cost: Option<Cost>, events: &Events) {
        let mut ledger = Some(self);
        while let Some(one) = ledger {
            for line in one.add(usage, cost) {
                let Line { what, shown: (used, most), .. } = line;
                events.tell(None, Some(one.run), || Happening::BudgetWarning { what, used, most });
            }
            ledger = one.around.as_deref();
        }
    }

    /// Adds a reply; gives what is to be warned of, each once.
    fn add(&self, usage: Usage, cost: Option<Cost>) -> Vec<Line> {
        let mut state = self.lock();
        state.spent.turns = state.spent.turns.saturating_add(1);
        state.spent.tokens += usage;
        if let Some(Cost(cost)) = cost {
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

impl State {
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

    /// As much again.
    fn grow(&mut self, what: &str) {
        let double = |most: &mut u64| *most = most.saturating_mul(2).max(1);
        match what {
            "turns" => double(&mut self.most.turns),
            "tokens" => self.most.tokens.iter_mut().for_each(double),
            _ => self.most.cost.iter_mut().for_each(double),
        }
        self.warned = [false; 3];
    }
}

impl Most {
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
    use super::*;

    fn ledger(budget: &Budget, around: Option<(Arc<Ledger>, u8)>) -> Arc<Ledger> {
        Ledger::new(&"scout".parse().unwrap(), RunId::from_bits(1), budget, around)
    }

    fn budget(turns: u32, tokens: u64) -> Budget {
        let mut budget = Budget::default();
        (budget.turns, budget.tokens) = (turns, Some(tokens));
        budget
    }

    const TEN: Usage = Usage { input: 4, output: 6 };

    #[test]
    fn each_bound_is_warned_of_once_and_then_reached() {
        let ledger = ledger(&budget(10, 100), None);
        let mut warned = Vec::new();
        for turn in 1..=9 {
            warned.extend(ledger.add(TEN, None).into_iter().map(|line| (turn, line.what)));
            assert!(ledger.exceeded().is_none(), "{turn}");
        }
        assert_eq!(warned, [(8, "turns"), (8, "tokens")]);
        ledger.add(TEN, None);
        assert_eq!(ledger.exceeded().map(|line| line.what), Some("turns"));
        assert_eq!(ledger.spent().tokens.total(), 100);
    }

    #[test]
    fn a_run_within_another_spends_of_both() {
        let events = Events::new();
        let outer = ledger(&budget(10, 100), None);
        outer.charge(TEN, Some(Cost(5)), &events);
        let inner = ledger(&budget(50, 1_000), Some((Arc::clone(&outer), 50)));
        assert_eq!((inner.left().turns, inner.left().tokens), (4, Some(45)));
        inner.charge(TEN, Some(Cost(7)), &events);
        assert_eq!((inner.spent().turns, outer.spent().turns), (1, 2));
        assert_eq!(outer.spent().cost, Some(Cost(12)));
        assert_eq!((inner.tokens_left(), outer.tokens_left()), (Some(35), Some(80)));
    }

    #[tokio::test]
    async fn what_is_spent_ends_the_run_unless_somebody_agrees_to_more() {
        let events = Events::new();
        let spend = |on_exceed| {
            let mut budget = budget(1, 100);
            budget.on_exceed = on_exceed;
            let ledger = ledger(&budget, None);
            ledger.charge(TEN, None, &events);
            ledger
        };
        let stopped = spend(OnExceed::Stop).admit(&Approval::yes(), &events).await.unwrap_err();
        assert_eq!((stopped.code(), stopped.reason()), (Code::Budget, "1 of 1"));
        let refused = spend(OnExceed::Pause).admit(&Approval::none(), &events).await.unwrap_err();
        assert!(refused.reason().contains("nobody agreed"), "{refused}");
        let paused = spend(OnExceed::Pause);
        paused.admit(&Approval::yes(), &events).await.unwrap();
        assert_eq!(paused.left().turns, 1);
    }
}
