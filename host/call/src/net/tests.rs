use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

fn rule(text: &str) -> NetRule {
    text.parse().unwrap_or_else(|error: NetRuleError| panic!("{error}; {}", error.fix()))
}

/// Asks for `METHOD scheme://authority/path?query`.
fn asked(text: &str) -> Result<Asked, AskedError> {
    let (method, url) = text.split_once(' ').unwrap();
    let (scheme, rest) = url.split_once("://").unwrap();
    let slash = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    Asked::new(method, scheme, authority, path)
}

fn allows(rule_text: &str, request: &str) -> bool {
    asked(request).is_ok_and(|asked| rule(rule_text).allows(&asked))
}

#[test]
fn a_rule_reads_back_as_it_was_written() {
    for text in [
        "GET https://api.example.com/v1/*",
        "GET,POST http://example.com/",
        "* https://*.example.com/*",
        "GET http://127.0.0.1:8080/x",
        "GET http://localhost:8080/*",
        "GET https://[2606:4700::1111]/dns",
        "GET https://example.com/a%2Fb/*",
        "PURGE https://example.com:8443/a;b=c/~d",
    ] {
        assert_eq!(rule(text).to_string(), text);
    }
    assert_eq!(
        rule("POST,GET,GET HTTPS://x.example/".replace("HTTPS", "https").as_str()).to_string(),
        "GET,POST https://x.example/"
    );
    assert_eq!(rule("GET https://Example.COM:443/").to_string(), "GET https://example.com/");
}

#[test]
fn what_is_no_rule_is_told_with_one_that_would_do() {
    let shown: Vec<String> = [
        "",
        "https://api.example.com/*",
        "get https://api.example.com/*",
        "CONNECT https://api.example.com/*",
        "GET api.example.com/*",
        "GET ftp://api.example.com/*",
        "GET https://api.example.com",
        "GET https://api.example.com/?q=1",
        "GET https://user:pass@api.example.com/*",
        "GET https://*/*",
        "GET https://*.com/*",
        "GET https://api.*.com/*",
        "GET https://*.0.0.1/*",
        "GET https://api.example.com./*",
        "GET https://bücher.example/*",
        "GET https://api.example.com:0/*",
        "GET https://api.example.com:99999/*",
        "GET https://2130706433/*",
        "GET https://0x7f.1/*",
        "GET https://0177.0.0.1/*",
        "GET http://169.254.169.254/*",
        "GET http://[::ffff:127.0.0.1]/*",
        "GET https://api.example.com/*/x",
        "GET https://api.example.com/v1/../*",
        "GET https://api.example.com/a%2fb",
        "GET https://api.example.com/100%",
    ]
    .iter()
    .map(|text| {
        let error = text.parse::<NetRule>().unwrap_err();
        format!("{error}\n    fix: {}", error.fix())
    })
    .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn each_part_counts() {
    let rule = "GET,HEAD https://api.example.com/v1/*";
    for (request, allowed) in [
        ("GET https://api.example.com/v1/", true),
        ("HEAD https://api.example.com/v1/x?y=z", true),
        ("GET https://API.example.com:443/v1/x", true),
        ("POST https://api.example.com/v1/x", false),
        ("get https://api.example.com/v1/x", false),
        ("GET http://api.example.com/v1/x", false),
        ("GET https://api.example.com:8443/v1/x", false),
        ("GET https://api.example.com/v1", false),
        ("GET https://api.example.com/v2/x", false),
        ("GET https://example.com/v1/x", false),
        ("GET https://api.example.com.evil.test/v1/x", false),
        ("GET https://evilapi.example.com/v1/x", false),
        ("GET https://api.example.com./v1/x", false),
        ("GET https://user@api.example.com/v1/x", false),
        ("GET https://api.example.com@evil.test/v1/x", false),
        ("GET https://evil.test#api.example.com/v1/x", false),
        ("GET https://evil.test\\api.example.com/v1/x", false),
        ("GET https://api.example.com\r\nx/v1/x", false),
        ("GET https://api\u{3002}example.com/v1/x", false),
        ("GET https://\u{ff41}pi.example.com/v1/x", false),
    ] {
        assert_eq!(allows(rule, request), allowed, "{request}");
    }
    assert!(allows("GET https://*.example.com/*", "GET https://a.b.example.com/"));
    assert!(!allows("GET https://*.example.com/*", "GET https://example.com/"));
    assert!(!allows("GET https://*.example.com/*", "GET https://badexample.com/"));
    assert!(allows("* https://example.com/x", "DELETE https://example.com/x?any=query"));
    assert!(!allows("* https://example.com/x", "GET https://example.com/x/"));
    assert!(!allows("* https://example.com/*", "CONNECT https://example.com/"));
    assert!(!allows("* https://example.com/*", "TRACE https://example.com/"));
}

#[test]
fn a_path_is_judged_as_it_is_sent_and_as_it_could_be_read() {
    let rule = "GET https://x.example/v1/*";
    for (path, sent, allowed) in [
        ("/v1/a", "/v1/a", true),
        ("/v1/%61", "/v1/a", true),
        ("/v1//a", "/v1/a", true),
        ("/v1/./a", "/v1/a", true),
        ("/v1/b/../a", "/v1/a", true),
        ("/v1/b/%2e%2E/a", "/v1/a", true),
        ("/v1\\a", "/v1/a", true),
        ("/v1/a%2fb", "/v1/a%2Fb", true),
        ("/v1/a b", "/v1/a%20b", true),
        ("/v1/*", "/v1/%2A", true),
        ("/v1/..", "/", false),
        ("/v1/../admin", "/admin", false),
        ("/v1/%2e%2e/admin", "/admin", false),
        ("/v1/.%2e\\admin", "/admin", false),
        ("/../../v2", "/v2", false),
        ("/V1/a", "/V1/a", false),
        // Sent as they are, but not allowed: somebody could read them otherwise.
        ("/v1/..%2fadmin", "/v1/..%2Fadmin", false),
        ("/v1/..%5cadmin", "/v1/..%5Cadmin", false),
        ("/v1/%252e%252e/admin", "/v1/%252e%252e/admin", false),
        ("/v1/x%252f..%252f..%252fadmin", "/v1/x%252f..%252f..%252fadmin", false),
        ("/v1/..;/admin", "/v1/..;/admin", false),
        ("/v1/..;a=b/admin", "/v1/..;a=b/admin", false),
        ("/v1%2fa", "/v1%2Fa", false),
    ] {
        let asked = asked(&format!("GET https://x.example{path}")).unwrap();
        assert_eq!(asked.path_and_query(), sent, "{path}");
        assert_eq!(super::tests::rule(rule).allows(&asked), allowed, "{path}");
    }
    for path in ["/v1/%", "/v1/%zz", "/v1/%00", "/v1/%0d%0a", "/v1/\n", "*", "v1", "/%25252525252525252e"] {
        assert!(Asked::new("GET", "https", "x.example", path).is_err(), "{path}");
    }
    // A rule may name an escaped slash, and then means it.
    assert!(allows("GET https://x.example/p/a%2Fb/*", "GET https://x.example/p/a%2fb/c"));
    assert!(!allows("GET https://x.example/p/a%2Fb/*", "GET https://x.example/p/a/b/c"));
}

#[test]
fn addresses_have_one_spelling() {
    for host in [
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "017700000001",
        "127.0.0.1.",
        "1.2.3.4.5",
        "[::1",
        "[fe80::1%25lo]",
        "[127.0.0.1]",
        "::1",
        "256.1.1.1",
        "1.2.3.0x4",
        "%31%32%37.0.0.1",
        "\u{2460}27.0.0.1",
    ] {
        assert!(Asked::new("GET", "http", host, "/").is_err(), "{host}");
    }
    let asked = Asked::new("GET", "http", "[0:0:0:0:0:0:0:1]:8080", "/").unwrap();
    assert_eq!(asked.to_string(), "GET http://[::1]:8080/");
}

#[test]
fn places_are_told_by_the_address() {
    let place = |text: &str| place_of(text.parse::<IpAddr>().unwrap());
    for text in ["93.184.216.34", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700::1111"]
    {
        assert_eq!(place(text), Place::Global, "{text}");
    }
    for text in ["127.0.0.1", "127.255.255.254", "::1"] {
        assert_eq!(place(text), Place::Loopback, "{text}");
    }
    for text in
        ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255", "fd12:3456::1"]
    {
        assert_eq!(place(text), Place::Private, "{text}");
    }
    for text in [
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "169.254.0.1",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.7",
        "198.18.0.1",
        "192.0.0.192",
        "192.88.99.1",
        "100.100.100.200",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
        "3fff::1",
        "100::1",
        "fe80::1",
        "fec0::1",
        "fd00:ec2::254",
        "ff02::1",
        "4000::1",
        "2001:20::1",
        "2a00::5efe:7f00:1",
    ] {
        assert!(matches!(place(text), Place::Never(_)), "{text}: {:?}", place(text));
    }
}

#[test]
fn both_is_what_both_allow() {
    let both = |one: &str, other: &str| {
        let (one, other) = (rule(one), rule(other));
        let both = one.both(&other);
        assert_eq!(both, other.both(&one));
        both.map(|rule| rule.to_string())
    };
    let x = "GET https://x.example/a/*";
    assert_eq!(both(x, x).as_deref(), Some(x));
    assert_eq!(
        both("* https://*.example.com/*", "GET,PUT https://a.example.com/v1/*").as_deref(),
        Some("GET,PUT https://a.example.com/v1/*")
    );
    assert_eq!(
        both("GET https://x.example/a*", "GET https://x.example/ab").as_deref(),
        Some("GET https://x.example/ab")
    );
    assert_eq!(
        both("* https://*.b.example.com/*", "GET https://*.example.com/*").as_deref(),
        Some("GET https://*.b.example.com/*")
    );
    assert_eq!(both(x, "POST https://x.example/a/*"), None);
    assert_eq!(both(x, "GET https://x.example/b/*"), None);
    assert_eq!(both(x, "GET https://x.example:444/a/*"), None);
    assert_eq!(both(x, "GET https://*.x.example/a/*"), None);
}

// H87
#[test]
fn what_is_a_megabyte_long_costs_no_more_than_to_be_read() {
    let long = |part: &str| part.repeat((1 << 20) / part.len());
    let rules: Vec<NetRule> = ["* https://*.a.test/*", "GET https://a.a.test/a/*"].map(rule).into();
    let began = std::time::Instant::now();
    for part in ["a", "(a+)+$", "*.", "*", "a.", ".", "/", "/../", "a/../", "%2f", "%252e", ";", "\\", "[", "@", ":"] {
        let text = long(part);
        for written in [
            text.clone(),
            format!("{text} https://a.test/*"),
            format!("* {text}://a.test/*"),
            format!("* https://{text}/*"),
            format!("* https://a.test:{text}/*"),
            format!("* https://a.test/{text}*"),
        ] {
            // What is no rule says so in a line.
            if let Err(error) = written.parse::<NetRule>() {
                assert!(error.to_string().len() < 1_000, "{}", error.to_string().len());
            }
        }
        for asked in [
            Asked::new(&text, "https", "a.a.test", "/"),
            Asked::new("GET", &text, "a.a.test", "/"),
            Asked::new("GET", "https", &text, "/"),
            Asked::new("GET", "https", &format!("{text}.a.test"), "/"),
            Asked::new("GET", "https", "a.a.test", &format!("/a/{text}")),
        ] {
            let _ = asked.map(|asked| rules.iter().any(|rule| rule.allows(&asked)));
        }
    }
    // Some two hundred megabytes, unoptimised: anything but linear takes hours.
    assert!(began.elapsed() < std::time::Duration::from_secs(60), "{:?}", began.elapsed());
}

fn some_rule() -> impl Strategy<Value = NetRule> {
    let methods = prop_oneof![Just("*"), Just("GET"), Just("GET,POST"), Just("POST")];
    let host =
        prop_oneof![Just("*.b.test"), Just("*.a.b.test"), Just("a.b.test"), Just("c.a.b.test"), Just("127.0.0.1")];
    let path = prop_oneof![Just("/*"), Just("/a*"), Just("/a/*"), Just("/a"), Just("/a/b"), Just("/a%2Fb*")];
    (methods, host, path).prop_map(|(methods, host, path)| rule(&format!("{methods} http://{host}{path}")))
}

fn some_request() -> impl Strategy<Value = Asked> {
    let method = prop_oneof![Just("GET"), Just("POST"), Just("PUT")];
    let host = prop_oneof![Just("a.b.test"), Just("c.a.b.test"), Just("b.test"), Just("127.0.0.1")];
    let path = "/(a|b|%2[fFeE]|%5[cC]|%252[ef]|[.]|/|;|\\\\){0,10}";
    (method, host, path).prop_map(|(method, host, path)| Asked::new(method, "http", host, &path).unwrap())
}

proptest! {
    #[test]
    fn a_rule_of_two_allows_what_both_allow(one in some_rule(), other in some_rule(), asked in some_request()) {
        let both = one.both(&other).is_some_and(|rule| rule.allows(&asked));
        prop_assert_eq!(both, one.allows(&asked) && other.allows(&asked));
    }

    #[test]
    fn the_form_of_a_path_is_its_own_form(asked in some_request()) {
        let again = Asked::new(asked.method(), "http", &asked.authority(), &asked.path_and_query()).unwrap();
        prop_assert_eq!(&again, &asked);
        let rule = asked.rule();
        prop_assert!(rule.allows(&asked));
        prop_assert_eq!(rule.to_string().parse::<NetRule>().unwrap(), rule);
        // What is sent holds neither dots to resolve nor empty names.
        let path = asked.path_and_query();
        prop_assert!(!path.contains("//") && !path.contains("/./") && !path.contains("/../") && !path.contains('\\'));
    }

    #[test]
    fn no_text_breaks_the_readers(text in ".{0,200}", other in "[ -~]{0,60}") {
        let _ = text.parse::<NetRule>();
        let _ = format!("GET https://{other}").parse::<NetRule>();
        let _ = Asked::new("GET", "https", &other, &text);
        let _ = Asked::new("GET", "https", &text, &other);
    }

    #[test]
    fn an_address_that_carries_another_is_never_reached(inner: u32) {
        let [a, b] = [(inner >> 16) as u16, inner as u16];
        for segments in [
            [0, 0, 0, 0, 0, 0xffff, a, b],
            [0, 0, 0, 0, 0xffff, 0, a, b],
            [0x64, 0xff9b, 0, 0, 0, 0, a, b],
            [0x2002, a, b, 0, 0, 0, 0, 1],
            [0x2a00, 1, 2, 3, 0, 0x5efe, a, b],
        ] {
            prop_assert!(matches!(place_of(IpAddr::from(segments)), Place::Never(_)));
        }
    }
}
