//! The registers that programs set and the host writes.

use crate::value::Value;

/// A register of the core: sizes that hold for a whole program, and the place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Register {
    /// Tokens of the block, 1 to `block rows` of the configuration. The host writes it.
    Rows,
    /// Position of the block's first token in the text. The host writes it.
    Position,
    /// Values of the residual stream; what RMSNorm's mean is over.
    Dim,
    /// Slices that one head takes; a head begins at a slice, the rest of its last one is zero.
    HeadSlices,
    /// Query heads per key-value head.
    HeadsPerKv,
    /// Key-value heads.
    KvHeads,
    /// FP32: what RMSNorm adds to the mean square.
    Epsilon,
    /// FP32: factor of the scores, 1 / sqrt(head size).
    ScoreScale,
    /// Address of the RoPE factors in the constant memory: of a row, then of the next.
    Rope,
}

impl Register {
    /// All registers, in the order of their numbers.
    pub const ALL: &'static [Register] = &[
        Register::Rows,
        Register::Position,
        Register::Dim,
        Register::HeadSlices,
        Register::HeadsPerKv,
        Register::KvHeads,
        Register::Epsilon,
        Register::ScoreScale,
        Register::Rope,
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
        "dim",
        "head_slices",
        "heads_per_kv",
        "kv_heads",
        "epsilon",
        "score_scale",
        "rope",
    ];
    const MEANINGS: &'static [&'static str] = &[
        "tokens of the block; the host writes it",
        "position of the block's first token; the host writes it",
        "values of the residual stream",
        "slices of one head",
        "query heads per key-value head",
        "key-value heads",
        "FP32, added to the mean square",
        "FP32, factor of the scores",
        "address of the RoPE factors in the constant memory",
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
        assert_eq!(Register::Rope.name(), "rope");
    }
}
