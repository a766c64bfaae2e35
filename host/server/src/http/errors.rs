//! What each code means, for whoever follows the `type` of a problem.

use axum::extract::Path;
use axum::response::Response;
use hotcell_call::{Code, Failure};
use http::StatusCode;
use serde::Serialize;

use super::problem::Problem;

#[derive(Serialize)]
struct Page {
    code: &'static str,
    outcome: String,
    title: &'static str,
    meaning: &'static str,
    remedy: &'static str,
}

pub(super) async fn page(Path(code): Path<String>) -> Result<Response, Problem> {
    let Ok(code) = code.parse::<Code>() else {
        let what = format!("there is no code {}", hotcell_call::shortened(&code, 20));
        return Err(Failure::new(Code::UnknownCode, what).into());
    };
    let page = code.page();
    Ok(super::json(
        StatusCode::OK,
        &Page {
            code: page.id,
            outcome: page.kind.to_string(),
            title: page.title,
            meaning: page.meaning,
            remedy: page.remedy,
        },
    ))
}
