//! Which requests a call may send: rules such as `GET,HEAD https://api.example.com/v1/*`.
//!
//! A rule names methods, a scheme, a host with its port, and a path. Each part is exact, but for three wild cards that each
//! have one place: `*` for all methods, `*.` before a host for what lies below it, and `*` at the end of a path for what
//! begins so. No pattern needs a step back, so none can be made slow.
//!
//! What is compared is what will be sent: a request is brought into one form ([`Asked`]), judged in that form, and leaves in
//! that form. Where a server could read more than one thing in a path, each reading has to be allowed.

mod address;
mod asked;
mod host;
mod methods;
mod path;
mod rule;
#[cfg(test)]
mod tests;

pub use address::{Place, place_of};
pub use asked::{Asked, AskedError};
pub use host::NetHost;
pub use rule::{NetRule, NetRuleError, Scheme};
