//! The list that a provider would give at once, for callers to take without a lock: one atomic instruction to take a reference to
//! it, one to give it back. They are what such a call costs.
//!
//! So that taking one needs no look at the list, which might just be freed, references are counted in advance: the place where
//! the list lies says how many of them are left, in the low bits of its pointer.

use std::mem::align_of;
use std::ops::Deref;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};

use crate::shown::Shelf;
use crate::snapshot::Snapshot;

/// A list as callers hold it. Its alignment leaves room in pointers to it.
#[repr(align(256))]
pub(super) struct List {
    pub(super) snapshot: Arc<Snapshot>,
    /// Who put it on the shelf.
    owner: u32,
    /// One for each caller that holds it; for the shelf, one and those that are counted in advance.
    references: AtomicUsize,
}

/// How many references are counted in advance.
const AHEAD: usize = align_of::<List>() - 1;

impl List {
    fn boxed(snapshot: Arc<Snapshot>, owner: u32, references: usize) -> *mut Self {
        Box::into_raw(Box::new(Self { snapshot, owner, references: AtomicUsize::new(references) }))
    }

    /// Gives references back.
    ///
    /// # Safety
    /// The caller has so many references to `list`, and does not use them any more.
    unsafe fn release(list: *mut Self, references: usize) {
        // SAFETY: it lives as long as somebody has a reference.
        let count = unsafe { &(*list).references };
        if count.fetch_sub(references, Release) == references {
            // What the others did with it comes before its end. A fence would do, but ThreadSanitizer knows of none.
            count.load(Acquire);
            // SAFETY: `boxed` made it, and nobody has a reference any more.
            drop(unsafe { Box::from_raw(list) });
        }
    }
}

/// A reference to a list.
pub(super) struct Held(*mut List);

impl Held {
    /// To a list that nobody else has.
    pub(super) fn new(snapshot: Arc<Snapshot>) -> Self {
        Self(List::boxed(snapshot, 0, 1))
    }

    pub(super) fn into_raw(self) -> *mut List {
        std::mem::ManuallyDrop::new(self).0
    }

    /// # Safety
    /// `list` came from `into_raw`, which is undone here.
    pub(super) unsafe fn from_raw(list: *mut List) -> Self {
        Self(list)
    }
}

impl Deref for Held {
    type Target = List;

    fn deref(&self) -> &List {
        // SAFETY: it lives as long as somebody has a reference.
        unsafe { &*self.0 }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and ends here.
        unsafe { List::release(self.0, 1) };
    }
}

/// Where a list lies, or nothing.
#[derive(Debug, Default)]
pub(super) struct Ready {
    /// The list, and in the low bits how many references are left.
    place: AtomicPtr<List>,
    /// Held by whoever puts something there.
    filling: Mutex<()>,
}

fn parts(place: *mut List) -> (*mut List, usize) {
    (place.map_addr(|address| address & !AHEAD), place.addr() & AHEAD)
}

fn with(list: *mut List, left: usize) -> *mut List {
    list.map_addr(|address| address | left)
}

impl Ready {
    /// Takes a reference to the list, if there is one and this owner has put it there.
    pub(super) fn take(&self, owner: u32) -> Option<Held> {
        let mut place = self.place.load(Relaxed);
        let list = loop {
            let (list, left) = parts(place);
            if left == 0 {
                return None;
            }
            match self.place.compare_exchange_weak(place, with(list, left - 1), Acquire, Relaxed) {
                Ok(_) => break list,
                Err(now) => place = now,
            }
        };
        // One of the references that were left is ours now.
        Some(Held(list)).filter(|list| list.owner == owner)
    }

    /// Replaces what lies there; `filling` is held.
    fn swap(&self, new: *mut List) {
        let (old, left) = parts(self.place.swap(new, AcqRel));
        if !old.is_null() {
            // SAFETY: those that were left, and the shelf's own, are nobody's any more.
            unsafe { List::release(old, left + 1) };
        }
    }

    /// Counts references in advance again; `filling` is held, so that the list stays.
    fn fill(&self, list: *mut List) {
        // SAFETY: the shelf has a reference of its own.
        let references = unsafe { &(*list).references };
        references.fetch_add(AHEAD, Relaxed);
        let left = self.place.fetch_update(Release, Relaxed, |_| Some(with(list, AHEAD))).map_or(0, |was| parts(was).1);
        // They were counted before.
        references.fetch_sub(left, Relaxed);
    }
}

impl Shelf for Ready {
    fn put(&self, owner: u32, snapshot: Option<&Arc<Snapshot>>) {
        let _only = self.filling.lock().unwrap_or_else(PoisonError::into_inner);
        let (list, left) = parts(self.place.load(Acquire));
        // SAFETY: it stays as long as `filling` is held.
        let own = unsafe { list.as_ref() }.filter(|list| list.owner == owner);
        let Some(snapshot) = snapshot else {
            return if own.is_some() {
                self.swap(std::ptr::null_mut())
            };
        };
        let same = own.is_some_and(|list| Arc::ptr_eq(&list.snapshot, snapshot));
        if !same {
            self.swap(with(List::boxed(snapshot.clone(), owner, AHEAD + 1), AHEAD));
        } else if left < AHEAD {
            self.fill(list);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::View;
    use crate::verdict::tests::rules;
    use std::thread;

    fn snapshot(generation: u64) -> Arc<Snapshot> {
        Arc::new(Snapshot::new(generation, View::of([].iter(), &rules("me")).into()))
    }

    fn take(ready: &Ready, owner: u32) -> Option<u64> {
        ready.take(owner).map(|list| list.snapshot.generation())
    }

    #[test]
    fn only_the_owner_gets_it_until_something_else_is_put_there() {
        let (ready, first, second) = (Ready::default(), snapshot(1), snapshot(2));
        assert_eq!(take(&ready, 7), None);
        ready.put(7, Some(&first));
        assert_eq!((take(&ready, 7), take(&ready, 8)), (Some(1), None));
        ready.put(8, Some(&second));
        assert_eq!((take(&ready, 7), take(&ready, 8)), (None, Some(2)));
        ready.put(8, None);
        assert_eq!(take(&ready, 8), None);
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 1));
    }

    #[test]
    fn references_that_were_taken_outlast_the_shelf_and_are_counted_anew() {
        let (ready, snapshot) = (Ready::default(), snapshot(1));
        ready.put(1, Some(&snapshot));
        let mut taken: Vec<_> = (0..AHEAD).map(|_| ready.take(1).unwrap()).collect();
        assert!(ready.take(1).is_none());
        ready.put(1, Some(&snapshot));
        taken.extend((0..AHEAD / 2).map(|_| ready.take(1).unwrap()));
        ready.put(1, Some(&snapshot));
        taken.extend((0..AHEAD).map(|_| ready.take(1).unwrap()));
        assert!(ready.take(1).is_none() && Arc::strong_count(&snapshot) == 2);
        ready.put(1, None);
        for list in taken {
            assert_eq!(Arc::strong_count(&snapshot), 2);
            drop(list);
        }
        assert_eq!(Arc::strong_count(&snapshot), 1);
    }

    #[test]
    fn what_an_earlier_owner_takes_away_late_is_only_its_own() {
        let (ready, present) = (Ready::default(), snapshot(7));
        ready.put(2, Some(&present));
        ready.put(1, None);
        assert_eq!(take(&ready, 2), Some(7));
        ready.put(2, None);
        assert_eq!((take(&ready, 2), Arc::strong_count(&present)), (None, 1));
    }

    #[test]
    fn whoever_has_seen_a_generation_gets_no_older_list() {
        use crate::shown::Shown;
        use std::sync::atomic::{AtomicBool, AtomicU64};
        static PLACE: AtomicU64 = AtomicU64::new(0);
        static READY: std::sync::LazyLock<Ready> = std::sync::LazyLock::new(Ready::default);
        let shown = Shown::new(&PLACE, Some(&*READY), 1);
        let snapshots: Vec<_> = (1..if cfg!(miri) { 50 } else { 50_000 }).map(snapshot).collect();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                snapshots.iter().for_each(|snapshot| shown.show(Some(snapshot)));
                over.store(true, Relaxed);
            });
            while !over.load(Relaxed) {
                let generation = shown.see();
                assert!(take(&READY, 1).is_none_or(|list| list >= generation));
            }
        });
        shown.show(None);
        assert!(take(&READY, 1).is_none() && shown.see() == 0);
    }

    /// For Miri and ThreadSanitizer above all.
    #[test]
    fn from_many_threads_at_once() {
        let rounds = if cfg!(miri) { 40 } else { 20_000 };
        let ready = Ready::default();
        let snapshots = [snapshot(1), snapshot(2)];
        thread::scope(|scope| {
            for owner in [1, 2] {
                let (ready, snapshots) = (&ready, &snapshots);
                scope.spawn(move || {
                    for round in 0..rounds {
                        ready.put(owner, (round % 5 > 0).then_some(&snapshots[owner as usize - 1]));
                    }
                });
                scope.spawn(move || {
                    (0..rounds * 4).for_each(|_| assert!(take(ready, owner).is_none_or(|it| it == u64::from(owner))));
                });
            }
        });
        ready.put(1, None);
        ready.put(2, None);
        assert!(snapshots.iter().all(|snapshot| Arc::strong_count(snapshot) == 1));
    }
}
