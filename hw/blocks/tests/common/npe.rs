//! A free-running pipeline against a function, operands every cycle.

use super::{design_of, verilated};
use skipopu_hdl::{Dir, Dut};
use skipopu_sim::{In, Model, Out};

/// A Verilated block with its data ports in the order of their declaration.
pub struct Pipeline {
    name: String,
    model: Model,
    clock: In,
    inputs: Vec<In>,
    outputs: Vec<Out>,
    latency: usize,
}

impl Pipeline {
    pub fn new(block: Box<dyn Dut>, name: &str) -> Pipeline {
        let design = design_of(block, name).1;
        let model = verilated(&design);
        let latency = design.top().latency.expect("a pipeline states its latency");
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for port in design.top().ports.iter().filter(|p| p.name != "clock") {
            match port.dir {
                Dir::In => inputs.push(model.input(&port.name, port.width).unwrap()),
                _ => outputs.push(model.output(&port.name, port.width).unwrap()),
            }
        }
        let clock = model.clock("clock").unwrap();
        Pipeline { name: name.into(), model, clock, inputs, outputs, latency }
    }

    /// Feeds every item in a cycle of its own and compares what comes out after the latency that the block
    /// states.
    ///
    /// # Panics
    /// At the first difference, and if there was nothing to compare.
    pub fn equals<const I: usize, const O: usize>(
        &mut self,
        items: &[[u64; I]],
        expected: impl Fn([u64; I]) -> [u64; O],
    ) {
        assert!(!items.is_empty(), "{}: nothing to compare", self.name);
        assert_eq!((self.inputs.len(), self.outputs.len()), (I, O), "{}", self.name);
        for step in 0..items.len() + self.latency - 1 {
            // Behind the last item other operands follow; they must not matter.
            for (port, value) in self.inputs.iter().zip(items[step % items.len()]) {
                self.model.set_u64(*port, value);
            }
            self.model.tick(self.clock).unwrap();
            if step + 1 >= self.latency {
                let item = items[step + 1 - self.latency];
                let wanted = expected(item);
                for (port, wanted) in self.outputs.iter().zip(wanted) {
                    let got = self.model.get_u64(*port);
                    let name = &self.name;
                    assert!(got == wanted, "{name} of {item:x?}: {got:#x} instead of {wanted:#x}");
                }
            }
        }
    }
}

/// Every FP16 encoding.
pub fn all_fp16() -> Vec<[u64; 1]> {
    (0..=0xFFFF).map(|x| [x]).collect()
}
