//! The table behind `kubepeers_provider`: numbers instead of pointers, so that misuse is a status.
//!
//! A handle is `epoch << 56 | generation << 24 | slot`. Generations start at 1: 0 and other small numbers are never valid.

use std::cmp::Ordering;
use std::sync::atomic::{
    AtomicPtr, AtomicU64,
    Ordering::{AcqRel, Acquire, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ready::{Held, Ready};
use super::{fork, kubepeers_provider};
use crate::error::{Error, Result};
use crate::provider::Provider;
use crate::shown::Shown;
use crate::status::Status;

const SLOT_BITS: u32 = 24;
const GENERATION_BITS: u32 = 32;

#[derive(Default)]
struct Slot {
    /// How many providers this slot has held, the present one included.
    generation: u32,
    provider: Option<Arc<Provider>>,
}

/// How many slots show what would be answered at once. Providers in others show nothing, which costs speed only.
const SHOWING: usize = 1024;

/// The generations that the first slots show.
static SHOWN: [AtomicU64; SHOWING] = [const { AtomicU64::new(0) }; SHOWING];

struct Table {
    slots: Mutex<Vec<Slot>>,
    /// The lists that the first slots have ready.
    ready: Box<[Ready]>,
}

/// NULL until the first provider of this process. A child process starts with NULL again, as the parent's table may have
/// been locked at the moment of the fork: it is left as it is, never freed.
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
        let ready = (0..SHOWING).map(|_| Ready::default()).collect();
        let fresh = Box::into_raw(Box::new(Table { slots: Mutex::default(), ready }));
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
    let index = match slots.iter().position(|slot| slot.provider.is_none() && slot.generation < u32::MAX) {
        Some(index) => index,
        None if slots.len() < 1 << SLOT_BITS => {
            slots.push(Slot::default());
            slots.len() - 1
        }
        None => return Err(Error::new(Status::Internal, "too many providers: close those that are not needed")),
    };
    let slot = &mut slots[index];
    slot.generation += 1;
    if let (Some(place), Some(ready)) = (SHOWN.get(index), table().ready.get(index)) {
        provider.show_in(Shown::new(place, Some(ready), slot.generation));
    }
    slot.provider = Some(Arc::new(provider));
    Ok(u64::from(fork::epoch()) << (SLOT_BITS + GENERATION_BITS)
        | u64::from(slot.generation) << SLOT_BITS
        | index as u64)
}

/// The generation that the provider of a handle shows; 0 for none, and for what is no handle. Without a lock.
pub(super) fn shown(handle: kubepeers_provider) -> u64 {
    let (made_in, generation, index) = parts(handle);
    let place = SHOWN.get(index).filter(|_| made_in == fork::epoch());
    place.map_or(0, |place| Shown::new(place, None, generation).see())
}

/// The list that the provider of a handle has ready; `None` for what is no handle, too. Without a lock.
pub(super) fn ready(handle: kubepeers_provider) -> Option<Held> {
    let (made_in, generation, index) = parts(handle);
    if made_in != fork::epoch() {
        return None;
    }
    existing_table()?.ready.get(index)?.take(generation)
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
    Ok(lookup(handle, |slot| slot.provider.take())?.flatten())
}

/// Refuses a handle that is in use.
pub(super) fn refuse_live(handle: kubepeers_provider) -> Result<()> {
    match lookup(handle, |slot| slot.provider.is_some()) {
        Ok(Some(true)) => Err(Error::new(
            Status::AlreadyInitialized,
            "init was called before: this provider is initialised already. Close it first",
        )),
        _ => Ok(()),
    }
}

/// Reads the slot of a handle; `None` if another provider has, or had, the slot since.
fn lookup<T>(handle: kubepeers_provider, read: impl FnOnce(&mut Slot) -> T) -> Result<Option<T>> {
    if handle == 0 {
        return Err(Error::new(Status::NotInitialized, "not initialised: call init first"));
    }
    let (made_in, generation, index) = parts(handle);
    match made_in.cmp(&fork::epoch()) {
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

/// The epoch, the generation and the slot of a handle.
fn parts(handle: kubepeers_provider) -> (u8, u32, usize) {
    let slot = (handle & ((1 << SLOT_BITS) - 1)) as usize;
    ((handle >> (SLOT_BITS + GENERATION_BITS)) as u8, (handle >> SLOT_BITS) as u32, slot)
}

fn closed() -> Error {
    Error::new(Status::Closed, "the provider has been closed: init begins anew")
}

fn forked() -> Error {
    Error::new(Status::Forked, "the provider belongs to the parent process: init again in this one")
}

fn invalid() -> Error {
    Error::new(Status::InvalidHandle, "not a provider: use the number that init gave")
}
