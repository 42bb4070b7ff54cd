//! `skipopu trace`: what every instruction of a block of tokens does.

use super::compiled;
use crate::args::Trace;
use crate::exit::{Done, Failure};
use crate::output;
use serde_json::json;
use skipopu_compiler::images::fp16_bytes;
use skipopu_compiler::Geometry;
use skipopu_config::Config;
use skipopu_eda::table::Table;
use skipopu_executor::trace::TraceEntry;
use skipopu_executor::{Counters, Executor, Machine, Memory};
use skipopu_isa::program::MAGIC;
use skipopu_isa::Program;
use skipopu_kv::layout::WORD_BYTES;

/// Runs `trace`.
pub fn run(args: &Trace) -> Done {
    let bytes = std::fs::read(&args.what.model).unwrap_or_default();
    let (config, mut executor, program, rows) = match bytes.starts_with(&MAGIC) {
        true => of_program(args, &bytes)?,
        false => of_model(args)?,
    };
    let mut entries = Vec::new();
    let stop = executor.trace(&program, rows, 0, args.seed, |e| entries.push(e)).err();
    if args.json {
        output::json(&json!({
            "configuration": config.name,
            "rows": rows,
            "trace": entries,
            "stop": stop.as_ref().map(ToString::to_string),
        }))?;
    } else {
        output::print(&table(&entries, &config).text())?;
    }
    match stop {
        None => Ok(()),
        Some(stop) => Err(Failure::check(format!("the core stopped: {stop}"))),
    }
}

fn machine(config: &Config) -> Done<Executor> {
    let machine = Machine::of(config).map_err(|e| Failure::usage(e.to_string()))?;
    Ok(Executor::new(machine, Memory::of(config)))
}

/// A program alone: its memories hold zeros.
fn of_program(args: &Trace, bytes: &[u8]) -> Done<(Config, Executor, Program, usize)> {
    let config = Config::resolve(&args.what.config.config)?;
    let program = Program::from_bytes(bytes)
        .map_err(|e| Failure::usage(format!("{}: {e}", args.what.model)))?;
    let executor = machine(&config)?;
    Ok((config, executor, program, args.tokens.len()))
}

/// A model: compiled, its images written, the tokens' embeddings in the block.
fn of_model(args: &Trace) -> Done<(Config, Executor, Program, usize)> {
    let (config, compiled) = compiled(&args.what)?;
    let model = skipopu_model::open(&args.what.model)?.model;
    let mut executor = machine(&config)?;
    let failed = |e: skipopu_executor::Stop| Failure::check(e.to_string());
    for (port, image) in executor.memory.hbm.iter_mut().zip(&compiled.images.hbm) {
        port.write(0, image).map_err(failed)?;
    }
    for (at, bytes) in &compiled.images.ddr {
        executor.memory.ddr.write(*at, bytes).map_err(failed)?;
    }
    let words = Geometry::of(&config).words(compiled.sizes.x.slices);
    for (row, token) in args.tokens.iter().enumerate() {
        let vocab = model.spec.vocab;
        if *token as usize >= vocab {
            return Err(Failure::usage(format!(
                "token {token} is outside the vocabulary of {vocab}: give one below"
            )));
        }
        let bytes = fp16_bytes(&model.embedding.row(*token as usize));
        let at = ((compiled.map.ddr.block + row * words) * WORD_BYTES) as u64;
        executor.memory.ddr.write(at, &bytes).map_err(failed)?;
    }
    Ok((config, executor, compiled.program, args.tokens.len()))
}

fn table(entries: &[TraceEntry], config: &Config) -> Table {
    let beat = Machine::of(config).map_or(0, |m| m.beat_bytes());
    let hbm = |d: &Counters| {
        let weights = d.weight_beats as usize * beat;
        weights / WORD_BYTES + (d.kv_words_hbm + d.kv_words_written) as usize
    };
    let ddr = |d: &Counters| d.ddr_words_read + d.ddr_words_written;
    let cycles = |d: &Counters| d.int4_cycles + d.fp16_cycles;
    let mut table = Table::new(&[">pc", "unit", ">rows", ">HBM", ">DDR", ">array", "instruction"]);
    let cell = |value: u64| if value == 0 { String::new() } else { value.to_string() };
    for e in entries {
        table.row(vec![
            e.pc.to_string(),
            e.unit.into(),
            cell(e.rows.len() as u64),
            cell(hbm(&e.did) as u64),
            cell(ddr(&e.did)),
            cell(cycles(&e.did)),
            e.instruction.clone(),
        ]);
    }
    table
}
