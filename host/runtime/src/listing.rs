//! What there is to call, for people: `ls` and `inspect`.

use std::sync::Arc;

use futures::StreamExt;
use hotcell_call::{Failure, GrantSet, Limits, Target, ToolName, Wants};
use hotcell_sandbox::Descriptor;

use crate::catalog::Broken;
use crate::entry::{Entry, Origin};
use crate::host::Host;

/// A tool, or why it can't be used.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its name.
    pub name: ToolName,
    /// Where it comes from.
    pub origin: Origin,
    /// What it is for, if its file says so.
    pub description: Option<String>,
    /// What it is made of.
    pub descriptor: Result<Descriptor, Failure>,
}

/// All that is known of one tool.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// Its name.
    pub name: ToolName,
    /// Where it comes from.
    pub origin: Origin,
    /// What it is for, if its file says so.
    pub description: Option<String>,
    /// What it is made of.
    pub descriptor: Descriptor,
    /// The component's digest.
    pub digest: hotcell_call::Digest,
    /// What its file says that it wants; none: there is no file, and it gets what the operator gives.
    pub wants: Option<Wants>,
    /// What the operator gives.
    pub given: GrantSet,
    /// What it has: what it wants and was given.
    pub grants: GrantSet,
    /// Its limits.
    pub limits: Limits,
}

/// Tools that are opened at the same time for a list.
const AT_ONCE: usize = 8;

impl Host {
    /// All tools, in the order of their names, and the files that are none.
    pub async fn tools(&self) -> (Vec<Listed>, Vec<Broken>) {
        let snapshot = self.0.catalog.snapshot(None).await;
        let looks = snapshot.tools.iter().map(|(name, entries)| self.look(name.clone(), entries.first().cloned()));
        let looks: Vec<_> = looks.collect();
        let listed: Vec<_> = futures::stream::iter(looks).buffered(AT_ONCE).collect().await;
        (listed.into_iter().flatten().collect(), snapshot.broken.clone())
    }

    /// One tool, or why it can't be used; none: there is no tool of that name.
    pub async fn tool(&self, name: &ToolName) -> Option<Listed> {
        let snapshot = self.0.catalog.snapshot(None).await;
        self.look(name.clone(), snapshot.tools.get(name)?.first().cloned()).await
    }

    /// Opens all tools, so that neither a list nor a first call has to wait until they are compiled: for whoever serves, from
    /// the beginning on. One after the other, so that a tool that is called meanwhile is compiled beside them. What can't be
    /// used is told to those who look at it.
    pub async fn warm(&self) {
        let (names, _) = self.names().await;
        for (tool, _) in names {
            let _ = self.opened(&Target { tool, function: None }).await;
        }
    }

    async fn look(&self, name: ToolName, entry: Option<Arc<Entry>>) -> Option<Listed> {
        let entry = entry?;
        let opened = self.opened(&Target { tool: name.clone(), function: None }).await;
        Some(Listed {
            name,
            origin: entry.origin().clone(),
            description: entry.file().and_then(|file| file.description.clone()),
            descriptor: opened.map(|opened| opened.tool.descriptor().clone()),
        })
    }

    /// The names that can be called and who claims each, without looking into any; and the files that are no tools.
    pub async fn names(&self) -> (Vec<(ToolName, Vec<Origin>)>, Vec<Broken>) {
        let snapshot = self.0.catalog.snapshot(None).await;
        let origins = |entries: &Vec<Arc<Entry>>| entries.iter().map(|entry| entry.origin().clone()).collect();
        let names = snapshot.tools.iter().map(|(name, entries)| (name.clone(), origins(entries)));
        (names.collect(), snapshot.broken.clone())
    }

    /// All that is known of one tool.
    ///
    /// # Errors
    ///
    /// As a call of it would fail before it started: unknown, ambiguous, rejected.
    pub async fn inspect(&self, name: &ToolName) -> Result<Inspected, Failure> {
        let entry = self.0.catalog.find(name).await?;
        let opened = entry.open(&self.0.sandbox, &self.0.config, &self.0.book).await?;
        Ok(Inspected {
            name: name.clone(),
            origin: entry.origin().clone(),
            description: opened.file.as_ref().and_then(|file| file.description.clone()),
            descriptor: opened.tool.descriptor().clone(),
            digest: opened.tool.digest(),
            wants: opened.file.as_ref().map(|file| file.wants.clone()),
            given: opened.given.clone(),
            grants: (**opened.grants.set()).clone(),
            limits: (*opened.limits).clone(),
        })
    }
}
