//! A door for the fuzz targets, in builds with `--cfg fuzzing` alone: what a provider could say, without a network.

use std::collections::BTreeSet;

use hotcell_agent::model::ModelError;

use super::sse::{Event, Events};
use super::wire::{MOST_BODY, More, Read, Reader, Told, message, said};
use crate::config::ProviderKind;

/// Reads the bytes as a stream of either kind, in pieces and whole, and as a body that is no stream.
///
/// Where a stream is cut makes no difference, and a reply holds together, or there is none.
pub fn provider(bytes: &[u8]) {
    let (cut, stream) = bytes.split_first().map_or((1, bytes), |(cut, rest)| (usize::from(*cut).max(1), rest));
    for kind in [ProviderKind::OpenAi, ProviderKind::Anthropic] {
        let whole = read(kind, &[stream]);
        let pieces: Vec<&[u8]> = stream.chunks(cut).collect();
        assert_eq!(read(kind, &pieces).0.ok(), whole.0.as_ref().ok().cloned(), "where it is cut makes no difference");
        if let (Ok(reply), heard) = whole {
            check(&reply, &heard, stream.len());
        }
    }
    let text = String::from_utf8_lossy(stream);
    if let Ok(error) = serde_json::from_str(&text) {
        let shown = said(&message(&error));
        assert!(!shown.contains('\u{1b}'), "a provider does not drive the terminal");
    }
}

/// The reply with what is known of its tokens, and what was heard of it.
fn read(kind: ProviderKind, pieces: &[&[u8]]) -> (Result<Read, ModelError>, String) {
    let (mut events, mut reader, mut heard) = (Events::default(), Reader::new(kind), String::new());
    for piece in pieces {
        let (ready, _) = match events.push(piece) {
            Ok(ready) => ready,
            Err(error) => return (Err(error), heard),
        };
        match all(&mut reader, &ready, &mut heard) {
            Ok(More::Yes) => {}
            Ok(More::No) => break,
            Err(error) => return (Err(error), heard),
        }
    }
    (reader.end(), heard)
}

fn all(reader: &mut Reader, events: &[Event], heard: &mut String) -> Result<More, ModelError> {
    for event in events {
        if reader.event(event, &mut |text| heard.push_str(text))? == More::No {
            return Ok(More::No);
        }
    }
    Ok(More::Yes)
}

fn check(reply: &Read, heard: &str, bytes: usize) {
    assert_eq!(reply.text, heard, "what was heard is what was said");
    let ids: BTreeSet<&str> = reply.uses.iter().map(|wanted| wanted.id.as_str()).collect();
    assert_eq!(ids.len(), reply.uses.len(), "each use has an id of its own");
    assert!(reply.uses.iter().all(|wanted| !wanted.name.is_empty() && !wanted.id.is_empty()), "and a name");
    assert!(reply.text.len() <= MOST_BODY.min(bytes * 3), "nothing is made of nothing");
    let Told { said, .. } = reply.told;
    assert!(reply.text.len() <= said, "all that was said is counted");
    let (usage, _) = reply.told.usage(bytes);
    assert!(said == 0 || usage.output > 0, "and is paid for");
}
