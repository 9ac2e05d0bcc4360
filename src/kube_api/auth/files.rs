//! Files with credentials: small, regular, and read without surprises.

use std::io;
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

/// Reading another thing than a regular file might never begin or never end.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(io::Error::other(format!("not a file of at most {LARGEST} bytes")));
    }
    std::fs::read(path)
}

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
}
