//! [`DatapathShape`]: the sizes that the boxes around the array share.

use crate::parameter::{index_bits, require, ParameterError};
use crate::pe_array::layout::ArrayLayout;
use skipopu_config::{Accumulation, Config};
use skipopu_isa::set::SUMS_A_ROW;

/// Bits of an FP16 value.
pub const VALUE_BITS: usize = 16;
/// Bits of an FP32 value.
pub const SINGLE_BITS: usize = 32;
/// Cycles from an address to its slice, of every memory that feeds the array or the NPE.
pub const READ_LATENCY: usize = 3;

/// Sizes of the datapath. A *slice* is `lanes` FP16 values, a *tile* of the NPE is `ways` values, a *round* is one
/// token or none for each of [`DatapathShape::round`] slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatapathShape {
    /// Values of a slice.
    pub lanes: usize,
    /// Columns of the array.
    pub columns: usize,
    /// Values that the NPE takes in a cycle.
    pub ways: usize,
    /// Most rows of a block.
    pub rows: usize,
    /// Rows whose statistics the NPE tells apart.
    pub npe_rows: usize,
    /// Slices of the scratchpad.
    pub scratchpad: usize,
    /// Slices of each operand memory.
    pub operand: usize,
    /// Slices of the constant memory.
    pub constants: usize,
    /// HBM ports.
    pub hbm_ports: usize,
    /// Read ports of the KV invariance buffer.
    pub kv_ports: usize,
    /// Tokens of the longest text.
    pub context: usize,
}

impl DatapathShape {
    /// That of a configuration.
    ///
    /// # Errors
    /// Sizes that do not go together.
    pub fn of(config: &Config) -> Result<DatapathShape, ParameterError> {
        let lanes = config.array.lanes as usize;
        let slices = |kib: u32| kib as usize * 1024 / (lanes * VALUE_BITS / 8);
        let shape = DatapathShape {
            lanes,
            columns: config.array.columns as usize,
            ways: config.npe.ways as usize,
            rows: config.buffers.rows as usize,
            npe_rows: config.npe.rows as usize,
            scratchpad: slices(config.buffers.scratchpad_kib),
            operand: slices(config.buffers.operand_kib),
            constants: slices(config.buffers.constant_kib),
            hbm_ports: config.memory.hbm_ports as usize,
            kv_ports: config.kv_buffer.ports as usize,
            context: config.kv_buffer.context as usize,
        };
        let aligned = config.array.accumulation == Accumulation::Aligned;
        let legal = "must be `aligned`";
        require(aligned, "datapath", "accumulation", config.array.accumulation as usize, legal)?;
        shape.check()?;
        Ok(shape)
    }

    /// # Errors
    /// Sizes that do not go together.
    pub fn check(&self) -> Result<(), ParameterError> {
        let block = "datapath";
        let ok = [8, 16, 32, 64].contains(&self.lanes);
        require(ok, block, "lanes", self.lanes, "must be 8, 16, 32 or 64")?;
        let ok = self.columns.is_power_of_two() && self.columns >= 8;
        require(ok, block, "columns", self.columns, "must be a power of two, at least 8")?;
        let ok = self.lanes % self.round() == 0;
        require(ok, block, "columns", self.columns, "half of them must divide the lanes")?;
        let ok = self.ways.is_power_of_two() && self.ways <= self.round();
        let legal = "must be a power of two, at most half of the columns";
        require(ok, block, "ways", self.ways, legal)?;
        let ok = self.hbm_ports + self.kv_ports <= self.round();
        let legal = "with those of the KV buffer at most half of the columns";
        require(ok, block, "HBM ports", self.hbm_ports, legal)?;
        let ok = self.rows.is_power_of_two() && self.rows <= self.npe_rows;
        let legal = "must be a power of two, at most the rows of the NPE";
        require(ok, block, "rows", self.rows, legal)?;
        for (name, slices) in [
            ("scratchpad", self.scratchpad),
            ("operand memory", self.operand),
            ("constant memory", self.constants),
        ] {
            require(slices.is_power_of_two(), block, name, slices, "must be a power of two")?;
        }
        Ok(())
    }

    /// How the array's ports are divided.
    pub fn layout(&self) -> ArrayLayout {
        ArrayLayout { lanes: self.lanes, columns: self.columns }
    }
    /// Columns that a load beat fills with FP16 values.
    pub fn positions(&self) -> usize {
        self.layout().positions()
    }
    /// Load beats of a tile of FP16 values.
    pub fn slots(&self) -> usize {
        self.layout().slots()
    }
    /// Load beats of a tile of INT4 weights.
    pub fn int4_beats(&self) -> usize {
        self.slots().div_ceil(2)
    }
    /// Tiles of scores that a row of the NPE may have: twice those of a text spread evenly over the HBM ports.
    pub fn score_tiles(&self) -> usize {
        let rounds = (2 * self.context.div_ceil(self.hbm_ports)).next_power_of_two();
        rounds * self.round() / self.ways
    }
    /// Slices of an attention bank: of every label pair queries, then probabilities.
    pub fn bank(&self) -> usize {
        self.npe_rows * self.score_tiles() / self.tiles_per_slice()
    }
    /// Bits of a slice's address in an attention bank.
    pub fn bank_bits(&self) -> usize {
        index_bits(self.bank())
    }
    /// Bits of the number of a row of the NPE.
    pub fn label_bits(&self) -> usize {
        index_bits(self.npe_rows)
    }
    /// Bits of a slice.
    pub fn slice_bits(&self) -> usize {
        self.lanes * VALUE_BITS
    }
    /// Bits of a load beat.
    pub fn beat_bits(&self) -> usize {
        self.positions() * self.slice_bits()
    }
    /// Bits of a load beat on its way to the array: `{int4, slot, beat}`.
    pub fn load_bits(&self) -> usize {
        1 + index_bits(self.slots()) + self.beat_bits()
    }
    /// Token slots of a round of K and V: columns of a group.
    pub fn round(&self) -> usize {
        self.columns / 2
    }
    /// Rounds whose tokens share a slice of probabilities.
    pub fn rounds_per_slice(&self) -> usize {
        self.lanes / self.round()
    }
    /// Outputs of a tile of INT4 weights.
    pub fn outputs(&self) -> usize {
        2 * self.columns
    }
    /// Tiles of the NPE in a slice.
    pub fn tiles_per_slice(&self) -> usize {
        self.lanes / self.ways
    }
    /// Entries of partial sums.
    pub fn entries(&self) -> usize {
        SUMS_A_ROW * self.rows
    }
    /// Bits of an entry's number.
    pub fn entry_bits(&self) -> usize {
        index_bits(self.entries())
    }
    /// Bits of a row's number.
    pub fn row_bits(&self) -> usize {
        index_bits(self.rows)
    }
    /// Bits of a number of rows.
    pub fn row_count_bits(&self) -> usize {
        index_bits(self.rows + 1)
    }
    /// Bits of a slice's address in the scratchpad.
    pub fn scratchpad_bits(&self) -> usize {
        index_bits(self.scratchpad)
    }
    /// Bits of a slice's address in an operand memory.
    pub fn operand_bits(&self) -> usize {
        index_bits(self.operand)
    }
    /// Bits of a slice's address in the constant memory.
    pub fn constant_bits(&self) -> usize {
        index_bits(self.constants)
    }
    /// Bits of the longest of these addresses.
    pub fn address_bits(&self) -> usize {
        let on_chip = self.scratchpad_bits().max(self.operand_bits()).max(self.constant_bits());
        // A bit more says which bank.
        on_chip.max(self.bank_bits() + 1)
    }
}

/// Why the catalogue's parameters need no error.
pub(crate) const LEGAL: &str = "the catalogue's parameters are legal";

/// A small datapath: that of the catalogue's leaf blocks.
pub(crate) const SMALL: DatapathShape = DatapathShape {
    lanes: 8,
    columns: 8,
    ways: 4,
    rows: 2,
    npe_rows: 2,
    scratchpad: 64,
    operand: 64,
    constants: 64,
    hbm_ports: 2,
    kv_ports: 1,
    context: 64,
};
