//! [`KerBuffer`]: a column's own operand, held while activations stream past it.

use crate::parameter::{require_width, ParameterError};
use skipopu_hdl::prelude::*;

/// Two registers a lane: one that multiplies, one that is loaded meanwhile.
///
/// - Does: `write` of a lane takes its word into the shadow register; `swap` copies the shadow register
///   to the active one, as it was before this cycle's write.
/// - Does not: move data between lanes, or know when to. A cascade gives every lane its `write` and
///   `swap` one cycle after the lane below; other columns give all lanes the same.
/// - Guarantee: a word and a swap a cycle per lane; `active` changes in the cycle after its `swap`.
#[derive(LogicBlock, Ports)]
pub struct KerBuffer {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Words, lane 0 lowest.
    pub data: Wire<In>,
    /// Take the word? One bit a lane.
    pub write: Wire<In>,
    /// Make the shadow register active? One bit a lane.
    pub swap: Wire<In>,
    /// Active words.
    pub active: Wire<Out>,
    shadow: Vec<Reg>,
    current: Vec<Reg>,
    _lanes: usize,
    _width: usize,
}

impl KerBuffer {
    /// Cycles from `swap` to `active`.
    pub const LATENCY: usize = 1;

    /// `lanes` lanes of `width` bits.
    ///
    /// # Errors
    /// Unless the lanes have 1 to [`MAX_WIDTH`](crate::parameter::MAX_WIDTH) bits in all.
    pub fn new(lanes: usize, width: usize) -> Result<KerBuffer, ParameterError> {
        require_width("ker buffer", lanes * width)?;
        Ok(KerBuffer {
            clock: Default::default(),
            data: Wire::new(lanes * width),
            write: Wire::new(lanes),
            swap: Wire::new(lanes),
            active: Wire::new(lanes * width),
            shadow: (0..lanes).map(|_| Reg::new(width)).collect(),
            current: (0..lanes).map(|_| Reg::new(width)).collect(),
            _lanes: lanes,
            _width: width,
        })
    }
}

impl Logic for KerBuffer {
    #[hdl(lanes = self._lanes, width = self._width, latency = Self::LATENCY)]
    fn update(&mut self) {
        let width = self._width;
        for i in 0..self._lanes {
            self.shadow[i].clock.next = self.clock.val();
            self.shadow[i].d.next = self.shadow[i].q.val();
            if self.write.val().bit(i) {
                self.shadow[i].d.next = self.data.val().slice(i * width, width);
            }
            self.current[i].clock.next = self.clock.val();
            self.current[i].d.next = self.current[i].q.val();
            if self.swap.val().bit(i) {
                self.current[i].d.next = self.shadow[i].q.val();
            }
            self.active.next.set_slice(i * width, &self.current[i].q.val());
        }
    }
}
