//! `skipopu run`: a model writes on the overlay, every logit compared.

mod backend;
mod chart;
mod interrupt;
mod live;
mod prepare;
mod report;
mod timeline;

use crate::args::{Run, RunBackend};
use crate::commands::engine::tokenizer;
use crate::exit::{Done, Failure};
use crate::output;
use live::Live;
use skipopu_compiler::Geometry;
use skipopu_config::Config;
use skipopu_forward::{Engine, Sampler};
use skipopu_runtime::ledger::Costs;
use skipopu_runtime::{write, Ended, Event, Plan, Record, Report};
use std::ops::ControlFlow;

/// Runs the command: text and report to standard output, progress to standard error.
pub fn run(args: &Run) -> Done {
    check(args)?;
    let config = Config::resolve(&args.config)?;
    let prepared = prepare::prepare(args, &config)?;
    let model = &prepared.opened.model;
    let tokenizer = tokenizer(&prepared.opened)?;
    let prompt = tokenizer.encode(&args.prompt)?;
    let context = model.spec.context.min(config.kv_buffer.context as usize);
    if prompt.len() > context {
        return Err(Failure::usage(format!(
            "the prompt has {} tokens and the context holds {context}: give a shorter one",
            prompt.len()
        )));
    }
    let mut backend = backend::backend(args, &config, &prepared)?;
    let mut reference = match args.no_check || compares_with_itself(args) {
        true => None,
        false => Some(backend::exact(&config, &prepared)?),
    };
    interrupt::listen()?;

    let most = (args.tokens as usize).min(context);
    let instructions = prepared.compiled.program.instructions.len();
    let mut live = Live::new(tokenizer.decoder(), !args.json, instructions, most);
    for token in &prompt {
        live.token(*token)?;
    }
    let plan = Plan {
        prompt,
        tokens: most,
        stops: tokenizer.stops().to_vec(),
        timeline: args.timeline.is_some(),
    };
    let mut sampler = Sampler::new(args.temperature, args.top_p, args.seed);
    let mut record = Record::default();
    let mut failure = None;
    let mut on = |event: Event| {
        let shown = match event {
            Event::Token(token) => live.token(token),
            Event::Working(progress) => {
                live.working(progress);
                Ok(())
            }
            Event::Prefilled(_) => Ok(()),
        };
        failure = shown.err();
        match failure.is_some() || interrupt::asked() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let reference = reference.as_mut().map(|r| &mut **r as &mut dyn Engine);
    let result = write(&mut *backend, reference, &plan, &mut sampler, &mut record, &mut on);
    let text = live.finish(!args.json)?;
    if let Some(failure) = failure {
        return Err(failure);
    }

    let costs = Costs::new(&prepared.compiled, &Geometry::of(&config), prepared.skipping);
    let ended = result.as_ref().ok().copied();
    let report = Report::new(backend.label(), &config, &costs, &record, ended);
    let shown = report::Shown { args, text: &text, skipping: prepared.skipping, report: &report };
    match args.json {
        true => output::json(&shown.json())?,
        false => output::print(&shown.tables())?,
    }
    if let Some(file) = &args.svg {
        let pieces = record.tokens.iter().map(|t| tokenizer.decode(&[*t])).collect::<Vec<_>>();
        chart::write(&report, &pieces, file)?;
    }
    if let Some(file) = &args.timeline {
        timeline::write(record.timeline.as_ref(), &config, file)?;
    }
    verdict(result?, &report)
}

/// What is wrong before anything is done.
fn check(args: &Run) -> Done {
    for (name, value) in [("--temperature", args.temperature), ("--top-p", args.top_p)] {
        if !(value >= 0.0 && value.is_finite()) {
            return Err(Failure::usage(format!("{name} {value}: use 0 or more")));
        }
    }
    let hidden =
        args.no_check && matches!(args.backend, RunBackend::Executor | RunBackend::Verilator);
    if args.trace.is_some() && args.backend != RunBackend::Verilator {
        return Err(Failure::usage("--trace writes waveforms of --backend verilator alone"));
    }
    if args.timeline.is_some() && args.backend != RunBackend::Verilator {
        return Err(Failure::usage(
            "--timeline draws what the simulated core counts: use --backend verilator",
        ));
    }
    match args.svg.is_some() && hidden {
        true => Err(Failure::usage(
            "--svg draws decisions, and they come with the comparison: leave out --no-check",
        )),
        false => Ok(()),
    }
}

/// The exact backend is what others are compared with, and f32 is not meant to equal it.
fn compares_with_itself(args: &Run) -> bool {
    matches!(args.backend, RunBackend::Exact | RunBackend::F32)
}

/// Success only if everything that was compared is equal.
fn verdict(ended: Ended, report: &Report) -> Done {
    if let Some(m) = &report.mismatch {
        return Err(Failure::check(format!(
            "logit {} after token {} is {} and the exact backend has {}; {} of {} logits differ",
            m.logit,
            m.position,
            m.found,
            m.expected,
            report.logit_mismatches,
            report.logits_compared
        )));
    }
    if report.weights_as_expected == Some(false) {
        return Err(Failure::check(
            "the bytes of weights that were read are not those of the sub-modules that ran",
        ));
    }
    match ended {
        Ended::Interrupted => {
            Err(Failure::interrupted("interrupted; the report says how far it came"))
        }
        _ => Ok(()),
    }
}
