//! What the process gives up before it runs what it doesn't trust.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Bounds that hold from the start: no core file, which would hold every tenant's memory; and as many descriptors as the
/// system lets us have, because each loaded tool and each open file takes one.
pub(crate) fn limit() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core files can't be switched off");
    }
    let files = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: files.maximum, maximum: files.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

/// Lets no other process of the same user read this one's memory.
///
/// Comes after the engine was set up: from here on the process may no longer open its own page map, which the engine keeps
/// open to clean memory quickly after a call.
#[cfg(target_os = "linux")]
pub(crate) fn seal() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "the process stays readable for others of its user");
    }
}

/// Nothing of the kind is known here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn seal() {}

#[cfg(test)]
mod tests {
    use super::*;

    // Of this process: it is no worse a test for leaving no core file.
    #[test]
    fn no_core_file_is_left_and_all_descriptors_may_be_used() {
        limit();
        assert_eq!(getrlimit(Resource::Core), Rlimit { current: Some(0), maximum: Some(0) });
        let files = getrlimit(Resource::Nofile);
        assert_eq!(files.current, files.maximum);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn nobody_reads_the_memory_of_a_sealed_process() {
        use rustix::process::{DumpableBehavior, dumpable_behavior};

        seal();
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
}
