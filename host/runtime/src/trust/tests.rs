use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::config::Place;

struct Checkout {
    temp: tempfile::TempDir,
    trust: Trust,
}

impl Checkout {
    /// A checkout in which lies this `hotcell.toml`, with a folder `data` within and a folder `outside` beside it.
    fn with(text: &str) -> Self {
        let temp = tempfile::tempdir().unwrap();
        for folder in ["repo/data", "outside"] {
            fs::create_dir_all(temp.path().join(folder)).unwrap();
        }
        let trust = Trust::at(temp.path().join("state/hotcell"));
        let checkout = Self { temp, trust };
        checkout.write(text);
        checkout
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn write(&self, text: &str) {
        fs::write(self.path("repo/hotcell.toml"), text).unwrap();
    }

    fn config(&self) -> Config {
        let mut config = Config::load(&Place::Above(self.path("repo/data"))).unwrap();
        config.origin.as_mut().unwrap().stranger = false;
        config
    }

    fn check(&self) -> Result<(), Failure> {
        self.trust.check(&self.config())
    }
}

const BEYOND: &str = "[tools.files]\nfs.read = [\"../outside\"]";

#[test]
fn a_file_arranges_its_own_folder_and_nothing_else() {
    for (text, trusted) in [
        ("", true),
        ("[tools.files]\nfs.write = [\".\"]\nfs.read = [\"data\", \"later/on\"]", true),
        ("[tools.files]\nclock.mode = \"real\"\nrandom.mode = \"system\"\nlimits.fuel = \"99G\"", true),
        ("[tools.files]\nenv.set = { TZ = \"UTC\" }\npath = \"x.wasm\"", true),
        ("[catalog]\nfolders = [\"mine\"]\nagents = []", true),
        (BEYOND, false),
        ("[tools.files]\nfs.write = [\"/etc\"]", false),
        ("[tools.files]\nfs.read = [\"link\"]", false),
        ("[tools.files]\nfs.read = [\"link/below\"]", false),
        ("[tools.files]\nfs.read = [\"dangling\"]", false),
        ("[tools.files]\nfs.read = [\"dangling/below\"]", false),
        ("[tools.files]\nenv.allow = [\"NOT_SET_ANYWHERE\"]", false),
        ("[providers.openai]\nbase_url = \"https://elsewhere.example/v1\"", false),
        ("[providers.openai]\nkey = \"env:AWS_SECRET_ACCESS_KEY\"", false),
        // A price of nothing would be a budget without an end.
        ("[providers.openai]\nprices.m = { input = \"0usd\", output = \"0usd\" }", false),
        (
            "[tools.files]\nsecrets.KEY = { from = \"env:HOME\", to = \"GET https://x.example/*\", header = \"x\" }",
            false,
        ),
        ("[tools.files]\nnet.allow = [\"GET https://api.example.com/*\"]", false),
        ("[tools.files]\npath = \"../outside/x.wasm\"", false),
        ("[catalog]\nfolders = [\"../outside\"]", false),
        ("[catalog]\nagents = [\"link\"]", false),
        ("[host]\nmemory = \"64GiB\"", false),
        ("[server]\nlisten = \"127.0.0.1:80\"\nconnections = 9", true),
        ("[server]\nlisten = \"0.0.0.0:7070\"", false),
        ("[server]\nhosts = [\"evil.test\"]", false),
        ("[server]\norigins = [\"https://evil.test\"]", false),
        ("[tenants.a]\ntools = [\"calc.*\"]\nagents = [\"one\"]", true),
        ("[tenants.a]\ntokens = [\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"]", false),
        ("[tenants.a]\nmetrics = true", false),
        ("[telemetry]\nsample = 0.1\nservice = \"mine\"", true),
        ("[telemetry]\notlp = \"http://localhost:4318\"", false),
        ("[telemetry]\notlp = \"https://collector.evil.test\"", false),
        ("[compile]\ncpu = \"1h\"", false),
        ("[compile]\ncpu = \"1s\"", true),
        ("[cache]\nfolder = \"/var/cache/mine\"", false),
    ] {
        let checkout = Checkout::with(text);
        symlink(checkout.path("outside"), checkout.path("repo/link")).unwrap();
        symlink(checkout.path("nowhere"), checkout.path("repo/dangling")).unwrap();
        let checked = checkout.check();
        assert_eq!(checked.is_ok(), trusted, "{text}: {checked:?}");
        assert!(checked.is_ok() || checked.unwrap_err().code() == Code::Untrusted, "{text}");
    }
}

#[test]
fn the_refusal_says_what_would_be_reached_and_how_to_allow_it() {
    let checkout = Checkout::with(
        "[tools.files]\nfs.write = [\"../outside\"]\nenv.allow = [\"AWS_SECRET_ACCESS_KEY\"]\n[cache]\nfolder = \"/var/cache/mine\"",
    );
    let failure = checkout.check().unwrap_err();
    let text = format!("{failure}\n{}", failure.remedy().unwrap());
    let text = text.replace(&*checkout.temp.path().canonicalize().unwrap().to_string_lossy(), "HOME");
    insta::assert_snapshot!(text);
}

#[test]
fn trust_is_in_the_text_that_was_read_and_ends_with_it() {
    let checkout = Checkout::with(BEYOND);
    checkout.trust.accept(&checkout.config()).unwrap();
    assert!(checkout.check().is_ok());
    checkout.write(&format!("{BEYOND}\nfs.write = [\"/etc\"]"));
    let failure = checkout.check().unwrap_err();
    assert!(failure.reason().starts_with("it has changed since it was trusted"), "{failure}");
    checkout.trust.accept(&checkout.config()).unwrap();
    assert!(checkout.check().is_ok());
    let file = checkout.config().origin.unwrap().file;
    assert!(checkout.trust.forget(&file).unwrap());
    assert!(!checkout.trust.forget(&file).unwrap());
    assert!(checkout.check().is_err());
}

#[test]
fn a_file_that_was_named_needs_no_trust() {
    let checkout = Checkout::with(BEYOND);
    let config = Config::load(&Place::File(checkout.path("repo/hotcell.toml"))).unwrap();
    assert!(checkout.trust.check(&config).is_ok());
    assert!(!reaches(&config).is_empty());
}

#[test]
fn a_file_of_another_user_arranges_nothing() {
    let checkout = Checkout::with("[tools.files]\nfs.read = [\"data\"]");
    let mut config = checkout.config();
    assert!(checkout.trust.check(&config).is_ok());
    config.origin.as_mut().unwrap().stranger = true;
    assert!(checkout.trust.check(&config).is_err());
}

#[test]
fn the_list_is_the_users_own() {
    let checkout = Checkout::with(BEYOND);
    checkout.trust.accept(&checkout.config()).unwrap();
    let mode = |path: &str| fs::metadata(checkout.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("state/hotcell"), mode("state/hotcell/trusted.json")), (0o700, 0o600));
}

#[test]
fn a_list_that_others_could_have_written_is_not_believed() {
    for (path, mode) in [("state/hotcell", 0o777), ("state/hotcell/trusted.json", 0o620)] {
        let checkout = Checkout::with(BEYOND);
        checkout.trust.accept(&checkout.config()).unwrap();
        fs::set_permissions(checkout.path(path), fs::Permissions::from_mode(mode)).unwrap();
        let failure = checkout.check().unwrap_err();
        assert!(failure.reason().contains("others may write it"), "{failure}");
        assert!(checkout.trust.accept(&checkout.config()).is_err());
    }
}

#[test]
fn a_damaged_list_trusts_nothing() {
    let list = "state/hotcell/trusted.json";
    for text in ["", "{}", "[{}]", "[{\"file\":\"/x\",\"sha256\":\"zz\"}]", "[1]"] {
        let checkout = Checkout::with(BEYOND);
        checkout.trust.accept(&checkout.config()).unwrap();
        fs::write(checkout.path(list), text).unwrap();
        assert!(checkout.check().unwrap_err().reason().contains("damaged"), "{text}");
    }
    let checkout = Checkout::with(BEYOND);
    checkout.trust.accept(&checkout.config()).unwrap();
    fs::rename(checkout.path(list), checkout.path("elsewhere")).unwrap();
    symlink(checkout.path("elsewhere"), checkout.path(list)).unwrap();
    assert!(checkout.check().is_err(), "a link is not the list");
}

#[test]
fn without_a_home_nothing_is_remembered_and_that_is_said() {
    let checkout = Checkout::with(BEYOND);
    let trust = Trust { folder: None };
    assert!(trust.check(&checkout.config()).is_err());
    let failure = trust.accept(&checkout.config()).unwrap_err();
    assert!(failure.remedy().unwrap().contains("--config"), "{failure}");
}

#[test]
fn two_who_decide_at_once_both_count() {
    let checkouts: Vec<Checkout> = (0..8).map(|_| Checkout::with(BEYOND)).collect();
    let trust = checkouts[0].trust.clone();
    std::thread::scope(|scope| {
        for checkout in &checkouts {
            scope.spawn(|| trust.accept(&checkout.config()).unwrap());
        }
    });
    assert!(checkouts.iter().all(|checkout| trust.check(&checkout.config()).is_ok()));
}
