//! The log records of a provider, until the host fetches them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::config::LogLevel;

/// How many records are kept. If there are more, the oldest are dropped.
const CAPACITY: usize = 256;

/// A log record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Record {
    pub level: LogLevel,
    pub at: SystemTime,
    pub message: String,
}

/// The records of one provider.
#[derive(Debug, Default)]
pub struct Log {
    /// `None` keeps no records.
    level: Option<LogLevel>,
    records: Mutex<Records>,
}

#[derive(Debug, Default)]
struct Records {
    waiting: VecDeque<Record>,
    lost: u64,
}

impl Log {
    /// Creates a log that keeps records up to this level. With `None` it keeps no records.
    pub fn new(level: Option<LogLevel>) -> Self {
        Self { level, ..Self::default() }
    }

    /// Writes a record, unless its level is too verbose.
    pub fn write(&self, level: LogLevel, message: impl FnOnce() -> String) {
        if self.level.is_none_or(|most| level > most) {
            return;
        }
        let record = Record { level, at: SystemTime::now(), message: message() };
        let mut records = self.records();
        records.waiting.push_back(record);
        if records.waiting.len() > CAPACITY {
            records.waiting.pop_front();
            records.lost += 1;
        }
    }

    /// Returns the oldest record and removes it. If records were lost, the first record reports
    /// that.
    pub fn next(&self) -> Option<Record> {
        let mut records = self.records();
        let lost = std::mem::take(&mut records.lost);
        if lost > 0 {
            let message =
                format!("{lost} records were lost because the host did not fetch them in time");
            return Some(Record { level: LogLevel::Warn, at: SystemTime::now(), message });
        }
        records.waiting.pop_front()
    }

    /// Returns whether there are records.
    pub fn is_waiting(&self) -> bool {
        self.level.is_some() && !self.records().waiting.is_empty()
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(log: &Log) -> Vec<(LogLevel, String)> {
        std::iter::from_fn(|| log.next()).map(|record| (record.level, record.message)).collect()
    }

    #[test]
    fn records_above_the_level_are_not_kept() {
        let log = Log::new(Some(LogLevel::Warn));
        for level in [LogLevel::Debug, LogLevel::Error, LogLevel::Info, LogLevel::Warn] {
            log.write(level, || format!("{level:?}"));
        }
        assert!(log.is_waiting());
        assert_eq!(
            fetched(&log),
            [(LogLevel::Error, "Error".into()), (LogLevel::Warn, "Warn".into())]
        );
        assert!(!log.is_waiting());
        let off = Log::new(None);
        off.write(LogLevel::Error, || unreachable!());
        assert!(!off.is_waiting() && off.next().is_none());
    }

    #[test]
    fn oldest_records_are_dropped_and_their_number_is_reported() {
        let log = Log::new(Some(LogLevel::Info));
        (0..CAPACITY + 7).for_each(|i| log.write(LogLevel::Info, || i.to_string()));
        let records = fetched(&log);
        assert_eq!(records.len(), CAPACITY + 1);
        assert!(
            records[0].1.starts_with("7 records were lost") && records[1].1 == "7",
            "{records:?}"
        );
    }
}
