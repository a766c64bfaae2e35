//! Whose turn it is: deficit round robin, with the rounds counted and not walked.
//!
//! In each round a tenant is granted its quantum times its weight, and has its turn as long as something of the grant is
//! left. Shreedhar and Varghese know the cost of a packet before they send it; we learn the cost of a call when it ends.
//! So a turn may overdraw, by what runs at the time, and the debt is paid out of later grants before the next turn.
//!
//! A debt can be worth millions of rounds. Rather than walk through rounds in which nobody may run, each tenant is filed
//! under the round in which it will have paid, and the ring goes straight to the first round in which somebody has: the
//! same order as walking, in O(log n).

use crate::sorted::Sorted;

/// The tenants of one class that have work which may run, in the order of their turns.
#[derive(Debug, Default)]
pub(super) struct Ring {
    /// The round under way.
    round: u64,
    turns: u64,
    active: Sorted<Place, usize>,
}

/// What one tenant has left in one class, or owes.
#[derive(Debug, Default)]
pub(super) struct Account {
    deficit: i128,
    /// The last round whose grant is in the deficit.
    round: u64,
    /// Where it stands in the ring, if it does.
    place: Option<Place>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    round: u64,
    turn: u64,
}

/// The most rounds for which a debt is remembered: far beyond any real cost, and rounds never run out of numbers.
const DEBT_ROUNDS: i128 = 1 << 32;

// === impl Ring ===

impl Ring {
    /// Whose turn it is.
    pub(super) fn head(&self) -> Option<usize> {
        self.active.first().map(|(_, tenant)| *tenant)
    }

    /// Whether no tenant is in the ring.
    pub(super) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    /// Opens the turn of the one at the head: moves to its round, and grants it what that round brings.
    pub(super) fn visit(&mut self, account: &mut Account, grant: u64) {
        if let Some(place) = account.place {
            self.round = self.round.max(place.round);
        }
        self.open(account, grant);
    }

    /// Grants a tenant what the rounds until now have brought it.
    fn open(&self, account: &mut Account, grant: u64) {
        let rounds = self.round.saturating_sub(account.round);
        if rounds > 0 {
            account.deficit = account.deficit.saturating_add(product(rounds, grant));
            account.round = self.round;
        }
    }

    /// Lets a tenant into the ring, behind all whose turn is due. What it was absent for paid its debts and saved nothing up.
    pub(super) fn join(&mut self, account: &mut Account, tenant: usize, grant: u64) {
        if account.place.is_some() {
            return;
        }
        let round = self.come(account, grant);
        self.turns += 1;
        self.file(account, tenant, Place { round, turn: self.turns });
    }

    /// Opens the turn of one that comes while the ring is empty: as if it had joined, come to the head, had its turn and left.
    pub(super) fn pass(&mut self, account: &mut Account, grant: u64) {
        self.round = self.come(account, grant);
        self.open(account, grant);
    }

    /// Settles what a tenant was absent for; says in which round its turn is.
    fn come(&self, account: &mut Account, grant: u64) -> u64 {
        let rounds = self.round.saturating_sub(1).saturating_sub(account.round);
        if rounds > 0 {
            if account.deficit < 0 {
                account.deficit = account.deficit.saturating_add(product(rounds, grant)).min(0);
            }
            account.round += rounds;
        }
        // What is left of a turn in which nothing could run is no more than a turn, however often that happens.
        account.deficit = account.deficit.min(i128::from(grant));
        account.due(grant).max(self.round)
    }

    /// Takes a tenant out, because nothing of it may run now. Debts and what is left of its turn stay.
    pub(super) fn leave(&mut self, account: &mut Account) {
        if let Some(place) = account.place.take() {
            self.active.remove(&place);
        }
    }

    /// Charges a cost, or gives one back if it is negative, and files the tenant where that takes it.
    pub(super) fn charge(&mut self, account: &mut Account, tenant: usize, grant: u64, cost: i128) {
        let floor = -DEBT_ROUNDS.saturating_mul(i128::from(grant));
        account.deficit = account.deficit.saturating_sub(cost).max(floor);
        let Some(place) = account.place else {
            return;
        };
        let round = account.due(grant).max(self.round);
        if round != place.round {
            // It keeps its turn within a round, as it would keep its place in a ring.
            self.active.remove(&place);
            self.file(account, tenant, Place { round, turn: place.turn });
        }
    }

    fn file(&mut self, account: &mut Account, tenant: usize, place: Place) {
        self.active.insert(place, tenant);
        account.place = Some(place);
    }
}

// === impl Account ===

impl Account {
    /// Forgets what is left of a turn: nobody saves up while there is nothing to run. Debts stay.
    pub(super) fn emptied(&mut self) {
        self.deficit = self.deficit.min(0);
    }

    /// The first round in which something is left.
    fn due(&self, grant: u64) -> u64 {
        if self.deficit > 0 {
            return self.round;
        }
        let rounds = self.deficit.unsigned_abs() / u128::from(grant.max(1)) + 1;
        self.round.saturating_add(u64::try_from(rounds).unwrap_or(u64::MAX))
    }
}

fn product(rounds: u64, grant: u64) -> i128 {
    i128::from(rounds).saturating_mul(i128::from(grant))
}
