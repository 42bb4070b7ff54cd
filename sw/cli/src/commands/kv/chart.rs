//! The report as a picture: bandwidth against the share of attention skipped.

use super::published;
use super::report::Report;
use crate::exit::{Done, Failure};
use plotters::prelude::*;
use skipopu_system::kv::Mapping;
use std::path::Path;

/// Tokens of the texts drawn.
const TOKENS: usize = 1024;
/// Share of attention skipped at which the published points are drawn, percent.
const PUBLISHED_SKIP: f64 = 25.0;
/// What all ports can move, GB/s.
const PEAK: f64 = 460.8;

/// Writes the picture.
///
/// # Errors
/// A sweep that was left out; a file that cannot be written.
pub fn write(report: &Report, file: &Path) -> Done {
    if report.sweep.is_empty() {
        return Err(Failure::usage("the picture shows the sweep: leave out --no-sweep"));
    }
    let mut text = String::new();
    draw(report, &mut text)
        .map_err(|e| Failure::check(format!("the picture cannot be drawn: {e}")))?;
    std::fs::write(file, text)
        .map_err(|e| Failure::environment(format!("cannot write {}: {e}", file.display())))
}

fn colour(mapping: Mapping) -> RGBColor {
    match mapping {
        Mapping::Dense => RGBColor(90, 90, 90),
        Mapping::Interleaved => RGBColor(180, 120, 20),
        Mapping::TokenMap => RGBColor(0, 92, 175),
        Mapping::Buffer => RGBColor(20, 130, 60),
    }
}

type DrawResult = Result<(), Box<dyn std::error::Error>>;

fn draw(report: &Report, text: &mut String) -> DrawResult {
    let root = SVGBackend::with_string(text, (900, 560)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(format!("K and V of Llama-2-7B, {TOKENS} tokens"), ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0f64..65f64, 200f64..750f64)?;
    chart
        .configure_mesh()
        .x_desc("attention skipped, percent")
        .y_desc("GB/s that attention takes")
        .light_line_style(RGBColor(235, 235, 235))
        .draw()?;
    let grey = RGBColor(160, 160, 160);
    chart.draw_series([PathElement::new([(0.0, PEAK), (50.0, PEAK)], grey.stroke_width(1))])?;
    chart.draw_series([Text::new("peak of HBM", (51.0, PEAK + 6.0), ("sans-serif", 13))])?;
    for mapping in Mapping::ALL {
        let colour = colour(mapping);
        let rows = report.sweep.iter().filter(|r| {
            r.mapping == mapping && r.tokens == TOKENS && r.origin.name() == "independent"
        });
        let points: Vec<(f64, f64)> = rows.map(|r| (100.0 * r.skip, r.effective_gbs)).collect();
        chart.draw_series(points.iter().map(|p| Circle::new(*p, 4, colour.filled())))?;
        let end = points.last().copied().unwrap_or((0.0, 0.0));
        chart.draw_series([PathElement::new(points, colour.stroke_width(2))])?;
        let style = ("sans-serif", 13).into_font().color(&colour);
        chart.draw_series([Text::new(
            mapping.name(),
            (end.0 + 1.0, end.1 + 6.0),
            style.clone(),
        )])?;
        let at = (PUBLISHED_SKIP, published::gbs(mapping));
        chart.draw_series([TriangleMarker::new(at, 7, colour.filled())])?;
        let label = format!("{} (published)", mapping.name());
        chart.draw_series([Text::new(label, (at.0 + 1.0, at.1 - 6.0), style)])?;
    }
    root.present()?;
    Ok(())
}
