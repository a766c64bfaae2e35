use super::*;

#[test]
fn the_place_the_caret_and_the_hint_are_shown() {
    let source = Source::new("agents/x.toml", "[limits]\n\ttiemout = \"2s\"\r\nfuel = 1\n");
    let diagnostic = Diagnostic::new(&source, "unknown key `tiemout`")
        .at(10..17, "not a key of `[limits]`")
        .hint("did you mean `timeout`?");
    assert_eq!(diagnostic.place(), "agents/x.toml:2:2");
    assert_eq!(
        diagnostic.render(),
        "\
error[E0205]: unknown key `tiemout`
 --> agents/x.toml:2:2
  |
2 |  tiemout = \"2s\"
  |  ^^^^^^^ not a key of `[limits]`
  |
  = help: did you mean `timeout`?"
    );
    assert!(diagnostic.draw(Style::Colour).contains('\x1b'));
}

#[test]
fn a_second_place_far_away_is_named_by_its_line() {
    let text = format!("one = 1\n{}one = 2\n", "# filler\n".repeat(100));
    let source = Source::new("x.toml", text.clone());
    let again = text.rfind("one").unwrap();
    let shown = Diagnostic::new(&source, "twice").at(again..again + 3, "again").at(0..3, "first").render();
    assert!(shown.contains("first: line 1") && shown.lines().count() < 10, "{shown}");
}

#[test]
fn a_file_without_a_place_is_named() {
    let source = Source::new("gone\x1b.toml", "");
    let shown = Diagnostic::new(&source, "the file can't be read").render();
    assert_eq!(shown, "error[E0205]: the file can't be read\n--> gone\\u{1b}.toml");
}

#[test]
fn whoever_names_a_file_adds_no_line_of_ours() {
    let source = Source::new("x\nerror[E0001]: all is lost\n", "a = 1\n");
    let wrong = Diagnostic::new(&source, "unknown key `a`").at(0..1, "");
    let shown = [wrong.render(), wrong.place(), failure(&[wrong]).to_string()].join("\n");
    assert_eq!(shown.lines().filter(|line| line.starts_with("error")).count(), 1, "{shown}");
}

proptest::proptest! {
    #[test]
    fn any_place_in_any_text_can_be_drawn(
        text in "(\\PC|[\n\r\t\u{1b}\u{202e}\u{85}]|x{200}){0,40}",
        places in proptest::collection::vec((0_usize..300, 0_usize..300), 0..4),
        label in "\\PC{0,10}",
    ) {
        let source = Source::new("x", text.clone());
        let mut diagnostic = Diagnostic::new(&source, "wrong").hint("mend\nit");
        for (start, length) in places {
            let end = start.saturating_add(length);
            diagnostic = diagnostic.at(start..end, &label);
        }
        let shown = diagnostic.render();
        proptest::prop_assert_eq!(hotcell_call::printable(&shown), shown);
    }
}
