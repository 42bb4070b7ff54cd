//! `skipopu hbm replay`: a trace on the timing model.

use super::{chart, report};
use crate::args::HbmReplay;
use crate::exit::{Done, Failure};
use crate::output;
use crate::progress::Progress;
use skipopu_sim::memory::{Item, Replay, ReplayOptions, ReplayReport, Trace, TraceError};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Lines between two steps of progress.
const STEP: u64 = 2_000_000;

/// A line of a trace has about so many bytes.
const LINE_BYTES: u64 = 20;

/// Runs the command.
pub fn run(args: &HbmReplay) -> Done {
    let options = ReplayOptions {
        outstanding: args.outstanding as usize,
        extra_latency: args.extra_latency.into(),
        spread_refresh: !args.aligned_refresh,
        ..ReplayOptions::default()
    };
    let name = args.trace.display().to_string();
    let report = if args.trace == Path::new("-") {
        replay(std::io::stdin().lock(), options, 0, "standard input")?
    } else {
        let unreadable = |e| Failure::environment(format!("cannot read {name}: {e}"));
        let file = File::open(&args.trace).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        replay(BufReader::with_capacity(1 << 20, file), options, size, &name)?
    };
    if let Some(file) = &args.svg {
        chart::write(&report, file)?;
    }
    match args.json {
        true => output::json(&serde_json::json!({ "options": options, "report": report })),
        false => report::print(&report, &options),
    }
}

/// Replays what `reader` gives; `size` is its length, or 0.
fn replay(
    reader: impl BufRead,
    options: ReplayOptions,
    size: u64,
    name: &str,
) -> Done<ReplayReport> {
    let wrong = |e: TraceError| match e {
        TraceError::Read { .. } => Failure::environment(format!("{name}, {e}")),
        TraceError::Line { .. } => Failure::usage(format!("{name}, {e}")),
        TraceError::Nothing => Failure::usage(format!("{name}: {e}")),
    };
    let mut replay = Replay::new(options).map_err(Failure::usage)?;
    let mut trace = Trace::new(reader);
    let steps = size / LINE_BYTES / STEP;
    let mut progress = (steps > 1).then(|| Progress::new("replaying", steps as usize));
    let (mut items, mut accesses) = (0u64, 0u64);
    while let Some((line, item)) = trace.next_item().map_err(wrong)? {
        match item {
            Item::Barrier => replay.barrier(),
            Item::Access(access) => {
                accesses += 1;
                let refused = |e| wrong(TraceError::refused(line, &e));
                replay.access(access).map_err(refused)?;
            }
        }
        items += 1;
        if let Some(progress) = progress.as_mut().filter(|_| items % STEP == 0) {
            progress.step(&format!("line {line}"));
        }
    }
    if accesses == 0 {
        return Err(wrong(TraceError::Nothing));
    }
    Ok(replay.finish())
}
