//! [`Exp2`]: power of two.

use super::lines::Lines;
use super::LOG_BITS;
use crate::npe::float::{bits, E8M16};
use crate::npe::pipe::Pipe;
use skipopu_hdl::prelude::*;
use skipopu_tables::{EXP2, LOG_FRACTION};

/// 2^t of a fixed-point logarithm; one a cycle.
///
/// - Does: any t; Inf from 128 up, zero below -126.
/// - Does not: take a floating-point argument. Put [`LogProduct`](super::LogProduct) before it.
#[derive(LogicBlock, Ports)]
pub struct Exp2 {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// t, two's complement, 14 fraction bits.
    pub fixed: Wire<In>,
    /// t is not a number.
    pub nan: Signal<In, Bit>,
    /// E8M16.
    pub result: Wire<Out>,
    lines: Lines,
    field1: Reg,
    kind1: Reg,
    fields: Pipe,
    kinds: Pipe,
    field4: Reg,
    digits4: Reg,
}

impl Default for Exp2 {
    fn default() -> Exp2 {
        Exp2::new()
    }
}

impl Exp2 {
    /// Cycles from logarithm to result.
    pub const LATENCY: usize = Lines::LATENCY + 1;

    /// The function.
    pub fn new() -> Exp2 {
        Exp2 {
            clock: Default::default(),
            fixed: Wire::new(LOG_BITS),
            nan: Default::default(),
            result: Wire::new(bits(E8M16)),
            lines: Lines::new(EXP2),
            field1: Reg::new(8),
            // NaN, Inf or NaN, zero.
            kind1: Reg::new(3),
            fields: Pipe::new(8, Lines::LATENCY - 1),
            kinds: Pipe::new(3, Lines::LATENCY - 1),
            field4: Reg::new(8),
            digits4: Reg::new(E8M16),
        }
    }
}

impl Logic for Exp2 {
    #[hdl(latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, lines, fields, kinds);
        dff_setup!(self, clock, field1, kind1, field4, digits4);
        let fraction = LOG_FRACTION as usize;
        self.lines.argument.next = self.fixed.val().trunc(fraction);

        // The integer part is the exponent: -126 to 127 fit.
        let whole = self.fixed.val().slice(fraction, LOG_BITS - fraction);
        let minus = whole.bit(LOG_BITS - fraction - 1);
        let upper = whole.slice(7, LOG_BITS - fraction - 8);
        let over = !minus & upper.any();
        let under = minus & (!upper.all() | !whole.slice(1, 6).any());
        let nan = self.nan.val();
        self.kind1.d.next = cat!(nan, nan | over, under & !nan);
        // Plus the bias 127.
        self.field1.d.next = whole.trunc(8) + Word::new(8, 127);
        self.fields.d.next = self.field1.q.val();
        self.kinds.d.next = self.kind1.q.val();

        let kind = self.kinds.q.val();
        self.field4.d.next = self.fields.q.val();
        self.digits4.d.next = self.lines.digits.val();
        if kind.bit(1) {
            self.field4.d.next = Word::ones(8);
        }
        if kind.bit(0) {
            self.field4.d.next = Word::zero(8);
        }
        if kind.bit(1) | kind.bit(0) {
            self.digits4.d.next = cat!(kind.bit(2), Word::zero(E8M16 - 1));
        }
        self.result.next = cat!(false, self.field4.q.val(), self.digits4.q.val());
    }
}
