//! Log records, which wait until the host fetches them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// How many records wait; of more, the oldest are lost.
const MOST: usize = 256;

/// How much a record matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Level {
    Error = 1,
    Warn,
    Info,
    Debug,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Record {
    pub level: Level,
    pub at: SystemTime,
    pub message: String,
}

/// The records of one provider.
#[derive(Debug, Default)]
pub struct Log {
    /// `None` for no records at all.
    level: Option<Level>,
    records: Mutex<Records>,
}

#[derive(Debug, Default)]
struct Records {
    waiting: VecDeque<Record>,
    lost: u64,
}

impl Log {
    /// Takes records that matter so much or more.
    pub fn new(level: Option<Level>) -> Self {
        Self { level, ..Self::default() }
    }

    /// Records something if it matters enough.
    pub fn write(&self, level: Level, message: impl FnOnce() -> String) {
        if self.level.is_none_or(|most| level > most) {
            return;
        }
        let record = Record { level, at: SystemTime::now(), message: message() };
        let mut records = self.records();
        records.waiting.push_back(record);
        if records.waiting.len() > MOST {
            records.waiting.pop_front();
            records.lost += 1;
        }
    }

    /// The oldest record that waits.
    pub fn next(&self) -> Option<Record> {
        let mut records = self.records();
        let lost = std::mem::take(&mut records.lost);
        if lost > 0 {
            let message = format!("{lost} records were lost because the host did not fetch them in time");
            return Some(Record { level: Level::Warn, at: SystemTime::now(), message });
        }
        records.waiting.pop_front()
    }

    /// Whether records wait.
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

    fn fetched(log: &Log) -> Vec<(Level, String)> {
        std::iter::from_fn(|| log.next()).map(|record| (record.level, record.message)).collect()
    }

    #[test]
    fn only_what_matters_enough_is_recorded() {
        let log = Log::new(Some(Level::Warn));
        for level in [Level::Debug, Level::Error, Level::Info, Level::Warn] {
            log.write(level, || format!("{level:?}"));
        }
        assert!(log.is_waiting());
        assert_eq!(fetched(&log), [(Level::Error, "Error".into()), (Level::Warn, "Warn".into())]);
        assert!(!log.is_waiting());
        let off = Log::new(None);
        off.write(Level::Error, || unreachable!());
        assert!(!off.is_waiting() && off.next().is_none());
    }

    #[test]
    fn of_too_many_the_oldest_are_lost_and_that_is_told() {
        let log = Log::new(Some(Level::Info));
        (0..MOST + 7).for_each(|i| log.write(Level::Info, || i.to_string()));
        let records = fetched(&log);
        assert_eq!(records.len(), MOST + 1);
        assert!(records[0].1.starts_with("7 records were lost") && records[1].1 == "7", "{records:?}");
    }
}
