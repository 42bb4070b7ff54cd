//! [`Counts`]: the core's counters after a program.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use skipopu_isa::host::Counter;
use std::ops::AddAssign;

/// Counters; those that the device does not keep are absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    values: [Option<u64>; Counter::ALL.len()],
}

impl Counts {
    /// Sets one.
    pub fn set(&mut self, counter: Counter, value: u64) {
        self.values[counter as usize] = Some(value);
    }

    /// One; `None` where the device does not keep it.
    pub fn get(&self, counter: Counter) -> Option<u64> {
        self.values[counter as usize]
    }

    /// Those that are kept.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        Counter::ALL.iter().filter_map(|c| Some((*c, self.get(*c)?)))
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        for (counter, value) in other.iter() {
            self.set(counter, self.get(counter).unwrap_or(0) + value);
        }
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (counter, value) in self.iter() {
            map.serialize_entry(counter.name(), &value)?;
        }
        map.end()
    }
}
