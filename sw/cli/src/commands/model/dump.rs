//! `skipopu model dump`: what the array's columns multiply.

use crate::args::Dump;
use crate::commands::engine::variant;
use crate::commands::eval::{encoded, read};
use crate::commands::operands::{write, Manifest};
use crate::exit::Done;
use crate::progress::Progress;
use crate::{folder, output};
use skipopu_config::Config;
use skipopu_forward::evaluate::{evaluate, Window};
use skipopu_forward::exact::record::Recording;
use skipopu_forward::{Engine, Exact, Network, Session, Skipping};
use skipopu_model::{open, sample};

/// Runs the command.
pub fn run(args: &Dump) -> Done {
    let opened = open(&args.model)?;
    let array = Config::resolve(&args.config.config)?.array;
    let text = match &args.text {
        Some(path) => read(path)?,
        None => sample::TINYSTORIES.to_string(),
    };
    let documents = encoded(&opened, &text, args.limit)?;
    let lanes = array.lanes as usize;
    let recording = Recording::new(Exact::new(variant(&array), lanes)?, args.dots as usize);
    let network = Network::new(recording.clone(), &opened.model, Skipping::Dense)?;
    let mut session = Session::new(network);
    let window = Window::new(opened.model.spec.context, None, None);
    let mut progress = Progress::new("computing", documents.len());
    evaluate(&mut session, &documents, window, |i| progress.step(&format!("text {i}")))?;
    drop(progress);
    let found = recording.sample();
    let tokens = session.stats().tokens;
    let manifest = Manifest { model: args.model.clone(), tokens, lanes };
    folder::replace(&args.out, |folder| write(folder, &manifest, &found))?;
    let dots = |values: usize| values / lanes;
    output::line(format!(
        "{}: of {tokens} tokens {} dot products of projections, {} of scores, {} of mixes, {lanes} lanes each",
        args.out.display(),
        dots(found.projections.first.len()),
        dots(found.scores.first.len()),
        dots(found.mixes.first.len()),
    ))
}
