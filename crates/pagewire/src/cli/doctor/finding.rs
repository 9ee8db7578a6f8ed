//! What a check has found, and how it is told.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// What a check has found.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    pub(super) detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, detail: String) -> Self {
        Self { check, verdict: Verdict::Ok, detail, mend: None }
    }

    pub(super) fn warn(check: &'static str, detail: String, mend: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warn, detail, mend: Some(mend.into()) }
    }

    pub(super) fn fail(check: &'static str, detail: String, mend: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Fail, detail, mend: Some(mend.into()) }
    }
}

/// The findings for people.
pub(super) fn lines(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
    let mut text = String::new();
    for Finding { check, verdict, detail, mend } in findings {
        let verdict = match verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        text.push_str(&format!("{verdict:<4}  {check:<width$}  {detail}\n"));
        if let Some(mend) = mend {
            text.push_str(&format!("{:<4}  {:<width$}  -> {mend}\n", "", ""));
        }
    }
    text
}
