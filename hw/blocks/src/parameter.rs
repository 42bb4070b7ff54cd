//! [`ParameterError`]: a block was asked for that cannot be built.

/// A parameter outside its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{block}: {parameter} = {value}: {legal}")]
pub struct ParameterError {
    /// The block, as a reader knows it.
    pub block: &'static str,
    /// The parameter.
    pub parameter: &'static str,
    /// What it was given.
    pub value: usize,
    /// What is legal.
    pub legal: &'static str,
}

/// Widest bus of any block, in bits: what every supported tool accepts as one vector.
pub const MAX_WIDTH: usize = 65_536;

/// Is `ok`? If not, the error.
pub(crate) fn require(
    ok: bool,
    block: &'static str,
    parameter: &'static str,
    value: usize,
    legal: &'static str,
) -> Result<(), ParameterError> {
    match ok {
        true => Ok(()),
        false => Err(ParameterError { block, parameter, value, legal }),
    }
}

/// A data width that every tool accepts.
pub(crate) fn require_width(block: &'static str, width: usize) -> Result<(), ParameterError> {
    let ok = (1..=MAX_WIDTH).contains(&width);
    require(ok, block, "width", width, "must be 1 to 65536 bits")
}

/// Bits that number `n` things, at least 1.
pub(crate) fn index_bits(n: usize) -> usize {
    (n.max(2) - 1).ilog2() as usize + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices() {
        for (n, bits) in [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (4096, 12), (4097, 13)] {
            assert_eq!(index_bits(n), bits, "{n}");
        }
    }
}
