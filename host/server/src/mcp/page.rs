//! The list of tools by pages: no answer is larger than a client likes to take.

use rmcp::ErrorData;
use rmcp::model::Tool;

/// Tools of one page.
const MOST_TOOLS: usize = 200;
/// Bytes of one page, unless a single tool has more.
const MOST_BYTES: usize = 1 << 20;
/// The longest name, and so the longest cursor.
const MOST_NAME: usize = 64;

/// A tool with its size on the wire.
#[derive(Debug, Clone)]
pub(super) struct Sized {
    pub(super) tool: Tool,
    pub(super) bytes: usize,
}

/// The tools behind the cursor, which are in the order of their names, and the cursor of the next page.
///
/// A cursor is the name of the last tool before the page: so nothing is left out when others come or go in between.
///
/// # Errors
///
/// One of JSON-RPC for a cursor that never was one.
pub(super) fn page(tools: &[Sized], cursor: Option<&str>) -> Result<(Vec<Tool>, Option<String>), ErrorData> {
    let fits = |cursor: &str| {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        !cursor.is_empty() && cursor.len() <= MOST_NAME && cursor.bytes().all(is_name)
    };
    if cursor.is_some_and(|cursor| !fits(cursor)) {
        return Err(ErrorData::invalid_params("the cursor is none of this server's", None));
    }
    let from = cursor.map_or(0, |cursor| tools.partition_point(|one| *one.tool.name <= *cursor));
    let rest = tools.get(from..).unwrap_or_default();
    let mut bytes = 0;
    let fit = rest.iter().take(MOST_TOOLS).enumerate().take_while(|(index, one)| {
        bytes += one.bytes;
        *index == 0 || bytes <= MOST_BYTES
    });
    let page: Vec<Tool> = fit.map(|(_, one)| one.tool.clone()).collect();
    let next = page.last().filter(|_| page.len() < rest.len()).map(|last| last.name.to_string());
    Ok((page, next))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn tools(count: usize, bytes: usize) -> Vec<Sized> {
        let tool = |index| Tool::new(format!("tool__{index:04}"), "", Arc::default());
        (0..count).map(|index| Sized { tool: tool(index), bytes }).collect()
    }

    fn walk(mut tools: Vec<Sized>, change: impl Fn(&mut Vec<Sized>)) -> (usize, Vec<String>) {
        let (mut pages, mut names, mut cursor) = (0, Vec::new(), None);
        loop {
            let (page, next) = page(&tools, cursor.as_deref()).unwrap();
            names.extend(page.into_iter().map(|tool| tool.name.to_string()));
            pages += 1;
            cursor = next;
            if cursor.is_none() {
                return (pages, names);
            }
            change(&mut tools);
        }
    }

    #[test]
    fn pages_are_bounded_by_number_and_by_size_and_leave_nothing_out() {
        for (count, bytes, pages) in
            [(0, 0, 1), (200, 10, 1), (201, 10, 2), (450, 10, 3), (4, 600 << 10, 4), (6, 300 << 10, 2)]
        {
            let (seen, names) = walk(tools(count, bytes), |_| ());
            assert_eq!((seen, names.len()), (pages, count), "{count} of {bytes}");
            assert!(names.is_sorted());
        }
    }

    #[test]
    fn what_goes_away_in_between_takes_nothing_with_it() {
        let (_, names) = walk(tools(450, 10), |tools| drop(tools.remove(0)));
        assert_eq!(names.len(), 450, "what went was told already");
    }

    #[test]
    fn a_cursor_that_never_was_one_is_refused() {
        for cursor in ["", "a.b", "ü", &"a".repeat(65)] {
            assert!(page(&tools(1, 1), Some(cursor)).is_err(), "{cursor}");
        }
        assert_eq!(page(&tools(1, 1), Some("zzz")).unwrap().0.len(), 0);
    }
}
