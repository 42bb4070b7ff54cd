//! [`Decoder`]: is it an instruction, and whose?

use skipopu_hdl::prelude::*;
use skipopu_isa::set::INSTRUCTIONS;
use skipopu_isa::spec::{SIGNAL_LOW, WAIT_LOW};
use skipopu_isa::{Cause, Unit, BYTES};

/// Bits of an instruction.
pub const WORD: usize = 8 * BYTES;

/// What the decoder asks of one row of the instruction table.
#[derive(Clone, Debug)]
struct Rule {
    opcode: u128,
    unit: usize,
    /// First bit that must be zero.
    used: usize,
    /// First of its limits, and how many it has.
    limits: (usize, usize),
}

/// A field with fewer values than its bits have.
#[derive(Clone, Debug)]
struct Limit {
    low: usize,
    bits: usize,
    values: u128,
}

/// Checks an instruction (`Instruction::decode` of `skipopu-isa` is its text).
///
/// - Does: says whether 128 bits are an instruction, which unit executes it, and what is wrong if they are none: the
///   first of unknown opcode, waiting for or signalling its own unit, a field's value that means nothing, reserved bits.
/// - Does not: take fields apart; they stand where the table says.
/// - Guarantee: an instruction every cycle, [`Decoder::LATENCY`] cycles later.
#[derive(LogicBlock, Ports)]
pub struct Decoder {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The instruction.
    pub word: Wire<In>,
    /// Number of the unit that executes it, as in [`Unit::ALL`].
    pub unit: Wire<Out>,
    /// What is wrong, by the number of its [`Cause`].
    pub cause: Wire<Out>,
    hit: Reg,
    own: Reg,
    over: Reg,
    spare: Reg,
    unit_out: Reg,
    cause_out: Reg,
    any: Wire<Local>,
    wrong: Wire<Local>,
    _rules: Vec<Rule>,
    _limits: Vec<Limit>,
}

impl Decoder {
    /// Cycles from a word to its verdict.
    pub const LATENCY: usize = 2;

    /// For the instruction set.
    pub fn new() -> Decoder {
        let (mut rules, mut limits) = (Vec::new(), Vec::new());
        for spec in INSTRUCTIONS {
            let first = limits.len();
            // A field that every value of its bits means something needs no check.
            let few =
                |f: &&skipopu_isa::FieldSpec| !f.names.is_empty() && f.names.len() < 1 << f.bits;
            limits.extend(spec.fields.iter().filter(few).map(|f| Limit {
                low: f.low as usize,
                bits: f.bits as usize,
                values: f.names.len() as u128,
            }));
            rules.push(Rule {
                opcode: u128::from(spec.opcode),
                unit: spec.unit as usize,
                used: spec.used_bits() as usize,
                limits: (first, limits.len() - first),
            });
        }
        let n = rules.len();
        Decoder {
            clock: Default::default(),
            word: Wire::new(WORD),
            unit: Wire::new(Self::unit_bits()),
            cause: Wire::new(Cause::BITS),
            hit: Reg::new(n),
            own: Reg::new(n),
            over: Reg::new(limits.len()),
            spare: Reg::new(n),
            unit_out: Reg::new(Self::unit_bits()),
            cause_out: Reg::new(Cause::BITS),
            any: Wire::new(4),
            wrong: Wire::new(n),
            _rules: rules,
            _limits: limits,
        }
    }

    /// Bits of a unit's number.
    pub const fn unit_bits() -> usize {
        Unit::ALL.len().ilog2() as usize
    }
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Logic for Decoder {
    #[hdl(instructions = self._rules.len(), latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, hit, own, over, spare, unit_out, cause_out);

        // First cycle: every row of the table for itself.
        for i in 0..self._rules.len() {
            let same = self.word.val().slice(0, 8) == Word::new(8, self._rules[i].opcode);
            self.hit.d.next.set_slice(i, &Word::from(same));
            let own = self.word.val().bit(WAIT_LOW as usize + self._rules[i].unit)
                | self.word.val().bit(SIGNAL_LOW as usize + self._rules[i].unit);
            self.own.d.next.set_slice(i, &Word::from(own));
            if self._rules[i].used < WORD {
                let rest = self.word.val().slice(self._rules[i].used, WORD - self._rules[i].used);
                self.spare.d.next.set_slice(i, &Word::from(rest.any()));
            } else {
                self.spare.d.next.set_slice(i, &Word::zero(1));
            }
        }
        for k in 0..self._limits.len() {
            let field = self.word.val().slice(self._limits[k].low, self._limits[k].bits);
            let over = field >= Word::new(self._limits[k].bits, self._limits[k].values);
            self.over.d.next.set_slice(k, &Word::from(over));
        }

        // Second cycle: the row that was hit.
        for i in 0..self._rules.len() {
            if self._rules[i].limits.1 > 0 {
                let over =
                    self.over.q.val().slice(self._rules[i].limits.0, self._rules[i].limits.1);
                self.wrong.next.set_slice(i, &Word::from(over.any()));
            } else {
                self.wrong.next.set_slice(i, &Word::zero(1));
            }
        }
        let hit = self.hit.q.val();
        self.any.next.set_slice(0, &Word::from(hit.any()));
        self.any.next.set_slice(1, &Word::from((hit & self.own.q.val()).any()));
        self.any.next.set_slice(2, &Word::from((self.hit.q.val() & self.wrong.val()).any()));
        self.any.next.set_slice(3, &Word::from((self.hit.q.val() & self.spare.q.val()).any()));
        if !self.any.val().bit(0) {
            self.cause_out.d.next = Word::new(Cause::BITS, Cause::Opcode as u128);
        } else if self.any.val().bit(1) {
            self.cause_out.d.next = Word::new(Cause::BITS, Cause::OwnUnit as u128);
        } else if self.any.val().bit(2) {
            self.cause_out.d.next = Word::new(Cause::BITS, Cause::Field as u128);
        } else if self.any.val().bit(3) {
            self.cause_out.d.next = Word::new(Cause::BITS, Cause::Reserved as u128);
        } else {
            self.cause_out.d.next = Word::zero(Cause::BITS);
        }
        self.unit_out.d.next = Word::zero(Self::unit_bits());
        for i in 0..self._rules.len() {
            if self.hit.q.val().bit(i) {
                self.unit_out.d.next = Word::new(Self::unit_bits(), self._rules[i].unit as u128);
            }
        }
        self.unit.next = self.unit_out.q.val();
        self.cause.next = self.cause_out.q.val();
    }
}
