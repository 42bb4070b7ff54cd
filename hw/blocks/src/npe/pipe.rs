//! [`Pipe`]: a few bits, some cycles later.

use skipopu_hdl::prelude::*;

/// A chain of flip-flops; of none, a wire.
///
/// - Does: keep control bits beside a datapath of up to about eight cycles.
/// - Does not: hold data long. Use [`Delay`](crate::primitives::Delay), which spends LUTs instead.
#[derive(LogicBlock, Ports)]
pub struct Pipe {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Goes in.
    pub d: Wire<In>,
    /// Comes out.
    pub q: Wire<Out>,
    registers: Vec<Reg>,
    _width: usize,
    _stages: usize,
}

impl Pipe {
    /// `width` bits, `stages` cycles.
    pub(super) fn new(width: usize, stages: usize) -> Pipe {
        Pipe {
            clock: Default::default(),
            d: Wire::new(width),
            q: Wire::new(width),
            registers: (0..stages).map(|_| Reg::new(width)).collect(),
            _width: width,
            _stages: stages,
        }
    }
}

impl Logic for Pipe {
    #[hdl(width = self._width, stages = self._stages, latency = self._stages)]
    fn update(&mut self) {
        for i in 0..self._stages {
            self.registers[i].clock.next = self.clock.val();
            if i == 0 {
                self.registers[i].d.next = self.d.val();
            } else {
                self.registers[i].d.next = self.registers[i - 1].q.val();
            }
        }
        if self._stages == 0 {
            self.q.next = self.d.val();
        } else {
            self.q.next = self.registers[self._stages - 1].q.val();
        }
    }
}
