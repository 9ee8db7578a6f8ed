//! PDFs are read in a process of their own: this binary again, which is told the bytes, gives back the text, and whose
//! end, whatever brings it about, ends nothing else.
//!
//! The parser is handed what strangers wrote. A panic can be caught, but a stack that overflows, memory that runs out and
//! a loop without end take a process with them. So the child bounds itself first ([`crate::cli`], `read-pdf`), and is
//! killed here when its time is over or whoever waits for it has gone. How many there are at once is bounded.
//!
//! Told: the document. Given back: one line of JSON, a [`PdfAnswer`].

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use pagewire_engine::{PdfFault, PdfReader};
use pagewire_extract::pdf::PdfText;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use crate::config::extract::Pdf as Settings;

/// The command that the child runs; it is not for people.
pub(crate) const COMMAND: &str = "read-pdf";
/// How long a document may wait for its turn, in multiples of the time that one may take.
const TURNS_WAITED_MAX: u32 = 3;
/// Bytes of an answer: text in JSON, with room for its escapes.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// What a child answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PdfAnswer {
    /// The text.
    Text(Box<PdfText>),
    /// Why there is none.
    Fault(String),
}

/// Starts the children.
#[derive(Debug)]
pub(crate) struct PdfChildren {
    program: PathBuf,
    settings: Settings,
    places: Semaphore,
}

impl PdfChildren {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { program: this_program(), settings, places: Semaphore::new(settings.at_once) }
    }

    async fn text_of(&self, body: Bytes) -> Result<PdfText, PdfFault> {
        let max = self.settings.bytes_max;
        if body.len() > max {
            return Err(PdfFault::TooLarge { bytes: body.len(), max });
        }
        let waited = self.settings.timeout * TURNS_WAITED_MAX;
        let _place = tokio::time::timeout(waited, self.places.acquire()).await.map_err(|_| PdfFault::Busy)?;
        let mut child = self.spawn().map_err(server_fault)?;
        let answer = tokio::time::timeout(self.settings.timeout, converse(&mut child, &body)).await;
        match answer {
            Ok(Ok((status, answer))) => judge(status, &answer),
            Ok(Err(error)) => Err(server_fault(error)),
            Err(_) => {
                // Killed and gone before its place is free: the bound on how many there are is one on memory.
                child.kill().await.map_err(server_fault)?;
                Err(PdfFault::TimedOut(self.settings.timeout))
            }
        }
    }

    /// Without the environment, in which secrets are.
    fn spawn(&self) -> std::io::Result<Child> {
        Command::new(&self.program)
            .arg(COMMAND)
            .args(["--memory-bytes", &self.settings.memory_bytes_max.to_string()])
            // A bound for a child whose parent was killed and can end it no more.
            .args(["--cpu-seconds", &(self.settings.timeout.as_secs() + 1).to_string()])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

impl PdfReader for PdfChildren {
    fn read(&self, body: Bytes) -> BoxFuture<'_, Result<PdfText, PdfFault>> {
        Box::pin(self.text_of(body))
    }
}

/// The file that is running, even when another has taken its name since.
fn this_program() -> PathBuf {
    let running = Path::new("/proc/self/exe");
    if running.exists() { running.to_owned() } else { std::env::current_exe().unwrap_or_default() }
}

/// Says the document, hears the answer, and waits for the end.
async fn converse(child: &mut Child, body: &[u8]) -> std::io::Result<(ExitStatus, Vec<u8>)> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let tell = async {
        if let Some(mut stdin) = stdin {
            // A child that has ended hears no more, and its status says why.
            let _ = stdin.write_all(body).await;
        }
    };
    let hear = async {
        let mut answer = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
        }
        std::io::Result::Ok(answer)
    };
    let ((), answer) = tokio::join!(tell, hear);
    Ok((child.wait().await?, answer?))
}

fn judge(status: ExitStatus, answer: &[u8]) -> Result<PdfText, PdfFault> {
    if !status.success() {
        tracing::debug!(%status, "a child that read a PDF came to its end");
        return Err(PdfFault::Unreadable(
            "it needs more memory or time than one may have, or breaks what reads it".to_owned(),
        ));
    }
    match serde_json::from_slice(answer) {
        Ok(PdfAnswer::Text(text)) => Ok(*text),
        Ok(PdfAnswer::Fault(fault)) => Err(PdfFault::Unreadable(fault)),
        Err(_) => Err(PdfFault::Unreadable("what was read of it is more than one may have".to_owned())),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn server_fault(error: std::io::Error) -> PdfFault {
    tracing::error!(%error, "a PDF could not be handed to a process of its own");
    PdfFault::Server("no process could be had for it".to_owned())
}
