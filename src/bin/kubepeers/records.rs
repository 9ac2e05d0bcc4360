//! Prints log records to stderr.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use kubepeers::cli::{LogLevel, Provider, Record, printable};

/// How often the thread fetches records.
const INTERVAL: Duration = Duration::from_millis(50);

/// The thread that prints the records of a provider. Dropping it prints those that are left.
pub struct Records {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Records {
    pub fn print(provider: Arc<Provider>) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("records".into()).spawn(move || {
            let mut is_running = true;
            while is_running {
                is_running = stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout);
                while let Some(record) = provider.log().next() {
                    let _ = io::stderr().write_all(line(&record).as_bytes());
                }
            }
        });
        Self { stop: Some(stop), thread: thread.ok() }
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn line(record: &Record) -> String {
    let at = Timestamp::try_from(record.at).unwrap_or(Timestamp::UNIX_EPOCH);
    let level = match record.level {
        LogLevel::Error => "ERROR",
        LogLevel::Warn => "WARNING",
        LogLevel::Info => "INFO",
        LogLevel::Debug => "DEBUG",
    };
    format!("{at:.3} {level} {}\n", printable(&record.message))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn line_has_no_control_characters() {
        let message = "the server sent \u{1b}[2J\n\u{202e}".to_owned();
        let record = Record { level: LogLevel::Warn, at: SystemTime::UNIX_EPOCH, message };
        assert_eq!(line(&record), "1970-01-01T00:00:00.000Z WARNING the server sent  [2J  \n");
    }
}
