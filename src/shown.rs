//! Which answer would be given at once, where it can be read without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// A place that providers use one after the other, told apart by a tag: what an earlier one writes late is not taken for the
/// present one's.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    place: &'static AtomicU64,
    tag: u32,
}

impl Shown {
    /// In this place, with this tag.
    pub fn new(place: &'static AtomicU64, tag: u32) -> Self {
        Self { place, tag }
    }

    /// Where nobody looks.
    pub fn nowhere() -> Self {
        static NOWHERE: AtomicU64 = AtomicU64::new(0);
        Self::new(&NOWHERE, 0)
    }

    /// Shows the generation of the answer; `None` if a caller would have to wait, or there is an error.
    pub fn show(&self, generation: Option<u64>) {
        // One too large to be shown costs speed only. It would take a change a second for a hundred years.
        let generation = generation.and_then(|generation| u32::try_from(generation).ok()).unwrap_or(0);
        self.place.store(u64::from(self.tag) << 32 | u64::from(generation), Ordering::Release);
    }

    /// What is shown; 0 for none.
    pub fn see(&self) -> u64 {
        let shown = self.place.load(Ordering::Acquire);
        if shown >> 32 == u64::from(self.tag) { shown & u64::from(u32::MAX) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_the_last_ones_who_showed_something() {
        static PLACE: AtomicU64 = AtomicU64::new(0);
        let (first, second) = (Shown::new(&PLACE, 1), Shown::new(&PLACE, 2));
        assert_eq!((first.see(), second.see()), (0, 0));
        first.show(Some(7));
        assert_eq!((first.see(), second.see()), (7, 0));
        second.show(Some(u64::from(u32::MAX)));
        assert_eq!((first.see(), second.see()), (0, u64::from(u32::MAX)));
        for hidden in [None, Some(1 << 32)] {
            second.show(hidden);
            assert_eq!((first.see(), second.see()), (0, 0));
        }
    }
}
