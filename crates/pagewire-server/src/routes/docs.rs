//! `/docs`: the reference, readable without the internet and without scripts, and a page for every error code.

mod advice;

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue};
use pagewire_types::{ProblemCode, TargetErrorCode};

use crate::edge::Edge;
use crate::problem::ApiError;

const REFERENCE: &str = include_str!("docs/reference.html");
const PAGE: &str = include_str!("docs/page.html");
/// Nothing is loaded from anywhere but here.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) fn routes() -> Router<Arc<Edge>> {
    Router::new()
        .route("/docs", get(reference))
        .route("/docs/errors", get(errors))
        .route("/docs/errors/{code}", get(error))
}

async fn reference() -> Response {
    page(REFERENCE.to_owned())
}

async fn errors() -> Response {
    let mut list = String::from("<ul>");
    for (code, status, title) in codes() {
        // Writing into a string cannot fail.
        let _ = write!(
            list,
            "<li><a href=\"/docs/errors/{code}\"><code>{code}</code></a> ({status}): {title}</li>"
        );
    }
    list.push_str("</ul>");
    page(filled("Error codes", &list))
}

async fn error(Path(code): Path<String>) -> Result<Response, ApiError> {
    let (code, status, title) = codes().find(|(known, ..)| *known == code).ok_or_else(|| {
        ApiError::new(ProblemCode::NotFound, "there is no such error code; /docs/errors lists them")
    })?;
    let advice = advice::of(code);
    let text = format!("<p><strong>{title}.</strong> HTTP status {status}.</p><p>{advice}</p>");
    Ok(page(filled(&format!("<code>{code}</code>"), &text)))
}

/// Every code of the API and of targets, with its status and title. A code of both is told once, as the API's.
fn codes() -> impl Iterator<Item = (&'static str, u16, &'static str)> {
    let own = ProblemCode::ALL.iter().map(|code| (code.as_str(), code.status(), code.title()));
    let of_targets = TargetErrorCode::ALL
        .into_iter()
        .filter(|code| ProblemCode::ALL.iter().all(|own| own.as_str() != code.as_str()))
        .map(|code| (code.as_str(), code.scrape_status(), code.title()));
    own.chain(of_targets)
}

fn filled(title: &str, content: &str) -> String {
    PAGE.replace("{{title}}", title).replace("{{content}}", content)
}

fn page(html: String) -> Response {
    let mut response = Html(html).into_response();
    let policy = HeaderValue::from_static(POLICY);
    response.headers_mut().insert(HeaderName::from_static("content-security-policy"), policy);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_advice() {
        for (code, ..) in codes() {
            assert!(advice::of(code).len() > 30, "{code}");
        }
    }
}
