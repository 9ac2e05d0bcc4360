//! Files with credentials: small, regular, and read without surprises.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::{Error, Result};
use crate::status::Status;

/// Tokens have about a kilobyte, bundles of CAs and kubeconfigs some hundred.
const LARGEST: u64 = 1 << 20;

/// Reads a file. If that fails, the message names `what` the file is and ends with `advice`.
pub(super) fn read(path: &Path, what: &str, advice: &str) -> Result<Vec<u8>> {
    read_regular(path).map_err(|e| {
        if matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM)) {
            return Error::new(Status::NoResources, format!("cannot read {}: {e}", path.display()));
        }
        no_credentials(format!("cannot read the {what} {}: {e}; {advice}", path.display()))
    })
}

/// Reading anything other than a regular file might never begin or never end. Some files of /proc
/// are regular, too, and have no end.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let unusable = || io::Error::other(format!("not a file of at most {LARGEST} bytes"));
    // Another process may replace the file meanwhile: what counts is the opened one.
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(unusable());
    }
    let mut content = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST { Err(unusable()) } else { Ok(content) }
}

/// Returns whether the files are those of another process.
pub(super) fn are_of_another_process() -> bool {
    #[cfg(feature = "cli")]
    return super::process::is_examined();
    #[cfg(not(feature = "cli"))]
    false
}

/// Opens a file. A FIFO without a writer does not block.
pub(super) fn open(path: &Path) -> io::Result<File> {
    #[cfg(feature = "cli")]
    if let Some(opened) = super::process::open_examined(path) {
        return opened;
    }
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

/// Returns a token without the space around it. Returns nothing if an HTTP header cannot carry it.
pub(super) fn token(text: &str) -> Option<String> {
    let token = text.trim();
    let is_word = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    is_word.then(|| token.to_owned())
}

/// What a token is, for messages.
pub(super) const NOT_A_TOKEN: &str = "is not a token: expected one word of printable ASCII";

/// Returns an error if there are no descriptors left. Some failures that this causes do not mention
/// it.
pub(super) fn no_descriptors() -> Option<Error> {
    let error = std::fs::File::open("/").err()?;
    let none = matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE));
    none.then(|| Error::new(Status::NoResources, format!("cannot open files: {error}")))
}

pub(super) fn no_credentials(message: String) -> Error {
    Error::new(Status::NoCredentials, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let large = folder.path().join("large");
        std::fs::File::create(&large).unwrap().set_len(LARGEST + 1).unwrap();
        for path in [folder.path(), Path::new("/dev/zero"), &large] {
            let error = read(path, "token", "fix it").unwrap_err();
            assert_eq!(error.status(), Status::NoCredentials);
            assert!(error.message().contains("not a file of at most"), "{error}");
        }
    }

    /// Its size is 0, and its content has no end that a reader reaches.
    #[test]
    fn endless_regular_file_is_an_error() {
        let endless = Path::new("/proc/self/pagemap");
        assert!(endless.metadata().is_ok_and(|metadata| metadata.is_file()));
        assert_eq!(read(endless, "token", "").unwrap_err().status(), Status::NoCredentials);
    }

    #[test]
    fn fifo_without_a_writer_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        // `read` checks the opened file, in case that another process replaces it.
        assert!(!open(&fifo).unwrap().metadata().unwrap().is_file());
    }
}
