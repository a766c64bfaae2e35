//! Tells that there may be other tools and agents than before, for those who keep a list of them.

use std::time::Duration;

use tokio::sync::watch;

use crate::host::Host;

/// Waits for changes of what a host can do.
#[derive(Debug)]
pub struct Changes {
    host: Host,
    tools: watch::Receiver<u64>,
    agents: Option<u64>,
}

/// From one look to the next at what the system does not tell of: folders that can't be watched, and the files of agents.
const LOOK: Duration = Duration::from_secs(1);

impl Host {
    /// A number that is another when there may be other tools, or the same ones in another state. Costs a load.
    #[must_use]
    pub fn tools_version(&self) -> u64 {
        self.0.catalog.version()
    }

    /// Waits for changes from now on.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes { host: self.clone(), tools: self.0.catalog.changes(), agents: None }
    }
}

impl Changes {
    /// Ends when there may be other tools or agents than before: at once where the system tells of it, else at the next look. What
    /// changed has to be found out by asking for it; it may be nothing.
    pub async fn next(&mut self) {
        loop {
            // Neither loses anything by not being waited for: a change that was missed is still another number.
            tokio::select! {
                Ok(()) = self.tools.changed() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if !self.host.0.catalog.is_watched() {
                // It tells itself, when it finds other things.
                let _ = self.host.0.catalog.snapshot(None).await;
            }
            let agents = self.host.agents().clone();
            let Ok(stamp) = tokio::task::spawn_blocking(move || agents.stamp()).await else { continue };
            // The first look has nothing to compare itself with.
            if self.agents.replace(stamp).is_some_and(|before| before != stamp) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::agents::Agents;
    use crate::config::Config;

    #[test]
    fn an_agents_file_that_changes_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::defaults(folder.path());
        config.agents = vec![folder.path().to_owned()];
        let agents = Agents::new(&config, &[]);
        let empty = agents.stamp();
        std::fs::write(folder.path().join("one.toml"), "[agent]").unwrap();
        let one = agents.stamp();
        std::fs::write(folder.path().join("one.toml"), "[agent]\n").unwrap();
        let other = agents.stamp();
        assert!(empty != one && one != other && other == agents.stamp());
    }
}
