//! `pagewire job create`.

use pagewire_client::Client;
use pagewire_types::format::WARC;
use serde_json::{Map, Value, json};

use super::super::list_file::{self, Form, OnInvalid};
use super::super::{CliError, remote, request};
use super::accepted::Acceptance;
use super::output_form::OutputArgs;

/// Arguments of `job create`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The URLs are arguments, or in one FILE (sent as `pagewire upload` sends it), or they were uploaded before, or they are
an object of S3 or Google Cloud Storage where the server's operator has set that up.
--idempotency-key does not go with a FILE, which is another upload each time.
With --wait the exit code is 0 when the job completed, 3 when it failed, 4 when it was cancelled. An interrupted wait
leaves the job going on.

Examples:
  pagewire job create https://a.example https://b.example --wait
  JOB=$(pagewire job create shops.csv --extract @fields.json --output parquet --name shops)
  pagewire job create --upload-id \"$UPLOAD\" --concurrency 128 --webhook https://hooks.example/pagewire
  pagewire job create --s3-uri s3://lists/shops.ndjson.gz --role-arn arn:aws:iam::123456789012:role/pagewire")]
pub(in super::super) struct Args {
    /// The URLs, or the file with them; - for stdin
    #[arg(value_name = "URL|FILE|-", required_unless_present_any = ["upload_id", "s3_uri", "gcs_uri"])]
    sources: Vec<String>,
    /// A list that was uploaded
    #[arg(long, value_name = "ID", conflicts_with_all = ["sources", "s3_uri", "gcs_uri"])]
    upload_id: Option<String>,
    /// A list in S3: s3://BUCKET/KEY
    #[arg(long, value_name = "URI", conflicts_with_all = ["sources", "gcs_uri"])]
    s3_uri: Option<String>,
    /// The role to read it as
    #[arg(long, value_name = "ARN", requires = "s3_uri", conflicts_with_all = ["sources", "upload_id", "gcs_uri"])]
    role_arn: Option<String>,
    /// A list in Google Cloud Storage: gs://BUCKET/KEY
    #[arg(long, value_name = "URI", conflicts_with = "sources")]
    gcs_uri: Option<String>,
    /// The form of the list in the file [default: as its name ends]
    #[arg(long, value_enum, value_name = "F")]
    input_format: Option<Form>,
    /// What becomes of lines of the file that are no URL
    #[arg(long, value_enum, value_name = "WHAT", default_value = "refuse")]
    on_invalid: OnInvalid,
    /// What the job is called
    #[arg(long, value_name = "N")]
    name: Option<String>,
    /// Pages at once, 1 to 256 [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    concurrency: Option<u32>,
    #[command(flatten)]
    output: OutputArgs,
    /// Archive its pages as WARC files beside, which `job reextract` can read anew
    #[arg(long)]
    warc: bool,
    /// Where to tell of its life
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    #[command(flatten)]
    acceptance: Acceptance,
    #[command(flatten)]
    request: request::Args,
    #[command(flatten)]
    remote: remote::Args,
}

/// Where the URLs come from.
#[derive(Debug, PartialEq, Eq)]
enum Source<'a> {
    Urls(&'a [String]),
    File(&'a str),
    Stored(Value),
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let client = args.remote.client()?;
    let source = args.source()?;
    if matches!(source, Source::File(_)) && args.acceptance.is_repeatable() {
        let what = "--idempotency-key does not go with a FILE, which is another upload each time: `pagewire upload` it once, and use --upload-id";
        return Err(CliError::Usage(what.to_owned()));
    }
    // Read before anything is sent: a fault of the command line must not leave an upload behind.
    let mut body = args.members()?;
    let (name, input) = match source {
        Source::Urls(urls) => ("urls", json!(urls)),
        Source::File(file) => ("input", args.uploaded(&client, file).await?),
        Source::Stored(input) => ("input", input),
    };
    body.insert(name.to_owned(), input);
    let accepted = client.create_job(&body, Some(&args.acceptance.key())).await?;
    args.acceptance.tell(&client, &accepted).await
}

impl Args {
    fn source(&self) -> Result<Source<'_>, CliError> {
        if let Some(id) = &self.upload_id {
            return Ok(Source::Stored(json!({"upload_id": id})));
        }
        if let Some(uri) = &self.s3_uri {
            let mut input = json!({"s3_uri": uri});
            if let Some(role) = &self.role_arn {
                input["role_arn"] = role.as_str().into();
            }
            return Ok(Source::Stored(input));
        }
        if let Some(uri) = &self.gcs_uri {
            return Ok(Source::Stored(json!({"gcs_uri": uri})));
        }
        let urls = self.sources.iter().filter(|source| is_url(source)).count();
        match (self.sources.as_slice(), urls) {
            ([file], 0) => Ok(Source::File(file)),
            (sources, urls) if urls == sources.len() => Ok(Source::Urls(sources)),
            _ => Err(CliError::Usage(
                "the arguments are URLs (http:// or https://), or one file with them".to_owned(),
            )),
        }
    }

    async fn uploaded(&self, client: &Client, file: &str) -> Result<Value, CliError> {
        let reply = list_file::send(client, file, self.input_format, self.on_invalid).await?;
        Ok(json!({"upload_id": reply.upload_id}))
    }

    fn members(&self) -> Result<Map<String, Value>, CliError> {
        let mut body = Map::new();
        let mut defaults = self.request.members()?;
        if self.warc
            && let Some(Value::Array(formats)) = defaults.get_mut("formats")
        {
            formats.push(WARC.into());
        }
        body.insert("defaults".to_owned(), defaults.into());
        self.output.add_to(&mut body);
        if let Some(concurrency) = self.concurrency {
            body.insert("concurrency".to_owned(), concurrency.into());
        }
        for (name, value) in [("name", &self.name), ("webhook", &self.webhook)] {
            if let Some(value) = value {
                body.insert(name.to_owned(), value.as_str().into());
            }
        }
        Ok(body)
    }
}

fn is_url(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https"))
}
