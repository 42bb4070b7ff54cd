//! [`MacChain`]: a dot product by multiply-accumulate units in a row.

use super::{Fp16Add, Fp16Multiply, Fp16MultiplyFlush, Subnormals};
use crate::pe_array::error::{lanes_in_range, PeArrayError};
use skipopu_hdl::prelude::*;

/// One unit: `out = acc + a * b`, the product and the sum each rounded to FP16.
///
/// - Guarantee: one result a cycle. The product takes [`Fp16Mac::to_add`] cycles; `acc` is due then, and
///   `out` comes [`Fp16Add::LATENCY`] cycles later.
/// - Does not: fuse.
#[derive(LogicBlock, Ports)]
pub struct Fp16Mac {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// FP16.
    pub a: Wire<In>,
    /// FP16.
    pub b: Wire<In>,
    /// FP16 sum so far.
    pub acc: Wire<In>,
    /// FP16 sum.
    pub out: Wire<Out>,
    keep: Vec<Fp16Multiply>,
    flush: Vec<Fp16MultiplyFlush>,
    add: Fp16Add,
    _subnormals: Subnormals,
}

impl Fp16Mac {
    /// A unit.
    ///
    /// # Errors
    /// Never; its widths are fixed.
    pub fn new(subnormals: Subnormals) -> Result<Fp16Mac, PeArrayError> {
        let (keep, flush) = match subnormals {
            Subnormals::Keep => (vec![Fp16Multiply::new()?], Vec::new()),
            Subnormals::Flush => (Vec::new(), vec![Fp16MultiplyFlush::default()]),
        };
        Ok(Fp16Mac {
            clock: Default::default(),
            a: Wire::new(16),
            b: Wire::new(16),
            acc: Wire::new(16),
            out: Wire::new(16),
            keep,
            flush,
            add: Fp16Add::new(subnormals),
            _subnormals: subnormals,
        })
    }

    /// Cycles from `a` and `b` to the sum.
    pub fn latency(subnormals: Subnormals) -> usize {
        Fp16Mac::to_add(subnormals) + Fp16Add::LATENCY
    }

    /// Cycles from `a` and `b` to the addition.
    pub fn to_add(subnormals: Subnormals) -> usize {
        match subnormals {
            Subnormals::Keep => Fp16Multiply::LATENCY,
            Subnormals::Flush => Fp16MultiplyFlush::LATENCY,
        }
    }
}

impl Logic for Fp16Mac {
    #[hdl(subnormals = self._subnormals.name(), no_inline)]
    fn update(&mut self) {
        clock!(self, clock, add);
        for i in 0..self.keep.len() {
            self.keep[i].clock.next = self.clock.val();
            self.keep[i].a.next = self.a.val();
            self.keep[i].b.next = self.b.val();
            self.add.b.next = self.keep[i].product.val();
        }
        for i in 0..self.flush.len() {
            self.flush[i].clock.next = self.clock.val();
            self.flush[i].a.next = self.a.val();
            self.flush[i].b.next = self.b.val();
            self.add.b.next = self.flush[i].product.val();
        }
        self.add.a.next = self.acc.val();
        self.out.next = self.add.sum.val();
    }
}

/// A dot product of `lanes` FP16 pairs, lane by lane from +0; one a cycle.
///
/// - Does: what cascaded multiplier and adder cores do, a DSP for every product.
/// - Does not: skew its operands: lane `i` takes those of a dot product `i` times [`Fp16Add::LATENCY`] cycles
///   after lane 0, as operands come in a systolic array. The cost of skewing is not counted against it.
#[derive(LogicBlock, Ports)]
pub struct MacChain {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// FP16 operands, lane 0 lowest.
    pub a: Wire<In>,
    /// The other operands.
    pub b: Wire<In>,
    /// FP16 sum.
    pub sum: Wire<Out>,
    units: Vec<Fp16Mac>,
    _subnormals: Subnormals,
    _lanes: usize,
}

impl MacChain {
    /// A chain.
    ///
    /// # Errors
    /// Unless `lanes` is a power of two from 2 to 128.
    pub fn new(subnormals: Subnormals, lanes: usize) -> Result<MacChain, PeArrayError> {
        lanes_in_range("chain of multiply-accumulate units", lanes)?;
        Ok(MacChain {
            clock: Default::default(),
            a: Wire::new(lanes * 16),
            b: Wire::new(lanes * 16),
            sum: Wire::new(16),
            units: (0..lanes).map(|_| Fp16Mac::new(subnormals)).collect::<Result<_, _>>()?,
            _subnormals: subnormals,
            _lanes: lanes,
        })
    }

    /// Cycles from the operands of lane 0 to the sum.
    pub fn latency(subnormals: Subnormals, lanes: usize) -> usize {
        Fp16Mac::to_add(subnormals) + lanes * Fp16Add::LATENCY
    }
}

impl Logic for MacChain {
    #[hdl(
        subnormals = self._subnormals.name(),
        lanes = self._lanes,
        latency = MacChain::latency(self._subnormals, self._lanes)
    )]
    fn update(&mut self) {
        for i in 0..self._lanes {
            self.units[i].clock.next = self.clock.val();
            self.units[i].a.next = self.a.val().slice(16 * i, 16);
            self.units[i].b.next = self.b.val().slice(16 * i, 16);
            if i == 0 {
                self.units[i].acc.next = Word::zero(16);
            } else {
                self.units[i].acc.next = self.units[i - 1].out.val();
            }
        }
        self.sum.next = self.units[self._lanes - 1].out.val();
    }
}
