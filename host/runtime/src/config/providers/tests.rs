use hotcell_agent::Diagnostic;
use hotcell_agent::document::Source;

use super::*;

fn config(text: &str) -> Result<Config, String> {
    let read = Config::read(&Source::new("hotcell.toml", text), Path::new("/srv/app/hotcell.toml"), true, &|_| None);
    read.map_err(|wrong| wrong.iter().map(Diagnostic::render).collect::<Vec<_>>().join("\n"))
}

fn provider(text: &str, name: &str) -> ProviderConfig {
    config(text).unwrap().provider(name).unwrap()
}

#[test]
fn four_are_known_and_their_addresses_can_be_read() {
    let config = config("").unwrap();
    assert_eq!(config.provider_names(), ["anthropic", "gemini", "ollama", "openai"]);
    let shown: Vec<String> = config
        .provider_names()
        .into_iter()
        .map(|name| config.provider(name).unwrap())
        .map(|known| format!("{} {} {}", known.kind.as_str(), known.base, known.key_shown()))
        .collect();
    assert_eq!(
        shown,
        [
            "anthropic https://api.anthropic.com/v1 env:ANTHROPIC_API_KEY",
            "openai https://generativelanguage.googleapis.com/v1beta/openai env:GEMINI_API_KEY",
            "openai http://127.0.0.1:11434/v1 none is sent",
            "openai https://api.openai.com/v1 env:OPENAI_API_KEY",
        ]
    );
}

#[test]
fn every_key_lands() {
    let text = r#"
[providers.local]
kind = "openai"
base_url = "http://10.0.0.7:8000/v1/"
rate = "60/m"
timeout = "5s"
prices."org/model@1" = { input = "3.00usd", output = "15.00usd" }
"#;
    let local = provider(text, "local");
    assert_eq!(
        (local.base.to_string().as_str(), local.base.path("chat/completions").as_str()),
        ("http://10.0.0.7:8000/v1", "/v1/chat/completions")
    );
    assert_eq!((local.rate.unwrap().count(), local.timeout, local.key), (60, Duration::from_secs(5), None));
    assert_eq!(local.prices["org/model@1"], Price { input: 3_000_000, output: 15_000_000 });
}

#[test]
fn a_known_key_goes_to_its_own_address_alone() {
    let moved = "[providers.openai]\nbase_url = \"https://proxy.example.com/v1\"\n";
    assert_eq!(provider(moved, "openai").key, None);
    let given = format!("{moved}key = \"env:PROXY_KEY\"");
    assert_eq!(provider(&given, "openai").key_shown(), "env:PROXY_KEY");
    let kept = provider("[providers.openai]\nrate = \"1/s\"\nkey = \"file:key.txt\"", "openai");
    assert_eq!(
        (kept.base.to_string().as_str(), kept.key_shown().as_str()),
        ("https://api.openai.com/v1", "file:/srv/app/key.txt")
    );
}

#[test]
fn what_does_not_fit_is_told_and_a_key_by_mistake_is_not_shown() {
    let other = "[providers.x]\nkind = \"openai\"\nbase_url = \"https://x.example/v1\"\n";
    for (text, expected) in [
        ("[providers.x]\nkind = \"openai\"".to_owned(), "has no `base_url`"),
        ("[providers.x]\nbase_url = \"https://x.example\"".to_owned(), "has no `kind`"),
        ("[providers.X]\nkind = \"openai\"".to_owned(), "`X` can't name a provider"),
        ("[providers.openai]\nkind = \"opnai\"".to_owned(), "did you mean \"openai\"?"),
        (format!("{other}key = \"sk-literal-key-of-somebody\""), "never the key itself"),
        (format!("{other}timeout = \"0s\""), "`providers.x.timeout` goes from"),
        (format!("{other}prices.m = {{ input = \"3.00usd\" }}"), "has no `output`"),
        (format!("{other}prices.m = {{ input = 3, output = 15 }}"), "wants a string"),
        (format!("{other}models = 1"), "unknown key `models`"),
        ("[providers.openai]\nbase_url = \"https://me:pw-hunter2@x.example\"".to_owned(), "no address of a provider"),
        ("[providers.openai]\nbase_url = \"https://x.example/v1?a=b\"".to_owned(), "it has no query"),
        ("[providers.openai]\nbase_url = \"ftp://x.example\"".to_owned(), "there are http and https"),
        ("[providers.openai]\nbase_url = \"http://x.example\"\nkey = \"env:K\"".to_owned(), "sent in the clear"),
    ] {
        let wrong = config(&text).unwrap_err();
        assert!(wrong.contains(expected), "{text}\n{wrong}");
        assert!(!wrong.contains("sk-literal-key-of-somebody") && !wrong.contains("pw-hunter2"), "{wrong}");
    }
}

#[test]
fn doctor_is_told_where_a_key_is_from() {
    let text = "[providers.anthropic]\nkey = \"env:MINE\"";
    let settings = config(text).unwrap().effective();
    let of = |key: &str| settings.iter().find(|setting| setting.key == key).unwrap_or_else(|| panic!("{key}"));
    assert_eq!(
        (of("providers.anthropic.key").value.as_str(), &of("providers.anthropic.key").from),
        ("env:MINE", &crate::config::From::Line(2))
    );
    assert_eq!(of("providers.openai.key").value, "env:OPENAI_API_KEY");
    assert_eq!(of("providers.ollama.base_url").value, "http://127.0.0.1:11434/v1");
}
