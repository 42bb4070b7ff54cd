//! [`Skew`] and [`Ripple`]: what makes a vector meet the partial sums of a cascade.

use super::shape::lane_delay;
use crate::parameter::ParameterError;
use crate::primitives::Delay;
use skipopu_hdl::prelude::*;

/// Delays each lane of a vector by its [`lane_delay`]: a cascade adds a lane's product one cycle after
/// the lane below. Shared by all columns; mostly shift registers in LUTs.
#[derive(LogicBlock, Ports)]
pub struct Skew {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Lane 0 lowest.
    pub d: Wire<In>,
    /// The same, each lane at its time.
    pub q: Wire<Out>,
    delay: Vec<Delay>,
    _lanes: usize,
    _width: usize,
}

impl Skew {
    /// `lanes` lanes of `width` bits.
    ///
    /// # Errors
    /// A width of zero, or more lanes than the longest delay allows.
    pub fn new(lanes: usize, width: usize) -> Result<Skew, ParameterError> {
        let delay = (1..lanes).map(|i| Delay::new(width, lane_delay(i)));
        Ok(Skew {
            clock: Default::default(),
            d: Wire::new(lanes * width),
            q: Wire::new(lanes * width),
            delay: delay.collect::<Result<_, _>>()?,
            _lanes: lanes,
            _width: width,
        })
    }
}

impl Logic for Skew {
    #[hdl(lanes = self._lanes, width = self._width)]
    fn update(&mut self) {
        let width = self._width;
        self.q.next.set_slice(0, &self.d.val().trunc(width));
        for i in 1..self._lanes {
            self.delay[i - 1].clock.next = self.clock.val();
            self.delay[i - 1].enable.next = true;
            self.delay[i - 1].d.next = self.d.val().slice(i * width, width);
            self.q.next.set_slice(i * width, &self.delay[i - 1].q.val());
        }
    }
}

/// A control bit on its way along the lanes: tap `i` is the bit [`lane_delay`] of `i` cycles ago.
#[derive(LogicBlock, Ports)]
pub struct Ripple {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The bit.
    pub d: Signal<In, Bit>,
    /// One bit a lane; lane 0, which is `d`, lowest.
    pub taps: Wire<Out>,
    /// The bit at the time of the vector's tail.
    pub tail: Signal<Out, Bit>,
    past: Reg,
    _lanes: usize,
    _length: usize,
}

impl Ripple {
    /// With a tap for each of at least 2 `lanes`; the tail comes `length` cycles after the bit, later
    /// than the last tap.
    pub fn new(lanes: usize, length: usize) -> Ripple {
        let lanes = lanes.max(2);
        let length = length.max(lane_delay(lanes - 1) + 1);
        Ripple {
            clock: Default::default(),
            d: Default::default(),
            taps: Wire::new(lanes),
            tail: Default::default(),
            past: Reg::new(length),
            _lanes: lanes,
            _length: length,
        }
    }
}

impl Logic for Ripple {
    #[hdl(lanes = self._lanes, length = self._length)]
    fn update(&mut self) {
        dff_setup!(self, clock, past);
        let past = self.past.q.val();
        self.past.d.next = cat!(past.trunc(self._length - 1), self.d.val());
        self.taps.next.set_slice(0, &Word::from(self.d.val()));
        for i in 1..self._lanes {
            self.taps.next.set_slice(i, &past.slice(lane_delay(i) - 1, 1));
        }
        self.tail.next = past.bit(self._length - 1);
    }
}
