//! Keys that the server makes for itself: files in the data directory, made at the first start, readable by their owner
//! alone. Each line is a key's name and its digits. A line before the others is a new key; the others go on verifying and
//! opening until they are taken out.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};

const KEY_BYTES: usize = 32;

/// What keys are for, and the file that they are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyFile {
    /// Signing links to files.
    Links,
    /// Sealing the secrets of webhooks.
    Webhooks,
    /// Checking the ids of live events.
    Cursors,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    #[error("the keys in {} cannot be read or made", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the keys in {} are damaged: {why}", path.display())]
    Damaged { path: PathBuf, why: &'static str },
}

/// The keys of a file, the newest first, each with its name.
pub(crate) struct Keys(Vec<(String, Vec<u8>)>);

impl Keys {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, key)| (name.as_str(), key.as_slice()))
    }
}

impl KeyFile {
    fn name(self) -> &'static str {
        match self {
            Self::Links => "link-keys",
            Self::Webhooks => "webhook-keys",
            Self::Cursors => "cursor-keys",
        }
    }

    /// Reads the keys, or makes the first.
    pub(crate) fn open(self, data_dir: &Path) -> Result<Keys, KeyFileError> {
        let path = data_dir.join(self.name());
        let fault = |source| KeyFileError::File { path: path.clone(), source };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let line = new_key().map_err(fault)?;
                store(&path, &line).map_err(fault)?;
                line
            }
            Err(error) => return Err(fault(error)),
        };
        let damaged = |why| KeyFileError::Damaged { path: path.clone(), why };
        let mut keys = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (name, digits) =
                line.trim().split_once(' ').ok_or_else(|| damaged("a line is not a name and a key"))?;
            let key = from_hex(digits).ok_or_else(|| damaged("a key is not hexadecimal"))?;
            keys.push((name.to_owned(), key));
        }
        if keys.is_empty() { Err(damaged("there is no key in it")) } else { Ok(Keys(keys)) }
    }
}

fn new_key() -> io::Result<String> {
    let mut key = [0; KEY_BYTES];
    SystemRandom::new().fill(&mut key).map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("k1 {digits}\n"))
}

/// Whole or not at all, and durable: what is sealed with a key that is lost never opens again.
fn store(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file =
        OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !digits {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keys_are_made_once_each_for_its_purpose_and_for_their_owner_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let read = |file: KeyFile| std::fs::read_to_string(dir.path().join(file.name())).expect("there");
        for file in [KeyFile::Links, KeyFile::Webhooks] {
            file.open(dir.path()).expect("made");
            let made = read(file);
            let mode = std::fs::metadata(dir.path().join(file.name())).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            file.open(dir.path()).expect("read");
            assert_eq!(read(file), made);
        }
        assert_ne!(read(KeyFile::Links), read(KeyFile::Webhooks));
    }

    #[test]
    fn a_damaged_file_is_told_and_not_replaced() {
        let dir = tempfile::tempdir().expect("a directory");
        for (text, why) in [("k1 xyz\n", "hexadecimal"), ("k1\n", "a name and a key"), ("\n", "no key")] {
            std::fs::write(dir.path().join("link-keys"), text).expect("written");
            let error = KeyFile::Links.open(dir.path()).map(drop).expect_err("damaged");
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
