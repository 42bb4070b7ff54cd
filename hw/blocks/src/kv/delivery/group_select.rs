//! [`GroupSelect`]: one of several groups of bits.

use crate::parameter::{index_bits, require, ParameterError};
use skipopu_hdl::prelude::*;

/// `group = data[number]`, `data` in groups of one width, that of number 0 lowest.
///
/// - Does: halve what is left with each bit of the number, the highest first, no register.
#[derive(LogicBlock, Ports)]
pub struct GroupSelect {
    /// Which group.
    pub number: Wire<In>,
    /// The groups.
    pub data: Wire<In>,
    /// The one.
    pub group: Wire<Out>,
    halves: Vec<Wire<Local>>,
    _width: usize,
    _groups: usize,
}

impl GroupSelect {
    /// Cycles from data to group.
    pub const LATENCY: usize = 0;

    /// `groups` groups of `width` bits.
    ///
    /// # Errors
    /// Unless the groups are a power of two from 2 on, and of at least a bit.
    pub fn new(width: usize, groups: usize) -> Result<GroupSelect, ParameterError> {
        require(width > 0, "group select", "width", width, "must be at least 1")?;
        let ok = groups > 1 && groups.is_power_of_two();
        require(ok, "group select", "groups", groups, "must be a power of two from 2 on")?;
        let bits = index_bits(groups);
        Ok(GroupSelect {
            number: Wire::new(bits),
            data: Wire::new(width * groups),
            group: Wire::new(width),
            halves: (1..=bits).map(|level| Wire::new((width * groups) >> level)).collect(),
            _width: width,
            _groups: groups,
        })
    }
}

impl Logic for GroupSelect {
    #[hdl(width = self._width, groups = self._groups, latency = Self::LATENCY)]
    fn update(&mut self) {
        let bits = self._groups.ilog2() as usize;
        let half = self._width * self._groups / 2;
        self.halves[0].next = mux(
            self.number.val().bit(bits - 1),
            self.data.val().slice(half, half),
            self.data.val().trunc(half),
        );
        for level in 1..bits {
            let size = half >> level;
            self.halves[level].next = mux(
                self.number.val().bit(bits - 1 - level),
                self.halves[level - 1].val().slice(size, size),
                self.halves[level - 1].val().trunc(size),
            );
        }
        self.group.next = self.halves[bits - 1].val();
    }
}
