//! Keys and values of earlier tokens, with KV reuse.

use skipopu_kv::{KvOrder, KvSequencer};

/// Keys and values by layer and token.
///
/// A layer holds rows only for the tokens that executed there; a token that skipped reads the row of
/// its **owner layer**, the nearest one below where it has one.
#[derive(Clone, Debug)]
pub struct KvCache<S> {
    width: usize,
    layers: Vec<Stored<S>>,
    /// The machine whose order of tokens attention follows, and its text.
    text: Option<(KvOrder, KvSequencer)>,
}

#[derive(Clone, Debug)]
struct Stored<S> {
    keys: Vec<S>,
    values: Vec<S>,
    /// Owner layer and row there, by token.
    place: Vec<(u32, u32)>,
}

impl<S: Copy> KvCache<S> {
    /// An empty cache; `width` elements a token for keys, as many for values.
    pub fn new(layers: usize, width: usize) -> KvCache<S> {
        let empty = || Stored { keys: Vec::new(), values: Vec::new(), place: Vec::new() };
        KvCache { width, layers: (0..layers).map(|_| empty()).collect(), text: None }
    }

    /// The same, with attention reading tokens in the order of a machine.
    #[must_use]
    pub fn with_order(self, order: KvOrder, text: KvSequencer) -> KvCache<S> {
        KvCache { text: Some((order, text)), ..self }
    }

    /// Begins a block of tokens.
    pub fn begin(&mut self, rows: usize) {
        if let Some((_, text)) = &mut self.text {
            text.begin(rows);
        }
    }

    /// Ends it.
    pub fn end(&mut self) {
        if let Some((_, text)) = &mut self.text {
            text.end();
        }
    }

    /// The slots that attention reads at a layer, by token; `None` where the order is that of the text.
    ///
    /// Panics unless the block has begun and the layer is above those asked for before.
    pub fn slots(&mut self, layer: usize) -> Option<Vec<Option<usize>>> {
        let (order, text) = self.text.as_mut()?;
        let schedule = text.play(layer).expect("a block asks for its layers in order");
        let earlier = schedule.map_or(Vec::new(), |s| order.earlier(&s));
        let mut slots: Vec<_> = earlier.iter().map(|s| s.as_ref().map(|s| s.token())).collect();
        let own = order.own(text.rows());
        slots.extend(own.into_iter().map(|row| row.map(|r| text.tokens() + r)));
        Some(slots)
    }

    /// Forgets all tokens.
    pub fn clear(&mut self) {
        for layer in &mut self.layers {
            layer.keys.clear();
            layer.values.clear();
            layer.place.clear();
        }
        if let Some((_, text)) = &mut self.text {
            text.clear();
        }
    }

    /// Tokens that a layer knows.
    pub fn len(&self, layer: usize) -> usize {
        self.layers[layer].place.len()
    }

    /// Appends the layer's next token with keys and values of its own.
    pub fn push(
        &mut self,
        layer: usize,
        keys: impl Iterator<Item = S>,
        values: impl Iterator<Item = S>,
    ) {
        let token = self.len(layer);
        if let Some((_, text)) = &mut self.text {
            let row = token - text.tokens();
            text.append(layer, row).expect("a row of the block, once a layer");
        }
        let stored = &mut self.layers[layer];
        let row = (stored.keys.len() / self.width) as u32;
        stored.keys.extend(keys);
        stored.values.extend(values);
        stored.place.push((layer as u32, row));
    }

    /// Appends the layer's next token with the keys and values that the layer below uses for it.
    ///
    /// Panics on layer 0, which always has its own.
    pub fn reuse(&mut self, layer: usize) {
        let token = self.len(layer);
        let place = self.layers[layer - 1].place[token];
        self.layers[layer].place.push(place);
    }

    /// The owner layer of a token at a layer.
    pub fn owner(&self, layer: usize, token: usize) -> usize {
        self.layers[layer].place[token].0 as usize
    }

    /// Elements stored, K and V of all layers.
    pub fn elements(&self) -> usize {
        self.layers.iter().map(|l| l.keys.len() + l.values.len()).sum()
    }

    /// What one head reads at a layer: `head` elements from element `first`.
    pub fn view(&self, layer: usize, first: usize, head: usize) -> KvView<'_, S> {
        KvView { cache: self, layer, first, head }
    }
}

/// The keys and values that one head reads at one layer.
#[derive(Clone, Copy, Debug)]
pub struct KvView<'a, S> {
    cache: &'a KvCache<S>,
    layer: usize,
    first: usize,
    head: usize,
}

impl<'a, S: Copy> KvView<'a, S> {
    /// A token's key.
    #[inline]
    pub fn key(&self, token: usize) -> &'a [S] {
        let (owner, at) = self.place(token);
        &self.cache.layers[owner].keys[at..at + self.head]
    }

    /// A token's value.
    #[inline]
    pub fn value(&self, token: usize) -> &'a [S] {
        let (owner, at) = self.place(token);
        &self.cache.layers[owner].values[at..at + self.head]
    }

    #[inline]
    fn place(&self, token: usize) -> (usize, usize) {
        let (owner, row) = self.cache.layers[self.layer].place[token];
        (owner as usize, row as usize * self.cache.width + self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tokens_read_the_nearest_layer_below() {
        let mut kv = KvCache::new(3, 2);
        let own = |kv: &mut KvCache<u8>, layer, k: u8| {
            kv.push(layer, [k, k].into_iter(), [k + 1, k + 1].into_iter())
        };
        own(&mut kv, 0, 10);
        own(&mut kv, 0, 20);
        kv.reuse(1);
        own(&mut kv, 1, 30);
        kv.reuse(2);
        kv.reuse(2);
        let owners: Vec<usize> = (0..3).flat_map(|l| [kv.owner(l, 0), kv.owner(l, 1)]).collect();
        assert_eq!(owners, [0, 0, 0, 1, 0, 1]);
        let view = kv.view(2, 1, 1);
        assert_eq!((view.key(0), view.value(0)), (&[10][..], &[11][..]));
        assert_eq!((view.key(1), view.value(1)), (&[30][..], &[31][..]));
        assert_eq!(kv.elements(), 3 * 4);
        kv.clear();
        assert_eq!((kv.elements(), kv.len(2)), (0, 0));
    }
}
