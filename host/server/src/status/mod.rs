//! How it stands with the hosts of this user: offered by each, read by `hotcell top`.
//!
//! A host that works for a while ([`Offer`]) listens on a Unix socket of its own and gives whoever connects one line of JSON, its
//! [`Report`]; then it closes. Nothing is read from the other side: there is no request, so there is none that could be malformed. Who
//! wants to see all hosts ([`look`]) asks every socket in the folder.
//!
//! # Why sockets in a folder
//!
//! A host that shows how it stands to nobody costs nothing: the status is put together when somebody asks. A file that is
//! written again and again would cost writes for nobody, and stay when its host is gone. There is no daemon to be running, and no
//! port that other users of the machine could reach.
//!
//! # Who may look
//!
//! The same user. The folder has the mode 0700 and is refused otherwise, the socket 0600; and because a folder can be handed on as an
//! open descriptor, the kernel is asked who is at the other end, on both sides. What is told has names of tools and tenants and
//! numbers, no input, no answer and no variable.
//!
//! # What it bounds
//!
//! | bound | value | at the limit |
//! |---|---|---|
//! | connections that are answered at a time | 8 | further ones wait in the kernel's line |
//! | time in which a report must have been taken | 1 s | the connection is closed |
//! | how often the status is put together | once in 100 ms | who comes in between gets the same |
//! | hosts that are looked at | 64 | the others are counted |
//! | time for the report of one | 2 s | it counts as silent |
//! | size of a report that is read | 4 MiB | it counts as silent |
//!
//! So who connects and does not read holds one of eight places for a second, and nothing else: calls take no part in this.
//!
//! A host never fails because it can't be seen. Sockets of hosts that are gone (killed, crashed) are recognised by nobody
//! listening, and removed by whoever looks.

mod look;
mod offer;
mod place;
mod report;

pub use look::{Look, look};
pub use offer::Offer;
pub use report::Report;
