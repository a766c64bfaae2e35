//! A value that can be watched.

use tokio::sync::watch;

/// A value whose changes are told.
#[derive(Debug)]
pub struct Property<T>(watch::Sender<T>);

/// One who watches it; stops when dropped.
#[derive(Debug, Clone)]
pub struct Observed<T>(watch::Receiver<T>);

impl<T: Clone + PartialEq> Property<T> {
    /// It begins with this.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(watch::Sender::new(value))
    }

    /// What it is now.
    #[must_use]
    pub fn get(&self) -> T {
        self.0.borrow().clone()
    }

    /// Sets it. The same value again is no change.
    pub fn set(&self, value: T) {
        self.update(|now| *now = value);
    }

    /// Changes it; told if it is another value afterwards.
    pub fn update(&self, change: impl FnOnce(&mut T)) {
        self.0.send_if_modified(|value| {
            let before = value.clone();
            change(value);
            *value != before
        });
    }

    /// Watches it from now on.
    #[must_use]
    pub fn observe(&self) -> Observed<T> {
        Observed(self.0.subscribe())
    }
}

impl<T: Clone> Observed<T> {
    /// What it is now.
    #[must_use]
    pub fn get(&self) -> T {
        self.0.borrow().clone()
    }

    /// The next value that it changes to. One who is slow sees the last of several changes, never one twice, and never an older one
    /// after a newer. None when it is gone.
    pub async fn changed(&mut self) -> Option<T> {
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().clone())
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    // S60: once for each change, in order, and not when it is the same.
    #[test]
    fn s60_changes_are_told_once_and_in_order() {
        let property = Property::new(1);
        let mut observed = property.observe();
        let mut next = || observed.changed().now_or_never().flatten();
        assert_eq!(next(), None);
        property.set(1);
        assert_eq!(next(), None);
        property.set(2);
        assert_eq!((next(), next()), (Some(2), None));
        property.set(3);
        property.update(|value| *value += 1);
        assert_eq!((next(), next()), (Some(4), None));
        drop(property);
        assert_eq!(next(), None);
    }
}
