//! A table by subscription id, quick for runs of messages with the same one.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Values by sid. The values stay in place, so that the last one that was looked up is found again
/// without hashing.
pub(crate) struct Sids<T> {
    places: HashMap<u64, usize, BuildHasherDefault<SidHasher>>,
    values: Vec<Option<T>>,
    free: Vec<usize>,
    /// The sid that was looked up last, and its place. No sid is 0.
    last: (u64, usize),
}

impl<T> Default for Sids<T> {
    fn default() -> Self {
        Sids { places: HashMap::default(), values: Vec::new(), free: Vec::new(), last: (0, 0) }
    }
}

impl<T> Sids<T> {
    pub(crate) fn insert(&mut self, sid: u64, value: T) {
        let place = self.free.pop().unwrap_or(self.values.len());
        if place == self.values.len() {
            self.values.push(None);
        }
        self.values[place] = Some(value);
        self.places.insert(sid, place);
    }

    pub(crate) fn remove(&mut self, sid: u64) -> Option<T> {
        let place = self.places.remove(&sid)?;
        if self.last.0 == sid {
            self.last = (0, 0);
        }
        self.free.push(place);
        let value = self.values.get_mut(place)?.take();
        if self.places.is_empty() {
            // What a burst of subscriptions took is given back.
            *self = Sids::default();
        }
        value
    }

    pub(crate) fn get(&self, sid: u64) -> Option<&T> {
        self.values.get(*self.places.get(&sid)?)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, sid: u64) -> Option<&mut T> {
        if self.last.0 != sid {
            self.last = (sid, *self.places.get(&sid)?);
        }
        self.values.get_mut(self.last.1)?.as_mut()
    }

    /// All entries, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.places.iter().filter_map(|(sid, place)| Some((*sid, self.values[*place].as_ref()?)))
    }
}

/// Sids are small consecutive numbers: one multiplication spreads them over the table.
#[derive(Default)]
pub(crate) struct SidHasher(u64);

impl Hasher for SidHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_until_it_is_removed() {
        let mut sids = Sids::default();
        for sid in 1..=100 {
            sids.insert(sid, sid * 10);
        }
        assert_eq!(sids.get_mut(7), Some(&mut 70));
        assert_eq!(sids.remove(7), Some(70));
        assert_eq!(sids.get_mut(7), None, "the one that was looked up last");
        assert_eq!(sids.remove(7), None);
        sids.insert(101, 1);
        assert_eq!((sids.get(101), sids.get(7), sids.values.len()), (Some(&1), None, 100));
        let mut all: Vec<u64> = sids.iter().map(|(sid, _)| sid).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq((1..=101).filter(|sid| *sid != 7)));
        for sid in 1..=101 {
            sids.remove(sid);
        }
        assert_eq!((sids.iter().count(), sids.values.capacity()), (0, 0));
    }
}
