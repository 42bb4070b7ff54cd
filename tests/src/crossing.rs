//! Words through an asynchronous FIFO under Verilator, each side on a clock of its own.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_sim::{ClockDomain, In, Model, Out, Schedule};

/// A run: how many words, which clocks, which disturbances.
#[derive(Clone, Copy, Debug)]
pub struct Crossing {
    /// Clocks of the writing and the reading side.
    pub clocks: (ClockDomain, ClockDomain),
    /// Words to send.
    pub words: u64,
    /// Probability per cycle that the sender pauses.
    pub idle: f64,
    /// Probability per cycle that the receiver stalls.
    pub stall: f64,
    /// Seed of data and disturbances.
    pub seed: u64,
}

/// What a run showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crossed {
    /// Words received, each the one expected.
    pub words: u64,
    /// Edges of the write clock.
    pub write_edges: u64,
    /// Of those, edges at which the sender was stalled.
    pub full: u64,
    /// Edges of the read clock.
    pub read_edges: u64,
    /// Read edges after the first word's edge until it was offered.
    pub latency: u64,
    /// Write edges in which a sender waited longest.
    pub longest_stall: u64,
}

/// Handles of one side of the FIFO.
struct Ports {
    write_clock: In,
    read_clock: In,
    in_valid: In,
    in_data: In,
    in_last: In,
    in_ready: Out,
    out_valid: Out,
    out_data: Out,
    out_last: Out,
    out_ready: In,
    resets: [In; 2],
}

impl Ports {
    fn bind(m: &Model, width: usize) -> Ports {
        let input = |n: &str, w| m.input(n, w).unwrap_or_else(|e| panic!("{e}"));
        let output = |n: &str, w| m.output(n, w).unwrap_or_else(|e| panic!("{e}"));
        let clock = |n: &str| m.clock(n).unwrap_or_else(|e| panic!("{e}"));
        Ports {
            write_clock: clock("write_clock"),
            read_clock: clock("read_clock"),
            in_valid: input("in_valid", 1),
            in_data: input("in_data", width),
            in_last: input("in_last", 1),
            in_ready: output("in_ready", 1),
            out_valid: output("out_valid", 1),
            out_data: output("out_data", width),
            out_last: output("out_last", 1),
            out_ready: input("out_ready", 1),
            resets: [input("write_reset", 1), input("read_reset", 1)],
        }
    }
}

/// Word `i`: no two of a run alike in any 64 bits but by chance.
fn word(seed: u64, i: u64, limbs: &mut [u64], width: usize) {
    for (k, limb) in (0u64..).zip(limbs.iter_mut()) {
        let mut z = (seed ^ i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(k << 56);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        *limb = z ^ (z >> 31);
    }
    let spare = limbs.len() * 64 - width;
    if let Some(top) = limbs.last_mut() {
        *top &= u64::MAX >> spare;
    }
}

impl Crossing {
    /// Runs the FIFO `m` of `width` data bits, which must be in its reset state.
    ///
    /// # Errors
    /// One sentence on the first word that is wrong, lost, repeated or left over, a rule of the stream
    /// that was broken, or a FIFO that hangs.
    pub fn run(&self, m: &mut Model, width: usize) -> Result<Crossed, String> {
        let p = Ports::bind(m, width);
        let mut schedule = Schedule::new();
        let write = schedule.add(self.clocks.0, 0);
        let read = schedule.add(self.clocks.1, 0);
        let mut rng = SmallRng::seed_from_u64(self.seed);
        let limbs = width.div_ceil(64);
        let (mut data, mut found, mut want) = (vec![0; limbs], vec![0; limbs], vec![0; limbs]);
        let mut out = Crossed::default();
        let (mut sent, mut offered, mut waited) = (0u64, false, 0u64);
        let (mut first_sent, mut first_seen) = (None, None);
        let mut held: Option<Vec<u64>> = None;
        // Every word takes a few edges of the slower clock at the given probabilities.
        let slow = 1.0 / ((1.0 - self.idle) * (1.0 - self.stall));
        let ratio = self.clocks.0.period_ps().max(self.clocks.1.period_ps()) as f64
            / self.clocks.0.period_ps() as f64;
        let budget = 1000 + (self.words as f64 * 8.0 * slow * ratio) as u64;
        let mut drain = 64;
        let fault = |what: String| Err(format!("{what}; clocks {:?}", self.clocks));
        let fail = |e: skipopu_sim::ModelError| e.to_string();
        p.resets.iter().for_each(|r| m.set_u64(*r, 0));
        m.set_u64(p.in_valid, 0);
        m.set_u64(p.out_ready, 1);
        m.eval().map_err(fail)?;
        loop {
            let edges = schedule.advance().unwrap_or_default();
            let (w, r) = (edges.rises(write), edges.rises(read));
            let ready = m.get_u64(p.in_ready) == 1;
            let valid = m.get_u64(p.out_valid) == 1;
            if w {
                out.write_edges += 1;
                waited = if offered && !ready { waited + 1 } else { 0 };
                out.full += u64::from(offered && !ready);
                out.longest_stall = out.longest_stall.max(waited);
                if offered && ready {
                    (sent, offered) = (sent + 1, false);
                    first_sent.get_or_insert(out.read_edges);
                }
                if out.write_edges > budget {
                    let (words, all) = (out.words, self.words);
                    return fault(format!("{words} of {all} words crossed in {budget} cycles"));
                }
            }
            if r {
                if valid {
                    first_seen.get_or_insert(out.read_edges);
                }
                m.get_limbs(p.out_data, &mut found);
                if let Some(before) = held.take() {
                    if !valid || before != found {
                        return fault(format!("word {} changed while it was stalled", out.words));
                    }
                }
                if valid && m.input_value(p.out_ready).any() {
                    word(self.seed, out.words, &mut want, width);
                    let last = want[0] & 7 == 0;
                    if out.words >= sent {
                        return fault(format!("word {} came out and was never sent", out.words));
                    }
                    if found != want || (m.get_u64(p.out_last) == 1) != last {
                        return fault(format!(
                            "word {} is {found:x?}, expected {want:x?}",
                            out.words
                        ));
                    }
                    out.words += 1;
                } else if valid {
                    held = Some(found.clone());
                }
                out.read_edges += 1;
                drain -= i32::from(out.words == self.words);
            }
            if drain <= 0 {
                break;
            }
            for (clock, i) in [(p.write_clock, write), (p.read_clock, read)] {
                if edges.rises(i) || edges.falls(i) {
                    m.set_u64(clock, edges.rises(i).into());
                }
            }
            m.eval().map_err(fail)?;
            if w {
                offered |= sent < self.words && !rng.random_bool(self.idle);
                word(self.seed, sent, &mut data, width);
                m.set_u64(p.in_valid, offered.into());
                m.set_limbs(p.in_data, &data);
                m.set_u64(p.in_last, u64::from(data[0] & 7 == 0));
            }
            if r {
                m.set_u64(p.out_ready, u64::from(!rng.random_bool(self.stall)));
            }
            if w || r {
                m.eval().map_err(fail)?;
            }
        }
        // `first_seen` is counted at the edge that would take the word.
        out.latency = first_seen.zip(first_sent).map_or(0, |(s, f)| s - f);
        Ok(out)
    }
}
