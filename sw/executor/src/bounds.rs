//! What an instruction would touch, checked before it begins.
//!
//! Nothing of an instruction that goes beyond a memory is done. The fault's address is that of the last slice, or of the last word of
//! 64 bytes, that it would touch.

use crate::compute::{asked, Attend};
use crate::kv::layout;
use crate::memory::Site;
use crate::run::{Executor, Stop};
use crate::state::Slices;
use skipopu_isa::set::{DDR_WORDS, PORT_WORDS};
use skipopu_isa::value::{Repeat, Rows, Space, Target};
use skipopu_isa::{Operation, Register};
use skipopu_kv::layout::{HEADS_PER_PASS, WORD_BYTES};

/// Slices of rows: `length` from `at + last stride` on, `last` being the last row.
fn reach(
    memory: &Slices,
    at: usize,
    last: usize,
    stride: usize,
    length: usize,
) -> Result<(), Stop> {
    memory.holds(at + last * stride + length)
}

/// Words of 64 bytes up to `end`.
fn words(memory: &'static str, site: Site, end: usize, size: usize) -> Result<(), Stop> {
    match end <= size {
        true => Ok(()),
        false => Err(Stop::Address { memory, site, address: (end as u64 - 1) * WORD_BYTES as u64 }),
    }
}

impl Executor {
    /// # Errors
    /// An address beyond a memory, a product or attention for no row.
    pub(crate) fn check(&self, operation: &Operation) -> Result<(), Stop> {
        let state = &self.state;
        let (x, k) = (&state.scratchpad, &state.constants);
        let block = state.size(Register::Rows);
        match *operation {
            Operation::LoadData { address, space, at, slices, repeat } => {
                let (at, slices) = (usize::from(at), usize::from(slices));
                let rows = if repeat == Repeat::Once { 1 } else { block };
                match space {
                    Space::Scratchpad => x.holds(at + rows * slices)?,
                    Space::Constants => k.holds(at + rows * slices)?,
                    Space::Rotation => state.rotation.holds(slices * self.machine.lanes, slices)?,
                }
                self.ddr_end(address.into(), slices, repeat)
            }
            Operation::StoreData { address, at, slices, repeat } => {
                let (at, slices) = (usize::from(at), usize::from(slices));
                let rows = if repeat == Repeat::Once { 1 } else { block };
                x.holds(at + rows * slices)?;
                self.ddr_end(address.into(), slices, repeat)
            }
            Operation::LoadWeights { address, beats } => {
                let chunk = self.memory.hbm.len() * WORD_BYTES;
                let units = (usize::from(beats) * self.machine.beat_bytes()).div_ceil(chunk);
                words("HBM", Site::Hbm(0), usize::from(address) + units, PORT_WORDS)
            }
            Operation::Route { address, stride, slices, routers, weights, .. } => {
                let slices = usize::from(slices);
                reach(x, address.into(), block - 1, stride.into(), slices)?;
                k.holds(usize::from(weights) + 2 * asked(routers).len() * slices)
            }
            Operation::Normalise { address, stride, slices, gain, rows, operand, .. } => {
                let (rows, slices) = (state.rows(rows), usize::from(slices));
                let Some(last) = rows.last() else { return Ok(()) };
                reach(x, address.into(), *last, stride.into(), slices)?;
                k.holds(usize::from(gain) + slices)?;
                state.operand[operand as usize].slices().holds(rows.len() * slices)
            }
            Operation::Matmul { rows, target, address, stride, outputs, .. } => {
                let rows = state.rows(rows);
                let last = *rows.last().ok_or(Stop::NoRow)?;
                let (memory, last) = match target {
                    Target::Scratchpad => (x, last),
                    Target::Operand0 => (state.operand[0].slices(), rows.len() - 1),
                    Target::Operand1 => (state.operand[1].slices(), rows.len() - 1),
                };
                reach(memory, address.into(), last, stride.into(), outputs.into())
            }
            Operation::Attend { .. } => match Executor::as_attend(operation) {
                Some(a) => self.attend_end(&a),
                None => Ok(()),
            },
            Operation::AppendKv { layer, rows, keys, values, stride } => {
                self.append_end(layer.into(), rows, [keys.into(), values.into()], stride.into())
            }
            _ => Ok(()),
        }
    }

    fn ddr_end(&self, word: usize, slices: usize, repeat: Repeat) -> Result<(), Stop> {
        let state = &self.state;
        let rows = match repeat {
            Repeat::Once => 1,
            Repeat::Rows => state.size(Register::Rows),
            Repeat::Positions => state.size(Register::Position) + state.size(Register::Rows),
        };
        words("DDR", Site::Ddr, word + rows * self.ddr_words(slices), DDR_WORDS)
    }

    fn attend_end(&self, a: &Attend) -> Result<(), Stop> {
        let state = &self.state;
        let (x, block) = (&state.scratchpad, state.size(Register::Rows));
        let rows = state.rows(a.rows);
        let last = *rows.last().ok_or(Stop::NoRow)?;
        let heads = state.size(Register::KvHeads);
        let shared = state.size(Register::HeadsPerKv);
        let slices = self.head_slices();
        let first = HEADS_PER_PASS * (a.pair + a.pairs.max(1) - 1);
        let own = if first + 1 >= heads { 1 } else { HEADS_PER_PASS };
        let end = first + own;
        reach(x, a.address, last, a.stride, end * shared * slices)?;
        for at in a.own {
            reach(x, at, block - 1, a.kv_stride, end * slices)?;
        }
        let width = heads * shared * slices;
        state.operand[a.operand as usize].slices().holds(rows.len() * width)
    }

    fn append_end(
        &self,
        layer: usize,
        rows: Rows,
        at: [usize; 2],
        stride: usize,
    ) -> Result<(), Stop> {
        let state = &self.state;
        let rows = state.rows(rows);
        let Some(last) = rows.last() else { return Ok(()) };
        let length = state.size(Register::KvHeads) * self.head_slices();
        for at in at {
            reach(&state.scratchpad, at, *last, stride, length)?;
        }
        let region = layout(&self.machine, state);
        let end = region.layer_base(layer + 1) as usize / WORD_BYTES;
        words("HBM", Site::Hbm(0), end, PORT_WORDS)
    }
}
