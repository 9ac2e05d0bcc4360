//! The exit statuses.

use kubepeers::cli::{Error, Status};

pub const SUCCESS: u8 = 0;
pub const FAILURE: u8 = 1;
pub const USAGE: u8 = 2;
pub const NO_RESULT_YET: u8 = 3;
pub const INTERRUPTED: u8 = 130;
pub const TERMINATED: u8 = 143;

/// For the help.
pub const EXPLAINED: &str = "\
Exit status:
  0    success. For `peers`, the list is certain, even if it is empty. For
       `doctor`, there may be warnings
  1    an error that waiting does not fix. For `doctor`, any step is wrong
  2    wrong usage, or a configuration that is invalid or incomplete
  3    no result yet, but there may be one later; stderr says why
  130  interrupted (Ctrl-C)
  143  terminated (SIGTERM)";

/// Returns whether the command line, or a variable, has to change.
pub fn is_misconfigured(error: &Error) -> bool {
    matches!(
        error.status(),
        Status::InvalidConfig | Status::UnknownKey | Status::InvalidUtf8 | Status::InvalidArgument
    )
}

/// Returns the exit status for an error of the library.
pub fn status(error: &Error) -> u8 {
    if is_misconfigured(error) {
        USAGE
    } else if error.is_retryable() {
        NO_RESULT_YET
    } else {
        FAILURE
    }
}
