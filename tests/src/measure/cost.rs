//! What the core costs on the board, box by box.

use crate::record::Recorder;
use anyhow::{bail, Context, Result};
use skipopu_config::Config;
use skipopu_cosim::Core;
use skipopu_eda::synth::{self, Area, Hierarchy, SynthOptions, SynthReport, U280};
use skipopu_ledger::Kind;

const CONFIG: &str = "u280";

/// A box: its key, the modules that it is, and what the published system's costs (SkipOPU, arXiv 2603.14785, table 2).
struct Part {
    key: &'static str,
    what: &'static str,
    modules: &'static [&'static str],
    published: Option<&'static str>,
}

const PARTS: &[Part] = &[
    Part {
        key: "pe_array",
        what: "PE array with its block converters",
        modules: &["AlignedArray_"],
        published: Some("PE array 853,184 LUT"),
    },
    Part {
        key: "psum",
        what: "group scales and partial sums in FP32",
        modules: &["PartialSums_"],
        published: None,
    },
    Part {
        key: "npe",
        what: "nonlinear engine",
        modules: &["Engine_"],
        published: Some("NPE 218,830 LUT, 266 DSP"),
    },
    Part {
        key: "kv",
        what: "KV unit with invariance buffer, KV adaptor",
        modules: &["KvUnit_", "KvAdaptor_"],
        published: Some("KV buffer and crossbar 106,704 LUT, 512 URAM"),
    },
    Part {
        key: "kv_loader",
        what: "rounds of keys and values to tiles of the array",
        modules: &["KvLoader_"],
        published: None,
    },
    Part {
        key: "dma",
        what: "DMA of all HBM ports, with clock crossings",
        modules: &["DmaEngine_ports32"],
        published: Some("DMA 45,947 LUT, 383 BRAM"),
    },
    Part {
        key: "memories",
        what: "scratchpad, operand, constant and attention memories",
        modules: &["SliceMemory_"],
        published: None,
    },
];

/// Maps the core with its hierarchy kept.
///
/// # Errors
/// Yosys that is missing or fails, a box that is not there, a core that does not fit the device.
pub fn measure(out: &mut Recorder) -> Result<()> {
    let config = Config::preset(CONFIG)?;
    let design = Core::design(&config)?;
    let options = SynthOptions { hierarchy: Hierarchy::Keep, ..SynthOptions::default() };
    let report = synth::run_with(&design, &design.top().name, &options, |name, i, of| {
        println!("mapping {name} ({}/{of})", i + 1);
    })?;
    let how = format!(
        "{CONFIG}, the whole core, hierarchy kept, every module mapped once; {}; {}",
        report.tool, report.settings
    );
    let mut rest = report.area.clone();
    for part in PARTS {
        let area = part_of(&report, part).with_context(|| format!("no module is {}", part.key))?;
        take(&mut rest, &area);
        let published = part.published.map(|p| format!("; published: {p}")).unwrap_or_default();
        record(out, part.key, &area, &format!("{}{published}; {how}", part.what));
    }
    record(
        out,
        "rest",
        &rest,
        &format!("control, load and store units, boot, registers, drivers of array and NPE; {how}"),
    );
    let a = &report.area;
    let published = "published: 1,288,673 LUT, 1,668,477 FF, 4,618 DSP, 775 BRAM, 512 URAM";
    if let Some((what, percent)) = U280.lacks(a) {
        bail!("{what}: {percent:.0} % of the {}", U280.name);
    }
    let shares = U280.percent(a);
    let share = |what: &str| {
        let (_, percent) = shares.iter().find(|(name, _)| *name == what).expect("one of the five");
        format!("{percent:.1} % of the {}", U280.name)
    };
    let mut add = |key: &str, value: f64, unit: &str, note: String| {
        out.add(&format!("overlay.u280.{key}"), value, unit, Kind::Measured, "cost", note);
    };
    add(
        "luts",
        a.lut_sites() as f64,
        "LUT",
        format!("{}; logic, shift registers, RAM; {published}; {how}", share("LUT")),
    );
    add("ffs", a.ffs as f64, "FF", format!("{}; {how}", share("FF")));
    add("dsps", a.dsps as f64, "DSP", format!("{}; {how}", share("DSP")));
    add("brams", a.brams(), "BRAM36", format!("{}; {how}", share("BRAM")));
    add("urams", a.urams as f64, "URAM", format!("{}; {how}", share("URAM")));
    Ok(())
}

/// All instances of a box's modules together.
fn part_of(report: &SynthReport, part: &Part) -> Option<Area> {
    let mut sum = Area::default();
    let mut found = false;
    for module in &report.modules {
        if part.modules.iter().any(|m| module.module.starts_with(m)) {
            (0..module.instances).for_each(|_| sum.add(&module.area));
            found = true;
        }
    }
    found.then_some(sum)
}

/// Leaves what is not a box's.
fn take(rest: &mut Area, part: &Area) {
    rest.luts -= part.luts;
    rest.srls -= part.srls;
    rest.lutrams -= part.lutrams;
    rest.ffs -= part.ffs;
    rest.dsps -= part.dsps;
    rest.bram_halves -= part.bram_halves;
    rest.urams -= part.urams;
}

fn record(out: &mut Recorder, key: &str, area: &Area, note: &str) {
    let note = format!(
        "with {} FF, {} DSP, {} BRAM36, {} URAM; {note}",
        area.ffs,
        area.dsps,
        area.brams(),
        area.urams
    );
    let key = format!("overlay.u280.{key}.luts");
    out.add(&key, area.lut_sites() as f64, "LUT", Kind::Measured, "cost", note);
}
