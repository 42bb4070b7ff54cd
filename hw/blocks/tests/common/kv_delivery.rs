//! Deliveries of K and V: what a loader is asked for, and what it must give, by their definition.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_hdl::Word;
use skipopu_hw::datapath::DatapathShape;
use skipopu_hw::kv::delivery::KvCommand;
use skipopu_hw::kv::{KvShape, WORD_BITS};
use skipopu_sim::stream::Beat;

const VALUE: usize = 16;

/// K or V of a token of two heads, each padded to whole slices.
pub type Token = [Vec<u16>; 2];
/// A token, or none, of every stream.
pub type Round = Vec<Option<Token>>;

/// Sizes of the loader.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub shape: DatapathShape,
    pub kv: KvShape,
}

/// One command with what its sources hold for it.
#[derive(Clone, Debug)]
pub struct Job {
    pub values: bool,
    pub single: bool,
    /// Slices of a head.
    pub head: usize,
    /// Own rows.
    pub rows: usize,
    /// First slice of row 0.
    pub base: usize,
    /// Slices from a row to the next.
    pub stride: usize,
    /// Rounds of earlier tokens.
    pub earlier: Vec<Round>,
}

/// What goes into a loader and what must come out.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    pub commands: Vec<Beat>,
    pub rounds: Vec<Beat>,
    pub masks: Vec<Beat>,
    pub loads: Vec<Beat>,
    /// Cycles that filling and giving frames alternately takes at most.
    pub cycles: u64,
}

/// A slice of the scratchpad: every slice has other values.
pub fn slice(address: usize, lanes: usize) -> Vec<u16> {
    let mut rng = SmallRng::seed_from_u64(0x5eed_0000 + address as u64);
    (0..lanes).map(|_| rng.random()).collect()
}

/// Values side by side, the first one lowest.
pub fn word_of(values: &[u16]) -> Word {
    let limb = |four: &[u16]| four.iter().rev().fold(0, |l, v| l << 16 | u64::from(*v));
    let limbs: Vec<u64> = values.chunks(4).map(limb).collect();
    Word::from_limbs(values.len() * VALUE, &limbs)
}

impl Sizes {
    pub fn streams(&self) -> usize {
        self.kv.streams()
    }
    /// Longest head that fits, in slices.
    pub fn longest(&self) -> usize {
        128 / self.shape.lanes
    }
    /// Words of a token and pass of heads of that many slices.
    pub fn words(&self, head: usize) -> usize {
        (2 * head * self.shape.slice_bits()).div_ceil(WORD_BITS)
    }
}

impl Job {
    fn token(&self, sizes: &Sizes, rng: &mut SmallRng) -> Token {
        let values = self.head * sizes.shape.lanes;
        [(); 2].map(|()| (0..values).map(|_| rng.random()).collect())
    }

    /// Adds a round with each stream taking part at that probability, one at least.
    pub fn round(mut self, sizes: &Sizes, there: f64, rng: &mut SmallRng) -> Job {
        let streams = sizes.streams();
        let sure = rng.random_range(0..streams);
        let round = (0..streams)
            .map(|s| (s == sure || rng.random_bool(there)).then(|| self.token(sizes, rng)))
            .collect();
        self.earlier.push(round);
        self
    }

    /// K or V of a row of the block, out of the scratchpad.
    fn own(&self, sizes: &Sizes, row: usize) -> Token {
        let head = |h: usize| {
            let first = self.base + row * self.stride + h * self.head;
            let slices = (first..first + self.head).map(|a| a % sizes.shape.scratchpad);
            slices.flat_map(|a| slice(a, sizes.shape.lanes)).collect()
        };
        [head(0), head(1)]
    }

    /// The command.
    fn command(&self, sizes: &Sizes) -> Beat {
        let f = KvCommand::of(&sizes.shape);
        let mut data = Word::zero(f.bits);
        let mut put =
            |(at, bits): (usize, usize), v: usize| data.set_slice(at, &Word::new(bits, v as u128));
        put(f.base, self.base);
        put(f.stride, self.stride);
        put(f.rows, self.rows);
        put(f.head, self.head);
        put(f.words, sizes.words(self.head));
        put((f.values, 1), usize::from(self.values));
        put((f.earlier, 1), usize::from(!self.earlier.is_empty()));
        put((f.single, 1), usize::from(self.single));
        Beat { data, last: false }
    }

    /// The rounds as the KV unit delivers them; what no token stands behind is random.
    fn rounds(&self, sizes: &Sizes, rng: &mut SmallRng) -> Vec<Beat> {
        let (streams, words) = (sizes.streams(), sizes.words(self.head));
        let per_word = WORD_BITS / VALUE;
        let mut beats = Vec::new();
        for (r, round) in self.earlier.iter().enumerate() {
            for w in 0..words {
                let mut data = skipopu_sim::uniform_word(rng, sizes.kv.delivery());
                for (s, token) in round.iter().enumerate() {
                    let present = streams * (WORD_BITS + sizes.kv.token()) + s;
                    data.set_slice(present, &Word::from(token.is_some()));
                    let Some(token) = token else { continue };
                    let all: Vec<u16> = token.concat();
                    let end = all.len().min((w + 1) * per_word);
                    data.set_slice(s * WORD_BITS, &word_of(&all[w * per_word..end]));
                }
                let last = w + 1 == words && r + 1 == self.earlier.len();
                beats.push(Beat { data, last });
            }
        }
        beats
    }

    /// All slots, in order: earlier rounds, own rounds, each filled up to whole slices of probabilities.
    fn slots(&self, sizes: &Sizes) -> Vec<(Option<Token>, bool)> {
        let (round, lanes) = (sizes.shape.round(), sizes.shape.lanes);
        let mut slots = Vec::new();
        for tokens in &self.earlier {
            let none = std::iter::repeat_n(None, round - tokens.len());
            slots.extend(tokens.iter().cloned().chain(none).map(|t| (t, false)));
        }
        while slots.len() % lanes != 0 {
            slots.push((None, false));
        }
        slots.extend((0..self.rows).map(|r| (Some(self.own(sizes, r)), true)));
        while slots.len() % lanes != 0 {
            slots.push((None, true));
        }
        slots
    }

    /// The head's values of a token; none has zeros, and so has the second head where there is one.
    fn head_of(&self, sizes: &Sizes, token: &Option<Token>, head: usize) -> Vec<u16> {
        match token {
            Some(t) if head == 0 || !self.single => t[head].clone(),
            _ => vec![0; self.head * sizes.shape.lanes],
        }
    }

    /// A tile of columns as load beats.
    fn tile(sizes: &Sizes, columns: &[Vec<u16>]) -> Vec<Beat> {
        let positions = sizes.shape.positions();
        let slots = sizes.shape.columns / positions;
        let slot_bits = sizes.shape.load_bits() - 1 - sizes.shape.beat_bits();
        let beat = |(k, columns): (usize, &[Vec<u16>])| {
            let mut data = Word::zero(sizes.shape.load_bits());
            data.set_slice(0, &word_of(&columns.concat()));
            data.set_slice(sizes.shape.beat_bits(), &Word::new(slot_bits, k as u128));
            Beat { data, last: k + 1 == slots }
        };
        columns.chunks(positions).enumerate().map(beat).collect()
    }

    /// Items and tiles.
    fn gives(&self, sizes: &Sizes) -> (Vec<Beat>, Vec<Beat>) {
        let (round, lanes) = (sizes.shape.round(), sizes.shape.lanes);
        let (mut masks, mut loads) = (Vec::new(), Vec::new());
        let slots = self.slots(sizes);
        let group = if self.values { lanes } else { round };
        for (i, slots) in slots.chunks(group).enumerate() {
            let mut mask = Word::zero(round + 2);
            if !self.values {
                for (s, (token, _)) in slots.iter().enumerate() {
                    mask.set_slice(s, &Word::from(token.is_some()));
                }
            }
            let last = (i + 1) * group == self.slots(sizes).len();
            mask.set_slice(round, &Word::from(last));
            mask.set_slice(round + 1, &Word::from(slots[0].1));
            masks.push(Beat { data: mask, last: false });
            let heads: Vec<Vec<Vec<u16>>> = (0..2)
                .map(|h| slots.iter().map(|(t, _)| self.head_of(sizes, t, h)).collect())
                .collect();
            if self.values {
                for chunk in 0..self.head * lanes / round {
                    let column = |c: usize| -> Vec<u16> {
                        let dim = chunk * round + c % round;
                        heads[c / round].iter().map(|token| token[dim]).collect()
                    };
                    let columns: Vec<_> = (0..2 * round).map(column).collect();
                    loads.extend(Job::tile(sizes, &columns));
                }
            } else {
                for s in 0..self.head {
                    let column =
                        |c: usize| heads[c / round][c % round][s * lanes..(s + 1) * lanes].to_vec();
                    let columns: Vec<_> = (0..2 * round).map(column).collect();
                    loads.extend(Job::tile(sizes, &columns));
                }
            }
        }
        (masks, loads)
    }

    /// Cycles to fill and to give each frame.
    fn frames(&self, sizes: &Sizes, settle: usize) -> Vec<(usize, usize)> {
        let rounds = sizes.shape.rounds_per_slice();
        let give = self.head * rounds * sizes.shape.slots();
        let words = sizes.words(self.head);
        let heads = if self.single { 1 } else { 2 };
        let earlier = self.earlier.chunks(rounds).map(|r| (r.len() * words, give));
        let lanes = sizes.shape.lanes;
        let own = (0..self.rows.div_ceil(lanes)).map(|f| {
            let rows = lanes.min(self.rows - f * lanes);
            (heads * self.head * rows + settle, give)
        });
        earlier.chain(own).collect()
    }
}

/// Commands one after the other.
pub fn traffic(sizes: &Sizes, jobs: &[Job], settle: usize, rng: &mut SmallRng) -> Traffic {
    let mut all = Traffic::default();
    let mut before = 0;
    for job in jobs {
        all.commands.push(job.command(sizes));
        all.rounds.extend(job.rounds(sizes, rng));
        let (masks, loads) = job.gives(sizes);
        all.masks.extend(masks);
        all.loads.extend(loads);
        // A command takes a cycle.
        all.cycles += 1;
        for (fill, give) in job.frames(sizes, settle) {
            all.cycles += fill.max(before) as u64;
            before = give;
        }
    }
    all.cycles += before as u64;
    all
}
