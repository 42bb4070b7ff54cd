//! [`Order`]: tokens between instructions of two units that touch the same place.

use skipopu_isa::{Instruction, Operation, Unit};
use std::ops::Range;

/// Something that instructions of several units read and write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Slices of the scratchpad.
    Scratchpad,
    /// Slices of the constant memory.
    Constants,
    /// RoPE factors, by row.
    Rotation,
    /// The routers' decisions.
    Masks,
    /// Registers of arithmetic.
    Factors,
    /// Words of DDR.
    Ddr,
}

/// Part of a place that an instruction touches.
#[derive(Clone, Debug)]
pub struct Access {
    pub place: Place,
    pub range: Range<usize>,
    pub writes: bool,
}

impl Access {
    pub fn read(place: Place, range: Range<usize>) -> Access {
        Access { place, range, writes: false }
    }

    pub fn write(place: Place, range: Range<usize>) -> Access {
        Access { place, range, writes: true }
    }

    /// `count` ranges, `stride` apart.
    pub fn rows(
        place: Place,
        writes: bool,
        rows: impl IntoIterator<Item = usize>,
        (at, stride, length): (usize, usize, usize),
    ) -> Vec<Access> {
        let range = |r: usize| at + r * stride..at + r * stride + length;
        rows.into_iter().map(|r| Access { place, range: range(r), writes }).collect()
    }

    fn conflicts(&self, other: &Access) -> bool {
        let (a, b) = (&self.range, &other.range);
        self.place == other.place
            && (self.writes || other.writes)
            && a.start < b.end
            && b.start < a.end
    }
}

const UNITS: usize = Unit::ALL.len();

/// A program under way, with what its instructions touched.
#[derive(Debug, Default)]
pub struct Order {
    pub program: Vec<Instruction>,
    /// By unit: its last instruction.
    last: [Option<usize>; UNITS],
    /// By giving and taking unit: the last instruction that the taker knows to be finished.
    known: [[Option<usize>; UNITS]; UNITS],
    /// What was touched, by which instruction.
    touched: Vec<(Unit, usize, Access)>,
}

impl Order {
    /// The units whose tokens an instruction of `unit` must take before it touches these places. Their last instructions give them.
    pub fn before(&mut self, unit: Unit, accesses: &[Access]) -> Vec<Unit> {
        let mut needed = [None; UNITS];
        for (other, index, before) in &self.touched {
            let known = self.known[*other as usize][unit as usize];
            // Control's instructions are done before later ones are handed out.
            let done = *other == unit || *other == Unit::Control || known >= Some(*index);
            if !done && accesses.iter().any(|a| a.conflicts(before)) {
                needed[*other as usize] = Some(*index);
            }
        }
        Unit::ALL
            .into_iter()
            .filter(|u| needed[*u as usize].is_some() && self.token(*u, unit))
            .collect()
    }

    /// Makes the last instruction of `from` give a token to `to`, unless it does already.
    pub fn token(&mut self, from: Unit, to: Unit) -> bool {
        let known = &mut self.known[from as usize][to as usize];
        match self.last[from as usize] {
            Some(last) if from != to && *known < Some(last) => {
                self.program[last] = self.program[last].before(to);
                *known = Some(last);
                true
            }
            _ => false,
        }
    }

    /// Appends an instruction that takes these tokens and touches these places.
    pub fn push(&mut self, operation: Operation, waits: &[Unit], accesses: Vec<Access>) {
        let instruction = Instruction::new(operation);
        let unit = instruction.unit();
        let index = self.program.len();
        self.program.push(waits.iter().fold(instruction, |i, u| i.after(*u)));
        self.last[unit as usize] = Some(index);
        self.touched.extend(accesses.into_iter().map(|a| (unit, index, a)));
        if matches!(operation, Operation::Sync {}) {
            for from in 0..UNITS {
                self.known[from] = [self.last[from]; UNITS];
            }
            self.touched.clear();
        }
    }

    /// Appends an instruction that is never executed.
    pub fn pad(&mut self, instruction: Instruction) {
        self.program.push(instruction);
    }

    /// Makes the last instruction of a unit give a token that nothing takes. Only at the end of a program.
    pub fn surplus(&mut self, from: Unit, to: Unit) {
        let sync = |i: &Instruction| matches!(i.operation, Operation::Sync {});
        let after = self.program.iter().rposition(sync);
        if let Some(last) = self.last[from as usize] {
            // A `sync` waits until every token is taken.
            if from != to && Some(last) >= after {
                self.program[last] = self.program[last].before(to);
            }
        }
    }
}
