//! What must be found, and what must be left alone.
//!
//! The secrets are put together from parts, so that this file holds none.

use super::*;

fn kinds(text: &str) -> Vec<&'static str> {
    secrets(text.into(), 50).findings.into_iter().map(|finding| finding.kind).collect()
}

/// Characters without a pattern, always the same ones.
fn noise(length: usize) -> String {
    let alphabet: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    let mut state = 7_usize;
    std::iter::repeat_with(|| {
        state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
        alphabet[(state >> 12) % alphabet.len()]
    })
    .take(length)
    .collect()
}

#[test]
fn known_keys_are_found() {
    let upper = noise(16).to_uppercase();
    for (text, kind) in [
        (format!("-----BEGIN RSA PRIVATE {}-----\n{}\n", "KEY", noise(64)), "private key"),
        (format!("key = \"-----BEGIN {} KEY-----\\n{}\\n\"", "PRIVATE", noise(64)), "private key"),
        (
            format!("-----BEGIN EC PRIVATE {}-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\n{}", "KEY", noise(64)),
            "private key",
        ),
        (format!("id AKIA{upper} "), "AWS access key"),
        (format!("ghp_{}", noise(36)), "GitHub token"),
        (format!("(github_pat_{})", noise(82)), "GitHub token"),
        (format!("glpat-{}", noise(20)), "GitLab token"),
        (format!("sk-ant-{}", noise(90)), "API key (sk-)"),
        (format!("'sk-{}'", noise(48)), "API key (sk-)"),
        (format!("xoxb-1234-{}", noise(24)), "Slack token"),
        (format!("https://hooks.slack.com/services/T{upper}/B{upper}/{}", noise(24)), "Slack webhook"),
        (format!("AIza{}", noise(35)), "Google API key"),
        (format!("sk_live_{}", noise(24)), "Stripe key"),
        (format!("//registry/:_authToken=npm_{}", noise(36)), "npm token"),
        (format!("eyJ{}.eyJ{}.{}", noise(20), noise(40), noise(43)), "JSON web token"),
        (format!("postgres://app:{}@db/x", noise(9)), "password in an address"),
    ] {
        assert_eq!(kinds(&text), [kind], "{text}");
    }
}

#[test]
fn assignments_are_found() {
    for text in [
        r#"password = "hunter2""#,
        r#"  "api_key": "k8Zq92mNx0","#,
        r#"let db_password: &str = "s3cr3t-Pa55";"#.replace(": &str", "").as_str(),
        "const clientSecret = 'a8f5f167f44f4964e6c998dee827110c';",
        r#"PASSWORD="correcthorsebattery""#,
        "export API_TOKEN=8f3kd92mq0s\n",
        "- DB_PASSWORD=pr0duct10n\r\n",
        r#"headers["X-Auth-Token"] = "q7w8e9r0t1y2""#,
        r#"secret => b"9a8b7c6d5e""#,
    ] {
        assert_eq!(kinds(text), ["assigned secret"], "{text}");
    }
}

#[test]
fn random_tokens_are_found() {
    for text in [
        format!("x: {}", noise(40)),
        format!("call(\"{}==\")", noise(42)),
        noise(64),
        format!("Authorization: Bearer {}\r\n", noise(40)),
        format!("{}\n{}\n", "x".repeat(10), noise(40)),
    ] {
        assert_eq!(kinds(&text), ["random token"], "{text}");
    }
}

#[test]
fn ordinary_text_is_left_alone() {
    let digest = noise(86);
    for text in [
        "",
        "let token = next_token(&mut input)?;",
        r#"let password = "password";"#,
        r#"password = "<your password>""#,
        r#"password: "Passwort","#,
        r#""forgotPassword": "auth.forgot-password2","#,
        r#"api_key = "${API_KEY}""#,
        r#"secret = os.environ["CLIENT_SECRET_2"]"#,
        r#"token: "access_token_v2","#,
        r#"token = "identifier""#,
        "#[doc = \"token\"] pub token: TokenStream2,",
        "SECRET_KEY=\n",
        "API_TOKEN=$OTHER_TOKEN1\n",
        "if text.contains(\"-----BEGIN PRIVATE KEY-----\") {",
        "postgres://user:password@localhost/db",
        "http://localhost:8080/a@b",
        "git@github.com:owner/name.git",
        "class=\"sk-folding-cube-animation-delay-item\"",
        "task-ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        "checksum = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "fn convert_http_request_to_base64_encoded_string_2_or_fail() {}",
        &format!("\"integrity\": \"sha512-{digest}==\""),
        &format!("golang.org/x/net v0.1.0 h1:{}=", noise(43)),
        &format!("url(data:font/woff2;base64,{})", noise(100)),
        &format!("https://example.com/{}", noise(40)),
        &format!("{0}\n{0}\n", noise(64)),
        &format!("-----BEGIN CERTIFICATE-----\n{}\n-----END", noise(64)),
        &format!("\"{}\\\n", noise(64)),
        &format!("pub {}: u8,", noise(40)),
        &format!("_ZN{}", noise(40)),
    ] {
        assert_eq!(kinds(text), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn nothing_of_a_secret_is_shown() {
    let key = noise(36);
    let text = format!("one\ntoken = \"{key}\"\nghp_{key}\nx: {key}\n");
    let found = secrets(text, 50);
    let previews: Vec<_> = found.findings.iter().map(|f| (f.line, f.preview.as_str())).collect();
    assert_eq!(previews, [(2, "token = … (36 characters)"), (3, "ghp_… (36 characters)"), (4, "… (36 characters)")]);
    for finding in found.findings {
        assert!(!key.as_bytes().windows(4).any(|part| finding.preview.contains(std::str::from_utf8(part).unwrap())));
    }
}

#[test]
fn one_secret_is_one_finding_and_the_count_is_whole() {
    let text = format!("api_key = \"ghp_{}\"\n", noise(36)).repeat(3);
    let found = secrets(text, 2);
    assert_eq!((found.count, found.findings.len()), (3, 2));
    assert_eq!(found.findings[0].kind, "GitHub token");
}
