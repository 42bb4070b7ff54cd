//! Cycles per second of Verilated blocks, new random inputs in every cycle.
//!
//! `cargo bench -p skipopu-system`; the whole `u280` array is `measure array`.

use criterion::{Criterion, Throughput};
use skipopu_config::Config;
use skipopu_hdl::{emit, EmitOptions};
use skipopu_hw::catalogue;
use skipopu_sim::{random_stimulus, Model, Stimulus, Verilate};

/// Blocks, each at 64 lanes as in the `u280` presets, or small enough to build in seconds.
const BLOCKS: [(&str, &str); 5] = [
    ("primitives-pipeline", "cosim"),
    ("product-column-pair", "u280-paper"),
    ("aligned-column", "u280"),
    ("pe-array", "tiny"),
    ("pe-array", "cosim"),
];

const CYCLES: usize = 256;

fn verilated(block: &str, config: &str) -> (Model, Stimulus) {
    let config = Config::preset(config).expect("a preset");
    let entry = catalogue::find(block).expect("a block of the catalogue");
    let dut = (entry.build)(&config);
    let design = emit(&*dut, "bench", &EmitOptions::default()).unwrap_or_else(|e| panic!("{e}"));
    let built = Verilate::new(&design).build().unwrap_or_else(|e| panic!("{e}"));
    let stimulus = random_stimulus(&design.top().ports, CYCLES, 0);
    (built.model().unwrap_or_else(|e| panic!("{e}")), stimulus)
}

fn cycles(c: &mut Criterion) {
    let mut group = c.benchmark_group("verilated");
    group.throughput(Throughput::Elements(CYCLES as u64)).sample_size(10);
    for (block, config) in BLOCKS {
        let (mut model, stimulus) = verilated(block, config);
        let bind = |p: &skipopu_hdl::Port| model.input(&p.name, p.width).expect("a port");
        let inputs: Vec<_> = stimulus.inputs.iter().map(bind).collect();
        let clock = model.clock("clock").expect("a clock");
        group.bench_function(format!("{block}/{config}"), |bench| {
            bench.iter(|| {
                for row in &stimulus.rows {
                    inputs.iter().zip(&row.inputs).for_each(|(i, v)| model.set(*i, v));
                    model.tick(clock).expect("a cycle");
                }
            })
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    cycles(&mut criterion);
    criterion.final_summary();
}
