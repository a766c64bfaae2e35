//! How the names of functions are spelled for models.
//!
//! Models' APIs take no dots, and no more than 64 letters, digits, `_` and `-`. So `calc.eval` is `calc__eval`; and a name that
//! could be read in two ways so, or that would not fit, keeps its beginning and ends with eight digits of its SHA-256. Two names are
//! hardly ever spelled alike then, and where somebody made it so, the agent's check says it.

use sha2::{Digest as _, Sha256};

/// What the APIs of all providers take.
const MOST: usize = 64;
/// The beginning that a name keeps which is not spelled out: the rest is `_` and the digits.
const KEPT: usize = MOST - 9;

/// The name by which a model knows `full`: always of `a-z A-Z 0-9 _ -`, at least one and at most 64 of them.
#[must_use]
pub fn spelled(full: &str) -> String {
    let plain = full.replace('.', "__");
    if is_plain(full) && plain.len() <= MOST {
        return plain;
    }
    let kept: String = plain.chars().map(|c| if fits(c) { c } else { '-' }).take(KEPT).collect();
    let digest: [u8; 32] = Sha256::digest(full.as_bytes()).into();
    let digits: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{kept}_{digits}")
}

/// A model's name for a function as people write it. It is for showing: what a model means is found among what it was offered.
#[must_use]
pub fn unspelled(name: &str) -> String {
    name.replace("__", ".")
}

/// What stands for a function in a script or a program: its full name, or the one that a model knows.
pub(super) fn said(name: &str) -> String {
    if name.contains('.') { spelled(name) } else { name.to_owned() }
}

/// Whether two underscores in its spelling are a dot and nothing else.
fn is_plain(full: &str) -> bool {
    let doubtful = ["__", "_.", "._"].iter().any(|pair| full.contains(pair));
    !full.is_empty() && !doubtful && full.chars().all(|c| c == '.' || fits(c))
}

fn fits(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_names_have_two_underscores_in_place_of_dots_and_others_a_digest() {
        for (full, name) in [
            ("calc.eval", "calc__eval"),
            ("adder.math.add-all", "adder__math__add-all"),
            ("my_tool.do_it", "my_tool__do_it"),
            ("agent.critic", "agent__critic"),
            ("a__b.c", "a__b__c_57a76311"),
            ("a.b.c", "a__b__c"),
            ("a_.b", "a___b_34e8dac7"),
            ("a._b", "a___b_dd1c251a"),
        ] {
            assert_eq!(spelled(full), name, "{full}");
        }
        let long = format!("{}.eval", "x".repeat(64));
        assert_eq!(spelled(&long).len(), 64);
        assert_ne!(spelled(&long), spelled(&format!("{long}2")));
        assert_eq!((spelled("ü").len(), said("calc__eval").as_str()), (10, "calc__eval"));
    }

    proptest! {
        // Of letters that are likely to be taken for each other.
        #[test]
        fn names_fit_every_provider_and_none_is_another_s(fulls in prop::collection::vec("[ab]([a_.-]{0,6}|[ab._]{50,90})", 1..40)) {
            let mut known: BTreeMap<String, &str> = BTreeMap::new();
            for full in &fulls {
                let name = spelled(full);
                prop_assert!(!name.is_empty() && name.len() <= 64 && name.chars().all(fits), "{}", name);
                prop_assert_eq!(*known.entry(name).or_insert(full), full.as_str());
            }
        }

        #[test]
        fn whatever_the_name_it_fits(full in ".{0,300}") {
            let name = spelled(&full);
            prop_assert!(!name.is_empty() && name.len() <= 64 && name.chars().all(fits), "{}", name);
        }

        #[test]
        fn what_is_spelled_out_reads_back(full in "[a-z][a-z0-9-]{0,10}(\\.[a-z0-9-]{1,10}){0,3}") {
            prop_assert_eq!(unspelled(&spelled(&full)), full);
        }
    }
}
