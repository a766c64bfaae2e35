//! Rules for requests, and requests: what an operator or an author writes, and what a guest asks for.

#![no_main]

use hotcell_call::{Asked, NetRule, place_of};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, &str, &str, u128)| {
    let (one, other, authority, path, address) = input;
    // Any address is of some kind of place, in either family.
    let _place = place_of(std::net::Ipv6Addr::from_bits(address).into());
    let _place = place_of(std::net::Ipv4Addr::from_bits(address as u32).into());
    let (first, second) = (one.parse::<NetRule>(), other.parse::<NetRule>());
    for rule in first.iter().chain(&second) {
        let again: NetRule = rule.to_string().parse().expect("what is shown is a rule");
        assert_eq!(&again, rule, "and it is the same one");
    }
    for scheme in ["http", "https"] {
        let Ok(asked) = Asked::new("GET", scheme, authority, path) else { continue };
        assert!(asked.rule().allows(&asked), "the rule that is told for a request allows it: {}", asked.rule());
        // What is really sent is what was judged.
        let sent =
            Asked::new("GET", scheme, &asked.authority(), &asked.path_and_query()).expect("it can be asked again");
        assert_eq!(sent.path_and_query(), asked.path_and_query());
        if let (Ok(first), Ok(second)) = (&first, &second) {
            assert_eq!(first.allows(&asked), first.allows(&sent));
            // What both allow is no more than what each does, and no less.
            let both = first.both(second).is_some_and(|both| both.allows(&asked));
            assert_eq!(both, first.allows(&asked) && second.allows(&asked), "{first} and {second} of {}", asked.rule());
        }
    }
});
