//! The functions, as a caller uses them.

use super::*;

fn rendered(text: &str, unsafe_html: bool) -> String {
    html(text.to_owned(), unsafe_html).expect("HTML").html
}

#[test]
fn renders_what_people_write() {
    for (text, expect) in [
        ("# A *b*", "<h1 id=\"a-b\">A <em>b</em></h1>\n"),
        ("a  \nb", "<p>a<br />\nb</p>\n"),
        ("[x](docs/a.md \"t\")", "<p><a href=\"docs/a.md\" title=\"t\">x</a></p>\n"),
        ("~~a~~", "<p><del>a</del></p>\n"),
        ("- [x] done", "<ul>\n<li><input disabled=\"\" type=\"checkbox\" checked=\"\"/>\ndone</li>\n</ul>\n"),
        ("```rust\na < b\n```", "<pre><code class=\"language-rust\">a &lt; b\n</code></pre>\n"),
        ("---\ntitle: x\n---\ntext", "<p>text</p>\n"),
        ("", ""),
    ] {
        assert_eq!(rendered(text, false), expect, "{text}");
    }
    let table = rendered("|a|b|\n|-|:-:|\n|1|2|", false);
    assert!(table.starts_with("<table><thead><tr><th>a</th><th style=\"text-align: center\">b</th>"), "{table}");
}

#[test]
fn html_in_the_text_is_shown_unless_it_is_wanted() {
    for (text, shown, kept) in [
        ("a <b>b</b>", "<p>a &lt;b&gt;b&lt;/b&gt;</p>\n", "<p>a <b>b</b></p>\n"),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>\n", "<script>x</script>"),
        ("<!-- c -->", "<p>&lt;!-- c --&gt;</p>\n", "<!-- c -->"),
    ] {
        assert_eq!(rendered(text, false), shown, "{text}");
        assert_eq!(rendered(text, true).trim_end(), kept.trim_end(), "{text}");
    }
}

#[test]
fn nothing_that_runs_code_gets_through() {
    for text in [
        "[a](javascript:alert(1))",
        "[a](  JAVASCRIPT:alert(1))",
        "[a](java&#115;cript:alert(1))",
        "[a](java&Tab;script:alert(1))",
        "<javascript:alert(1)>",
        "[a][b]\n\n[b]: javascript:alert(1)",
        "![a](javascript:alert(1))",
        "![a](data:image/svg+xml;base64,PHN2Zz4=)",
        "[![a](javascript:x)](javascript:y)",
        "[a](<javascript:alert(1)>)",
        "[a](vbscript:x)",
    ] {
        let html = rendered(text, false);
        assert!(!html.contains("<a ") && !html.contains("<img") && html.contains("<p>"), "{text}: {html}");
    }
    for (text, attribute) in [
        ("[a](x \"\\\" onclick=\\\"y\")", "title=\"&quot; onclick=&quot;y\""),
        ("```\"><script>\n```", "class=\"language-&quot;&gt;&lt;script&gt;\""),
        ("# \"><b", "id=\"b\""),
        ("![\"><b>](x.png)", "alt=\"&quot;&gt;&lt;b&gt;\""),
    ] {
        let html = rendered(text, false);
        assert!(html.contains(attribute) && !html.contains("<script"), "{text}: {html}");
    }
}

#[test]
fn a_link_stays_when_the_image_in_it_goes() {
    let html = rendered("[![a](javascript:x)](b.md) ![c](d.png)", false);
    assert_eq!(html, "<p><a href=\"b.md\">a</a> <img src=\"d.png\" alt=\"c\" /></p>\n");
}

#[test]
fn lists_headings_with_lines_and_anchors() {
    let text = "---\nkey: value\n---\n\n# One `code` & <b>more</b>\ntext\n\nTwo\n===\n\n## One\n> ### [In](x) a\tquote\n\n## One\n## One 1\n## One\n# Été! №5\n###### ---\n```\n# not this\n```\n#\n";
    let found = outline(text.to_owned());
    let listed: Vec<_> = found
        .headings
        .iter()
        .map(|heading| (heading.level, heading.text.as_str(), heading.line, heading.anchor.as_str()))
        .collect();
    assert_eq!(
        listed,
        [
            (1, "One code & more", 5, "one-code--more"),
            (1, "Two", 8, "two"),
            (2, "One", 11, "one"),
            (3, "In a\tquote", 12, "in-a-quote"),
            (2, "One", 14, "one-1"),
            (2, "One 1", 15, "one-1-1"),
            (2, "One", 16, "one-2"),
            (1, "Été! №5", 17, "été-5"),
            (6, "---", 18, "---"),
            (1, "", 22, "section"),
        ]
    );
    let html = rendered(text, false);
    for heading in &found.headings {
        assert!(html.contains(&format!(" id=\"{}\">", heading.anchor)), "{}", heading.anchor);
    }
    assert!(!found.truncated);
}

#[test]
fn every_anchor_is_there_once() {
    let text = "# a\n# a-1\n# a\n# a\n# a-1\n# a-1-1\n# a\n#\n#\n# section\n";
    let anchors = outline::Anchors::of(text);
    let mut once = anchors.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), anchors.len(), "{anchors:?}");
}

#[test]
fn takes_tables_out() {
    let found = tables(
        "x\n\n| a | **b** |\n|---|---|\n| `1` | 2 \\| 3 |\n| only |\n| 1 | 2 | 3 |\n\n> |q|\n> |-|\n".to_owned(),
    );
    assert_eq!(
        found.tables,
        [
            Table {
                line: 3,
                header: vec!["a".into(), "b".into()],
                rows: vec![
                    vec!["1".into(), "2 | 3".into()],
                    vec!["only".into(), String::new()],
                    vec!["1".into(), "2".into()],
                ],
            },
            Table { line: 9, header: vec!["q".into()], rows: Vec::new() },
        ]
    );
    assert!(!found.truncated);
}

#[test]
fn answers_stay_within_bounds() {
    let headings = outline("# a\n".repeat(10_001));
    assert_eq!((headings.headings.len(), headings.truncated), (10_000, true));
    let long = outline(format!("# {}\n# b\n", "a".repeat(600_000)));
    assert_eq!((long.headings.len(), long.truncated), (0, true));
    let long = format!("|a|\n|-|\n{}", format!("|{}\n", "b".repeat(100)).repeat(40_000));
    let cut = tables(long);
    assert!(cut.truncated && cut.tables[0].rows.len() > 30_000);
    let error = html(">".repeat(500_000), false).map(|page| page.html.len()).expect_err("too large");
    assert!(error.to_string().contains("render the text in parts"), "{error}");
}
