//! The registers that programs set and the host writes.

use crate::value::Value;

/// A register of the core: sizes that hold for a whole program, and the place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Register {
    /// Tokens of the block, 1 to `buffers.rows` of the configuration. The host writes it.
    Rows,
    /// Position of the block's first token in the text. The host writes it.
    Position,
    /// E8M16 (FP32 with 16 fraction bits): 1 over the values of the residual stream, for RMSNorm's mean.
    InverseDim,
    /// FP32: what RMSNorm adds to the mean square.
    Epsilon,
    /// E8M16: factor of the scores, log2 e / sqrt(head size).
    ScoreFactor,
    /// Values of a head.
    Head,
    /// Query heads per key-value head.
    HeadsPerKv,
    /// Key-value heads.
    KvHeads,
    /// First byte of the KV region of every HBM port, in units of 4 KiB.
    KvBase,
    /// Layers of the model.
    Layers,
    /// Slots of each bank of the KV invariance buffer that hold a token; 0 uses none.
    KvSlots,
}

impl Register {
    /// All registers, in the order of their numbers.
    pub const ALL: &'static [Register] = &[
        Register::Rows,
        Register::Position,
        Register::InverseDim,
        Register::Epsilon,
        Register::ScoreFactor,
        Register::Head,
        Register::HeadsPerKv,
        Register::KvHeads,
        Register::KvBase,
        Register::Layers,
        Register::KvSlots,
    ];

    /// Name in the assembler.
    pub fn name(self) -> &'static str {
        <Register as Value>::NAMES[self as usize]
    }
}

impl Value for Register {
    const BITS: u32 = 4;
    const NAMES: &'static [&'static str] = &[
        "rows",
        "position",
        "inverse_dim",
        "epsilon",
        "score_factor",
        "head",
        "heads_per_kv",
        "kv_heads",
        "kv_base",
        "layers",
        "kv_slots",
    ];
    const MEANINGS: &'static [&'static str] = &[
        "tokens of the block; the host writes it, `set` changes nothing",
        "position of the block's first token; the host writes it, `set` changes nothing",
        "E8M16, 1 over the values of the residual stream",
        "FP32, added to the mean square",
        "E8M16, factor of the scores: log2 e / sqrt(head size)",
        "values of a head",
        "query heads per key-value head",
        "key-value heads",
        "first byte of the KV region of every HBM port, in units of 4 KiB",
        "layers of the model",
        "slots of each bank of the KV invariance buffer that hold a token of this model; 0 uses none",
    ];

    fn to_bits(self) -> u64 {
        self as u64
    }

    fn from_bits(bits: u64) -> Option<Register> {
        Register::ALL.get(usize::try_from(bits).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_register_has_its_name() {
        assert_eq!(Register::ALL.len(), Register::NAMES.len());
        assert_eq!(Register::ALL.len(), Register::MEANINGS.len());
        for (i, r) in Register::ALL.iter().enumerate() {
            assert_eq!(*r as usize, i);
            assert_eq!(Register::from_bits(i as u64), Some(*r));
        }
        assert_eq!(Register::KvSlots.name(), "kv_slots");
    }
}
