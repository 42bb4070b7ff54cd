//! The compute unit: the array and the NPE.

use crate::array::{dot, dot_slices, Activation};
use crate::machine::VALUE_BYTES;
use crate::run::{Executor, Stop};
use crate::weights::KvStream;
use skipopu_isa::set::INTERLEAVE;
use skipopu_isa::value::{Flag, Function, Operand, Routers, Rows, Target};
use skipopu_isa::{Operation, Register};
use skipopu_kv::layout::HEADS_PER_PASS;
use skipopu_reference::npe::{narrow, residual, rope_row, swiglu_row, RmsNorm, Softmax, Turn};

/// A matrix product as its instruction gives it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matmul {
    pub operand: Operand,
    pub rows: Rows,
    pub slices: usize,
    pub tiles: usize,
    pub group: usize,
    pub function: Function,
    pub target: Target,
    pub address: usize,
    pub stride: usize,
    pub outputs: usize,
}

impl Matmul {
    fn groups(&self) -> usize {
        match self.group {
            0 => 1,
            g => self.slices.div_ceil(g),
        }
    }

    /// Bytes of load beats that it takes.
    fn bytes(&self, executor: &Executor) -> usize {
        let m = &executor.machine;
        let beat = m.beat_bytes();
        let slots = m.columns.div_ceil(m.positions);
        let tile = slots.div_ceil(4 / m.per_column) * beat;
        let scales = |tiles: usize| {
            (tiles * self.groups() * m.outputs() * VALUE_BYTES).next_multiple_of(beat)
        };
        let blocks = (0..self.tiles).step_by(INTERLEAVE);
        let scales: usize = blocks.map(|t| scales(INTERLEAVE.min(self.tiles - t))).sum();
        scales + self.tiles * self.slices * tile
    }
}

/// Outputs of the routers asked, and where their masks are.
fn asked(routers: Routers) -> &'static [usize] {
    match routers {
        Routers::None => &[],
        Routers::Attention => &[0],
        Routers::Forward => &[1],
        Routers::Both => &[0, 1],
    }
}

impl Executor {
    /// Is what the instruction takes from the weight queue there?
    pub(crate) fn weights_ready(&self, operation: &Operation) -> bool {
        let queue = &self.state.weights;
        match *operation {
            Operation::Route { slices, routers, .. } => {
                let beats = (2 * asked(routers).len()).div_ceil(self.machine.positions);
                queue.len() >= usize::from(slices) * beats * self.machine.beat_bytes()
            }
            Operation::Attend { .. } => queue.kv_len() >= 2,
            _ => match Executor::as_matmul(operation) {
                Some(product) => queue.len() >= product.bytes(self),
                None => true,
            },
        }
    }

    pub(crate) fn as_matmul(operation: &Operation) -> Option<Matmul> {
        match *operation {
            Operation::Matmul {
                operand,
                rows,
                slices,
                tiles,
                group,
                function,
                target,
                address,
                stride,
                outputs,
            } => Some(Matmul {
                operand,
                rows,
                slices: slices.into(),
                tiles: tiles.into(),
                group: group.into(),
                function,
                target,
                address: address.into(),
                stride: stride.into(),
                outputs: outputs.into(),
            }),
            _ => None,
        }
    }

    fn norm(&self) -> RmsNorm {
        RmsNorm {
            ways: self.machine.ways,
            inverse: self.state.register(Register::InverseDim),
            epsilon: self.state.register(Register::Epsilon),
        }
    }

    pub(crate) fn route(
        &mut self,
        (address, stride, slices): (usize, usize, usize),
        routers: Routers,
        statistics: Flag,
    ) -> Result<(), Stop> {
        let masks = asked(routers);
        let mut weights = vec![Vec::new(); 2 * masks.len()];
        for _ in 0..slices {
            let tile = self.state.weights.narrow(&self.machine, weights.len());
            weights.iter_mut().zip(tile).for_each(|(w, t)| w.extend(t));
        }
        for row in self.state.rows(Rows::All) {
            let x = self.state.scratchpad.read(address + row * stride, slices)?;
            for (pair, mask) in weights.chunks_exact(2).zip(masks) {
                let logit = |w: &[u16]| dot_slices(&self.machine, x, w);
                self.counters.fp16_products += 2 * x.len() as u64;
                self.state.mask[*mask][row] = logit(&pair[1]) > logit(&pair[0]);
            }
            if statistics == Flag::Yes {
                self.state.statistics[row] = self.norm().statistic(x);
            }
        }
        Ok(())
    }

    pub(crate) fn normalise(
        &mut self,
        (address, stride, slices): (usize, usize, usize),
        gain: usize,
        rows: Rows,
        operand: Operand,
    ) -> Result<(), Stop> {
        let rows = self.state.rows(rows);
        let norm = self.norm();
        let gain = self.state.constants.read(gain, slices)?.to_vec();
        self.state.operand[operand as usize].begin(slices, &rows);
        for row in rows {
            let x = self.state.scratchpad.read(address + row * stride, slices)?;
            let y = norm.normalise(x, &gain, self.state.statistics[row]);
            self.state.operand[operand as usize].write(row, 0, &y)?;
        }
        Ok(())
    }

    pub(crate) fn matmul(&mut self, m: Matmul) -> Result<(), Stop> {
        let rows = self.state.rows(m.rows);
        let sums = self.products(&m, &rows)?;
        if let Target::Operand0 | Target::Operand1 = m.target {
            let target = &mut self.state.operand[usize::from(m.target == Target::Operand1)];
            target.begin(m.stride, &rows);
        }
        let places = m.outputs * self.machine.lanes;
        for (row, y) in rows.into_iter().zip(sums) {
            let mut values = self.leave(&m, row, &y)?;
            values.resize(places, 0);
            match m.target {
                Target::Scratchpad => {
                    self.state.scratchpad.write(m.address + row * m.stride, &values)?;
                }
                Target::Operand0 | Target::Operand1 => {
                    let target = &mut self.state.operand[usize::from(m.target == Target::Operand1)];
                    target.write(row, m.address, &values)?;
                }
            }
        }
        Ok(())
    }

    /// The FP32 sums of every row: `y = y + scale * (slice . weights)`.
    fn products(&mut self, m: &Matmul, rows: &[usize]) -> Result<Vec<Vec<f32>>, Stop> {
        let machine = self.machine;
        let outputs = machine.outputs();
        let mut operands = Vec::with_capacity(rows.len());
        for row in rows {
            let x = self.state.operand[m.operand as usize].read(*row, m.slices)?;
            let slices = x.chunks(machine.lanes).map(|s| Activation::new(&machine, s));
            operands.push(slices.collect::<Vec<_>>());
        }
        let mut sums = vec![vec![0f32; m.tiles * outputs]; rows.len()];
        for first in (0..m.tiles).step_by(INTERLEAVE) {
            let block = INTERLEAVE.min(m.tiles - first);
            let scales = self.state.weights.scales(&machine, m.groups(), block);
            let scales: Vec<f32> = scales.iter().map(|s| half_to_f32(*s)).collect();
            for s in 0..m.slices {
                let group = s.checked_div(m.group).unwrap_or(0);
                for t in 0..block {
                    let tile = self.state.weights.tile(&machine);
                    let scales = &scales[(group * block + t) * outputs..][..outputs];
                    self.counters.int4_passes += rows.len() as u64;
                    for (operand, sums) in operands.iter().zip(&mut sums) {
                        let sums = &mut sums[(first + t) * outputs..][..outputs];
                        for ((y, w), scale) in sums.iter_mut().zip(&tile).zip(scales) {
                            let product = scale * operand[s].dot(&machine, w);
                            // The first slice starts the sum: nothing is added to it.
                            *y = if s == 0 { product } else { *y + product };
                        }
                    }
                }
            }
        }
        Ok(sums)
    }

    /// What becomes of a row's sums.
    fn leave(&self, m: &Matmul, row: usize, y: &[f32]) -> Result<Vec<u16>, Stop> {
        let bits: Vec<u32> = y.iter().map(|v| v.to_bits()).collect();
        let places = m.outputs * self.machine.lanes;
        let mut values: Vec<u16> = match m.function {
            Function::Plain => bits.into_iter().map(narrow).collect(),
            Function::Rotate => {
                let slices = self.head_slices();
                let at = self.state.size(Register::Rope) + row * slices;
                let turn = |t: &[u16]| Turn { cos: t[0], sin: t[1] };
                let factors = self.state.constants.read(at, slices)?;
                let turns: Vec<Turn> = factors.chunks_exact(2).map(turn).collect();
                let heads = bits.chunks_exact(slices * self.machine.lanes);
                heads.flat_map(|h| rope_row(h, &turns)).collect()
            }
            Function::Swiglu => swiglu_row(&bits),
            Function::Residual => {
                let x = self.state.scratchpad.read(m.address + row * m.stride, m.outputs)?;
                bits.iter().zip(x).map(|(y, x)| residual(*y, *x)).collect()
            }
            Function::Wide => bits.into_iter().flat_map(|b| [b as u16, (b >> 16) as u16]).collect(),
        };
        values.truncate(places);
        Ok(values)
    }

    fn head_slices(&self) -> usize {
        self.state.size(Register::Head).div_ceil(self.machine.lanes)
    }

    pub(crate) fn attend(
        &mut self,
        (address, stride): (usize, usize),
        pair: usize,
        rows: Rows,
        operand: Operand,
    ) -> Result<(), Stop> {
        let (keys, values) = match (self.state.weights.pop_kv(), self.state.weights.pop_kv()) {
            (Some(keys), Some(values)) => (keys, values),
            _ => return Err(Stop::Starved),
        };
        let (shared, kv_heads) =
            (self.state.size(Register::HeadsPerKv), self.state.size(Register::KvHeads));
        let slices = self.head_slices();
        let rows = self.state.rows(rows);
        if pair == 0 {
            let width = kv_heads * shared * slices;
            self.state.operand[operand as usize].begin(width, &rows);
        }
        for row in rows {
            let queries = self.state.scratchpad.read(address + row * stride, stride)?.to_vec();
            let last = self.state.size(Register::Position) + row;
            for which in 0..HEADS_PER_PASS.min(kv_heads.saturating_sub(HEADS_PER_PASS * pair)) {
                let first = (HEADS_PER_PASS * pair + which) * shared;
                for head in first..first + shared {
                    let at = head * slices;
                    let query = &queries[at * self.machine.lanes..][..slices * self.machine.lanes];
                    let out = self.head(query, &keys, &values, which, last);
                    self.state.operand[operand as usize].write(row, at, &out)?;
                }
            }
        }
        Ok(())
    }

    /// One head of one row: the tokens up to `last` are visible.
    fn head(
        &mut self,
        query: &[u16],
        keys: &KvStream,
        values: &KvStream,
        which: usize,
        last: usize,
    ) -> Vec<u16> {
        let machine = self.machine;
        let visible = |s: &'_ KvStream| -> Vec<usize> {
            (0..s.tokens.len()).filter(|i| s.tokens[*i].0 <= last).collect()
        };
        let head = self.state.size(Register::Head);
        let query = &query[..head];
        let score = |i: usize| dot_slices(&machine, query, &keys.tokens[i].1[which]).to_bits();
        let scores: Vec<u32> = visible(keys).into_iter().map(score).collect();
        self.counters.fp16_products += 2 * (scores.len() * head) as u64;
        let factor = self.state.register(Register::ScoreFactor);
        let softmax = Softmax { ways: machine.ways, factor };
        let p = softmax.row(&scores, scores.len());
        let tokens = visible(values);
        let mut sums = vec![0f32; head];
        for (slice, (p, tokens)) in
            p.chunks(machine.lanes).zip(tokens.chunks(machine.lanes)).enumerate()
        {
            for (d, sum) in sums.iter_mut().enumerate() {
                let column: Vec<u16> =
                    tokens.iter().map(|t| values.tokens[*t].1[which][d]).collect();
                let product = dot(&machine, p, &column);
                *sum = if slice == 0 { product } else { *sum + product };
            }
        }
        sums.into_iter().map(|s| narrow(s.to_bits())).collect()
    }
}

fn half_to_f32(bits: u16) -> f32 {
    f32::from_bits(skipopu_reference::npe::widen(bits))
}
