//! What the watcher does, in words: for whoever asks for it. It waits to be fetched, or goes to a callback.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
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

/// Where records go.
pub type Callback = Box<dyn Fn(&Record) + Send>;

/// The records of one provider.
#[derive(Default)]
pub struct Log {
    /// `None` for no records at all.
    level: Option<Level>,
    records: Mutex<Records>,
    /// Locked while it is called: once it was replaced, it is not running any more.
    callback: Mutex<Option<Callback>>,
}

#[derive(Debug, Default)]
struct Records {
    waiting: VecDeque<Record>,
    lost: u64,
}

thread_local! {
    static IN_CALLBACK: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is in a callback, and so must not wait for the watcher: it may be the watcher's.
pub fn in_callback() -> bool {
    IN_CALLBACK.get()
}

/// In a child process: a callback that forked is the parent's.
pub fn forget_callback() {
    IN_CALLBACK.set(false);
}

impl Log {
    /// Takes records that matter so much or more.
    pub fn new(level: Option<Level>) -> Self {
        Self { level, ..Self::default() }
    }

    /// Records something. It does not leave this place yet: the caller may have locks.
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
            let message = format!("{lost} records were lost: nobody fetched them in time");
            return Some(Record { level: Level::Warn, at: SystemTime::now(), message });
        }
        records.waiting.pop_front()
    }

    /// Whether records wait.
    pub fn is_waiting(&self) -> bool {
        self.level.is_some() && !self.records().waiting.is_empty()
    }

    /// Gives the records to the callback, if there is one. Without any lock that a call of the library needs.
    pub fn deliver(&self) {
        if self.level.is_none() {
            return;
        }
        if let Some(callback) = &*self.callback() {
            while let Some(record) = self.next() {
                IN_CALLBACK.set(true);
                callback(&record);
                IN_CALLBACK.set(false);
            }
        }
    }

    /// From now on records go there. The one before is not running any more.
    pub fn set_callback(&self, callback: Option<Callback>) {
        *self.callback() = callback;
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn callback(&self) -> MutexGuard<'_, Option<Callback>> {
        self.callback.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("level", &self.level).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

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

    #[test]
    fn a_callback_gets_what_waits_and_knows_where_it_is() {
        let log = Arc::new(Log::new(Some(Level::Info)));
        let told = Arc::new(Mutex::new(Vec::new()));
        log.write(Level::Info, || "early".into());
        log.deliver();
        let (here, again) = (told.clone(), log.clone());
        log.set_callback(Some(Box::new(move |record| {
            // It may fetch records itself.
            assert!(in_callback() && again.next().is_none());
            here.lock().unwrap().push(record.message.clone());
        })));
        log.deliver();
        assert!(!in_callback());
        log.set_callback(None);
        log.write(Level::Info, || "late".into());
        log.deliver();
        assert_eq!(*told.lock().unwrap(), ["early"]);
        assert_eq!(fetched(&log), [(Level::Info, "late".into())]);
    }
}
