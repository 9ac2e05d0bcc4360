//! Which answer would be given at once, where it can be read, and taken, without a lock.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::snapshot::Snapshot;

/// Where the answer lies ready.
pub trait Shelf: Debug + Sync {
    /// Puts it there, marked with a tag, instead of what was there; `None` takes away only what has this tag.
    fn put(&self, tag: u32, answer: Option<&Arc<Snapshot>>);
}

/// Places that providers use one after the other, told apart by a tag: what an earlier one writes late is not taken for the
/// present one's.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    generation: &'static AtomicU64,
    shelf: Option<&'static dyn Shelf>,
    tag: u32,
}

impl Default for Shown {
    /// Where nobody looks.
    fn default() -> Self {
        static NOWHERE: AtomicU64 = AtomicU64::new(0);
        Self::new(&NOWHERE, None, 0)
    }
}

impl Shown {
    /// In these places, with this tag.
    pub fn new(generation: &'static AtomicU64, shelf: Option<&'static dyn Shelf>, tag: u32) -> Self {
        Self { generation, shelf, tag }
    }

    /// Shows the answer; `None` if a caller would have to wait, or there is an error.
    pub fn show(&self, answer: Option<&Arc<Snapshot>>) {
        // One too large to be shown costs speed only. It would take a change a second for a hundred years.
        let generation = answer.and_then(|answer| u32::try_from(answer.generation()).ok()).unwrap_or(0);
        if generation == 0 {
            self.hide();
        }
        if let Some(shelf) = self.shelf {
            shelf.put(self.tag, answer);
        }
        // Last: whoever has seen it gets that answer or a later one.
        if generation > 0 {
            self.generation.store(u64::from(self.tag) << 32 | u64::from(generation), Ordering::Release);
        }
    }

    /// Another one's generation stays.
    fn hide(&self) {
        let hidden = u64::from(self.tag) << 32;
        let own = |shown| (shown >> 32 == u64::from(self.tag)).then_some(hidden);
        let _ = self.generation.fetch_update(Ordering::Release, Ordering::Relaxed, own);
    }

    /// The generation that is shown; 0 for none.
    pub fn see(&self) -> u64 {
        let shown = self.generation.load(Ordering::Acquire);
        if shown >> 32 == u64::from(self.tag) { shown & u64::from(u32::MAX) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::View;
    use crate::verdict::tests::rules;

    #[test]
    fn the_place_is_the_last_ones_who_showed_something() {
        static PLACE: AtomicU64 = AtomicU64::new(0);
        let answer = |generation| Arc::new(Snapshot::new(generation, View::of([].iter(), &rules("me")).into()));
        let (first, second) = (Shown::new(&PLACE, None, 1), Shown::new(&PLACE, None, 2));
        assert_eq!((first.see(), second.see()), (0, 0));
        first.show(Some(&answer(7)));
        assert_eq!((first.see(), second.see()), (7, 0));
        second.show(Some(&answer(u64::from(u32::MAX))));
        assert_eq!((first.see(), second.see()), (0, u64::from(u32::MAX)));
        // What an earlier one hides late is its own.
        first.show(None);
        assert_eq!(second.see(), u64::from(u32::MAX));
        for hidden in [None, Some(&answer(1 << 32))] {
            second.show(Some(&answer(8)));
            second.show(hidden);
            assert_eq!((first.see(), second.see()), (0, 0));
        }
    }
}
