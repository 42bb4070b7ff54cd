//! The store unit.

use crate::kv::layout;
use crate::machine::VALUE_BYTES;
use crate::run::{Executor, Stop};
use skipopu_isa::value::{Repeat, Rows};
use skipopu_isa::Register;

impl Executor {
    pub(crate) fn store_data(
        &mut self,
        word: usize,
        at: usize,
        slices: usize,
        repeat: Repeat,
    ) -> Result<(), Stop> {
        for (r, to) in self.ddr_rows(word, slices, repeat).into_iter().enumerate() {
            let values = self.state.scratchpad.read(at + r * slices, slices)?;
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            self.memory.ddr.write(to, &bytes)?;
            self.counters.ddr_bytes_written += bytes.len() as u64;
        }
        Ok(())
    }

    pub(crate) fn append_kv(
        &mut self,
        layer: usize,
        rows: Rows,
        keys: usize,
        values: usize,
        stride: usize,
    ) -> Result<(), Stop> {
        let layout = layout(&self.machine, &self.state);
        let head = self.state.size(Register::Head);
        let slices = head.div_ceil(self.machine.lanes);
        let position = self.state.size(Register::Position);
        if layer >= self.machine.kv.layers {
            return Err(Stop::Layer { layer });
        }
        for row in self.state.rows(rows) {
            let token = position + row;
            if token >= self.machine.kv.context {
                return Err(Stop::Context { token });
            }
            let place = self.kv.append(layer, token, self.machine.kv.ports);
            for h in 0..self.state.size(Register::KvHeads) {
                for (v, from) in [(false, keys), (true, values)] {
                    let from = from + row * stride + h * slices;
                    let values = &self.state.scratchpad.read(from, slices)?[..head];
                    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                    let (port, at) = layout.locate(layer, place, h, v, 0);
                    self.memory.hbm[port].write(at, &bytes)?;
                    self.counters.kv_bytes_written += (head * VALUE_BYTES) as u64;
                }
            }
        }
        Ok(())
    }
}
