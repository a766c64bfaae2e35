//! Which targets a link may have.
//!
//! A list of what is known to be harmless: a list of what is harmful would always be one scheme short.

/// Schemes that lead somewhere, and run nothing.
const LINKS: [&str; 6] = ["http", "https", "mailto", "tel", "ftp", "sms"];
const IMAGES: [&str; 2] = ["http", "https"];

/// What a target is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Followed when clicked.
    Link,
    /// Loaded and shown.
    Image,
}

/// Whether a target is harmless: relative, an anchor, or of a known scheme.
pub(crate) fn is_harmless(target: &str, usage: Use) -> bool {
    let known: &[&str] = match usage {
        Use::Link => &LINKS,
        Use::Image => &IMAGES,
    };
    match scheme(target) {
        Some(scheme) => known.contains(&scheme.as_str()),
        None => true,
    }
}

/// What a browser would take for the scheme. Browsers skip control characters and white space, so these are skipped here.
fn scheme(target: &str) -> Option<String> {
    let mut scheme = String::new();
    for c in target.chars().filter(|c| !c.is_control() && !c.is_whitespace()) {
        match c {
            ':' => return Some(scheme),
            // From here on, a colon is a part of a path.
            '/' | '?' | '#' | '\\' => return None,
            c => scheme.push(c.to_ascii_lowercase()),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_is_harmless() {
        for (target, link, image) in [
            ("https://example.com/a:b", true, true),
            ("HTTP://example.com", true, true),
            ("mailto:a@example.com", true, false),
            ("docs/a.md", true, true),
            ("/a:b", true, true),
            ("?q=a:b", true, true),
            ("#javascript:x", true, true),
            ("//example.com", true, true),
            ("", true, true),
            ("javascript:alert(1)", false, false),
            ("JaVaScRiPt:alert(1)", false, false),
            ("java\tscript:alert(1)", false, false),
            (" \u{1}javascript:alert(1)", false, false),
            ("java\u{ad}script:alert(1)", false, false),
            ("data:text/html,<script>", false, false),
            ("vbscript:x", false, false),
            ("file:///etc/passwd", false, false),
            (":x", false, false),
        ] {
            assert_eq!((is_harmless(target, Use::Link), is_harmless(target, Use::Image)), (link, image), "{target:?}");
        }
    }
}
