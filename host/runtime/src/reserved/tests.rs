use std::fs;
use std::os::unix::fs::symlink;

use hotcell_call::{GrantKeys, Wants};

use super::*;
use crate::config::{Place as Found, ToolConfig};

/// A folder with all that is reserved, apart from one another.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        for folder in
            ["home/cache/hotcell/deep", "home/state/hotcell", "work/tools/one", "work/data/deep", "work/built"]
        {
            fs::create_dir_all(scene.at(folder)).unwrap();
        }
        fs::write(scene.at("work/hotcell.toml"), "[tools.built]\npath = \"built/x.wasm\"\n").unwrap();
        fs::write(scene.at("work/built/x.wasm"), "").unwrap();
        scene
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn config(&self) -> Config {
        let mut config = Config::load(&Found::File(self.at("work/hotcell.toml"))).unwrap();
        config.cache = Some(self.at("home/cache/hotcell"));
        config.state = Some(self.at("home/state/hotcell"));
        config
    }

    fn check(&self, path: &str, access: Access) -> Result<(), Failure> {
        check(&self.config(), &OpenGrants::open(self.set(path, access)).unwrap())
    }

    fn set(&self, path: &str, access: Access) -> GrantSet {
        GrantSet { folders: vec![Folder::whole(path, self.at(path), access)], ..GrantSet::default() }
    }
}

#[test]
fn a_grant_keeps_away_from_what_decides() {
    let scene = Scene::new();
    for (path, access, holds) in [
        ("home/cache/hotcell", Access::Read, "the cache"),
        ("home/cache/hotcell/deep", Access::Read, "the cache"),
        ("home/cache", Access::Read, "the cache"),
        ("home", Access::Write, "the cache"),
        ("home/state", Access::Read, "the list"),
        ("home/state/hotcell", Access::Write, "the list"),
        ("work", Access::Write, "the hotcell.toml"),
        ("work/tools", Access::Write, "a folder of tools"),
        ("work/tools/one", Access::Write, "a folder of tools"),
        ("work/built", Access::Write, "the component"),
    ] {
        let failure = scene.check(path, access).unwrap_err();
        assert!(failure.code() == Code::Grant && failure.reason().contains(holds), "{path}: {failure}");
        assert!(failure.what().contains(path) && failure.remedy().is_some(), "{failure}");
    }
    for (path, access) in [
        ("work", Access::Read),
        ("work/tools", Access::Read),
        ("work/data", Access::Write),
        ("work/data/deep", Access::Write),
    ] {
        scene.check(path, access).unwrap();
    }
}

#[test]
fn what_is_wanted_is_judged_and_not_what_is_given() {
    let scene = Scene::new();
    let wants = |path: &str| Wants { write: vec![path.to_owned()], ..Wants::default() };
    let opened = |path| OpenGrants::open(scene.set("work", Access::Write).narrowed(&wants(path))).unwrap();
    check(&scene.config(), &opened("data")).unwrap();
    assert!(check(&scene.config(), &opened("tools")).is_err());
}

#[test]
fn links_and_moved_folders_hide_nothing() {
    let scene = Scene::new();
    // The configuration and the tools are named by links: both where the link stands and where it leads are kept.
    fs::create_dir_all(scene.at("real/tools")).unwrap();
    fs::create_dir_all(scene.at("linked")).unwrap();
    fs::rename(scene.at("work/hotcell.toml"), scene.at("real/other.toml")).unwrap();
    symlink(scene.at("real/other.toml"), scene.at("work/hotcell.toml")).unwrap();
    symlink(scene.at("real/tools"), scene.at("linked/tools")).unwrap();
    let mut config = scene.config();
    config.folders = vec![scene.at("linked/tools")];
    for path in ["work", "real", "real/tools", "linked"] {
        let grants = OpenGrants::open(scene.set(path, Access::Write)).unwrap();
        assert!(check(&config, &grants).is_err(), "{path}");
    }
    // Opened first, and then put into the cache.
    let grants = OpenGrants::open(scene.set("work/data", Access::Read)).unwrap();
    check(&config, &grants).unwrap();
    fs::rename(scene.at("work/data"), scene.at("home/cache/hotcell/data")).unwrap();
    assert!(check(&config, &grants).is_err());
}

#[test]
fn what_is_not_there_is_not_held_but_not_begun_either() {
    let scene = Scene::new();
    fs::remove_dir_all(scene.at("home/state")).unwrap();
    fs::remove_dir_all(scene.at("home/cache")).unwrap();
    fs::remove_dir_all(scene.at("work/tools")).unwrap();
    scene.check("home", Access::Read).unwrap();
    assert!(scene.check("home", Access::Write).is_err());
    let mut config = scene.config();
    config.origin = None;
    config.tools.clear();
    let grants = OpenGrants::open(scene.set("work", Access::Write)).unwrap();
    check(&config, &grants).unwrap();
}

// One tool may write a folder; what another was granted within may have become a link since.
#[test]
fn a_folder_within_one_that_is_written_is_reached_without_links() {
    let scene = Scene::new();
    let mut config = scene.config();
    let written = vec![Folder::whole("work/data", scene.at("work/data"), Access::Write)];
    let grants = GrantKeys { folders: Some(written), ..GrantKeys::default() };
    config.tools.insert("writer".parse().unwrap(), ToolConfig { grants, ..ToolConfig::default() });
    let open = |path| OpenGrants::open(rooted(&config, scene.set(path, Access::Read)));
    open("work/data/deep").unwrap();
    open("work/data").unwrap();
    fs::create_dir(scene.at("secret")).unwrap();
    fs::create_dir(scene.at("secret/deep")).unwrap();
    symlink(scene.at("secret"), scene.at("work/data/planted")).unwrap();
    symlink(scene.at("work/data"), scene.at("work/alias")).unwrap();
    for path in ["work/data/planted", "work/data/planted/deep", "work/alias/planted/deep"] {
        let failure = open(path).unwrap_err();
        assert!(failure.reason().contains("`planted` in it is a link"), "{path}: {failure}");
    }
    open("work/alias/deep").unwrap();
}
