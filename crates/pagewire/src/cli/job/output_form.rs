//! What files a job is to make, on the command line.

use serde_json::{Map, Value};

/// The forms of output, as the flag names them.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum OutputForm {
    Ndjson,
    Csv,
    Parquet,
}

/// Flags of a job's output.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct OutputArgs {
    /// The form of its files; csv and parquet need --extract [default: ndjson]
    #[arg(long, value_enum, value_name = "F")]
    output: Option<OutputForm>,
    /// Compress its files; parquet is compressed as it is
    #[arg(long)]
    gzip: bool,
}

impl OutputArgs {
    /// Adds the request's `output`, where one is wanted.
    pub(super) fn add_to(&self, body: &mut Map<String, Value>) {
        let mut output = Map::new();
        if let Some(form) = self.output {
            let name = match form {
                OutputForm::Ndjson => "ndjson",
                OutputForm::Csv => "csv",
                OutputForm::Parquet => "parquet",
            };
            output.insert("format".to_owned(), name.into());
        }
        if self.gzip {
            output.insert("gzip".to_owned(), true.into());
        }
        if !output.is_empty() {
            body.insert("output".to_owned(), output.into());
        }
    }
}
