//! `skipopu quantise`: a model into a container.

use super::engine::tokenizer;
use crate::args::{Method as Choice, Quantise};
use crate::exit::{Done, Failure};
use crate::output;
use crate::progress::Progress;
use skipopu_forward::evaluate::documents;
use skipopu_forward::{Network, Session, Skipping, F32};
use skipopu_model::{container, open, Model, Opened};
use skipopu_quant::{calibration, quantise, Method};

/// Runs the command.
pub fn run(args: &Quantise) -> Done {
    let opened = open(&args.model)?;
    let (model, tokens) = quantised(args, &opened)?;
    container::write(&args.out, &model, opened.tokenizer.as_ref())?;
    let on = if tokens > 0 { format!(" on {tokens} tokens") } else { String::new() };
    let bytes: usize = model.matrices().map(|(_, m)| m.bytes()).sum();
    output::line(format!(
        "{}: {} by {:?}{on}, {bytes} bytes of matrices",
        args.out.display(),
        model.classifier().format(),
        args.method
    ))
}

/// The model quantised as the arguments say, and the tokens that it was calibrated on.
pub fn quantised(args: &Quantise, opened: &Opened) -> Done<(Model, usize)> {
    let texts = match args.method {
        Choice::Rtn => Vec::new(),
        Choice::Gptq => calibration_texts(args, opened)?,
    };
    let method = match args.method {
        Choice::Rtn => Method::Rtn,
        Choice::Gptq => Method::Gptq(&texts, skipping(args, opened)),
    };
    let mut progress = Progress::new("quantising", opened.model.spec.layers + 1);
    let model = quantise(&opened.model, args.bits, args.group, method, |s| progress.step(s))?;
    Ok((model, texts.iter().map(Vec::len).sum()))
}

fn skipping(args: &Quantise, opened: &Opened) -> Skipping {
    match args.skip {
        Some(skip) => super::engine::skipping(skip),
        None if opened.model.routers.is_some() => Skipping::KvReuse,
        None => Skipping::Dense,
    }
}

fn calibration_texts(args: &Quantise, opened: &Opened) -> Done<Vec<Vec<u32>>> {
    let tokenizer = tokenizer(opened)?;
    let (count, length) = (args.sequences as usize, args.length as usize);
    let length = length.min(opened.model.spec.context);
    if let Some(path) = &args.text {
        let text = super::eval::read(path)?;
        let mut all = Vec::new();
        for document in documents(&text) {
            all.extend(calibration::sequences(&tokenizer.encode(document)?, length));
        }
        all.truncate(count);
        return Ok(all);
    }
    let Some(bos) = tokenizer.bos() else {
        return Err(Failure::usage(
            "no text can be sampled, as no token begins one: give some with --text",
        ));
    };
    let network = Network::new(F32, &opened.model, skipping(args, opened))?;
    let mut progress = Progress::new("sampling", count);
    let ends = (bos, tokenizer.stops());
    let step = |i: usize| progress.step(&format!("text {i}"));
    Ok(calibration::sampled(&mut Session::new(network), count, length, ends, args.seed, step)?)
}
