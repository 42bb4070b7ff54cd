//! The compute unit: the array and the NPE.

use crate::array::{dot, dot_router, dot_slices, Activation};
use crate::kv::Pass;
use crate::machine::VALUE_BYTES;
use crate::run::{Executor, Stop};
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

/// Attention of pairs of heads as its instruction gives it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attend {
    pub address: usize,
    pub stride: usize,
    pub pair: usize,
    pub pairs: usize,
    pub rows: Rows,
    pub operand: Operand,
    /// First slice of row 0's keys and values.
    pub own: [usize; 2],
    pub kv_stride: usize,
}

/// Passes of a pair: keys and values.
const PASSES: usize = 2;

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
pub(crate) fn asked(routers: Routers) -> &'static [usize] {
    match routers {
        Routers::None => &[],
        Routers::Attention => &[0],
        Routers::Forward => &[1],
        Routers::Both => &[0, 1],
    }
}

impl Executor {
    /// Is what the instruction takes from the weight queue, or of earlier keys and values, there?
    pub(crate) fn weights_ready(&self, operation: &Operation) -> bool {
        match *operation {
            // For no row it is refused at once.
            Operation::Matmul { rows, .. } | Operation::Attend { rows, .. }
                if self.state.rows(rows).is_empty() =>
            {
                true
            }
            Operation::Attend { pairs, .. } => {
                let passes = PASSES * usize::from(pairs);
                self.state.size(Register::Position) == 0 || self.kv.waiting() >= passes
            }
            Operation::Matmul { .. } => !self.state.weights.is_empty(),
            _ => true,
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
        weights: usize,
    ) -> Result<(), Stop> {
        let masks = asked(routers);
        let outputs = 2 * masks.len();
        let tiles = self.state.constants.read(weights, slices * outputs)?;
        let mut weights = vec![Vec::new(); outputs];
        for (i, slice) in tiles.chunks_exact(self.machine.lanes).enumerate() {
            weights[i % outputs].extend_from_slice(slice);
        }
        for row in self.state.rows(Rows::All) {
            let x = self.state.scratchpad.read(address + row * stride, slices)?;
            for (pair, mask) in weights.chunks_exact(2).zip(masks) {
                let logit = |w: &[u16]| dot_router(&self.machine, x, w);
                self.state.mask[*mask][row] = logit(&pair[1]) > logit(&pair[0]);
            }
            self.counters.fp16_cycles += if masks.is_empty() { 0 } else { slices as u64 };
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
        let (loaded, taken) = (self.state.weights.take_matrix().unwrap_or(0), m.bytes(self));
        if loaded != taken {
            return Err(Stop::Weights { loaded, taken });
        }
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
        self.state.operand[m.operand as usize].holds(rows)?;
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
                    self.counters.int4_cycles += rows.len() as u64;
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
                let turn = |t: &[u16]| Turn { cos: t[0], sin: t[1] };
                let factors = self.state.rotation.read(row, slices * self.machine.lanes)?;
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

    pub(crate) fn head_slices(&self) -> usize {
        self.state.size(Register::Head).div_ceil(self.machine.lanes)
    }

    pub(crate) fn as_attend(operation: &Operation) -> Option<Attend> {
        match *operation {
            Operation::Attend {
                address,
                stride,
                pair,
                pairs,
                rows,
                operand,
                keys,
                values,
                kv_stride,
                ..
            } => Some(Attend {
                address: address.into(),
                stride: stride.into(),
                pair: pair.into(),
                pairs: pairs.into(),
                rows,
                operand,
                own: [keys.into(), values.into()],
                kv_stride: kv_stride.into(),
            }),
            _ => None,
        }
    }

    pub(crate) fn attend(&mut self, a: Attend) -> Result<(), Stop> {
        (a.pair..a.pair + a.pairs).try_for_each(|pair| self.pair(&a, pair))
    }

    fn pair(&mut self, a: &Attend, pair: usize) -> Result<(), Stop> {
        let (shared, kv_heads) =
            (self.state.size(Register::HeadsPerKv), self.state.size(Register::KvHeads));
        let slices = self.head_slices();
        let keys = self.pass(a, pair, 0)?;
        let values = self.pass(a, pair, 1)?;
        let rows = self.state.rows(a.rows);
        if pair == 0 {
            let width = kv_heads * shared * slices;
            self.state.operand[a.operand as usize].begin(width, &rows);
        }
        let own = keys.len() - self.own_slots();
        for which in 0..HEADS_PER_PASS.min(kv_heads.saturating_sub(HEADS_PER_PASS * pair)) {
            let first = (HEADS_PER_PASS * pair + which) * shared;
            for head in first..first + shared {
                let at = head * slices;
                for row in &rows {
                    let from = a.address + row * a.stride + at;
                    let query = self.state.scratchpad.read(from, slices)?.to_vec();
                    let out = self.head(&query, &keys, &values, which, own + row + 1);
                    self.state.operand[a.operand as usize].write(*row, at, &out)?;
                }
            }
        }
        // A vector a row and query head meets a tile for each slice of keys and round, or chunk of values and slice of slots.
        let (round, heads) = (self.machine.order.round, rows.len() * shared);
        let keys = keys.len() / round * slices;
        let values = values.len() / self.machine.lanes * (slices * self.machine.lanes / round);
        self.counters.fp16_cycles += (heads * (keys + values)) as u64;
        Ok(())
    }

    /// Slots of the block's own rows.
    fn own_slots(&self) -> usize {
        self.machine.order.own(self.state.size(Register::Rows)).len()
    }

    /// Keys (0) or values (1) of a pair in all slots: earlier tokens, then the block's own rows.
    fn pass(&mut self, a: &Attend, pair: usize, part: usize) -> Result<Pass, Stop> {
        let mut pass = match self.state.size(Register::Position) {
            0 => Pass::new(),
            _ => self.kv.pop().ok_or(Stop::Starved)?,
        };
        let slices = self.head_slices();
        let heads = self.state.size(Register::KvHeads);
        for slot in self.machine.order.own(self.state.size(Register::Rows)) {
            let Some(row) = slot else {
                pass.push(None);
                continue;
            };
            let mut both = [Vec::new(), Vec::new()];
            for (values, head) in both.iter_mut().zip(HEADS_PER_PASS * pair..heads) {
                let at = a.own[part] + row * a.kv_stride + head * slices;
                *values = self.state.scratchpad.read(at, slices)?.to_vec();
            }
            pass.push(Some(both));
        }
        Ok(pass)
    }

    /// One head of one row: of the slots, the first `visible` ones are.
    fn head(
        &self,
        query: &[u16],
        keys: &Pass,
        values: &Pass,
        which: usize,
        visible: usize,
    ) -> Vec<u16> {
        let machine = self.machine;
        let score = |(slot, key): (usize, &Option<[Vec<u16>; 2]>)| match key {
            Some(key) if slot < visible => dot_slices(&machine, query, &key[which]).to_bits(),
            _ => MINUS_INFINITY,
        };
        let scores: Vec<u32> = keys.iter().enumerate().map(score).collect();
        let factor = self.state.register(Register::ScoreFactor);
        let p = Softmax { ways: machine.ways, factor }.row(&scores, scores.len());
        let mut sums = vec![0f32; query.len()];
        let slices = p.chunks(machine.lanes).zip(values.chunks(machine.lanes));
        for (slice, (p, slots)) in slices.enumerate() {
            for (d, sum) in sums.iter_mut().enumerate() {
                let value = |slot: &Option<[Vec<u16>; 2]>| slot.as_ref().map_or(0, |v| v[which][d]);
                let column: Vec<u16> = slots.iter().map(value).collect();
                let product = dot(&machine, p, &column);
                *sum = if slice == 0 { product } else { *sum + product };
            }
        }
        sums.into_iter().map(|s| narrow(s.to_bits())).collect()
    }
}

/// The score of a slot without a token, or with one that the row does not see.
const MINUS_INFINITY: u32 = 0xFF80_0000;

fn half_to_f32(bits: u16) -> f32 {
    f32::from_bits(skipopu_reference::npe::widen(bits))
}
