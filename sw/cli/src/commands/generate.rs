//! `skipopu generate`: a model writes.

use super::engine::{backend_name, engine, tokenizer};
use crate::args::Generate;
use crate::exit::{Done, Failure};
use crate::output;
use skipopu_forward::Sampler;
use skipopu_model::open;
use std::time::Instant;

/// Runs the command: the text to standard output as it comes, the rate to standard error.
pub fn run(args: &Generate) -> Done {
    for (name, value) in [("--temperature", args.temperature), ("--top-p", args.top_p)] {
        if !(value >= 0.0 && value.is_finite()) {
            return Err(Failure::usage(format!("{name} {value}: use 0 or more")));
        }
    }
    let opened = open(&args.model)?;
    let tokenizer = tokenizer(&opened)?;
    let mut engine = engine(&opened.model, args.backend, args.skip, &args.config)?;
    let mut tokens = tokenizer.encode(&args.prompt)?;
    if tokens.is_empty() {
        return Err(Failure::usage(
            "the model needs a prompt, as no token begins a text by itself",
        ));
    }
    let most = args.tokens.min(opened.model.spec.context);
    let mut decoder = tokenizer.decoder();
    for token in &tokens {
        output::print(&decoder.push(*token))?;
    }
    let mut sampler = Sampler::new(args.temperature, args.top_p, args.seed);
    let prompt = tokens.len();
    let mut logits = engine.next(&tokens)?;
    let start = Instant::now();
    while tokens.len() < most {
        let token = sampler.pick(&logits);
        if tokenizer.stops().contains(&token) {
            break;
        }
        output::print(&decoder.push(token))?;
        tokens.push(token);
        if tokens.len() < most {
            logits = engine.next(&[token])?;
        }
    }
    output::line(decoder.finish())?;
    let made = tokens.len() - prompt;
    let rate = made as f64 / start.elapsed().as_secs_f64();
    eprintln!("{made} tokens, {rate:.1} token/s, {} backend", backend_name(args.backend));
    Ok(())
}
