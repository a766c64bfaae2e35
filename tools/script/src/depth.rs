//! How deep a program nests, from its text alone.
//!
//! The engine's parser calls itself several times per bracket, and the stack ends after some 130 of them: then the
//! call is stopped without an answer. So brackets are counted before. The count knows texts, templates and comments, but
//! takes a regular expression for plain code; it errs only where that holds quotes or an odd bracket, and then by little.

/// Largest number of brackets that are open at one place of `code`.
pub(crate) fn brackets(code: &str) -> usize {
    let (mut open, mut deepest) = (Vec::new(), 0);
    let mut rest = code.chars().peekable();
    while let Some(c) = rest.next() {
        match (open.last(), c) {
            // Inside a template, only its end and `${` count.
            (Some('`'), '\\') => drop(rest.next()),
            (Some('`'), '`') => drop(open.pop()),
            (Some('`'), '$') if rest.next_if_eq(&'{').is_some() => open.push('{'),
            (Some('`'), _) => {}
            (_, '\'' | '"') => skip_text(&mut rest, c),
            (_, '/') if rest.peek() == Some(&'/') => while rest.next().is_some_and(|c| c != '\n') {},
            (_, '/') if rest.peek() == Some(&'*') => skip_comment(&mut rest),
            (_, '(' | '[' | '{' | '`') => open.push(c),
            (_, ')' | ']' | '}') => drop(open.pop()),
            _ => {}
        }
        deepest = deepest.max(open.len());
    }
    deepest
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// A text ends with its quote, or with its line.
fn skip_text(rest: &mut Rest<'_>, quote: char) {
    while let Some(c) = rest.next() {
        match c {
            '\\' => drop(rest.next()),
            '\n' => return,
            c if c == quote => return,
            _ => {}
        }
    }
}

fn skip_comment(rest: &mut Rest<'_>) {
    // The star that began the comment can't end it.
    let mut star = false;
    rest.next();
    for c in rest.by_ref() {
        if star && c == '/' {
            return;
        }
        star = c == '*';
    }
}

#[cfg(test)]
mod tests {
    use super::brackets;

    #[test]
    fn counts_brackets_of_the_code_alone() {
        for (code, expect) in [
            ("", 0),
            ("f(a[1], {b: [2]})", 3),
            ("(1) + (2)", 1),
            ("'((((' + \"[[[[\"", 0),
            ("'\\'((' + f(1)", 1),
            ("// ((((\n(1)", 1),
            ("/*/ (( */ (1)", 1),
            ("/* ( **/ (1)", 1),
            ("`((( ${f(`${1}`)} (((`", 5),
            ("`\\`((` + (1)", 1),
            ("`{{{ don't`", 1),
            (")))(", 1),
            ("'unclosed\n((", 2),
        ] {
            assert_eq!(brackets(code), expect, "{code}");
        }
    }
}
