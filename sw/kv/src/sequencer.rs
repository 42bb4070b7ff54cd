//! [`KvSequencer`]: one text, block by block.

use crate::error::{require, KvError};
use crate::place::{place, Place};
use crate::{KvMachine, Routing, Schedule, Scheduler};

/// Which schedules are made, played and dropped while a text is computed in blocks.
///
/// A block begins with the schedule of layer 0. Before layer `m` is played, schedules below it that were made are dropped, each followed by
/// the next layer's; after it, the schedule of `m + 1` is made. One that is left at the end of the block is dropped. All are for the
/// tokens before the block; where its own rows were appended is noted when it ends.
#[derive(Clone, Debug)]
pub struct KvSequencer {
    ports: usize,
    context: usize,
    layers: usize,
    scheduler: Scheduler,
    routing: Routing,
    /// Tokens of this text that executed each layer, the block's included.
    executed: Vec<usize>,
    /// Layers at which each row of the block was appended.
    rows: Vec<u128>,
    /// Made and not played.
    made: Option<Schedule>,
}

impl KvSequencer {
    /// An empty text of a model of `layers` layers, with `slots` slots of each bank of the buffer.
    ///
    /// # Errors
    /// As [`Scheduler::new`].
    pub fn new(machine: &KvMachine, layers: usize, slots: usize) -> Result<KvSequencer, KvError> {
        Ok(KvSequencer {
            ports: machine.ports,
            context: machine.context,
            layers,
            scheduler: Scheduler::new(machine, layers, slots)?,
            routing: Routing::new(layers)?,
            executed: vec![0; layers],
            rows: Vec::new(),
            made: None,
        })
    }

    /// Tokens before the block.
    pub fn tokens(&self) -> usize {
        self.routing.tokens()
    }

    /// Rows of the block.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The layers that the tokens before the block executed.
    pub fn routing(&self) -> &Routing {
        &self.routing
    }

    /// Forgets the text.
    pub fn clear(&mut self) {
        self.scheduler.clear();
        self.routing.clear();
        self.executed.fill(0);
        self.rows.clear();
        self.made = None;
    }

    /// Begins a block of `rows` tokens.
    pub fn begin(&mut self, rows: usize) {
        self.rows = vec![0; rows];
        self.make(0);
    }

    fn make(&mut self, layer: usize) {
        let tokens = self.tokens();
        self.made = (tokens > 0 && layer < self.layers)
            .then(|| self.scheduler.schedule(&self.routing, layer, tokens));
    }

    /// The schedule of a layer, to be played; none where there is no earlier token.
    ///
    /// # Errors
    /// A layer that the model does not have, or that is not above those played in this block.
    pub fn play(&mut self, layer: usize) -> Result<Option<Schedule>, KvError> {
        let legal = format!("less than the model's {} layers", self.layers);
        require(layer < self.layers, "layer", layer, legal)?;
        if self.tokens() == 0 {
            return Ok(None);
        }
        let first = self.made.as_ref().map_or(self.layers, |s| s.layer);
        let legal = format!("{first} or above: layers are played once a block, in ascending order");
        require(layer >= first, "layer", layer, legal)?;
        for next in first + 1..=layer {
            self.scheduler.drop_last();
            self.make(next);
        }
        let played = self.made.take();
        self.make(layer + 1);
        Ok(played)
    }

    /// The place of a row's own K and V of a layer, which are appended now.
    ///
    /// # Errors
    /// A layer that the model does not have, a row that the block does not have or that was appended there before, a token beyond the
    /// longest text.
    pub fn append(&mut self, layer: usize, row: usize) -> Result<Place, KvError> {
        let legal = format!("less than the model's {} layers", self.layers);
        require(layer < self.layers, "layer", layer, legal)?;
        let (token, legal) = (self.tokens() + row, format!("less than {}", self.context));
        require(token < self.context, "token", token, format!("{legal} (kv_buffer.context)"))?;
        let rows = self.rows.len();
        require(row < rows, "row", row, format!("less than the block's {rows} rows"))?;
        let bits = &mut self.rows[row];
        let legal = "a row that was not yet appended at this layer";
        require(*bits >> layer & 1 == 0, "row", row, legal)?;
        *bits |= 1 << layer;
        let at = place(self.executed[layer], self.ports);
        self.executed[layer] += 1;
        Ok(at)
    }

    /// Ends the block: its rows become earlier tokens.
    pub fn end(&mut self) {
        if self.made.take().is_some() {
            self.scheduler.drop_last();
        }
        self.rows.drain(..).for_each(|bits| self.routing.push(bits));
    }
}
