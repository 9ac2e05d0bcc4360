//! A sorted list in blocks, which its copies share. A change of one element in a copy copies one
//! block, not the list.

use std::any::Any;
use std::ops::Range;
use std::slice;
use std::sync::{Arc, OnceLock};

/// The most elements of a block.
const BLOCK: usize = 128;

/// An element of a list, which has a unique key.
pub trait Keyed: Clone {
    /// The elements are sorted by their keys.
    type Key: Ord + ?Sized;
    /// Returns the key of this element.
    fn key(&self) -> &Self::Key;
}

/// The list. Each block has a `D`, which readers derive from its elements. All copies that share
/// the block share it.
#[derive(Debug)]
pub struct ChunkedList<T, D = ()> {
    blocks: Vec<Arc<Block<T, D>>>,
    /// The number of elements up to the end of each block.
    ends: Vec<usize>,
}

/// A value that readers derive from a block, when the first of them needs it. All copies of the
/// list that share the block share the value. Its type is that of the reader, so that a list need
/// not know it.
#[derive(Debug, Default)]
pub struct Cache(OnceLock<Box<dyn Any + Send + Sync>>);

impl Cache {
    /// Returns the value; makes it if there is none. All readers must use the same type.
    pub fn get_or_init<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> &T {
        let value = self.0.get_or_init(|| Box::new(make()));
        value.downcast_ref().expect("all readers of a list use the same type")
    }
}

/// Some neighboring elements.
#[derive(Debug)]
pub struct Block<T, D> {
    /// The elements, sorted.
    pub items: Vec<T>,
    /// A value that readers derive from the elements. It is reset when they change.
    pub cache: D,
}

impl<T: Clone, D: Default> Clone for Block<T, D> {
    fn clone(&self) -> Self {
        Self { items: self.items.clone(), cache: D::default() }
    }
}

impl<T, D> Clone for ChunkedList<T, D> {
    fn clone(&self) -> Self {
        Self { blocks: self.blocks.clone(), ends: self.ends.clone() }
    }
}

impl<T, D> Default for ChunkedList<T, D> {
    fn default() -> Self {
        Self { blocks: Vec::new(), ends: Vec::new() }
    }
}

impl<T, D> ChunkedList<T, D> {
    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Returns whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Returns all elements, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().flat_map(|block| &block.items)
    }

    /// Returns the blocks, sorted.
    pub fn blocks(&self) -> slice::Iter<'_, Arc<Block<T, D>>> {
        self.blocks.iter()
    }

    /// Returns the block of the element with this index, and the index inside the block.
    pub fn at(&self, index: usize) -> Option<(&Block<T, D>, usize)> {
        let number = self.ends.partition_point(|end| *end <= index);
        let block = self.blocks.get(number)?;
        Some((block, index - (self.ends[number] - block.items.len())))
    }

    /// Returns the element with this index.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.at(index).map(|(block, at)| &block.items[at])
    }

    /// Returns whether `same` holds for each pair of elements. It is not called for elements of
    /// shared blocks.
    pub fn agrees(&self, other: &Self, same: impl Fn(&T, &T) -> bool) -> bool {
        let block = |a: &Arc<Block<T, D>>, b: &Arc<Block<T, D>>| {
            Arc::ptr_eq(a, b)
                || (a.items.len() == b.items.len()
                    && a.items.iter().zip(&b.items).all(|(a, b)| same(a, b)))
        };
        let blocks = || self.blocks.iter().zip(&other.blocks).all(|(a, b)| block(a, b));
        let items = || self.iter().zip(other.iter()).all(|(a, b)| same(a, b));
        self.len() == other.len()
            && ((self.blocks.len() == other.blocks.len() && blocks()) || items())
    }

    fn count(&mut self, changed: Range<usize>) {
        self.ends.truncate(changed.start);
        let mut end = self.len();
        for block in &self.blocks[changed.start..] {
            end += block.items.len();
            self.ends.push(end);
        }
    }
}

impl<T: Keyed, D: Default> ChunkedList<T, D> {
    /// Returns the index of the block and the index inside it: of the key, or as an error where the
    /// key would be inserted.
    fn place(&self, key: &T::Key) -> Result<(usize, usize), (usize, usize)> {
        let begins_before = |block: &Arc<Block<T, D>>| block.items[0].key() <= key;
        let number = self.blocks.partition_point(begins_before).saturating_sub(1);
        let Some(block) = self.blocks.get(number) else { return Err((0, 0)) };
        let at = block.items.binary_search_by(|item| item.key().cmp(key));
        at.map(|at| (number, at)).map_err(|at| (number, at))
    }

    /// Returns the element with this key.
    pub fn find(&self, key: &T::Key) -> Option<&T> {
        self.place(key).ok().map(|(block, at)| &self.blocks[block].items[at])
    }

    /// Inserts an element. It replaces the one with the same key.
    pub fn insert(&mut self, item: T) {
        match self.place(item.key()) {
            Ok((block, at)) => self.change(block)[at] = item,
            Err((block, at)) => {
                if self.blocks.is_empty() {
                    self.blocks.push(Arc::new(Block { items: Vec::new(), cache: D::default() }));
                }
                self.change(block).insert(at, item);
                self.split(block);
                self.count(block..self.blocks.len());
            }
        }
    }

    /// Removes the element with this key.
    pub fn remove(&mut self, key: &T::Key) -> Option<T> {
        let (block, at) = self.place(key).ok()?;
        let items = self.change(block);
        let removed = items.remove(at);
        if items.is_empty() {
            self.blocks.remove(block);
        }
        self.count(block..self.blocks.len());
        Some(removed)
    }

    fn change(&mut self, block: usize) -> &mut Vec<T> {
        let block = Arc::make_mut(&mut self.blocks[block]);
        block.cache = D::default();
        &mut block.items
    }

    fn split(&mut self, block: usize) {
        if self.blocks[block].items.len() > BLOCK {
            let items = self.change(block).split_off(BLOCK / 2);
            self.blocks.insert(block + 1, Arc::new(Block { items, cache: D::default() }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Debug, PartialEq)]
    struct Item(u32, u32);

    impl Keyed for Item {
        type Key = u32;
        fn key(&self) -> &u32 {
            &self.0
        }
    }

    type Sum = OnceLock<u32>;

    fn sum(list: &ChunkedList<Item, Sum>) -> u32 {
        list.blocks().map(|b| b.cache.get_or_init(|| b.items.iter().map(|item| item.1).sum())).sum()
    }

    #[test]
    fn list_has_the_elements_that_a_map_has() {
        let (mut list, mut map) = (ChunkedList::<Item, Sum>::default(), BTreeMap::new());
        let mut random = 1_u32;
        for step in 0..20_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = (random >> 16) % 900;
            // The list grows, becomes empty, and grows again.
            if (step / 5_000) % 2 == 0 || random >> 29 == 0 {
                list.insert(Item(key, step));
                map.insert(key, step);
            } else {
                assert_eq!(list.remove(&key).map(|item| item.1), map.remove(&key));
            }
            assert_eq!(list.find(&key).map(|item| item.1), map.get(&key).copied());
            assert_eq!((list.len(), list.is_empty()), (map.len(), map.is_empty()));
            if step % 97 == 0 {
                let expected: Vec<Item> =
                    map.iter().map(|(key, value)| Item(*key, *value)).collect();
                assert_eq!(list.iter().cloned().collect::<Vec<_>>(), expected);
                assert!((0..=expected.len()).all(|i| list.get(i) == expected.get(i)));
                assert_eq!(sum(&list), map.values().sum::<u32>());
                assert!(list.blocks().all(|block| (1..=BLOCK).contains(&block.items.len())));
            }
        }
        assert!(map.len() > 100);
    }

    #[test]
    fn agrees_compares_only_blocks_that_differ() {
        let mut list = ChunkedList::<Item, Sum>::default();
        (0..1000).for_each(|key| list.insert(Item(key, 1)));
        let mut other = list.clone();
        let looked = std::cell::Cell::new(0);
        let same = |a: &Item, b: &Item| {
            looked.set(looked.get() + 1);
            a == b
        };
        assert!(list.agrees(&other, same) && looked.get() == 0);
        other.insert(Item(500, 1));
        assert!(list.agrees(&other, same) && looked.get() <= BLOCK);
        other.insert(Item(500, 2));
        assert!(!list.agrees(&other, same));
        // The same elements in other blocks.
        let mut back = ChunkedList::<Item, Sum>::default();
        (0..1000).rev().for_each(|key| back.insert(Item(key, 1)));
        assert!(
            list.blocks().zip(back.blocks()).any(|(a, b)| a.items != b.items)
                && list.agrees(&back, same)
        );
        back.remove(&999);
        assert!(!list.agrees(&back, same) && !back.agrees(&list, same));
    }

    #[test]
    fn copies_share_unchanged_blocks() {
        let mut list = ChunkedList::<Item, Sum>::default();
        (0..1000).for_each(|key| list.insert(Item(key, 1)));
        let copy = list.clone();
        assert_eq!(sum(&copy), 1000);
        list.insert(Item(500, 2));
        assert_eq!((copy.find(&500), list.find(&500)), (Some(&Item(500, 1)), Some(&Item(500, 2))));
        let apart = list.blocks().zip(copy.blocks()).filter(|(a, b)| !Arc::ptr_eq(a, b)).count();
        assert_eq!(apart, 1);
        assert_eq!(list.blocks().filter(|block| block.cache.get().is_none()).count(), 1);
        assert_eq!((sum(&list), sum(&copy)), (1001, 1000));
    }
}
