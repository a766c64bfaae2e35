//! The same question asked once.
//!
//! - [`Flight`] joins those who ask at the same time: one leads and does the work, the others follow and get its answer.
//! - [`Cache`] remembers answers for later: bounded in time, in number and in bytes, and what was used longest ago goes first.
//! - [`Memo`] is both: a cache in front of a flight, so that an answer that is not there is worked out once.
//!
//! Each stands for a promise that the caller of this crate must be able to make: that the answer depends on the key and on
//! nothing else. Where that is known only afterwards, the work says so: what it answers with [`Answer::Own`] is its
//! caller's alone, is remembered by nobody, and those who followed ask for themselves, all at once: to lead one after another
//! would make each wait for all before it, and for nothing. Errors are handled likewise.
//!
//! A leader may be lost at any time: it panics, or its caller goes away. Then the first of its followers leads in its
//! place, with work of its own; the others go on waiting. Followers have their own deadlines, and one that leaves
//! affects nobody. Keys are compared, never their hashes alone, so two different questions never share an answer.
//!
//! **Why not moka.** It is the cache that one would take, but it reads the machine's clock itself, and the hook by which its
//! own tests replace that clock is not public. A cache whose entries don't end by the clock that is handed in can't be tested
//! by the rules of this crate, nor replayed. Ours is small: an exact order of use in place of a sketch of frequencies, and
//! one lock in place of many.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use hotcell_call::ManualClock;
//! use hotcell_flow::flight::{Answer, Bounds, Memo};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bounds = Bounds::new(1_000, 1 << 20, Duration::from_secs(60))?;
//! let memo = Memo::new(bounds, Arc::new(ManualClock::default()), |answer: &String| answer.len() as u64);
//! let work = async || Ok::<_, std::io::Error>(Answer::Sound("1024".to_owned()));
//! assert_eq!(memo.get("2^10", work).await?, "1024");
//! assert_eq!(memo.get("2^10", async || unreachable!("it is known") as Result<_, std::io::Error>).await?, "1024");
//! # Ok(())
//! # }
//! ```

mod cache;
mod error;
mod memo;
mod single;

pub use cache::{Bounds, Cache, Contents};
pub use error::BadBounds;
pub use memo::{Counts, Memo, Source};
pub use single::{Answer, Flight};

#[cfg(test)]
mod tests;
