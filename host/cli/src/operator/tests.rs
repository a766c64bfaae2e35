use std::collections::BTreeMap;

use super::*;

fn granted(guest: &str, host: &str) -> Folder {
    Folder::whole(guest, host, Access::Read)
}

#[test]
fn a_folder_is_granted_under_the_name_as_typed() {
    let temp = tempfile::tempdir().unwrap();
    let typed = format!("{}/", temp.path().display());
    let folder = folder(&typed, Access::Read).unwrap();
    assert_eq!(folder.guest, temp.path().to_str().unwrap());
    assert_eq!(folder.host, temp.path().canonicalize().unwrap());
    assert_eq!(super::folder("/", Access::Read).unwrap().guest, "/");
    assert_eq!(super::folder(".", Access::Read).unwrap().guest, ".");
}

#[test]
fn what_is_no_folder_is_refused_by_name() {
    let temp = tempfile::NamedTempFile::new().unwrap();
    let path = temp.path().to_str().unwrap();
    let refused = folder(path, Access::Read).unwrap_err();
    assert_eq!((refused.code(), refused.reason()), (Code::Grant, "it is not a folder"));
    assert!(folder("/absent/\x1b", Access::Read).unwrap_err().what().contains("/absent/\\u{1b}"));
}

#[test]
fn a_variable_that_is_not_set_is_no_grant() {
    let args = GrantArgs { allow_env: vec!["HOTCELL_TEST_NEVER_SET".to_owned()], ..GrantArgs::default() };
    assert_eq!(Typed::read(&args).unwrap_err().reason(), "it is not set");
}

#[test]
fn flags_add_to_the_file_and_win_where_both_name_one_thing() {
    let before = GrantKeys {
        folders: Some(vec![granted("docs", "/file/docs"), granted("data", "/file/data")]),
        env: Some(BTreeMap::from([("TZ".to_owned(), "UTC".to_owned())])),
        ..GrantKeys::default()
    };
    let mut typed = Typed::default();
    assert_eq!(typed.beside(Some(&before)), GrantKeys::default());
    typed.add(granted("docs", "/typed/docs"));
    typed.add(granted("docs", "/later/docs"));
    let both = typed.beside(Some(&before)).folders.unwrap();
    assert_eq!(both, [granted("docs", "/typed/docs"), granted("data", "/file/data")]);
    assert_eq!(typed.beside(None).folders.unwrap(), [granted("docs", "/typed/docs")]);
}

#[test]
fn a_file_has_a_name_to_be_called_by() {
    for (path, name) in [("a/calc.wasm", "calc"), ("My Tool.wasm", "my-tool"), ("a.b.wasm", "a-b"), ("x", "x")] {
        assert_eq!(name_of(Path::new(path)).unwrap().as_str(), name);
    }
    for path in ["ä.wasm", "..", "_x.wasm"] {
        assert_eq!(name_of(Path::new(path)).unwrap_err().code(), Code::Name, "{path}");
    }
}
