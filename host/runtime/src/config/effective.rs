//! The settings in force, each with where it comes from: for whoever asks why something is as it is.

use hotcell_agent::document::Written;
use hotcell_call::{LimitKeys, Limits, format_duration, shortened};

use super::{Config, InFlight, Learner, ProviderConfig, ShareBy};

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its key, from the root of the file on: `limits.fuel`.
    pub key: String,
    /// Its value as a person would write it.
    pub value: String,
    /// Who set it.
    pub from: From,
}

/// Who set something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// Nobody.
    Default,
    /// The configuration file, in this line.
    Line(usize),
    /// A variable of the environment.
    Variable(&'static str),
}

/// The most that is told of a value.
const MOST: usize = 200;
/// What stands for a value that may be a secret.
const HIDDEN: &str = "(not shown)";

impl Config {
    /// All settings that hold for the host and for all tools, then whatever the file says besides: of tools, of tenants. The values of variables that it sets are left out: they may be secrets.
    #[must_use]
    pub fn effective(&self) -> Vec<Setting> {
        let mut settings: Vec<Setting> =
            self.known().into_iter().map(|(key, value)| self.setting(key, value)).collect();
        let others =
            self.written.iter().filter(|written| !settings.iter().any(|setting| is_part(&written.key, &setting.key)));
        let others: Vec<Setting> = others.map(other).collect();
        settings.extend(others);
        settings
    }

    fn setting(&self, key: String, value: String) -> Setting {
        let line = self.written.iter().find(|written| is_part(&written.key, &key)).map(|written| written.line);
        let from = match line {
            Some(line) => From::Line(line),
            None if key == "cache.folder" => self.cache_from.map_or(From::Default, From::Variable),
            None if key == "telemetry.otlp" => self.telemetry.otlp_from.map_or(From::Default, From::Variable),
            None => From::Default,
        };
        Setting { key, value, from }
    }

    /// The settings that there are whether anybody says so or not.
    fn known(&self) -> Vec<(String, String)> {
        let limits = Limits::default().with(&self.limits);
        let limit = |key: &&str| Some((format!("limits.{key}"), limits.shown(key)?));
        let mut known: Vec<(String, String)> = LimitKeys::NAMES.iter().filter_map(limit).collect();
        let (schedule, results, compile) = (&self.schedule, &self.results, &self.compile);
        let folders = |folders: &[std::path::PathBuf]| {
            let shown: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
            if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
        };
        let cache = self.cache.as_ref().map_or_else(|| "nowhere".to_owned(), |folder| folder.display().to_string());
        let shed = schedule.shed_after.map_or_else(|| "off".to_owned(), format_duration);
        let mut add = |key: &str, value: String| known.push((key.to_owned(), value));
        add("catalog.folders", folders(&self.folders));
        add("catalog.agents", folders(&self.agents));
        add("schedule.in_flight", in_flight(schedule.in_flight));
        add("schedule.queue", schedule.queue.to_string());
        add("schedule.per_tool", schedule.per_tool().to_string());
        add("schedule.share_by", if schedule.share_by == ShareBy::Time { "time" } else { "fuel" }.to_owned());
        add("schedule.age_step", format_duration(schedule.age_step));
        add("schedule.patience", format_duration(schedule.patience));
        add("schedule.shed_after", shed);
        for (key, value) in self.retry.shown().into_iter().chain(self.breaker.shown()) {
            add(key, value);
        }
        add("results.max_size", results.max_size.to_string());
        add("results.max_entries", results.max_entries.to_string());
        add("host.memory", self.process_memory.to_string());
        add("compile.max_file", compile.max_file.to_string());
        add("compile.memory", compile.memory.to_string());
        add("compile.cpu", format_duration(compile.cpu));
        add("compile.timeout", format_duration(compile.timeout));
        add("cache.folder", cache);
        add("cache.max_size", compile.max_cache.to_string());
        for (key, value) in self.server.settings() {
            add(&format!("server.{key}"), value);
        }
        for (key, value) in self.telemetry.settings() {
            add(&format!("telemetry.{key}"), value);
        }
        for name in self.provider_names() {
            for (key, value) in self.provider(name).iter().flat_map(ProviderConfig::settings) {
                add(&format!("providers.{name}.{key}"), value);
            }
        }
        known
    }
}

/// Whether a key is this one, or lies in the table that it is.
fn is_part(key: &str, of: &str) -> bool {
    key.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn in_flight(in_flight: InFlight) -> String {
    match in_flight {
        InFlight::Fixed(most) => most.to_string(),
        InFlight::Learned { limit, bounds } => {
            let word = match limit {
                Learner::Aimd => "aimd",
                Learner::Gradient => "gradient",
                Learner::Vegas => "vegas",
            };
            format!("{word}, up to {}", bounds.max())
        }
    }
}

fn other(written: &Written) -> Setting {
    let is_secret = written.key.contains(".env.set.");
    let value = if is_secret { HIDDEN.to_owned() } else { shortened(&written.text, MOST) };
    Setting { key: written.key.clone(), value, from: From::Line(written.line) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hotcell_agent::document::Source;

    use super::*;

    fn settings(text: &str, variables: &[(&str, &str)]) -> Vec<Setting> {
        let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::read(&Source::new("x", text), Path::new("/checkout/hotcell.toml"), true, &lookup).unwrap().effective()
    }

    #[test]
    fn each_setting_says_who_set_it() {
        let text =
            "[limits]\nfuel = \"1G\"\n[schedule]\nin_flight = { limit = \"aimd\", min = 1, start = 2, max = 9 }\n";
        let settings = settings(text, &[("XDG_CACHE_HOME", "/home/ada/cache")]);
        let of = |key: &str| {
            let setting = settings.iter().find(|setting| setting.key == key).unwrap_or_else(|| panic!("{key}"));
            (setting.value.as_str(), setting.from.clone())
        };
        assert_eq!(of("limits.fuel"), ("1G", From::Line(2)));
        assert_eq!(of("limits.memory"), ("64MiB", From::Default));
        assert_eq!(of("schedule.in_flight"), ("aimd, up to 9", From::Line(4)));
        assert_eq!(of("cache.folder"), ("/home/ada/cache/hotcell", From::Variable("XDG_CACHE_HOME")));
        assert_eq!(of("catalog.folders"), ("/checkout/tools", From::Default));
        assert_eq!(settings.iter().filter(|setting| setting.key.starts_with("schedule.in_flight")).count(), 1);
    }

    #[test]
    fn when_calls_are_made_again_and_when_no_more_is_told_also_where_nobody_says_so() {
        let told = |text: &str| {
            let settings = settings(text, &[]);
            let about = settings
                .iter()
                .filter(|setting| setting.key.starts_with("retry") || setting.key.starts_with("breaker"));
            about.map(|setting| format!("{} = {}, {:?}", setting.key, setting.value, setting.from)).collect::<Vec<_>>()
        };
        let usual = [
            "retry.max = 2, Default",
            "retry.backoff = 100ms..10s, Default",
            "breaker.mode = on, Default",
            "breaker.ratio = 0.5, Default",
            "breaker.calls = 5, Default",
            "breaker.window = 1m, Default",
            "breaker.rest = 1m, Default",
        ];
        assert_eq!(told(""), usual);
        let text = "[retry]\nmax = 3\nbackoff = \"1s..5s\"\n[breaker]\nmode = \"off\"\nratio = 0.25\nrest = \"2s\"\n";
        let set = [
            "retry.max = 3, Line(2)",
            "retry.backoff = 1s..5s, Line(3)",
            "breaker.mode = off, Line(5)",
            "breaker.ratio = 0.25, Line(6)",
            "breaker.calls = 5, Default",
            "breaker.window = 1m, Default",
            "breaker.rest = 2s, Line(7)",
        ];
        assert_eq!(told(text), set);
    }

    #[test]
    fn what_the_file_says_besides_is_told_as_it_stands_but_no_secret() {
        let text = "[tools.a]\nrate = \"3/s\"\nenv.set = { TOKEN = \"hunter2\" }\nbreaker.mode = \"off\"\n";
        let settings = settings(text, &[]);
        let told = settings.iter().filter(|setting| setting.key.starts_with("tools"));
        let told: Vec<_> = told.map(|setting| (setting.key.as_str(), setting.value.as_str())).collect();
        assert_eq!(
            told,
            [
                ("tools.a.rate", "\"3/s\""),
                ("tools.a.env.set.TOKEN", "(not shown)"),
                ("tools.a.breaker.mode", "\"off\"")
            ]
        );
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
