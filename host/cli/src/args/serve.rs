//! `hotcell serve` and `hotcell token`.

use std::net::SocketAddr;

use hotcell_call::TenantId;

/// Serve tools and agents on one port: HTTP under /v1, MCP at /mcp
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Ctrl-C or SIGTERM ends it: nothing new is taken, what runs may end within `[server] drain`. SIGHUP reads hotcell.toml
again; a file that does not fit changes nothing. GET /openapi.json says what can be asked for.")]
pub(crate) struct ServeArgs {
    /// The address; beyond this machine only once a tenant has a token [default: 127.0.0.1:7070, or what hotcell.toml says]
    #[arg(long, value_name = "ADDRESS", env = "HOTCELL_LISTEN", hide_env = true)]
    pub(crate) listen: Option<SocketAddr>,
    /// Read hotcell.toml again whenever it changes
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Make a token by which a tenant's callers are known, and show the line for hotcell.toml
#[derive(Debug, clap::Args)]
#[command(after_help = "The token is shown once and kept nowhere; hotcell.toml gets its hash.")]
pub(crate) struct TokenArgs {
    /// The tenant
    pub(crate) tenant: TenantId,
}
