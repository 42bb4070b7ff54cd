//! The whole `u280` array: emission, cost, and a run against the reference.

use crate::record::Recorder;
use anyhow::{anyhow, ensure, Result};
use skipopu_config::{Config, WideFormat};
use skipopu_eda::synth::{self, SynthOptions};
use skipopu_hdl::{emit, Design, EmitOptions};
use skipopu_hw::pe_array::aligned::{AlignedArray, AlignedShape};
use skipopu_hw::pe_array::layout::ArrayLayout;
use skipopu_ledger::Kind;
use skipopu_reference::pe::{AlignedWidths, Variant};
use skipopu_sim::{Cache, Verilate};
use skipopu_system::array::Subject;
use std::time::Instant;

const CONFIG: &str = "u280";
const CYCLES: usize = 1_000;
const EMISSIONS: usize = 3;

/// Emits, maps, builds and runs the array.
///
/// # Errors
/// An array that cannot be emitted, mapped or built. Panics on a result that is not the reference's.
pub fn measure(out: &mut Recorder) -> Result<()> {
    let config = Config::preset(CONFIG)?;
    let (design, subject) = emission(out, &config)?;
    cost(out, &config, &design)?;
    simulation(out, &design, &subject)
}

fn emission(out: &mut Recorder, config: &Config) -> Result<(Design, Subject)> {
    let (shape, layout) = (AlignedShape::of(config), ArrayLayout::of(config));
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..EMISSIONS {
        let start = Instant::now();
        let array = AlignedArray::new(shape, layout)?;
        let latency = array.latency();
        let design = emit(&array, "pe_array", &EmitOptions::default())?;
        times.push(start.elapsed());
        last = Some((design, latency));
    }
    times.sort();
    let (design, latency) = last.ok_or_else(|| anyhow!("nothing was emitted"))?;
    let note = format!(
        "{CONFIG}, {} x {}, elaboration and emission, median of {EMISSIONS}; {} modules, {} bytes",
        layout.lanes,
        layout.columns,
        design.modules.len(),
        design.text().len()
    );
    let seconds = times[EMISSIONS / 2].as_secs_f64();
    out.add("emit.array.seconds", seconds, "s", Kind::Measured, "array", note);
    let widths = AlignedWidths {
        a: shape.act_bits as u32,
        b: shape.kv_bits as u32,
        int4: shape.int4_bits as u32,
    };
    let subject = Subject {
        layout,
        variant: Variant::Aligned(widths),
        format: shape.format,
        latency,
        doubled: true,
        ahead: AlignedArray::AHEAD,
    };
    Ok((design, subject))
}

fn cost(out: &mut Recorder, config: &Config, design: &Design) -> Result<()> {
    println!("mapping the array with Yosys");
    let report = synth::run(design, &design.top().name, &SynthOptions::default())?;
    let area = &report.area;
    let results = match config.formats.accumulate_out {
        WideFormat::Fp16 => "FP16",
        WideFormat::Fp32 => "FP32",
    };
    let note = format!(
        "{CONFIG}, {results} results, converters of both sides, skew and weight registers included; {}; {}",
        report.tool, report.settings
    );
    let mut add = |key: &str, value: f64, unit: &str, kind: Kind, note: &str| {
        out.add(&format!("pe.array.{key}"), value, unit, kind, "array", note);
    };
    let measured = Kind::Measured;
    add("luts", (area.luts + area.srls) as f64, "LUT", measured, &note);
    add(
        "srls",
        area.srls as f64,
        "LUT",
        measured,
        "of pe.array.luts, those used as shift registers",
    );
    add("ffs", area.ffs as f64, "FF", measured, &note);
    add("dsps", area.dsps as f64, "DSP", measured, &note);
    let levels = report.depth.levels();
    add(
        "depth",
        levels.into(),
        "levels",
        measured,
        "logic between registers, anywhere in the array",
    );
    let products = config.products_per_cycle() as f64;
    let note = "products summed per cycle, one vector a cycle";
    add("macs_per_cycle_fp16", products, "", Kind::Simulated, note);
    add("macs_per_cycle_int4", 2.0 * products, "", Kind::Simulated, note);
    Ok(())
}

fn simulation(out: &mut Recorder, design: &Design, subject: &Subject) -> Result<()> {
    println!("verilating and compiling the array");
    let folder = tempfile::tempdir()?;
    let cache = Cache::at(folder.path());
    // Without gate optimisation Verilator compiles each kind of column once.
    let built = Verilate::new(design).arg("-fno-gate").cache(&cache).build()?;
    ensure!(!built.cached(), "the build must be cold to be timed");
    let seconds = built.elapsed().as_secs_f64();
    let note = "the whole u280 array, Verilator and C++ compiler, cold";
    out.add("sim.array.build_seconds", seconds, "s", Kind::Measured, "array", note);
    let outcome = subject.run(&mut built.model()?, CYCLES, 0, false);
    let [fp16, int4] = outcome.compared;
    ensure!(fp16 > 0 && int4 > 0, "a mode was not compared: {outcome:?}");
    let rate = outcome.cycles as f64 / outcome.elapsed.as_secs_f64();
    let note = format!(
        "the whole u280 array, {} cycles, seed 0: {fp16} FP16xFP16 and {int4} FP16xINT4 dot products equal the reference",
        outcome.cycles
    );
    out.add("sim.array.cycles_per_second", rate, "1/s", Kind::Simulated, "array", note);
    Ok(())
}
