//! `pagewire job download`: a job's files, each whole and as its maker's checksum says, or not at all.
//!
//! A file grows under a hidden name that bears its checksum, so that what an interrupted command left is taken up by
//! the next one and by nothing else; it gets its own name when every byte of it has been checked. Names come from the
//! server, and are looked at before anything is written.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest;
use indicatif::{ProgressBar, ProgressStyle};
use pagewire_client::Client;
use pagewire_types::{JobFile, JobReply};
use rustix::fs::OFlags;

use super::super::{CliError, output, remote};
use super::JobEnd;

/// Between two questions for files that are being made; the server lets the answer wait for them too.
const PENDING_PAUSE: Duration = Duration::from_millis(500);
/// Bytes of a name that leave room for what a hidden name has more.
const NAME_BYTES_MAX: usize = 200;

/// Arguments of `job download`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each file is checked against its SHA-256 and gets its name only when it is whole; an interrupted download is taken up
where it stopped when the command is run again. A file that is there already stays if it is the same, and is an error
if it is another one. The paths stand on stdout, one a line. A cancelled job has files of what was done.

Examples:
  pagewire job download job_0198f3c2a5b07d1e8a3b5c7d9e0f1a2b
  pagewire job create shops.csv --wait && pagewire job download \"$JOB\" --dir results")]
pub(in super::super) struct Args {
    /// The job's id
    id: String,
    /// Where to; made if it is not there
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Replace files of these names that are others
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    remote: remote::Args,
}

/// Why a file was not fetched.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum DownloadError {
    #[error("the job is {0}; its files are there when it has ended")]
    NotEnded(String),
    #[error("the job has no files, or none any more")]
    NoFiles,
    #[error("the server calls a file {0:?}, which is no name to write under")]
    Name(String),
    #[error("the server names no checksum of {0}")]
    Checksum(String),
    #[error("{} is there and is another file; --force replaces it", .0.display())]
    Exists(PathBuf),
    #[error("{} is being written by another command", .0.display())]
    Busy(PathBuf),
    #[error("{0} is not what the job wrote: its SHA-256 is {1}")]
    Damaged(String, String),
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let client = args.remote.client()?;
    let files = files_of(reply_of(&client, &args.id).await?)?;
    fs::create_dir_all(&args.dir).map_err(CliError::io(format!("cannot make {}", args.dir.display())))?;
    for file in &files {
        let path = args.dir.join(&file.name);
        if !is_there(file, &path, args.force)? {
            fetch(&client, file, &args.dir, &path).await?;
        }
        output::line(path.into_os_string().into_encoded_bytes())?;
    }
    Ok(())
}

/// The job; one whose files are still being made is asked for again until they are there.
async fn reply_of(client: &Client, id: &str) -> Result<JobReply, CliError> {
    let mut reply = client.job(id).await?;
    if reply.files_pending {
        output::note("the files are being made");
    }
    while reply.files_pending {
        tokio::time::sleep(PENDING_PAUSE).await;
        reply = client.job(id).await?;
    }
    Ok(reply)
}

fn files_of(reply: JobReply) -> Result<Vec<JobFile>, CliError> {
    let JobReply { job, files, .. } = reply;
    if files.is_empty() {
        return Err(match (job.finished_at, job.status.as_ref()) {
            (None, status) => DownloadError::NotEnded(status.to_owned()).into(),
            (Some(_), "failed") => JobEnd::Failed(job.error).into(),
            (Some(_), _) => DownloadError::NoFiles.into(),
        });
    }
    let mut names = HashSet::new();
    for file in &files {
        if !is_plain_name(&file.name) || !names.insert(file.name.as_str()) {
            return Err(DownloadError::Name(file.name.clone()).into());
        }
        let is_digest = file.sha256.len() == 64 && file.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_digest {
            return Err(DownloadError::Checksum(file.name.clone()).into());
        }
    }
    Ok(files)
}

/// Whether a name is one of this directory, on any system, and hides nothing.
fn is_plain_name(name: &str) -> bool {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    let is_strange = |letter: char| letter.is_control() || "/\\:*?\"<>|".contains(letter);
    fits && !name.starts_with(['.', '-', ' ']) && !name.ends_with(['.', ' ']) && !name.contains(is_strange)
}

/// Whether the file need not be fetched.
fn is_there(file: &JobFile, path: &Path, force: bool) -> Result<bool, CliError> {
    let unreadable = || CliError::io(format!("cannot read {}", path.display()));
    let about = match fs::symlink_metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(unreadable()(error)),
    };
    if about.is_file() && about.len() == file.bytes {
        let mut sum = Sum::default();
        sum.read(&mut File::open(path).map_err(unreadable())?).map_err(unreadable())?;
        if sum.text().eq_ignore_ascii_case(&file.sha256) {
            return Ok(true);
        }
    }
    if force && !about.is_dir() { Ok(false) } else { Err(DownloadError::Exists(path.to_owned()).into()) }
}

async fn fetch(client: &Client, file: &JobFile, dir: &Path, path: &Path) -> Result<(), CliError> {
    let unfinished = dir.join(format!(".{}.{}.part", file.name, &file.sha256[..16]));
    let unwritable = || CliError::io(format!("cannot write {}", unfinished.display()));
    let mut part = Part::open(&unfinished)?;
    part.take_up(file.bytes).map_err(unwritable())?;
    let resumed = part.bytes > 0;
    let bar = progress_bar(file);
    let mut fetched = part.fill(client, file, &bar, &unwritable).await;
    if resumed
        && let Ok(sum) = &fetched
        && !sum.eq_ignore_ascii_case(&file.sha256)
    {
        // What an earlier command left was damaged. Once more, all of it.
        part.start_over().map_err(unwritable())?;
        fetched = part.fill(client, file, &bar, &unwritable).await;
    }
    bar.finish_and_clear();
    let sum = fetched?;
    if !sum.eq_ignore_ascii_case(&file.sha256) {
        fs::remove_file(&unfinished).map_err(unwritable())?;
        return Err(DownloadError::Damaged(file.name.clone(), sum).into());
    }
    part.file.sync_all().map_err(unwritable())?;
    fs::rename(&unfinished, path).map_err(unwritable())?;
    // So that the name, too, survives a power cut.
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(unwritable())
}

/// A file that is not whole yet. Locked, so that two commands do not write into one.
struct Part {
    file: File,
    /// Bytes that are written, and summed up.
    bytes: u64,
    sum: Sum,
}

impl Part {
    fn open(path: &Path) -> Result<Self, CliError> {
        let mut options = OpenOptions::new();
        // A link that somebody has put there leads elsewhere.
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(OFlags::NOFOLLOW.bits() as i32);
        let file = options.open(path).map_err(CliError::io(format!("cannot write {}", path.display())))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file, bytes: 0, sum: Sum::default() }),
            Err(TryLockError::WouldBlock) => Err(DownloadError::Busy(path.to_owned()).into()),
            Err(TryLockError::Error(error)) => {
                Err(CliError::io(format!("cannot lock {}", path.display()))(error))
            }
        }
    }

    /// Goes on behind what is there, unless that is too much.
    fn take_up(&mut self, bytes_max: u64) -> io::Result<()> {
        if self.file.metadata()?.len() > bytes_max {
            return self.start_over();
        }
        self.bytes = self.sum.read(&mut self.file)?;
        Ok(())
    }

    fn start_over(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        (self.bytes, self.sum) = (0, Sum::default());
        Ok(())
    }

    /// Fetches what is missing, and gives the checksum of all.
    async fn fill<W: FnOnce(io::Error) -> CliError>(
        &mut self,
        client: &Client,
        file: &JobFile,
        bar: &ProgressBar,
        unwritable: impl Fn() -> W,
    ) -> Result<String, CliError> {
        let mut download = client.download(&file.url, self.bytes, file.bytes);
        bar.set_position(self.bytes);
        while let Some(bytes) = download.next().await? {
            tokio::task::block_in_place(|| self.file.write_all(&bytes)).map_err(unwritable())?;
            self.sum.add(&bytes);
            self.bytes += bytes.len() as u64;
            bar.inc(bytes.len() as u64);
        }
        Ok(self.sum.text())
    }
}

/// A SHA-256 in the making.
struct Sum(digest::Context);

impl Default for Sum {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds what a file has from here to its end, and tells how many bytes that were.
    fn read(&mut self, file: &mut File) -> io::Result<u64> {
        let mut buffer = vec![0; 256 << 10];
        let mut total = 0;
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(total),
                read => {
                    self.add(&buffer[..read]);
                    total += read as u64;
                }
            }
        }
    }

    fn text(&self) -> String {
        let sum = self.0.clone().finish();
        sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn progress_bar(file: &JobFile) -> ProgressBar {
    const LOOK: &str = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    if !output::is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(LOOK).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(file.bytes).with_style(style).with_message(file.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_written_under() {
        for name in ["job_1.ndjson", "job_1-part-00001.ndjson.gz", "a"] {
            assert!(is_plain_name(name), "{name}");
        }
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        for name in [
            "", ".", "..", "../a", "/a", "a/b", "a\\b", "C:a", "a\u{0}b", "a\nb", ".bashrc", "-rf", "a ",
            "a.", "\u{85}", &long,
        ] {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }
}
