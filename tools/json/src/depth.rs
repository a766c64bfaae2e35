//! How deep a filter may nest, from its text alone.
//!
//! Parser, compiler and interpreter of the query engine call themselves once per level, and a level is opened not only by a
//! bracket: `a | b | c`, `1 + 2 + 3` and a string of many escapes nest too. The cell's stack ends after some 600 levels,
//! and a call that reaches its end is stopped without an answer. So a filter is measured before it is parsed, generously:
//! some steps that count here open no level.

/// Levels that no path through `code` exceeds.
pub(crate) fn bound(code: &str) -> usize {
    let mut scan = Scan { levels: vec![Level::default()], total: 0, deepest: 0 };
    let mut rest = code.chars().peekable();
    let mut word = String::new();
    let mut operator = false;
    while let Some(c) = rest.next() {
        if scan.in_text() {
            match c {
                '"' => scan.close(),
                '\\' if rest.next() == Some('(') => scan.open(false),
                '\\' => scan.step(),
                _ => {}
            }
            continue;
        }
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            operator = false;
            continue;
        }
        if OPENING.contains(&word.as_str()) {
            scan.step();
        }
        word.clear();
        match c {
            '"' => scan.open(true),
            '(' | '[' | '{' => scan.open(false),
            ')' | ']' | '}' => scan.close(),
            ';' => scan.restart(),
            '#' => while rest.next().is_some_and(|c| c != '\n') {},
            // Each minus of `---1` is an operator of its own; `//=` is one.
            '-' | '.' => scan.step(),
            _ if OPERATORS.contains(c) && !operator => scan.step(),
            _ => {}
        }
        operator = OPERATORS.contains(c);
    }
    scan.deepest
}

/// Words that open a level.
const OPENING: [&str; 11] = ["if", "elif", "try", "reduce", "foreach", "def", "as", "label", "and", "or", "catch"];
const OPERATORS: &str = "|,+*/%=<>!";

#[derive(Default)]
struct Level {
    steps: usize,
    text: bool,
}

struct Scan {
    levels: Vec<Level>,
    total: usize,
    deepest: usize,
}

// === impl Scan ===

impl Scan {
    fn in_text(&self) -> bool {
        self.levels.last().is_some_and(|level| level.text)
    }

    fn step(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.steps += 1;
            self.total += 1;
            self.deepest = self.deepest.max(self.total);
        }
    }

    fn open(&mut self, text: bool) {
        self.step();
        self.levels.push(Level { steps: 0, text });
    }

    /// A bracket too many is the parser's to find.
    fn close(&mut self) {
        if self.levels.len() > 1 {
            self.total -= self.levels.pop().map_or(0, |level| level.steps);
        }
    }

    fn restart(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            self.total -= std::mem::take(&mut level.steps);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::bound;

    #[test]
    fn counts_what_nests() {
        for (code, levels) in [
            ("", 0),
            (".", 1),
            ("..", 2),
            ("1 + 2 + 3", 2),
            ("1 // 2 //= 3", 2),
            ("---1", 3),
            ("((1))", 2),
            ("(1) | (2)", 3),
            ("f(1 + 2; 3)", 2),
            ("def f: 1; def g: 2; 3", 1),
            ("def f: def g: 1; g; f", 2),
            ("if 1 and 2 then 3 end", 2),
            ("\"a + b | c ( [\"", 1),
            ("\"a\\(1 + 2)b\\n\"", 3),
            ("\"\\\"|\" | 1", 2),
            ("1 # + + + ( ((\n + 1", 1),
            (")))(", 1),
            ("fried + ordinary", 1),
        ] {
            assert_eq!(bound(code), levels, "{code}");
        }
    }
}
