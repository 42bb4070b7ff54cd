//! A free-running pipeline against a function, operands every cycle.

use super::{design_of, get, set, tick, verilated};
use skipopu_hdl::{Dir, Dut};
use skipopu_sim::{Engine, In, Model, Out, RustSim};

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

/// Simulates a pipeline and prints one column a cycle, as the cycle is before its rising edge: the operands
/// and, where it stands at the outputs, the result of each as its letter; `.` is all zeros and what becomes
/// of it.
pub fn waveform<const I: usize>(block: impl Fn() -> Box<dyn Dut>, items: &[[u64; I]]) -> String {
    let latency = design_of(block(), "pipeline").1.top().latency.expect("a pipeline");
    let cycles = items.len() + latency + 2;
    let run = |operands: &dyn Fn(usize) -> [u64; I]| -> Vec<Vec<u128>> {
        let mut sim = RustSim::new(block()).unwrap();
        let engine: &mut dyn Engine = &mut sim;
        let (inputs, outputs): (Vec<_>, Vec<_>) =
            engine.ports().to_vec().into_iter().partition(|p| p.dir == Dir::In);
        let inputs: Vec<_> = inputs.into_iter().filter(|p| p.name != "clock").collect();
        (0..cycles + latency)
            .map(|cycle| {
                for (port, value) in inputs.iter().zip(operands(cycle)) {
                    set(engine, &[(&port.name, value.into())]);
                }
                engine.eval().unwrap();
                let seen = outputs.iter().map(|p| get(engine, &p.name)).collect();
                tick(engine);
                seen
            })
            .collect()
    };
    // The result of operands that stay is known without the latency.
    let settled = |item: [u64; I]| run(&|_| item).pop().expect("cycles");
    let mut results: Vec<Vec<u128>> = items.iter().map(|i| settled(*i)).collect();
    results.push(settled([0; I]));
    let letter = |i: usize| if i < items.len() { char::from(b'A' + i as u8) } else { '.' };
    let outputs = run(&|cycle| items.get(cycle).copied().unwrap_or([0; I]));
    let mut rows = [String::new(), String::new(), String::new()];
    // Before the first result the outputs hold what the registers started with.
    for (cycle, seen) in outputs.iter().take(cycles).enumerate() {
        let which = results.iter().position(|r| r == seen);
        rows[0].push(char::from(b'0' + (cycle % 10) as u8));
        rows[1].push(letter(cycle.min(items.len())));
        rows[2].push(if cycle < latency { '.' } else { which.map_or('?', letter) });
    }
    format!("cycle    {}\noperands {}\nresult   {}\n", rows[0], rows[1], rows[2])
}
