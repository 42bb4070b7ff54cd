//! Port and slot of a token's keys and values.

use crate::Routing;
use serde::Serialize;

/// Where the K and V of a token lie at its owner layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Place {
    /// HBM port (pseudo-channel).
    pub port: usize,
    /// Position among the tokens of that layer in that port.
    pub slot: usize,
}

/// The token-wise placement: the `sequence`-th token that executes a layer, counted from 0, goes to port
/// `sequence mod ports`, slot `sequence / ports`.
pub fn place(sequence: usize, ports: usize) -> Place {
    Place { port: sequence % ports, slot: sequence / ports }
}

/// Owner layer and place of every earlier token as `layer` sees them.
pub fn place_of(
    routing: &Routing,
    layer: usize,
    tokens: usize,
    ports: usize,
) -> Vec<(usize, Place)> {
    let mut executed = vec![0; layer + 1];
    let mut out = Vec::with_capacity(tokens);
    for token in 0..tokens {
        let owner = routing.owner(layer, token);
        out.push((owner, place(executed[owner], ports)));
        for (l, n) in executed.iter_mut().enumerate() {
            *n += usize::from(routing.executes(l, token));
        }
    }
    out
}

/// Bytes of one stripe of the interleaved placement, the baseline: every token's row is cut into equal
/// stripes, one per port, of whole HBM beats.
pub fn interleaved_stripe(row_bytes: usize, ports: usize) -> usize {
    row_bytes.div_ceil(ports).next_multiple_of(crate::layout::HBM_BEAT_BYTES)
}
