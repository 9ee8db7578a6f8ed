//! The keys that links to files are signed with: a file in the data directory, made at the first start, readable by its
//! owner alone. A line before the others is a new key; the others go on verifying until they are taken out.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use pagewire_store::blob::signed::{KeyRing, KeyRingError};

const FILE: &str = "link-keys";
const SECRET_BYTES: usize = 32;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkKeyError {
    #[error("the keys of download links cannot be read or made in {}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the keys of download links in {} are damaged: {why}", path.display())]
    Damaged { path: PathBuf, why: &'static str },
    #[error("the keys of download links in {} cannot be used", path.display())]
    Ring { path: PathBuf, source: KeyRingError },
}

/// Reads the keys, or makes the first.
pub(crate) fn open(data_dir: &Path) -> Result<KeyRing, LinkKeyError> {
    let path = data_dir.join(FILE);
    let fault = |source| LinkKeyError::File { path: path.clone(), source };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let line = new_key().map_err(fault)?;
            store(&path, &line).map_err(fault)?;
            line
        }
        Err(error) => return Err(fault(error)),
    };
    let mut secrets = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let damaged = |why| LinkKeyError::Damaged { path: path.clone(), why };
        let (id, secret) =
            line.trim().split_once(' ').ok_or_else(|| damaged("a line is not an id and a secret"))?;
        secrets
            .push((id.to_owned(), from_hex(secret).ok_or_else(|| damaged("a secret is not hexadecimal"))?));
    }
    let secrets: Vec<(&str, &[u8])> =
        secrets.iter().map(|(id, secret)| (id.as_str(), secret.as_slice())).collect();
    KeyRing::new(&secrets).map_err(|source| LinkKeyError::Ring { path: path.clone(), source })
}

fn new_key() -> io::Result<String> {
    let mut secret = [0; SECRET_BYTES];
    SystemRandom::new()
        .fill(&mut secret)
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let digits: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("k1 {digits}\n"))
}

/// Whole or not at all, and durable.
fn store(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file =
        OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)
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
    fn keys_are_made_once_and_for_their_owner_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        open(dir.path()).expect("made");
        let path = dir.path().join(FILE);
        let made = std::fs::read_to_string(&path).expect("there");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        open(dir.path()).expect("read");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), made);
    }

    #[test]
    fn a_damaged_file_is_told_and_not_replaced() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join(FILE), "k1 xyz\n").expect("written");
        let error = open(dir.path()).expect_err("damaged");
        assert!(error.to_string().contains("hexadecimal"), "{error}");
    }
}
