//! [`Machine`]: the configuration as the executor needs it.

use skipopu_config::{load_positions, Accumulation, Config};
use skipopu_forward::{Exact, ForwardError};
use skipopu_isa::set::SUMS_A_ROW;
use skipopu_kv::{KvError, KvOrder};
use skipopu_reference::pe::{AlignedWidths, PeError, Variant};

/// Bytes of an FP16 value.
pub const VALUE_BYTES: usize = 2;

/// A configuration that is no overlay.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MachineError {
    /// Widths that the array does not hold.
    #[error(transparent)]
    Array(#[from] PeError),
    /// Rounds of keys and values that the array does not take.
    #[error(transparent)]
    Kv(#[from] KvError),
}

/// Sizes of the executed configuration.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Values of a slice.
    pub lanes: usize,
    /// Columns.
    pub columns: usize,
    /// INT4 weights that a column takes at a time.
    pub per_column: usize,
    /// Columns that a load beat fills with FP16 values.
    pub positions: usize,
    /// How columns sum.
    pub variant: Variant,
    /// Values that the NPE takes in a cycle.
    pub ways: usize,
    /// Most rows of a block.
    pub rows: usize,
    /// Slices of the scratchpad.
    pub scratchpad: usize,
    /// Slices of each operand memory.
    pub operand: usize,
    /// Slices of the constant memory.
    pub constants: usize,
    /// Rows whose statistics the NPE tells apart.
    pub labels: usize,
    /// Rows whose RoPE factors are held.
    pub rotations: usize,
    /// Values of such a row.
    pub rotation: usize,
    /// The KV system and its rounds.
    pub order: KvOrder,
    /// Hash that programs must carry.
    pub hash: u64,
}

impl Machine {
    /// That of a configuration.
    ///
    /// # Errors
    /// Widths that the array does not hold, rounds of keys and values that it does not take.
    pub fn of(config: &Config) -> Result<Machine, MachineError> {
        let lanes = config.array.lanes as usize;
        let slices = |kib: u32| kib as usize * 1024 / (lanes * VALUE_BYTES);
        let variant = match config.array.accumulation {
            Accumulation::Bits22 => Variant::Bits22,
            Accumulation::Bits15 => Variant::Bits15,
            Accumulation::Dsp15 => Variant::Dsp15,
            Accumulation::Aligned => Variant::Aligned(AlignedWidths {
                a: config.array.aligned_act_bits,
                b: config.array.aligned_kv_bits,
                int4: config.array.aligned_int4_bits(),
            }),
        };
        if let Variant::Aligned(widths) = variant {
            widths.check(lanes)?;
        }
        Ok(Machine {
            lanes,
            columns: config.array.columns as usize,
            per_column: config.array.int4_results(),
            positions: load_positions(config.array.columns as usize),
            variant,
            ways: config.npe.ways as usize,
            rows: config.buffers.rows as usize,
            scratchpad: slices(config.buffers.scratchpad_kib),
            operand: slices(config.buffers.operand_kib),
            constants: slices(config.buffers.constant_kib),
            labels: config.npe.rows as usize,
            rotations: config.npe.rotation_tokens as usize,
            rotation: config.npe.head_size as usize,
            order: KvOrder::of(config)?,
            hash: config.hash_value(),
        })
    }

    /// The exact backend that computes what this machine does, block by block.
    ///
    /// # Errors
    /// None that [`Machine::of`] has not found.
    pub fn exact(&self) -> Result<Exact, ForwardError> {
        Ok(Exact::new(self.variant, self.lanes)?.with_ways(self.ways).with_order(self.order))
    }

    /// Outputs of a tile of INT4 weights.
    pub fn outputs(&self) -> usize {
        self.columns * self.per_column
    }

    /// Partial sums of each group of columns: vectors times tiles of a block.
    pub fn sums(&self) -> usize {
        SUMS_A_ROW * self.rows
    }

    /// Bytes of a load beat.
    pub fn beat_bytes(&self) -> usize {
        self.positions * self.lanes * VALUE_BYTES
    }
}
