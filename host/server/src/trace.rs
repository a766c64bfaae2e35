//! The trace that a request belongs to, as its fields say.

use hotcell_runtime::trace::Parent;
use http::HeaderMap;

/// What `traceparent` and `tracestate` say; none where that is nothing, or not one thing.
pub(crate) fn parent(headers: &HeaderMap) -> Option<Parent> {
    let mut sent = headers.get_all("traceparent").iter();
    let (Some(parent), None) = (sent.next(), sent.next()) else { return None };
    let state: Vec<&str> = headers.get_all("tracestate").iter().filter_map(|value| value.to_str().ok()).collect();
    Parent::read(parent.to_str().ok()?, Some(&state.join(",")).filter(|state| !state.is_empty()).map(String::as_str))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_request_that_names_several_parents_names_none() {
        let parent = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let mut headers = HeaderMap::new();
        assert_eq!(super::parent(&headers), None);
        headers.append("traceparent", parent.clone());
        headers.append("tracestate", HeaderValue::from_static("a=1"));
        headers.append("tracestate", HeaderValue::from_static("b=2"));
        assert_eq!(super::parent(&headers).unwrap().trace(), "4bf92f3577b34da6a3ce929d0e0e4736");
        headers.append("traceparent", parent);
        assert_eq!(super::parent(&headers), None);
    }
}
