//! Switches by which a test takes limits away from a host, to see that whoever watches over them notices.
//!
//! In a released program there are none: they need a feature that only the tests ask for, and debug assertions.

use std::sync::Arc;

use hotcell_call::Limits;
use hotcell_sandbox::CompileLimits;

/// The variable that names the limits to be taken away, as in `fuel,memory`.
#[cfg(all(feature = "test-support", debug_assertions))]
const VARIABLE: &str = "HOTCELL_TEST_WITHOUT";

/// What is left of a call's limits: all of them.
#[cfg(not(all(feature = "test-support", debug_assertions)))]
pub(crate) fn left(limits: Arc<Limits>) -> Arc<Limits> {
    limits
}

/// What is left of the compiler's limits: all of them.
#[cfg(not(all(feature = "test-support", debug_assertions)))]
pub(crate) fn compiler(limits: CompileLimits) -> CompileLimits {
    limits
}

/// What is left of the compiler's limits: so much that whoever watches over them has to notice, and so little that a machine which
/// runs tests lives through it, also where nobody does.
#[cfg(all(feature = "test-support", debug_assertions))]
pub(crate) fn compiler(limits: CompileLimits) -> CompileLimits {
    use std::time::Duration;

    use hotcell_call::ByteSize;

    let is_off = std::env::var(VARIABLE).is_ok_and(|off| off.split(',').any(|name| name.trim() == "compile"));
    let long = Duration::from_secs(10);
    match is_off {
        true => CompileLimits { memory: ByteSize::mib(1_024), cpu: long, timeout: long, ..limits },
        false => limits,
    }
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
