//! `hotcell:tool/context`: what a call tells its host, and what it may know of itself.

use std::time::Instant;

use hotcell_call::{Used, shortened};
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use crate::cell::Cell;

/// Characters of a progress message that are passed on.
const MESSAGE: usize = 200;

/// Adds the interface to the linker.
pub(crate) fn link(linker: &mut Linker<Cell>) -> wasmtime::Result<()> {
    let mut context = linker.instance("hotcell:tool/context@0.1.0")?;
    context.func_wrap("progress", |store: StoreContextMut<'_, Cell>, said: (u64, Option<u64>, String)| {
        let (done, total, message) = said;
        if let Some(observer) = store.data().teller.observer() {
            let clean = store.data().grants.secrets().and_then(|secrets| secrets.text(&message));
            observer.progress(done, total, &shortened(clean.as_ref().unwrap_or(&message), MESSAGE));
        }
        Ok(())
    })?;
    context.func_wrap("time-left", |mut store: StoreContextMut<'_, Cell>, (): ()| {
        let cell = store.data_mut();
        cell.note(Used::TimeLeft);
        let left = cell.deadline.saturating_duration_since(Instant::now());
        Ok((u64::try_from(left.as_millis()).unwrap_or(u64::MAX),))
    })
}
