//! What a configuration must be to run programs. One that is measured as an array alone need not be.

use crate::error::fits;
use crate::{CompileError, Geometry};
use skipopu_config::{Accumulation, Config};
use skipopu_isa::set::SUMS_A_ROW;
use skipopu_kv::layout::{HEADS_PER_PASS, WORD_BYTES};
use skipopu_kv::KvOrder;
use skipopu_model::Spec;

fn require(
    ok: bool,
    field: &'static str,
    value: impl ToString,
    legal: String,
) -> Result<(), CompileError> {
    match ok {
        true => Ok(()),
        false => Err(CompileError::Overlay { field, value: value.to_string(), legal }),
    }
}

/// Checks the configuration.
///
/// # Errors
/// The first parameter that no overlay has, with what it may be.
pub fn check(config: &Config) -> Result<(), CompileError> {
    let array = &config.array;
    let (lanes, columns) = (array.lanes, array.columns);
    let aligned = array.accumulation == Accumulation::Aligned;
    let legal = "`aligned`, whose columns take keys and values of two heads at a time".into();
    require(aligned, "array.accumulation", array.accumulation, legal)?;
    let legal = "8, 16, 32 or 64, so that slices and words of 64 bytes fit each other".into();
    require([8, 16, 32, 64].contains(&lanes), "array.lanes", lanes, legal)?;
    let ok = columns.is_power_of_two() && columns >= 8 && columns <= 2 * lanes;
    let legal = format!("a power of two from 8 to {}: half of them is a round of tokens, and whole rounds fill the {lanes} lanes", 2 * lanes);
    require(ok, "array.columns", columns, legal)?;
    let legal = format!(
        "at most {}, half of array.columns, so that a tile of scores is of one head",
        columns / 2
    );
    require(config.npe.ways <= columns / 2, "npe.ways", config.npe.ways, legal)?;
    let rows = config.buffers.rows;
    let most = config.npe.rows.min(config.npe.rotation_tokens);
    let legal = format!("at most {most}, the smaller of npe.rows and npe.rotation_tokens");
    require(rows <= most, "buffers.rows", rows, legal)?;
    let ports = config.memory.hbm_ports;
    let (chunk, beat) = (ports as usize * WORD_BYTES, Geometry::of(config).beat_bytes());
    let ok = ports.is_power_of_two() && chunk % beat == 0;
    let legal = format!("a power of two, 64 bytes of each a whole number of load beats of {beat}");
    require(ok, "memory.hbm_ports", ports, legal)?;
    Ok(KvOrder::of(config).map(|_| ())?)
}

/// Checks a model's sizes that the configuration bounds and no memory does.
///
/// # Errors
/// The first parameter that is too small.
pub fn check_model(spec: &Spec, config: &Config) -> Result<(), CompileError> {
    let head = (spec.head_dim as u32).next_multiple_of(config.array.lanes);
    let most = config.npe.head_size;
    let legal = format!("at least {head}, the model's heads in whole slices");
    require(head <= most, "npe.head_size", most, legal)?;
    // A row of a block has statistics, and partial sums of its values, for each query head of a pair.
    let (rows, shared) = (config.buffers.rows as usize, spec.heads_per_kv());
    let labels = HEADS_PER_PASS * rows * shared;
    let legal = format!(
        "at least {labels}, the query heads of a pair times buffers.rows: raise it or lower buffers.rows"
    );
    require(labels <= config.npe.rows as usize, "npe.rows", config.npe.rows, legal)?;
    let round = config.array.columns as usize / 2;
    let chunks = head as usize / round;
    fits(
        "partial sums of a row's values in attention",
        (shared * chunks) as u64,
        SUMS_A_ROW as u64,
        "use a configuration with more columns, or a model with fewer query heads for a key-value head",
    )?;
    let context = config.kv_buffer.context;
    let legal = format!("at least {}, the model's context", spec.context);
    require(spec.context <= context as usize, "kv_buffer.context", context, legal)
}
