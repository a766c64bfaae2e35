//! How many may run: the scheduler's view of it.

use std::future::Future;

use crate::permit::{Permit, Permits};

/// Where a scheduler gets its places from. [`Permits`] are one, with a limit that stays or one that learns.
///
/// Both methods are called while the scheduler is locked, and permits are dropped there too: they must be quick and must not
/// call the scheduler back.
pub trait Capacity: Send + Sync + 'static {
    /// A place to run in, given back when dropped. Whatever the limit wants to learn can be told to it at the end:
    /// [`Started::finish_with`](super::Started::finish_with).
    type Permit: Send + 'static;

    /// Takes a place, if there is one.
    fn try_take(&self) -> Option<Self::Permit>;

    /// Ends when there may be a place that was not there when this future was made. It is awaited only while a task waits
    /// for a place. Of those that its own tasks give back the scheduler need not be told: it looks again by itself.
    fn changed(&self) -> impl Future<Output = ()> + Send;
}

/// Others may take from the same permits. Those who [stand in line](Permits::take) for one go before all that a scheduler has
/// waiting, so its order holds where it alone has callers that wait.
impl Capacity for Permits {
    type Permit = Permit;

    fn try_take(&self) -> Option<Permit> {
        // Closed is as good as none: what waits ends by its deadline, or when the scheduler is closed too.
        Permits::try_take(self).ok().flatten()
    }

    fn changed(&self) -> impl Future<Output = ()> + Send {
        self.freed()
    }
}
