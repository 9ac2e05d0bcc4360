//! The table behind `kubepeers_provider`: numbers instead of pointers, so that misuse is a status.
//!
//! A handle is `epoch << 45 | generation << 16 | slot`, below 2^53, so that a JavaScript number
//! holds it. Generations start at 1: 0 and other small numbers are never valid.

use std::cmp::Ordering;
use std::sync::atomic::{
    AtomicPtr,
    Ordering::{AcqRel, Acquire, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{fork, kubepeers_provider};
use crate::discovery::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::provider::Provider;
use crate::provider::snapshot_slot::{SlotWriter, SnapshotSlot};
use crate::status::Status;

const SLOT_BITS: u32 = 16;
const GENERATION_BITS: u32 = 29;
const LAST_GENERATION: u32 = (1 << GENERATION_BITS) - 1;

#[derive(Default)]
struct Slot {
    /// How many providers this slot has held, the present one included.
    generation: u32,
    provider: Option<Arc<Provider>>,
}

/// How many of the first slots have a place for the snapshot. Without one, a call takes two locks.
const PLACES: usize = 1024;

struct Table {
    slots: Mutex<Vec<Slot>>,
    /// Read without the lock.
    snapshots: Box<[SnapshotSlot]>,
}

/// NULL until the first provider of this process. A child process starts with NULL again, as the
/// parent's table may have been locked at the moment of the fork: it is left as it is, never freed.
static TABLE: AtomicPtr<Table> = AtomicPtr::new(std::ptr::null_mut());

pub(super) fn forget_after_fork() {
    TABLE.store(std::ptr::null_mut(), Release);
}

fn existing_table() -> Option<&'static Table> {
    // SAFETY: NULL, or a published table, which is never freed.
    unsafe { TABLE.load(Acquire).as_ref() }
}

fn table() -> &'static Table {
    existing_table().unwrap_or_else(|| {
        let snapshots = (0..PLACES).map(|_| SnapshotSlot::default()).collect();
        let fresh = Box::into_raw(Box::new(Table { slots: Mutex::default(), snapshots }));
        let table = match TABLE.compare_exchange(std::ptr::null_mut(), fresh, AcqRel, Acquire) {
            Ok(_) => fresh,
            Err(winner) => {
                // SAFETY: `fresh` was just made here and was not published.
                drop(unsafe { Box::from_raw(fresh) });
                winner
            }
        };
        // SAFETY: a published table is never freed.
        unsafe { &*table }
    })
}

fn slots() -> MutexGuard<'static, Vec<Slot>> {
    // A panic while it is locked leaves it consistent: each change is one assignment.
    table().slots.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a provider into the table and gives its number.
pub(super) fn insert(mut provider: Provider) -> Result<kubepeers_provider> {
    fork::is_watched()?;
    let mut slots = slots();
    let index = match slots
        .iter()
        .position(|slot| slot.provider.is_none() && slot.generation < LAST_GENERATION)
    {
        Some(index) => index,
        None if slots.len() < 1 << SLOT_BITS => {
            slots.push(Slot::default());
            slots.len() - 1
        }
        None => {
            return Err(Error::new(
                Status::NoResources,
                "too many providers are open; close those that are not needed",
            ));
        }
    };
    let slot = &mut slots[index];
    slot.generation += 1;
    if let Some(place) = table().snapshots.get(index) {
        provider.store_in(SlotWriter::begin(place, slot.generation));
    }
    slot.provider = Some(Arc::new(provider));
    Ok(handle(fork::epoch(), slot.generation, index))
}

/// Returns the generation of the snapshot that the provider of a handle returns at once; 0 for
/// none, and for what is no handle. Takes no lock.
pub(super) fn generation(handle: kubepeers_provider) -> u64 {
    place(handle).map_or(0, |(place, owner)| place.generation(owner))
}

/// Returns the snapshot that the provider of a handle returns at once; `None` for what is no
/// handle, too.
pub(super) fn snapshot(handle: kubepeers_provider) -> Option<Arc<Snapshot>> {
    let (place, owner) = place(handle)?;
    place.load(owner)
}

fn place(handle: kubepeers_provider) -> Option<(&'static SnapshotSlot, u32)> {
    let (made_in, generation, index) = parts(handle);
    if made_in != u64::from(fork::epoch()) {
        return None;
    }
    Some((existing_table()?.snapshots.get(index)?, generation))
}

/// The provider of a handle.
pub(super) fn get(handle: kubepeers_provider) -> Result<Arc<Provider>> {
    lookup(handle, |slot| slot.provider.clone())?.flatten().ok_or_else(closed)
}

/// Takes a provider out of the table; `None` if that was done before, or there never was one.
pub(super) fn remove(handle: kubepeers_provider) -> Result<Option<Arc<Provider>>> {
    if handle == 0 {
        return Ok(None);
    }
    let (_, generation, index) = parts(handle);
    Ok(lookup(handle, |slot| {
        // From here on it is closed for every caller, although its watcher still runs.
        if let Some(place) = table().snapshots.get(index) {
            place.end(generation);
        }
        slot.provider.take()
    })?
    .flatten())
}

/// Refuses a handle that is in use.
pub(super) fn refuse_live(handle: kubepeers_provider) -> Result<()> {
    match lookup(handle, |slot| slot.provider.is_some()) {
        Ok(Some(true)) => Err(Error::new(
            Status::AlreadyInitialized,
            "the provider is already initialized; close it first",
        )),
        _ => Ok(()),
    }
}

/// Reads the slot of a handle; `None` if another provider has, or had, the slot since.
fn lookup<T>(handle: kubepeers_provider, read: impl FnOnce(&mut Slot) -> T) -> Result<Option<T>> {
    if handle == 0 {
        return Err(Error::new(Status::NotInitialized, "not initialized: call init first"));
    }
    let (made_in, generation, index) = parts(handle);
    match made_in.cmp(&u64::from(fork::epoch())) {
        Ordering::Less => return Err(forked()),
        Ordering::Greater => return Err(invalid()),
        Ordering::Equal => {}
    }
    let mut slots = slots();
    match slots.get_mut(index) {
        Some(slot) if slot.generation == generation => Ok(Some(read(slot))),
        Some(slot) if generation > 0 && slot.generation > generation => Ok(None),
        _ => Err(invalid()),
    }
}

fn handle(epoch: u8, generation: u32, index: usize) -> kubepeers_provider {
    u64::from(epoch) << (SLOT_BITS + GENERATION_BITS)
        | u64::from(generation) << SLOT_BITS
        | index as u64
}

/// The epoch, the generation and the slot of a handle. Of a forged one the epoch may be any number.
fn parts(handle: kubepeers_provider) -> (u64, u32, usize) {
    let slot = (handle & ((1 << SLOT_BITS) - 1)) as usize;
    let generation = (handle >> SLOT_BITS) as u32 & LAST_GENERATION;
    (handle >> (SLOT_BITS + GENERATION_BITS), generation, slot)
}

fn closed() -> Error {
    Error::new(Status::Closed, "the provider is closed; call init to create a new one")
}

fn forked() -> Error {
    Error::new(Status::Forked, "the provider belongs to the parent process; call init in this one")
}

fn invalid() -> Error {
    Error::new(Status::InvalidHandle, "not a provider: expected a number that init returned")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_javascript_number_holds_every_handle() {
        let largest = handle(u8::MAX, LAST_GENERATION, (1 << SLOT_BITS) - 1);
        assert_eq!(largest, (1 << 53) - 1);
        assert_eq!(parts(largest), (u8::MAX.into(), LAST_GENERATION, (1 << SLOT_BITS) - 1));
        assert_eq!(parts(handle(3, 5, 7)), (3, 5, 7));
    }
}
