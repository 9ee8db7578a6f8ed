//! The structured data of pages, a line of JSON each: `structured BASE_URL FILE…` prints what the `structured` format holds
//! for each file, as if it had been found at `BASE_URL`. `bench/extruct` compares it with another reader's.

use std::error::Error;
use std::io::{self, Write as _};

use pagewire_extract::{Input, Plan, PlanOptions};
use pagewire_types::{Format, Formats};
use url::Url;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let base = arguments.next().ok_or("structured BASE_URL FILE…")?;
    let url = Url::parse(&base)?;
    let formats = Formats::from_iter([Format::Structured]);
    let options = PlanOptions { formats, ..PlanOptions::default() };
    let plan = Plan::compile(&options).map_err(|faults| format!("{faults:?}"))?;
    let mut out = io::stdout().lock();
    for file in arguments {
        let body = std::fs::read(&file)?;
        let input = Input { body: &body, content_type: Some("text/html; charset=utf-8"), url: &url };
        let mut line = Vec::new();
        plan.extract(&input, &mut line)?;
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(())
}
