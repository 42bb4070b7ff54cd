//! [`Geometry`]: how a configuration cuts vectors, weights and memory.

use serde::Serialize;
use skipopu_config::{load_positions, Config};
use skipopu_kv::layout::WORD_BYTES;

/// Bytes of an FP16 value.
pub const VALUE_BYTES: usize = 2;

/// The sizes of a configuration that decide how data is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Geometry {
    /// Values of a slice.
    pub lanes: usize,
    /// Columns.
    pub columns: usize,
    /// INT4 weights that a column takes at a time.
    pub per_column: usize,
    /// Columns that a load beat fills, with FP16 values.
    pub positions: usize,
    /// HBM ports.
    pub ports: usize,
    /// Most rows of a block.
    pub rows: usize,
    /// Slices of the scratchpad.
    pub scratchpad: usize,
    /// Slices of each operand memory.
    pub operand: usize,
    /// Slices of the constant memory.
    pub constants: usize,
}

impl Geometry {
    /// That of a configuration.
    pub fn of(config: &Config) -> Geometry {
        let lanes = config.array.lanes as usize;
        let columns = config.array.columns as usize;
        let slices = |kib: u32| kib as usize * 1024 / (lanes * VALUE_BYTES);
        Geometry {
            lanes,
            columns,
            per_column: config.array.int4_results(),
            positions: load_positions(columns),
            ports: config.memory.hbm_ports as usize,
            rows: config.buffers.rows as usize,
            scratchpad: slices(config.buffers.scratchpad_kib),
            operand: slices(config.buffers.operand_kib),
            constants: slices(config.buffers.constant_kib),
        }
    }

    /// Outputs of a tile of INT4 weights.
    pub fn outputs(&self) -> usize {
        self.columns * self.per_column
    }

    /// Slots: columns of one load beat with FP16 values.
    pub fn slots(&self) -> usize {
        self.columns.div_ceil(self.positions)
    }

    /// Bytes of a load beat.
    pub fn beat_bytes(&self) -> usize {
        self.positions * self.slice_bytes()
    }

    /// Bytes of a slice.
    pub fn slice_bytes(&self) -> usize {
        self.lanes * VALUE_BYTES
    }

    /// Slots that a beat of INT4 weights fills: there are four weights in the place of an FP16 value.
    pub fn slots_per_beat(&self) -> usize {
        4 / self.per_column
    }

    /// Beats of a tile of INT4 weights.
    pub fn tile_beats(&self) -> usize {
        self.slots().div_ceil(self.slots_per_beat())
    }

    /// Beats that hold the scales of a block of `tiles` tiles.
    pub fn scale_beats(&self, tiles: usize, groups: usize) -> usize {
        (tiles * groups * self.outputs() * VALUE_BYTES).div_ceil(self.beat_bytes())
    }

    /// Slices that `values` values take.
    pub fn slices(&self, values: usize) -> usize {
        values.div_ceil(self.lanes)
    }

    /// Words of 64 bytes that `slices` slices take in DDR.
    pub fn words(&self, slices: usize) -> usize {
        (slices * self.slice_bytes()).div_ceil(WORD_BYTES)
    }

    /// Column and place within it (0 is the lower result) of an output of a tile.
    pub fn column_of(&self, output: usize) -> (usize, usize) {
        (output / self.per_column, output % self.per_column)
    }
}
