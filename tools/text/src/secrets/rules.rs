//! How known secrets are written.
//!
//! Compiling a pattern costs more than looking through an ordinary file, and most files hold nothing. So each rule names
//! a few literal texts without which it can't match, and is compiled only for a text that has one.

use regex::{Captures, Regex};

use super::Suspect;

/// One way in which secrets are written.
struct Rule {
    kind: &'static str,
    /// Without one of these in the text, the rule can't match.
    needs: &'static [&'static str],
    /// Classes are spelt out and repetitions open, because `\s` and `{6,128}` compile to thousands of states; lengths are
    /// checked afterwards ([`MAX_LENGTH`]). `shown` is the group that may be shown, `secret` the one that is masked.
    pattern: &'static str,
    /// What the secret must be like beyond the pattern.
    fits: fn(&Captures<'_>) -> bool,
}

/// What is longer is data: the longest private keys have some 13,000 characters.
const MAX_LENGTH: usize = 16 << 10;

/// A value that somebody assigns is shorter.
const MAX_ASSIGNED: usize = 128;

/// From sure to unsure.
const RULES: &[Rule] = &[
    Rule {
        kind: "private key",
        needs: &["PRIVATE KEY"],
        // The header alone is in every program that reads keys; a key has a body.
        pattern: r"(?<shown>-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----)(?:\\[nr]|[ \t\r\n\x22'+,])*(?:[A-Za-z-]+: ?[^\n\\]*(?:\\[nr]|[\r\n])+){0,4}(?<secret>[A-Za-z0-9+/=]{16}[A-Za-z0-9+/= \t\r\n\\]*)",
        fits: |_| true,
    },
    Rule {
        kind: "AWS access key",
        needs: &["AKIA", "ASIA"],
        pattern: r"(?-u:\b)(?<shown>AKIA|ASIA)(?<secret>[A-Z0-9]{16})(?-u:\b)",
        fits: |_| true,
    },
    Rule {
        kind: "GitHub token",
        needs: &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        pattern: r"(?-u:\b)(?<shown>gh[pousr]_|github_pat_)(?<secret>[A-Za-z0-9_]{36,255})(?-u:\b)",
        fits: |found| mixed(part(found, "secret")),
    },
    Rule {
        kind: "GitLab token",
        needs: &["glpat-"],
        pattern: r"(?-u:\b)(?<shown>glpat-)(?<secret>[A-Za-z0-9_-]{20,})",
        fits: |found| mixed(part(found, "secret")),
    },
    Rule {
        kind: "API key (sk-)",
        needs: &["sk-"],
        pattern: r"(?-u:\b)(?<shown>sk-(?:ant-|proj-|svcacct-|admin-|or-v1-)?)(?<secret>[A-Za-z0-9_-]{20,200})",
        fits: |found| mixed(part(found, "secret")),
    },
    Rule {
        kind: "Slack token",
        needs: &["xox"],
        pattern: r"(?-u:\b)(?<shown>xox[abeoprs]-)(?<secret>[A-Za-z0-9-]{10,250})",
        fits: |found| mixed(part(found, "secret")),
    },
    Rule {
        kind: "Slack webhook",
        needs: &["hooks.slack.com/services/"],
        pattern: r"(?<shown>hooks\.slack\.com/services/)(?<secret>T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{16,})",
        fits: |_| true,
    },
    Rule {
        kind: "Google API key",
        needs: &["AIza"],
        pattern: r"(?-u:\b)(?<shown>AIza)(?<secret>[A-Za-z0-9_-]{35})",
        fits: |_| true,
    },
    Rule {
        kind: "Stripe key",
        needs: &["k_live_", "k_test_"],
        pattern: r"(?-u:\b)(?<shown>[rs]k_(?:live|test)_)(?<secret>[A-Za-z0-9]{16,120})(?-u:\b)",
        fits: |found| mixed(part(found, "secret")),
    },
    Rule {
        kind: "npm token",
        needs: &["npm_"],
        pattern: r"(?-u:\b)(?<shown>npm_)(?<secret>[A-Za-z0-9]{36})(?-u:\b)",
        fits: |found| mixed(part(found, "secret")),
    },
    Rule {
        kind: "PyPI token",
        needs: &["pypi-AgE"],
        pattern: r"(?-u:\b)(?<shown>pypi-AgE)(?<secret>[A-Za-z0-9_-]{50,})",
        fits: |_| true,
    },
    Rule {
        kind: "JSON web token",
        needs: &["eyJ"],
        pattern: r"(?-u:\b)(?<shown>eyJ)(?<secret>[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,})",
        fits: |_| true,
    },
    Rule {
        kind: "password in an address",
        needs: &["://"],
        pattern: r"(?-u:\b)(?<shown>[a-zA-Z][a-zA-Z0-9+.-]{1,20}://)[^ \t\r\n/:@\x22'`<>(){}$]*:(?<secret>[^ \t\r\n/:@\x22'`<>(){}$]{6,})@[A-Za-z0-9\[]",
        fits: |found| {
            let secret = part(found, "secret");
            secret.len() <= MAX_ASSIGNED && !placeholder(secret) && !is_word(secret)
        },
    },
    Rule {
        kind: "assigned secret",
        needs: NAMES,
        pattern: concat!(
            r"(?i)(?<shown>(?-u:\b)[A-Za-z0-9_.-]{0,48}(?:passwo?r?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key|credentials?)[A-Za-z0-9_-]{0,16}",
            r"[\x22'\]]{0,2}[ \t\r\n]{0,8}(?::=|=>|=|:)[ \t\r\n]{0,8})[a-z]{0,2}[\x22'`](?<secret>[^ \t\r\n\x22'`]{6,})[\x22'`]"
        ),
        fits: |found| assigned(part(found, "shown"), part(found, "secret")),
    },
    Rule {
        // A line of a settings file: no quotes, capitals, no space around the sign.
        kind: "assigned secret",
        needs: &["PASSW", "PWD", "SECRET", "TOKEN", "KEY", "CREDENTIAL"],
        pattern: r"(?m)^[ \t]*(?:export[ \t]+|ENV[ \t]+|-[ \t]+)?(?<shown>[A-Z][A-Z0-9_]{0,48}(?:PASSWO?R?D|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?|PWD)[A-Z0-9_]{0,16}=)(?<secret>[^ \t\r\n\x22'`$<>{}()\[\];,]{8,})[ \t\r]*$",
        fits: |found| part(found, "secret").len() <= MAX_ASSIGNED && mixed(part(found, "secret")),
    },
];

/// The cores of names that hold secrets, as they are usually written.
const NAMES: &[&str] = &[
    "assword",
    "ASSWORD",
    "asswd",
    "ASSWD",
    "assphrase",
    "ASSPHRASE",
    "ecret",
    "ECRET",
    "oken",
    "OKEN",
    "pikey",
    "piKey",
    "PIKEY",
    "PIKey",
    "pi_key",
    "PI_KEY",
    "pi-key",
    "PI-KEY",
    "pi-Key",
    "PI-Key",
    "ccess_key",
    "CCESS_KEY",
    "ccessKey",
    "ccess-key",
    "rivate_key",
    "RIVATE_KEY",
    "rivateKey",
    "rivate-key",
    "uth_key",
    "UTH_KEY",
    "uthKey",
    "uth-key",
    "redential",
    "REDENTIAL",
];

/// Applies every rule that has a chance.
pub(super) fn search(text: &str) -> Vec<Suspect> {
    let mut suspects = Vec::new();
    for rule in RULES {
        if !rule.needs.iter().any(|need| text.contains(need)) {
            continue;
        }
        // The patterns are ours and a test compiles each.
        let Ok(regex) = Regex::new(rule.pattern) else {
            continue;
        };
        for found in regex.captures_iter(text).filter(|found| (rule.fits)(found)) {
            if let (Some(whole), Some(secret)) = (found.get(0), found.name("secret"))
                && secret.len() <= MAX_LENGTH
            {
                suspects.push(Suspect {
                    span: whole.range(),
                    secret: secret.range(),
                    kind: rule.kind,
                    shown: part(&found, "shown").to_owned(),
                });
            }
        }
    }
    suspects
}

fn part<'t>(found: &Captures<'t>, name: &str) -> &'t str {
    found.name(name).map_or("", |part| part.as_str())
}

/// Whether letters and digits are mixed, with some variety: words and `xxxxxxxx` aren't.
fn mixed(secret: &str) -> bool {
    let mut seen: Vec<char> = secret.chars().collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len() > 4
        && secret.contains(|c: char| c.is_ascii_digit())
        && secret.contains(|c: char| c.is_ascii_alphabetic())
        && !placeholder(secret)
}

/// Nothing but letters: a word stands for a password in examples (`user:password@host`).
fn is_word(secret: &str) -> bool {
    secret.chars().all(|c| c.is_alphabetic() || c == '_' || c == '-')
}

/// What people write where a secret belongs, or where it comes from.
fn placeholder(secret: &str) -> bool {
    const SIGNS: &[&str] = &[
        "example",
        "placeholder",
        "changeme",
        "change-me",
        "change_me",
        "your",
        "redacted",
        "dummy",
        "sample",
        "xxxx",
        "****",
        "....",
        "…",
        "${",
        "{{",
        "<%",
        "%(",
        "%s",
        "env:",
        "file:",
        "process.env",
        "os.environ",
        "secrets.",
        "vault:",
        "://",
        "1234567",
        "abcdef",
        "test",
        "fake",
        "mock",
        "todo",
        "none",
        "null",
        "undefined",
    ];
    let lower = secret.to_ascii_lowercase();
    secret.contains('{') && secret.contains('}')
        || lower.starts_with(['<', '>', '{', '[', '(', '$', '%', '/', '.', '#', '@', '\\'])
        || SIGNS.iter().any(|sign| lower.contains(sign))
}

/// Whether what is assigned can be a secret: not a name, a label, a path or a placeholder.
fn assigned(shown: &str, secret: &str) -> bool {
    if secret.len() > MAX_ASSIGNED
        || placeholder(secret)
        || secret.contains(['/', '{', '<', '(', '|', '*']) && !secret.contains(|c: char| c.is_ascii_digit())
    {
        return false;
    }
    if mixed(secret) {
        return !identifier(secret);
    }
    // A password of letters alone: only where it is called one and set by `=`. With `:` it is mostly a translated label.
    let name = shown.to_ascii_lowercase();
    let says_password = ["password", "passwd", "passphrase"].iter().any(|word| name.contains(word));
    says_password
        && shown.trim_end().ends_with('=')
        && secret.len() >= 8
        && !names_itself(secret)
        && !secret.contains(['_', '.', '-', ':', ' '])
}

/// `access_token_v2`, `TOKEN.ID_3`, `utf8-token`: words joined by signs, with a digit or two at the end of one.
fn identifier(text: &str) -> bool {
    let joined = text.contains(['_', '-', '.', ':']);
    joined
        && text.split(['_', '-', '.', ':']).all(|word| {
            let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
            letters.chars().all(|c| c.is_ascii_alphabetic()) && word.len() - letters.len() <= 2 && letters.len() < 16
        })
        || names_itself(text) && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// `newPassword`, `token_field`: the value is a name for such a value.
fn names_itself(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["password", "passwd", "passphrase", "secret", "token", "apikey", "api_key", "api-key", "credential"]
        .iter()
        .any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles_and_has_its_groups() {
        for rule in RULES {
            let regex = Regex::new(rule.pattern).unwrap();
            for group in ["shown", "secret"] {
                assert!(regex.capture_names().flatten().any(|name| name == group), "{}: {group}", rule.kind);
            }
        }
    }

    #[test]
    fn placeholders() {
        for (text, wanted) in [
            ("<password>", true),
            ("${DB_PASSWORD}", true),
            ("changeme1", true),
            ("your-key-here1", true),
            ("k3y8Qz", false),
        ] {
            assert_eq!(placeholder(text), wanted, "{text}");
        }
    }

    #[test]
    fn identifiers() {
        for (text, wanted) in [
            ("access_token_v2", true),
            ("auth.token2", true),
            ("mySecretField1", true),
            ("k3y8-Qz93-x0f", false),
            ("hunter2", false),
        ] {
            assert_eq!(identifier(text), wanted, "{text}");
        }
    }
}
