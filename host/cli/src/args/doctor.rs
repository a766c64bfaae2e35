//! `hotcell doctor`.

/// Tell what is installed, what works, and what would make calls fail
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hotcell doctor
  hotcell doctor --prove
  hotcell doctor --prove --json

--prove lets hostile guests loose that are inside of this program, under the limits in force, and tells which of them
was stopped by what. It takes some seconds and writes only to a folder of its own, in the system's folder for such.
The exit code is 1 if something is wrong that makes calls fail, or if one limit does not hold.")]
pub(crate) struct DoctorArgs {
    /// Run hostile guests against the limits in force
    #[arg(long)]
    pub(crate) prove: bool,
}
