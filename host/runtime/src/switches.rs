//! Switches by which a test takes limits away from a host, to see that whoever watches over them notices.
//!
//! In a released program there are none: they need a feature that only the tests ask for, and debug assertions.

use std::sync::Arc;

use hotcell_call::Limits;

/// The variable that names the limits to be taken away, as in `fuel,memory`.
#[cfg(all(feature = "test-support", debug_assertions))]
const VARIABLE: &str = "HOTCELL_TEST_WITHOUT";

/// What is left of a call's limits: all of them.
#[cfg(not(all(feature = "test-support", debug_assertions)))]
pub(crate) fn left(limits: Arc<Limits>) -> Arc<Limits> {
    limits
}

/// What is left of a call's limits: in place of one that is switched off stands the widest that a host could keep.
#[cfg(all(feature = "test-support", debug_assertions))]
pub(crate) fn left(limits: Arc<Limits>) -> Arc<Limits> {
    let Ok(off) = std::env::var(VARIABLE) else { return limits };
    let widest = crate::config::ceiling();
    let mut left = Limits::clone(&limits);
    macro_rules! widen {
        ($($key:ident),*) => {
            for name in off.split(',') {
                match name.trim() {
                    $(stringify!($key) => left.$key = widest.$key,)*
                    _ => {}
                }
            }
        };
    }
    widen!(
        fuel, timeout, memory, input, output, log, handles, instances, random, host_data, disk, entries, requests,
        sent, received
    );
    Arc::new(left)
}
