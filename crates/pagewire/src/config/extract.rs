//! `[extract.pdf]` and `[extract.llm]`: how what is not HTML is read, and by whom else fields are filled.

use std::time::Duration;

use pagewire_types::TargetUrl;

use super::judge::Judge;
use super::raw;

/// `[extract]`
#[derive(Debug, Clone)]
pub(crate) struct Extract {
    /// `[extract.pdf]`
    pub(crate) pdf: Pdf,
    /// `[extract.llm]`, where there is a model.
    pub(crate) llm: Option<Llm>,
}

/// `[extract.pdf]`
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pdf {
    /// How long one may take.
    pub(crate) timeout: Duration,
    /// The largest that is read.
    pub(crate) bytes_max: usize,
    /// The address space of the process that reads one.
    pub(crate) memory_bytes_max: u64,
    /// How many are read at once.
    pub(crate) at_once: usize,
}

/// `[extract.llm]`
#[derive(Debug, Clone)]
pub(crate) struct Llm {
    /// Where chat completions are.
    pub(crate) completions: TargetUrl,
    /// The model's name there.
    pub(crate) model: String,
    /// The variable of the environment that holds the key.
    pub(crate) api_key_env: Option<String>,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
    /// Bytes of a page that it is shown.
    pub(crate) input_bytes_max: usize,
    /// Tokens of an answer.
    pub(crate) tokens_max: u32,
    /// How sure a field must be, from 0 to 1.
    pub(crate) confidence_min: f64,
    /// Questions at once.
    pub(crate) at_once: usize,
    /// What an answer costs.
    pub(crate) credits: u32,
}

impl Judge {
    pub(super) fn extract(&mut self, raw: &raw::Extract) -> Extract {
        Extract { pdf: self.pdf(&raw.pdf), llm: self.llm(&raw.llm) }
    }

    fn pdf(&mut self, raw: &raw::Pdf) -> Pdf {
        let bytes = self.bytes("extract.pdf.bytes_max", raw.bytes_max, 1 << 10, 1 << 30);
        let memory = self.bytes("extract.pdf.memory_bytes_max", raw.memory_bytes_max, 128 << 20, 64 << 30);
        Pdf {
            timeout: self.millis("extract.pdf.timeout_ms", raw.timeout_ms, 100, 120_000),
            bytes_max: usize::try_from(bytes.0).unwrap_or(usize::MAX),
            memory_bytes_max: memory.0,
            at_once: self.whole("extract.pdf.at_once", raw.at_once, 1, 1_000),
        }
    }

    fn llm(&mut self, raw: &raw::Llm) -> Option<Llm> {
        let endpoint = raw.endpoint.as_deref().unwrap_or_default().trim_end_matches('/');
        let model = raw.model.clone().unwrap_or_default();
        let key = raw.api_key_env.clone().filter(|name| !name.is_empty());
        // What begins so is a setting, and a setting of no name that is known is refused.
        if let Some(name) = key.as_ref().filter(|name| name.starts_with("PAGEWIRE_") || name.contains('=')) {
            self.fault(
                "extract.llm.api_key_env",
                name,
                "the name of a variable that does not begin with PAGEWIRE_",
            );
        }
        let percent: u32 =
            self.whole("extract.llm.confidence_min_percent", raw.confidence_min_percent, 0, 100);
        let input = self.bytes("extract.llm.input_bytes_max", raw.input_bytes_max, 1 << 10, 16 << 20);
        let timeout = self.millis("extract.llm.timeout_ms", raw.timeout_ms, 100, 110_000);
        let tokens_max = self.whole("extract.llm.max_tokens", raw.max_tokens, 1, 1_000_000);
        let at_once = self.whole("extract.llm.at_once", raw.at_once, 1, 1_000);
        let credits = self.whole("extract.llm.credits", raw.credits, 0, 10_000);
        if endpoint.is_empty() {
            return None;
        }
        if model.is_empty() {
            self.fault("extract.llm.model", "\"\"", "the model's name, where there is an endpoint");
        }
        let Ok(completions) = TargetUrl::parse(&format!("{endpoint}/chat/completions")) else {
            let allowed = "a base URL such as \"https://api.example.com/v1\", or empty for no model";
            self.fault("extract.llm.endpoint", format!("{endpoint:?}"), allowed);
            return None;
        };
        Some(Llm {
            completions,
            model,
            api_key_env: key,
            timeout,
            input_bytes_max: usize::try_from(input.0).unwrap_or(usize::MAX),
            tokens_max,
            confidence_min: f64::from(percent) / 100.0,
            at_once,
            credits,
        })
    }
}
