//! One token as a picture: units over cycles.

use crate::exit::{Done, Failure};
use plotters::prelude::*;
use skipopu_compiler::Geometry;
use skipopu_config::Config;
use skipopu_isa::host::Counter;
use skipopu_kv::layout::WORD_BYTES;
use skipopu_runtime::Timeline;
use std::path::Path;

/// Size of the plot of a unit.
const WIDE: i32 = 860;
const HIGH: i32 = 34;
/// Width of a column.
const COLUMN: i32 = 2;
/// From unit to unit.
const STEP: i32 = 48;
/// Left of the plots.
const LEFT: i32 = 190;
/// Above them.
const TOP: i32 = 50;
/// Below them.
const BELOW: i32 = 40;
/// Marks of the axis.
const MARKS: u64 = 8;

const WORK: RGBColor = RGBColor(0, 92, 175);
const TRAFFIC: RGBColor = RGBColor(20, 130, 60);
const WAIT: RGBColor = RGBColor(190, 60, 30);
const GROUND: RGBColor = RGBColor(240, 240, 240);

/// What a row shows: the part of the most that a unit can do in a cycle.
struct Row {
    name: &'static str,
    counter: Counter,
    most: f64,
    colour: RGBColor,
}

fn rows(config: &Config) -> Vec<Row> {
    let row = |name, counter, most, colour| Row { name, counter, most, colour };
    let ports = f64::from(config.memory.hbm_ports);
    // An HBM port moves a word of 64 bytes in two of its cycles; DDR at most one in each of the core's.
    let words = f64::from(config.memory.hbm_clock_mhz) / f64::from(config.clocks.core_mhz) / 2.0;
    let beat = Geometry::of(config).beat_bytes() as f64 / WORD_BYTES as f64;
    let hbm = ports * words;
    vec![
        row("array, INT4 weights", Counter::Int4Cycles, 1.0, WORK),
        row("array, keys and values", Counter::Fp16Cycles, 1.0, WORK),
        row("NPE", Counter::NpeTiles, 1.0, WORK),
        row("HBM, weights", Counter::WeightBeats, (hbm / beat).max(1.0), TRAFFIC),
        row("HBM, keys and values", Counter::KvWordsHbm, hbm, TRAFFIC),
        row("KV buffer", Counter::KvWordsBuffer, f64::from(config.kv_buffer.ports), TRAFFIC),
        row("KV written", Counter::KvWordsWritten, hbm, TRAFFIC),
        row("DDR read", Counter::DdrWordsRead, 1.0, TRAFFIC),
        row("waits for weights", Counter::WaitWeights, 1.0, WAIT),
        row("waits for keys, values", Counter::WaitKv, 1.0, WAIT),
        row("waits for sums", Counter::WaitPsum, 1.0, WAIT),
        row("waits for an instruction", Counter::WaitInstruction, 1.0, WAIT),
    ]
}

/// Writes the picture.
///
/// # Errors
/// No token after the prompt, a file that cannot be written.
pub fn write(timeline: Option<&Timeline>, config: &Config, file: &Path) -> Done {
    let Some(timeline) = timeline.filter(|t| t.cycles() > 0) else {
        return Err(Failure::check(
            "no token was computed after the prompt, so there is no timeline: raise --tokens",
        ));
    };
    let mut text = String::new();
    draw(timeline, &rows(config), &mut text)
        .map_err(|e| Failure::check(format!("the picture cannot be drawn: {e}")))?;
    std::fs::write(file, text)
        .map_err(|e| Failure::environment(format!("cannot write {}: {e}", file.display())))
}

/// Of each column of the plot, the part of what the unit could do in its cycles.
fn columns(timeline: &Timeline, row: &Row) -> Vec<f64> {
    let count = (WIDE / COLUMN) as usize;
    let mut parts = vec![0.0; count];
    let width = timeline.cycles() as f64 / count as f64;
    for span in timeline.spans(row.counter).filter(|s| s.counted > 0) {
        let (start, end) = (span.start as f64 / width, (span.start + span.cycles) as f64 / width);
        let rate = span.counted as f64 / (span.cycles as f64 * row.most);
        let last = (end.ceil() as usize).min(count);
        for (i, part) in parts.iter_mut().enumerate().take(last).skip(start as usize) {
            *part += rate * (end.min(i as f64 + 1.0) - start.max(i as f64)).max(0.0);
        }
    }
    parts
}

fn draw(
    timeline: &Timeline,
    rows: &[Row],
    text: &mut String,
) -> Result<(), Box<dyn std::error::Error>> {
    let bottom = TOP + rows.len() as i32 * STEP;
    let size = ((LEFT + WIDE + 30) as u32, (bottom + BELOW) as u32);
    let root = SVGBackend::with_string(text, size).into_drawing_area();
    root.fill(&WHITE)?;
    let font = |size: i32| ("sans-serif", size).into_font();
    let total = timeline.cycles();
    let x = |cycle: u64| LEFT + (cycle as f64 / total as f64 * f64::from(WIDE)).round() as i32;
    let title =
        format!("One token in decode: {total} cycles; of each unit, the part of what it can do");
    root.draw(&Text::new(title, (10, 14), font(16)))?;
    for (i, row) in rows.iter().enumerate() {
        let base = TOP + i as i32 * STEP + HIGH;
        let ground = [(LEFT, base - HIGH), (LEFT + WIDE, base)];
        root.draw(&Rectangle::new(ground, GROUND.filled()))?;
        let most = total as f64 * row.most;
        let counted: u64 = timeline.spans(row.counter).map(|s| s.counted).sum();
        root.draw(&Text::new(row.name, (10, base - HIGH + 4), font(13)))?;
        let share = format!("{:.1} %", 100.0 * counted as f64 / most);
        root.draw(&Text::new(share, (10, base - HIGH + 20), font(11)))?;
        // Whatever happens, however briefly, shows.
        let high = |part: f64| (part.min(1.0) * f64::from(HIGH)).ceil() as i32;
        let parts = columns(timeline, row);
        let mut outline = vec![(LEFT, base)];
        for (i, part) in parts.iter().enumerate() {
            let (from, to) = (LEFT + COLUMN * i as i32, LEFT + COLUMN * (i as i32 + 1));
            outline.extend([(from, base - high(*part)), (to, base - high(*part))]);
        }
        outline.push((LEFT + WIDE, base));
        outline.dedup();
        if counted > 0 {
            root.draw(&Polygon::new(outline, row.colour.filled()))?;
        }
    }
    for mark in 0..=MARKS {
        let cycle = total * mark / MARKS;
        let line = [(x(cycle), bottom - 8), (x(cycle), bottom - 2)];
        root.draw(&PathElement::new(line, BLACK.stroke_width(1)))?;
        root.draw(&Text::new(cycle.to_string(), (x(cycle) - 14, bottom + 2), font(12)))?;
    }
    root.present()?;
    Ok(())
}
