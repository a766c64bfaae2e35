//! The flags that grant something.

/// What the tool may reach; nothing else is granted but what hotcell.toml grants.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Grants")]
pub(crate) struct GrantArgs {
    /// Let it read a folder, under the name as typed
    #[arg(long, value_name = "FOLDER")]
    pub(crate) allow_read: Vec<String>,
    /// Let it read and write a folder, under the name as typed
    #[arg(long, value_name = "FOLDER")]
    pub(crate) allow_write: Vec<String>,
    /// Let it see a variable of this environment
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_env: Vec<String>,
    /// Let it send requests: 'GET https://api.example.com/v1/*', several methods with commas between, * for all
    #[arg(long, value_name = "RULE")]
    pub(crate) allow_net: Vec<String>,
    /// Let it read the real clock
    #[arg(long)]
    pub(crate) allow_clock: bool,
    /// Let it use the system's randomness
    #[arg(long)]
    pub(crate) allow_random: bool,
}
