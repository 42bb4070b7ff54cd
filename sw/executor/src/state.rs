//! What stands on chip: memories, masks, statistics, registers.

use crate::machine::Machine;
use crate::memory::Site;
use crate::run::Stop;
use crate::weights::WeightQueue;
use skipopu_isa::value::Rows;
use skipopu_isa::Register;

const FACTORS: &str = "the RoPE factors";

fn outside(memory: &'static str, slice: usize) -> Stop {
    Stop::Address { memory, site: Site::OnChip, address: slice as u64 }
}

/// Slices, by address.
#[derive(Clone, Debug)]
pub struct Slices {
    name: &'static str,
    lanes: usize,
    values: Vec<u16>,
}

impl Slices {
    fn new(name: &'static str, lanes: usize, count: usize) -> Slices {
        Slices { name, lanes, values: vec![0; lanes * count] }
    }

    /// All values.
    pub fn values(&self) -> &[u16] {
        &self.values
    }

    /// # Errors
    /// The last slice before `end` is outside the memory.
    pub(crate) fn holds(&self, end: usize) -> Result<(), Stop> {
        match end * self.lanes <= self.values.len() {
            true => Ok(()),
            false => Err(outside(self.name, end - 1)),
        }
    }

    fn range(&self, at: usize, count: usize) -> Result<std::ops::Range<usize>, Stop> {
        let range = at * self.lanes..(at + count) * self.lanes;
        match range.end <= self.values.len() {
            true => Ok(range),
            false => Err(outside(self.name, at)),
        }
    }

    /// The values of `count` slices.
    ///
    /// # Errors
    /// Slices outside the memory.
    pub fn read(&self, at: usize, count: usize) -> Result<&[u16], Stop> {
        Ok(&self.values[self.range(at, count)?])
    }

    /// Writes from a slice on; the rest of the last slice becomes zero.
    ///
    /// # Errors
    /// Slices outside the memory.
    pub fn write(&mut self, at: usize, values: &[u16]) -> Result<(), Stop> {
        let range = self.range(at, values.len().div_ceil(self.lanes))?;
        let (written, rest) = self.values[range].split_at_mut(values.len());
        written.copy_from_slice(values);
        rest.fill(0);
        Ok(())
    }
}

/// The RoPE factors of the block's rows: cosine and sine of each pair of a head in turn.
#[derive(Clone, Debug)]
pub struct Rotation {
    width: usize,
    rows: Vec<Vec<u16>>,
}

impl Rotation {
    /// Writes those of a row.
    ///
    /// # Errors
    /// A row outside the memory, or more factors than a row has.
    pub fn write(&mut self, row: usize, factors: Vec<u16>) -> Result<(), Stop> {
        match self.rows.get_mut(row) {
            Some(to) if factors.len() <= self.width => *to = factors,
            _ => return Err(outside(FACTORS, row)),
        }
        Ok(())
    }

    /// # Errors
    /// A row of so many factors, which are so many slices, does not fit.
    pub(crate) fn holds(&self, factors: usize, slices: usize) -> Result<(), Stop> {
        match factors <= self.width {
            true => Ok(()),
            false => Err(outside(FACTORS, slices - 1)),
        }
    }

    /// The first `count` factors of a row.
    ///
    /// # Errors
    /// A row outside the memory, or that has fewer.
    pub fn read(&self, row: usize, count: usize) -> Result<&[u16], Stop> {
        let factors = self.rows.get(row).and_then(|f| f.get(..count));
        factors.ok_or(outside(FACTORS, row))
    }
}

/// An operand memory: rows of equal length, and which rows of the block they are.
#[derive(Clone, Debug)]
pub struct OperandMemory {
    slices: Slices,
    stride: usize,
    rows: Vec<usize>,
}

impl OperandMemory {
    /// Empties it for rows of `stride` slices.
    pub fn begin(&mut self, stride: usize, rows: &[usize]) {
        self.stride = stride;
        self.rows = rows.to_vec();
    }

    /// Writes a part of a row, given by its number in the block.
    ///
    /// # Errors
    /// A row that was not begun, slices outside the memory.
    pub fn write(&mut self, row: usize, slice: usize, values: &[u16]) -> Result<(), Stop> {
        let at = self.place(row)? * self.stride + slice;
        self.slices.write(at, values)
    }

    /// A row of `count` slices, given by its number in the block.
    ///
    /// # Errors
    /// A row that it does not hold, or not of that length; slices outside the memory.
    pub fn read(&self, row: usize, count: usize) -> Result<&[u16], Stop> {
        if count != self.stride {
            return Err(Stop::Length { asked: count, held: self.stride });
        }
        self.slices.read(self.place(row)? * self.stride, count)
    }

    /// # Errors
    /// A row of `rows` that it does not hold, or one that it holds beside them.
    pub fn holds(&self, rows: &[usize]) -> Result<(), Stop> {
        match self.rows.iter().zip(rows).find(|(own, asked)| own != asked) {
            Some((_, asked)) => Err(Stop::Row { row: *asked }),
            None if self.rows.len() != rows.len() => Err(Stop::Row { row: self.rows.len() }),
            None => Ok(()),
        }
    }

    /// The memory by address: row `j` of those that were begun is at `j` times the slices of a row.
    pub fn slices(&self) -> &Slices {
        &self.slices
    }

    fn place(&self, row: usize) -> Result<usize, Stop> {
        self.rows.iter().position(|r| *r == row).ok_or(Stop::Row { row })
    }
}

/// Everything on chip.
#[derive(Clone, Debug)]
pub struct State {
    /// The scratchpad.
    pub scratchpad: Slices,
    /// The constant memory.
    pub constants: Slices,
    /// The RoPE factors.
    pub rotation: Rotation,
    /// The operand memories.
    pub operand: [OperandMemory; 2],
    /// The weight queue.
    pub weights: WeightQueue,
    /// Which rows run: attention, feed-forward.
    pub mask: [Vec<bool>; 2],
    /// RMSNorm's factor of every row, from its sum of squares.
    pub statistics: Vec<u32>,
    registers: [u32; Register::ALL.len()],
}

impl State {
    /// After reset.
    pub fn new(machine: &Machine) -> State {
        let operand = OperandMemory {
            slices: Slices::new("an operand memory", machine.lanes, machine.operand),
            stride: 0,
            rows: Vec::new(),
        };
        State {
            scratchpad: Slices::new("the scratchpad", machine.lanes, machine.scratchpad),
            constants: Slices::new("the constant memory", machine.lanes, machine.constants),
            rotation: Rotation {
                width: machine.rotation,
                rows: vec![Vec::new(); machine.rotations],
            },
            operand: [operand.clone(), operand],
            weights: WeightQueue::default(),
            mask: [vec![false; machine.rows], vec![false; machine.rows]],
            statistics: vec![0; machine.rows],
            registers: [0; Register::ALL.len()],
        }
    }

    /// A register.
    pub fn register(&self, register: Register) -> u32 {
        self.registers[register as usize]
    }

    /// A register that is a size.
    pub fn size(&self, register: Register) -> usize {
        self.register(register) as usize
    }

    /// Writes a register.
    pub fn set(&mut self, register: Register, value: u32) {
        self.registers[register as usize] = value;
    }

    /// The rows of the block that take part, in order.
    pub fn rows(&self, rows: Rows) -> Vec<usize> {
        let count = self.size(Register::Rows);
        match rows {
            Rows::All => (0..count).collect(),
            Rows::Attention => (0..count).filter(|r| self.mask[0][*r]).collect(),
            Rows::Forward => (0..count).filter(|r| self.mask[1][*r]).collect(),
            Rows::Last => (count.saturating_sub(1)..count).collect(),
        }
    }
}
