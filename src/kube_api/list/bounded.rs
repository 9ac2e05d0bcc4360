//! Bounded readers for small lists and maps, of which a hostile server may send millions of
//! entries.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Labels of one pod. Kubernetes sets no limit of its own.
const MOST_LABELS: usize = 256;
/// A label's key has at most 317 characters, its value 63.
const LONGEST_LABEL: usize = 317 + 63;

/// Reads a list of at most `MOST` items.
pub(in crate::kube_api) fn list<
    'de,
    const MOST: usize,
    T: Deserialize<'de>,
    D: Deserializer<'de>,
>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(List::<MOST, T>(PhantomData))
}

struct List<const MOST: usize, T>(PhantomData<T>);

impl<'de, const MOST: usize, T: Deserialize<'de>> Visitor<'de> for List<MOST, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MOST} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            if list.len() == MOST {
                return Err(de::Error::invalid_length(MOST + 1, &self));
            }
            list.push(item);
        }
        Ok(list)
    }
}

/// Reads the labels of a pod.
pub(in crate::kube_api) fn labels<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    deserializer.deserialize_map(Labels)
}

struct Labels;

impl<'de> Visitor<'de> for Labels {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MOST_LABELS} labels of at most {LONGEST_LABEL} bytes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
        let mut labels = BTreeMap::new();
        while let Some((key, value)) = pairs.next_entry::<String, String>()? {
            if labels.len() == MOST_LABELS || key.len() + value.len() > LONGEST_LABEL {
                return Err(de::Error::invalid_length(labels.len() + 1, &self));
            }
            labels.insert(key, value);
        }
        Ok(labels)
    }
}
