//! Did-you-mean: the known name that is nearest to a mistyped one.

/// The candidate with the fewest edits from `name`, if that is few enough to be a slip of the finger.
///
/// Counts insertions, deletions, substitutions and swaps of neighbours (optimal string alignment), one edit for three
/// characters at most. Names longer than 64 characters have no nearest: the table would cost more than the hint is worth.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.chars().take(65).collect();
    if wanted.len() > 64 {
        return None;
    }
    let most = wanted.len() / 3 + 1;
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(&wanted, &candidate.chars().collect::<Vec<_>>(), most)?, candidate)))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// The number of edits between `a` and `b`, if it is at most `most`.
fn distance(a: &[char], b: &[char], most: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let at = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX - 1);
            let mut edits = (at(&above, j) + usize::from(ca != cb)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca);
            if swapped {
                edits = edits.min(at(&before, j - 1) + 1);
            }
            row.push(edits);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().filter(|edits| *edits <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_a_stranger_is_not() {
        let known = ["calc.eval", "csv.group", "hash.digest"];
        assert_eq!(nearest("calc.evla", known), Some("calc.eval"));
        assert_eq!(nearest("hash.digets", known), Some("hash.digest"));
        assert_eq!(nearest("weather", known), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), known), None);
        assert_eq!(nearest("", ["a"]), Some("a"));
    }
}
