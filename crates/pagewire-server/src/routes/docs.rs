//! `/docs`: the reference, readable without the internet and without scripts, and a page for every error code.

mod error_pages;
mod markdown;

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
use crate::routes::openapi::Document;

const REFERENCE: &str = include_str!("docs/reference.html");
const PAGE: &str = include_str!("docs/page.html");
/// Nothing is loaded from anywhere but here.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) fn routes(document: &Document) -> Router<Arc<Edge>> {
    let reference = REFERENCE.replace("{{operations}}", &operations(document));
    Router::new()
        .route("/docs", get(async move || page(reference)))
        .route("/docs/errors", get(errors))
        .route("/docs/errors/{code}", get(error))
}

/// The rows of the reference's table.
fn operations(document: &Document) -> String {
    let mut rows = String::new();
    for operation in document.operations() {
        let key = match operation.scopes.as_deref() {
            None => "no key".to_owned(),
            Some([]) => "any".to_owned(),
            Some(scopes) => {
                scopes.iter().map(|scope| format!("<code>{scope}</code>")).collect::<Vec<_>>().join(" or ")
            }
        };
        // Writing into a string cannot fail.
        let _ = writeln!(
            rows,
            "<tr><td class=\"method\">{}</td><td><code>{}</code></td><td>{key}</td><td>{}</td></tr>",
            operation.method,
            operation.path,
            markdown::spans(operation.summary)
        );
    }
    rows
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
    page(filled("Error codes", &format!("<h1>Error codes</h1>{list}")))
}

async fn error(Path(code): Path<String>) -> Result<Response, ApiError> {
    let (code, status, title) = codes().find(|(known, ..)| *known == code).ok_or_else(|| {
        ApiError::new(ProblemCode::NotFound, "there is no such error code; /docs/errors lists them")
    })?;
    let text = markdown::rendered(error_pages::of(code).unwrap_or_default());
    Ok(page(filled(code, &format!("{text}<p><strong>{title}.</strong> HTTP status {status}.</p>"))))
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
