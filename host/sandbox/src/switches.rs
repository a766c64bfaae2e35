//! Switches by which a test takes away what no limit of a call is: the bound of the stack, and the freshness of a cell.
//!
//! As in the runtime, which has those for limits, there are none in a released program: they need a feature that only the tests
//! ask for, and debug assertions.

#[cfg(not(all(feature = "test-support", debug_assertions)))]
pub(crate) use off::{Kept, stack};
#[cfg(all(feature = "test-support", debug_assertions))]
pub(crate) use on::{Kept, stack};

#[cfg(not(all(feature = "test-support", debug_assertions)))]
mod off {
    use crate::invoke::{Invocation, Standing};

    /// The stack of every guest: what it is to be.
    pub(crate) const fn stack(bytes: usize) -> usize {
        bytes
    }

    /// Cells that outlive their call: none.
    #[derive(Default)]
    pub(crate) struct Kept;

    impl Kept {
        pub(crate) const fn take(&self, _for: &Invocation) -> Option<Standing> {
            None
        }

        pub(crate) fn put(&self, _of: &Invocation, _cell: Option<Standing>) {}
    }
}

#[cfg(all(feature = "test-support", debug_assertions))]
mod on {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use crate::batch::alike;
    use crate::invoke::{Invocation, Standing};

    /// The variable that names what is to be taken away, as in `stack,cell`.
    const VARIABLE: &str = "HOTCELL_TEST_WITHOUT";
    /// How much larger a stack is that is not bounded as it should be: the engine can't do without any.
    const LARGER: usize = 16;
    /// Cells that are kept at the most.
    const MOST_KEPT: usize = 16;

    fn is_off(name: &str) -> bool {
        std::env::var(VARIABLE).is_ok_and(|off| off.split(',').any(|off| off.trim() == name))
    }

    /// The stack of every guest: what it is to be, or much more.
    pub(crate) fn stack(bytes: usize) -> usize {
        if is_off("stack") { LARGER * bytes } else { bytes }
    }

    /// Cells that outlive their call, as those of a batch do among themselves.
    #[derive(Default)]
    pub(crate) struct Kept(Mutex<Vec<(Invocation, Standing)>>);

    impl Kept {
        fn lock(&self) -> MutexGuard<'_, Vec<(Invocation, Standing)>> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn take(&self, invocation: &Invocation) -> Option<Standing> {
            let mut kept = self.lock();
            let fits =
                |(of, _): &(Invocation, Standing)| of.target.tool == invocation.target.tool && alike(of, invocation);
            let place = kept.iter().position(fits)?;
            Some(kept.swap_remove(place).1)
        }

        pub(crate) fn put(&self, of: &Invocation, cell: Option<Standing>) {
            let mut kept = self.lock();
            if let Some(cell) = cell
                && is_off("cell")
                && kept.len() < MOST_KEPT
            {
                kept.push((of.clone(), cell));
            }
        }
    }
}
