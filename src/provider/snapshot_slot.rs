//! The snapshot that a provider returns at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use crate::discovery::snapshot::Snapshot;

/// Holds the snapshot of one provider at a time, its owner. Each owner has a number. A reader with
/// the number of an earlier owner gets no snapshot.
#[derive(Debug, Default)]
pub struct SnapshotSlot {
    /// `owner << 32 | generation`; read without the lock.
    generation: AtomicU64,
    /// Locked for a few instructions only: no snapshot is made or dropped meanwhile.
    stored: RwLock<Stored>,
}

#[derive(Debug, Default)]
struct Stored {
    /// The provider that may store here; 0 for none.
    owner: u32,
    snapshot: Option<Arc<Snapshot>>,
}

impl SnapshotSlot {
    /// Returns the generation of this owner's snapshot; 0 for none.
    pub fn generation(&self, owner: u32) -> u64 {
        let generation = self.generation.load(Ordering::Acquire);
        if generation >> 32 == u64::from(owner) { generation & u64::from(u32::MAX) } else { 0 }
    }

    /// Returns this owner's snapshot, if there is one.
    pub fn load(&self, owner: u32) -> Option<Arc<Snapshot>> {
        let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
        if stored.owner == owner { stored.snapshot.clone() } else { None }
    }

    /// Ends the ownership: the owner has no snapshot here, and can store none.
    pub fn end(&self, owner: u32) {
        self.replace(owner, Stored::default());
    }

    /// Does nothing unless `owner` is the owner.
    fn replace(&self, owner: u32, next: Stored) {
        let stored = self.lock();
        if stored.owner == owner {
            self.put(stored, next);
        }
    }

    fn put(&self, mut stored: RwLockWriteGuard<'_, Stored>, next: Stored) {
        let tagged = next.tagged_generation();
        let former = std::mem::replace(&mut *stored, next);
        self.generation.store(tagged, Ordering::Release);
        drop(stored);
        drop(former);
    }

    fn lock(&self) -> RwLockWriteGuard<'_, Stored> {
        self.stored.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stored {
    fn tagged_generation(&self) -> u64 {
        self.snapshot
            .as_ref()
            .map_or(0, |snapshot| u64::from(self.owner) << 32 | snapshot.generation())
    }
}

/// Stores the snapshots of one provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct SlotWriter {
    /// `None` if the provider has no slot.
    slot: Option<&'static SnapshotSlot>,
    owner: u32,
}

impl SlotWriter {
    /// Makes this number the owner of the slot. An earlier owner can store nothing from now on.
    pub fn begin(slot: &'static SnapshotSlot, owner: u32) -> Self {
        slot.put(slot.lock(), Stored { owner, snapshot: None });
        Self { slot: Some(slot), owner }
    }

    /// Stores a snapshot. `None` means that a caller has to wait, or gets an error.
    pub fn store(&self, snapshot: Option<&Arc<Snapshot>>) {
        let Some(slot) = self.slot else { return };
        // A larger generation is only slower to read. One change per second reaches it after a
        // hundred years.
        let snapshot =
            snapshot.filter(|snapshot| snapshot.generation() <= u64::from(u32::MAX)).cloned();
        slot.replace(self.owner, Stored { owner: self.owner, snapshot });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::pod_index::view_of;
    use crate::discovery::policy::tests::policy;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    fn snapshot(generation: u64) -> Arc<Snapshot> {
        Arc::new(Snapshot::new(generation, view_of([].iter(), &policy("me")).into()))
    }

    fn loaded(slot: &SnapshotSlot, owner: u32) -> (u64, Option<u64>) {
        (slot.generation(owner), slot.load(owner).map(|snapshot| snapshot.generation()))
    }

    fn slot() -> &'static SnapshotSlot {
        Box::leak(Box::default())
    }

    #[test]
    fn load_returns_only_the_snapshot_of_the_owner() {
        let slot = slot();
        let snapshots = [snapshot(7), snapshot(u64::from(u32::MAX)), snapshot(1 << 32)];
        let first = SlotWriter::begin(slot, 1);
        assert_eq!((loaded(slot, 1), loaded(slot, 2)), ((0, None), (0, None)));
        first.store(Some(&snapshots[0]));
        assert_eq!((loaded(slot, 1), loaded(slot, 2)), ((7, Some(7)), (0, None)));
        slot.end(1);
        assert_eq!(loaded(slot, 1), (0, None));
        let second = SlotWriter::begin(slot, 2);
        // Late, by the former owner.
        first.store(Some(&snapshots[0]));
        slot.end(1);
        assert_eq!((loaded(slot, 1), loaded(slot, 2)), ((0, None), (0, None)));
        let largest = u64::from(u32::MAX);
        for cleared in [None, Some(&snapshots[2])] {
            second.store(Some(&snapshots[1]));
            first.store(None);
            assert_eq!(loaded(slot, 2), (largest, Some(largest)));
            second.store(cleared);
            assert_eq!(loaded(slot, 2), (0, None));
        }
        assert!(snapshots.iter().all(|snapshot| Arc::strong_count(snapshot) == 1));
    }

    #[test]
    fn snapshot_is_at_least_as_new_as_the_generation_read_before() {
        let slot = slot();
        let writer = SlotWriter::begin(slot, 1);
        let snapshots: Vec<_> = (1..if cfg!(miri) { 50 } else { 50_000 }).map(snapshot).collect();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                snapshots.iter().for_each(|snapshot| writer.store(Some(snapshot)));
                over.store(true, Ordering::Relaxed);
            });
            while !over.load(Ordering::Relaxed) {
                let generation = slot.generation(1);
                assert!(slot.load(1).is_none_or(|snapshot| snapshot.generation() >= generation));
            }
        });
        writer.store(None);
        assert_eq!(loaded(slot, 1), (0, None));
    }

    #[test]
    fn concurrent_owners_and_readers_leak_no_snapshot() {
        let slot = slot();
        let rounds = if cfg!(miri) { 40 } else { 20_000 };
        let snapshots = [snapshot(1), snapshot(2)];
        thread::scope(|scope| {
            for owner in [1, 2] {
                let own = &snapshots[owner as usize - 1];
                scope.spawn(move || {
                    for round in 0..rounds {
                        let writer = SlotWriter::begin(slot, owner);
                        writer.store(Some(own));
                        if round % 5 == 0 {
                            slot.end(owner);
                        }
                    }
                });
                scope.spawn(move || {
                    for _ in 0..rounds * 4 {
                        assert!(
                            slot.load(owner).is_none_or(|snapshot| Arc::ptr_eq(&snapshot, own))
                        );
                    }
                });
            }
        });
        SlotWriter::begin(slot, 3).store(None);
        assert!(snapshots.iter().all(|snapshot| Arc::strong_count(snapshot) == 1));
    }
}
