//! The body of a request: so large and no larger, and in time.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hotcell_call::{ByteSize, Code, Failure};
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::problem::Problem;

/// In which the body of a request must have come, however large it is.
const COME_IN: Duration = Duration::from_secs(30);

/// Reads a body whole.
pub(crate) async fn read(body: Body, most: ByteSize) -> Result<Bytes, Problem> {
    let refuse = |why: &str| Failure::new(Code::Request, "the body of the request can't be read").why(why);
    let read = Limited::new(body, most.as_usize()).collect();
    match tokio::time::timeout(COME_IN, read).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::from(
            Failure::new(Code::InputTooLarge, "the body of the request is too large")
                .why(format!("it has more than {most}"))
                .fix("a smaller one, or raise `body` under [server] in hotcell.toml"),
        )
        .status(StatusCode::PAYLOAD_TOO_LARGE)),
        Ok(Err(_)) => Err(refuse("it broke off").into()),
        Err(_) => Err(Problem::from(refuse("it did not come within 30s")).status(StatusCode::REQUEST_TIMEOUT)),
    }
}

/// Reads a body that is a text.
pub(crate) async fn text(body: Body, most: ByteSize) -> Result<String, Problem> {
    let bytes = read(body, most).await?;
    String::from_utf8(bytes.into()).map_err(|error| {
        let why = format!("it is not UTF-8 from byte {} on", error.utf8_error().valid_up_to());
        Failure::new(Code::InputNotJson, "the body of the request is not JSON").why(why).into()
    })
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use futures::StreamExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_goes_away_in_the_middle_and_says_nothing_is_not_waited_for() {
        let half = futures::stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(b"{\"a\""))]);
        let body = Body::from_stream(half.chain(futures::stream::pending()));
        let began = tokio::time::Instant::now();
        let problem = read(body, ByteSize::kib(1)).await.unwrap_err();
        assert_eq!(problem.into_response().status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(began.elapsed(), COME_IN);
    }
}
