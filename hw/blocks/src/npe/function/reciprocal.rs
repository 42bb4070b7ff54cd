//! [`Reciprocal`]: 1 / x.

use super::lines::Lines;
use crate::npe::float::{bits, require_fraction, E8M16, E8M23};
use crate::npe::pipe::Pipe;
use crate::parameter::ParameterError;
use skipopu_hdl::prelude::*;
use skipopu_tables::RECIPROCAL;

/// 1 / x, E8M16; one a cycle.
///
/// - Does: powers of two exactly; 1 / 0 is Inf and 1 / Inf is zero, of the operand's sign.
/// - Does not: round correctly; the error is stated in docs/npe-numerics.md.
#[derive(LogicBlock, Ports)]
pub struct Reciprocal {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// x.
    pub value: Wire<In>,
    /// E8M16.
    pub result: Wire<Out>,
    lines: Lines,
    field1: Reg,
    kind1: Reg,
    fields: Pipe,
    kinds: Pipe,
    sign4: Reg,
    field4: Reg,
    digits4: Reg,
    _fraction: usize,
}

impl Reciprocal {
    /// Cycles from x to result.
    pub const LATENCY: usize = Lines::LATENCY + 1;

    /// Of values with `fraction` fraction bits.
    ///
    /// # Errors
    /// Unless they are 10 to 23.
    pub fn new(fraction: usize) -> Result<Reciprocal, ParameterError> {
        require_fraction("reciprocal", fraction)?;
        Ok(Reciprocal {
            clock: Default::default(),
            value: Wire::new(bits(fraction)),
            result: Wire::new(bits(E8M16)),
            lines: Lines::new(RECIPROCAL),
            field1: Reg::new(8),
            // NaN, Inf or NaN, zero, zero unless the digits carry, sign.
            kind1: Reg::new(5),
            fields: Pipe::new(8, Lines::LATENCY - 1),
            kinds: Pipe::new(5, Lines::LATENCY - 1),
            sign4: Reg::new(1),
            field4: Reg::new(8),
            digits4: Reg::new(E8M16),
            _fraction: fraction,
        })
    }
}

impl Logic for Reciprocal {
    #[hdl(fraction = self._fraction, latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, lines, fields, kinds);
        dff_setup!(self, clock, field1, kind1, sign4, field4, digits4);
        let f = self._fraction;

        // 1: the field becomes 253 - field, one more if the result is a power of two.
        let value = self.value.val();
        let field = value.slice(f, 8);
        let fraction = value.trunc(f);
        if f == E8M23 {
            self.lines.argument.next = fraction.clone();
        } else {
            self.lines.argument.next = cat!(fraction.clone(), Word::zero(E8M23 - f));
        }
        let top = field.all();
        let nan = top & fraction.any();
        let high = field.slice(1, 7).all();
        // 254 gives -1, with the carry still a zero; 253 gives 0.
        let zero = high & !nan;
        let nearly = field.slice(2, 6).all() & !field.bit(1) & field.bit(0);
        let infinite = nan | !field.any();
        self.kind1.d.next = cat!(nan, infinite, zero, nearly, value.bit(f + 8) & !nan);
        self.field1.d.next = Word::new(8, 253) - field;
        self.fields.d.next = self.field1.q.val();
        self.kinds.d.next = self.kind1.q.val();

        // 4: 2^17 carries into the field.
        let kind = self.kinds.q.val();
        let carry = self.lines.carry.val();
        let infinite = kind.bit(3);
        let empty = kind.bit(2) | (kind.bit(1) & !carry);
        self.digits4.d.next = self.lines.digits.val();
        if infinite | empty {
            self.digits4.d.next = cat!(kind.bit(4), Word::zero(E8M16 - 1));
        }
        self.field4.d.next = self.fields.q.val() + Word::from(carry).zext(8);
        if infinite {
            self.field4.d.next = Word::ones(8);
        }
        if empty {
            self.field4.d.next = Word::zero(8);
        }
        self.sign4.d.next = kind.slice(0, 1);
        self.result.next = cat!(self.sign4.q.val(), self.field4.q.val(), self.digits4.q.val());
    }
}
