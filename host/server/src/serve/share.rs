//! How many requests of a tenant may be unanswered at a time: each holds a connection, and nobody may hold them all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hotcell_call::{Code, Failure, TenantId};

/// The requests of all tenants.
#[derive(Debug, Default)]
pub(super) struct Shares(Mutex<HashMap<TenantId, u32>>);

/// One request, as long as it is not answered.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    tenant: TenantId,
}

impl Shares {
    /// Counts a request of a tenant: of half of all connections where there are others, and else of all but a few, by which it can be
    /// asked how the server is.
    ///
    /// # Errors
    ///
    /// [`Code::Overloaded`].
    pub(super) fn take(self: &Arc<Self>, tenant: &TenantId, connections: u32, others: bool) -> Result<Share, Failure> {
        let most = if others { connections / 2 } else { connections - connections / 8 }.max(1);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(tenant.clone()).or_insert(0);
        if *count >= most {
            return Err(Failure::new(Code::Overloaded, format!("too many requests of {tenant} are under way"))
                .why(format!("{count} of {most}, streams that tell what happens included"))
                .fix("wait for some to end, or raise `connections` under [server] in hotcell.toml")
                .reached(*count, most)
                .retry_after(Duration::from_secs(1)));
        }
        *count += 1;
        Ok(Share { shares: Arc::clone(self), tenant: tenant.clone() })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.shares.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_holds_all_connections() {
        let shares = Arc::new(Shares::default());
        let [acme, bolt]: [TenantId; 2] = ["acme", "bolt"].map(|name| name.parse().unwrap());
        let held: Vec<Share> = (0..4).map(|_| shares.take(&acme, 8, true).unwrap()).collect();
        assert_eq!(shares.take(&acme, 8, true).unwrap_err().code(), Code::Overloaded);
        assert!(shares.take(&bolt, 8, true).is_ok());
        drop(held);
        assert!(shares.0.lock().unwrap().is_empty());
        let alone: Vec<_> = (0..8).map(|_| shares.take(&acme, 8, false)).collect();
        assert_eq!(alone.iter().filter(|taken| taken.is_ok()).count(), 7);
        assert!(shares.take(&bolt, 1, true).is_ok(), "one is always let in");
    }
}
