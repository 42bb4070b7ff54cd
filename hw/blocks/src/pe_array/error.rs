//! Parameters that no block of the array can be built with.

use crate::parameter::ParameterError;

/// An illegal parameter of a block of the PE array.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{block}: {parameter} = {value} is out of range: use {range}")]
pub struct PeArrayError {
    /// The block.
    pub block: &'static str,
    /// Its parameter.
    pub parameter: &'static str,
    /// Value given.
    pub value: i64,
    /// Legal values.
    pub range: String,
}

impl From<ParameterError> for PeArrayError {
    fn from(e: ParameterError) -> PeArrayError {
        let (block, parameter, range) = (e.block, e.parameter, e.legal.into());
        PeArrayError { block, parameter, value: e.value as i64, range }
    }
}

/// Checks `low <= value <= high`.
pub(crate) fn within(
    block: &'static str,
    parameter: &'static str,
    value: usize,
    low: usize,
    high: usize,
) -> Result<(), PeArrayError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(PeArrayError { block, parameter, value: value as i64, range: format!("{low} to {high}") })
}

/// Checks that `lanes` is a power of two from 2 to 128.
pub(crate) fn lanes_in_range(block: &'static str, lanes: usize) -> Result<(), PeArrayError> {
    if lanes.is_power_of_two() && (2..=128).contains(&lanes) {
        return Ok(());
    }
    let range = "a power of two from 2 to 128".into();
    Err(PeArrayError { block, parameter: "lanes", value: lanes as i64, range })
}
