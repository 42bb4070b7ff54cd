//! [`Rsqrt`]: 1 / sqrt(x).

use super::lines::Lines;
use crate::npe::float::{bits, require_fraction, E8M16, E8M23};
use crate::npe::pipe::Pipe;
use crate::parameter::ParameterError;
use skipopu_hdl::prelude::*;
use skipopu_tables::RSQRT;

/// 1 / sqrt(x), E8M16; one a cycle.
///
/// - Does: powers of four exactly; of a zero Inf of its sign, of a negative number NaN, of Inf zero.
/// - Does not: round correctly; the error is stated in docs/npe-numerics.md.
#[derive(LogicBlock, Ports)]
pub struct Rsqrt {
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

impl Rsqrt {
    /// Cycles from x to result.
    pub const LATENCY: usize = Lines::LATENCY + 1;

    /// Of values with `fraction` fraction bits.
    ///
    /// # Errors
    /// Unless they are 10 to 23.
    pub fn new(fraction: usize) -> Result<Rsqrt, ParameterError> {
        require_fraction("reciprocal square root", fraction)?;
        Ok(Rsqrt {
            clock: Default::default(),
            value: Wire::new(bits(fraction)),
            result: Wire::new(bits(E8M16)),
            lines: Lines::new(RSQRT),
            field1: Reg::new(8),
            // NaN, Inf or NaN, zero, sign.
            kind1: Reg::new(4),
            fields: Pipe::new(8, Lines::LATENCY - 1),
            kinds: Pipe::new(4, Lines::LATENCY - 1),
            sign4: Reg::new(1),
            field4: Reg::new(8),
            digits4: Reg::new(E8M16),
            _fraction: fraction,
        })
    }
}

impl Logic for Rsqrt {
    #[hdl(fraction = self._fraction, latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, lines, fields, kinds);
        dff_setup!(self, clock, field1, kind1, sign4, field4, digits4);
        let f = self._fraction;

        // 1: half the exponent; an odd one, whose field is even, leaves its 2 under the root.
        let value = self.value.val();
        let field = value.slice(f, 8);
        let fraction = value.trunc(f);
        let even = !field.bit(0);
        if f == E8M23 {
            self.lines.argument.next = cat!(even, fraction.clone());
        } else {
            self.lines.argument.next = cat!(even, fraction.clone(), Word::zero(E8M23 - f));
        }
        let nothing = !field.any();
        let minus = value.bit(f + 8);
        let top = field.all();
        let nan = (top & fraction.any()) | (minus & !nothing);
        self.kind1.d.next = cat!(nan, nan | nothing, top & !nan, minus & nothing);
        // 190 - (field + 1) / 2, in complements: 191 + ~(field / 2), less one if the field is odd.
        let half = cat!(false, field.slice(1, 7));
        self.field1.d.next = cat!(Word::new(7, 95), even) + !half;
        self.fields.d.next = self.field1.q.val();
        self.kinds.d.next = self.kind1.q.val();

        // 4: 2^17 carries into the field.
        let kind = self.kinds.q.val();
        self.digits4.d.next = self.lines.digits.val();
        if kind.bit(2) | kind.bit(1) {
            self.digits4.d.next = cat!(kind.bit(3), Word::zero(E8M16 - 1));
        }
        self.field4.d.next = self.fields.q.val() + Word::from(self.lines.carry.val()).zext(8);
        if kind.bit(2) {
            self.field4.d.next = Word::ones(8);
        }
        if kind.bit(1) {
            self.field4.d.next = Word::zero(8);
        }
        self.sign4.d.next = kind.slice(0, 1);
        self.result.next = cat!(self.sign4.q.val(), self.field4.q.val(), self.digits4.q.val());
    }
}
