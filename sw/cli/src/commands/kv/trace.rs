//! `skipopu kv trace`: the routing of a real text, as `kv report` reads it.

use crate::args::KvTrace;
use crate::commands::engine::tokenizer;
use crate::commands::eval;
use crate::exit::{Done, Failure};
use crate::output;
use skipopu_forward::evaluate::documents;
use skipopu_forward::{Engine, Network, Session, Skipping, F32};
use skipopu_kv::Routing;
use skipopu_model::{open, sample};

/// Prints a line per token, a 0 or 1 per layer: 1 where attention executes.
///
/// # Errors
/// A model that cannot be read or has no routers; a text without a token.
pub fn run(args: &KvTrace) -> Done {
    let opened = open(&args.model)?;
    let text = match &args.text {
        Some(file) => eval::read(file)?,
        None => sample::TINYSTORIES.to_string(),
    };
    let first = documents(&text)
        .get(args.document as usize)
        .map(|d| d.to_string())
        .ok_or_else(|| Failure::usage("there is no such document in the text"))?;
    let mut tokens = tokenizer(&opened)?.encode(&first)?;
    if tokens.is_empty() {
        return Err(Failure::usage("the document is empty: choose another one"));
    }
    tokens.truncate(opened.model.spec.context);
    let network = Network::new(F32, &opened.model, Skipping::KvReuse)?;
    let mut session = Session::new(network);
    session.all(&tokens, tokens.len().saturating_sub(1))?;
    let layers = opened.model.spec.layers;
    let mut routing = Routing::new(layers).map_err(Failure::usage)?;
    for token in 0..tokens.len() {
        let row = (0..layers).filter(|l| session.kv().owner(*l, token) == *l);
        routing.push(row.fold(0, |bits, l| bits | 1 << l));
    }
    output::print(&routing.text())
}
