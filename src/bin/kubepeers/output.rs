//! stdout and stderr, which may be closed or full, and which may be terminals.

use std::io::{self, IsTerminal, Write};

use kubepeers::cli::{Error, printable};

use crate::exit;
use crate::stdout::was_closed;
use crate::text::wrapped;

/// Fails if the process was started without stdout.
pub fn require_stdout() -> io::Result<()> {
    if was_closed() { Err(io::Error::other("stdout is closed")) } else { Ok(()) }
}

/// Prints a text that ends with a newline.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Prints an error to stderr. It may contain what a server has sent.
pub fn complain(message: &str) {
    let mut text = String::new();
    for line in format!("kubepeers: {message}").lines() {
        let line = printable(line);
        let lines = if is_terminal(Stream::Stderr) {
            wrapped(&line, terminal_size(Stream::Stderr).0)
        } else {
            vec![line.into_owned()]
        };
        lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    }
    // Without stderr, the exit status has to do.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Returns an error for programs. The status is NOT_SYNCED whatever keeps the pods from being read:
/// the cause tells which error it is.
pub fn json_error(error: &Error, cause: Option<&str>, message: &str) -> String {
    let error = serde_json::json!({
        "status": error.status().name(),
        "cause": cause,
        "retryable": error.is_retryable(),
        "http_status": error.http_status(),
        "message": message,
    });
    format!("{}\n", serde_json::json!({ "error": error }))
}

/// Reports that stdout cannot be written, and returns the exit status. If its reader is gone, the
/// process ends as if by SIGPIPE, without a message.
pub fn failed(error: &io::Error) -> u8 {
    if error.kind() == io::ErrorKind::BrokenPipe {
        let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGPIPE);
    }
    let why = error.to_string();
    let why = why.split(" (os error").next().unwrap_or_default();
    complain(&format!("cannot write the output: {why}"));
    exit::FAILURE
}

/// stdout or stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Prints a text to stderr that contains no control characters of others.
pub fn print_to_stderr(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Returns whether a stream is a terminal that can do more than print lines.
pub fn is_terminal(stream: Stream) -> bool {
    let is_terminal = match stream {
        Stream::Stdout => io::stdout().is_terminal(),
        Stream::Stderr => io::stderr().is_terminal(),
    };
    is_terminal && std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// Returns whether a stream may show colors. <https://no-color.org>
pub fn has_colors(stream: Stream) -> bool {
    is_terminal(stream) && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Returns the columns and lines of a terminal.
pub fn terminal_size(stream: Stream) -> (usize, usize) {
    let size = match stream {
        Stream::Stdout => rustix::termios::tcgetwinsize(rustix::stdio::stdout()),
        Stream::Stderr => rustix::termios::tcgetwinsize(rustix::stdio::stderr()),
    };
    match size {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    }
}
