//! Input vectors: one row per cycle, the same for every engine.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_hdl::{Dir, Port, Word};

/// One cycle: the inputs, then the clocks that rise (and fall again).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// A value for each of [`Stimulus::inputs`].
    pub inputs: Vec<Word>,
    /// Does each of [`Stimulus::clocks`] rise?
    pub rising: Vec<bool>,
}

/// Input vectors for a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stimulus {
    /// The block's inputs other than clocks, in declaration order.
    pub inputs: Vec<Port>,
    /// The block's clocks, in declaration order.
    pub clocks: Vec<String>,
    /// The cycles.
    pub rows: Vec<Row>,
    /// First cycle whose outputs are compared; before it outputs may be undefined, as while a memory
    /// without an initial value is filled. 0 by default.
    pub compare_from: usize,
}

impl Stimulus {
    /// No cycles yet, for a block with these ports.
    pub fn new(ports: &[Port]) -> Stimulus {
        let inputs = ports.iter().filter(|p| p.dir == Dir::In);
        Stimulus {
            inputs: inputs.clone().filter(|p| !p.clock).cloned().collect(),
            clocks: inputs.filter(|p| p.clock).map(|p| p.name.clone()).collect(),
            rows: Vec::new(),
            compare_from: 0,
        }
    }

    /// Appends a cycle in which every clock rises.
    ///
    /// # Panics
    /// When the values are not one per input, each of the input's width.
    pub fn push(&mut self, inputs: Vec<Word>) {
        assert_eq!(inputs.len(), self.inputs.len(), "one value per input");
        for (value, port) in inputs.iter().zip(&self.inputs) {
            assert_eq!(value.width(), port.width, "a value for `{}`", port.name);
        }
        self.rows.push(Row { inputs, rising: vec![true; self.clocks.len()] });
    }

    /// Replaces the values of input `name` from cycle `from` up to, not including, `to` (for a reset, a
    /// mode, a valid that must come later). Returns whether there is such an input.
    ///
    /// # Panics
    /// When the value has another width than the input.
    pub fn hold(&mut self, name: &str, from: usize, to: usize, value: &Word) -> bool {
        let Some(at) = self.inputs.iter().position(|p| p.name == name) else { return false };
        assert_eq!(value.width(), self.inputs[at].width, "a value for `{name}`");
        for row in self.rows.iter_mut().take(to).skip(from) {
            row.inputs[at] = value.clone();
        }
        true
    }

    /// Compare only from this cycle on.
    pub fn compare_from(mut self, cycle: usize) -> Stimulus {
        self.compare_from = cycle;
        self
    }
}

/// Random vectors for a block with these ports: see [`random_word`]. With one clock it rises in every
/// cycle; of several a random non-empty subset does.
pub fn random_stimulus(ports: &[Port], cycles: usize, seed: u64) -> Stimulus {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut stimulus = Stimulus::new(ports);
    let clocks = stimulus.clocks.len();
    for _ in 0..cycles {
        let inputs = stimulus.inputs.iter().map(|p| random_word(&mut rng, p.width)).collect();
        let mut rising: Vec<bool> = (0..clocks).map(|_| clocks == 1 || rng.random()).collect();
        if clocks > 0 && !rising.contains(&true) {
            rising[rng.random_range(0..clocks)] = true;
        }
        stimulus.rows.push(Row { inputs, rising });
    }
    stimulus
}

/// A random value of `width` bits: half of the time uniform, else one of 0, 1, all ones, all ones but
/// the lowest, a single 1, a single 0, the sign bit alone, all but the sign bit, a small positive or a
/// small negative number.
pub fn random_word(rng: &mut impl Rng, width: usize) -> Word {
    let small =
        |rng: &mut _| Word::from_i128(width, i128::from(Rng::random_range::<u8, _>(rng, 0..16)));
    let one_hot = |at: usize| Word::zero(width).replace_bit(at, true);
    match rng.random_range(0..20) {
        0 => Word::zero(width),
        1 => Word::from_i128(width, 1),
        2 => Word::ones(width),
        3 => Word::from_i128(width, -2),
        4 => one_hot(rng.random_range(0..width)),
        5 => !one_hot(rng.random_range(0..width)),
        6 => one_hot(width - 1),
        7 => !one_hot(width - 1),
        8 => small(rng),
        9 => -small(rng),
        _ => uniform_word(rng, width),
    }
}

/// A uniformly distributed value of `width` bits.
pub fn uniform_word(rng: &mut impl Rng, width: usize) -> Word {
    let mut few = [0u64; 4];
    let limbs = width.div_ceil(64);
    if limbs <= few.len() {
        rng.fill(&mut few[..limbs]);
        return Word::from_limbs(width, &few);
    }
    let mut many = vec![0u64; limbs];
    rng.fill(&mut many[..]);
    Word::from_limbs(width, &many)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, dir: Dir, width: usize, clock: bool) -> Port {
        Port { name: name.into(), dir, width, clock, signed: false }
    }

    #[test]
    fn random_vectors_are_reproducible_and_hit_the_edges() {
        let ports = [
            port("c", Dir::In, 1, true),
            port("a", Dir::In, 70, false),
            port("y", Dir::Out, 3, false),
        ];
        let s = random_stimulus(&ports, 2_000, 0);
        assert_eq!(s, random_stimulus(&ports, 2_000, 0));
        assert_ne!(s, random_stimulus(&ports, 2_000, 1));
        assert_eq!((s.inputs.len(), s.clocks.clone()), (1, vec!["c".to_string()]));
        let count = |w: Word| s.rows.iter().filter(|r| r.inputs[0] == w).count();
        let sign = Word::zero(70).replace_bit(69, true);
        for edge in [Word::zero(70), Word::new(70, 1), Word::ones(70), sign.clone(), !sign] {
            assert!(count(edge.clone()) > 20, "{edge} came {} times", count(edge.clone()));
        }
        let one_hots: Vec<usize> =
            (0..70).filter(|i| count(Word::zero(70).replace_bit(*i, true)) > 0).collect();
        assert!(one_hots.len() > 30, "{one_hots:?}");
        assert!(s.rows.iter().all(|r| r.rising == [true]));
    }

    #[test]
    fn several_clocks_rise_in_every_combination() {
        let ports = [port("c", Dir::In, 1, true), port("d", Dir::In, 1, true)];
        let s = random_stimulus(&ports, 200, 0);
        for want in [[true, false], [false, true], [true, true]] {
            assert!(s.rows.iter().any(|r| r.rising == want), "{want:?}");
        }
        assert!(s.rows.iter().all(|r| r.rising.contains(&true)));
    }

    #[test]
    fn hold_replaces_a_range() {
        let ports = [port("r", Dir::In, 1, false)];
        let mut s = random_stimulus(&ports, 8, 0);
        assert!(s.hold("r", 2, 5, &Word::ones(1)));
        assert!(!s.hold("q", 0, 1, &Word::ones(1)));
        assert!(s.rows[2..5].iter().all(|r| r.inputs[0].any()));
    }
}
