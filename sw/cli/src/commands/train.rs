//! `skipopu train`: routers, repair, quantisation.

mod curve;

use super::engine::tokenizer;
use crate::args::Train;
use crate::exit::{Done, Failure};
use crate::output;
use crate::progress::Progress;
use skipopu_forward::Skipping;
use skipopu_model::{container, fetch, open, Model};
use skipopu_quant::{quantise, Method};
use skipopu_train::{Plan, Trainer};
use std::path::Path;

/// Calibration texts for GPTQ, of those that were sampled for training.
const CALIBRATION: usize = 128;

/// Runs the command.
pub fn run(args: &Train) -> Done {
    let opened = open(&args.model)?;
    let tokenizer = tokenizer(&opened)?;
    let Some(bos) = tokenizer.bos() else {
        return Err(Failure::usage(
            "no text can be sampled to train on, as no token begins one: use a model whose tokenizer has such a token",
        ));
    };
    let model = &opened.model;
    let plan = plan(args, model)?;
    if args.show_plan {
        return output::json(&serde_json::to_value(&plan).expect("plain data"));
    }
    let cache = match &args.cache {
        Some(folder) => folder.clone(),
        None => fetch::cache_folder()?.with_file_name("train"),
    };
    let mut sampling = Progress::new("sampling", plan.texts.div_ceil(64));
    let ends = (bos, tokenizer.stops());
    let steps = plan.steps();
    let shard = |shard: usize, _| sampling.step(&format!("texts, part {shard}"));
    let mut trainer = Trainer::new(model, plan, ends, &cache, shard)?;
    drop(sampling);
    if trainer.done() > 0 {
        eprintln!("going on after step {}", trainer.done());
    }
    let mut progress = Progress::new("training", steps - trainer.done());
    trainer.run(steps, |p| {
        let (skip, kv) = (100.0 * p.skip, 100.0 * p.kv);
        progress.step(&format!("loss {:.4}, skipped {skip:.1} %, KV saved {kv:.1} %", p.loss));
    })?;
    drop(progress);
    let mut progress = Progress::new("calibrating", trainer.to_calibrate());
    trainer.calibrate(|| progress.step("routers"))?;
    drop(progress);
    if let Some(file) = &args.curve {
        curve::write(trainer.history(), file)?;
    }
    let adapter = trainer.adapter()?;
    if let Some(file) = &args.adapter {
        adapter.write(file)?;
    }
    let held = trainer.held()?;
    output::line(format!(
        "{steps} steps: {:.4} nats a token beyond the dense model on texts kept apart, {:.1} % of sub-modules skipped, {:.1} % of K and V not stored",
        held.loss,
        100.0 * held.skip,
        100.0 * held.kv
    ))?;
    let trained = adapter.apply(model, args.adapter.as_deref().unwrap_or(Path::new("adapter")))?;
    let Some(out) = &args.out else { return Ok(()) };
    let texts: Vec<Vec<u32>> = trainer.texts().take(CALIBRATION).map(<[u32]>::to_vec).collect();
    let mut progress = Progress::new("quantising", model.spec.layers + 1);
    let method = Method::Gptq(&texts, Skipping::KvReuse);
    let step = |s: &str| progress.step(s);
    let quantised = quantise(&trained, 4, args.group, method, step)?;
    drop(progress);
    container::write(out, &quantised, opened.tokenizer.as_ref())?;
    let format = quantised.classifier().format();
    output::line(format!(
        "{}: {format}, routers {}",
        out.display(),
        adapter.routers.placement.name()
    ))
}

/// The plan: from a file or as stories15M's, changed by options, its texts no longer than the context.
fn plan(args: &Train, model: &Model) -> Done<Plan> {
    let mut plan = match &args.plan {
        Some(path) => read_plan(path)?,
        None => Plan::default(),
    };
    plan.length = plan.length.min(model.spec.context);
    plan.top = plan.top.min(model.spec.vocab);
    plan.seed = args.seed.unwrap_or(plan.seed);
    for stage in [&mut plan.routers, &mut plan.repair, &mut plan.settling] {
        stage.words = stage.words.min(model.spec.vocab);
        stage.skip = args.skip.unwrap_or(stage.skip);
        stage.kv = args.kv.unwrap_or(stage.kv);
    }
    Ok(plan)
}

fn read_plan(path: &Path) -> Done<Plan> {
    let text = super::eval::read(path)?;
    serde_json::from_str(&text).map_err(|e| {
        Failure::usage(format!("{} is no plan: {e} (--show-plan prints one)", path.display()))
    })
}
