//! The report as a picture: error against LUTs.

use super::report::Report;
use crate::exit::{Done, Failure};
use plotters::prelude::*;
use skipopu_reference::pe::published::PUBLISHED;
use std::path::Path;

/// A labelled point.
struct Point {
    luts: f64,
    percent: f64,
    label: String,
    ours: bool,
}

/// Writes the picture.
///
/// # Errors
/// A file that cannot be written.
pub fn write(report: &Report, file: &Path) -> Done {
    let mut text = String::new();
    draw(&points(report), &mut text)
        .map_err(|e| Failure::check(format!("the picture cannot be drawn: {e}")))?;
    std::fs::write(file, text)
        .map_err(|e| Failure::environment(format!("cannot write {}: {e}", file.display())))
}

fn points(report: &Report) -> Vec<Point> {
    let ours = report.rows.iter().filter_map(|row| {
        let cost = row.cost.as_ref()?;
        let error = row.errors.first()?;
        Some(Point {
            luts: cost.luts + cost.srls,
            percent: error.mean_percent,
            label: row.unit.to_string(),
            ours: true,
        })
    });
    let published = PUBLISHED.iter().map(|p| Point {
        luts: f64::from(p.luts),
        percent: p.fp16_random_percent,
        label: format!("{} (published)", p.name),
        ours: false,
    });
    ours.chain(published).collect()
}

type DrawResult = Result<(), Box<dyn std::error::Error>>;

fn draw(points: &[Point], text: &mut String) -> DrawResult {
    let root = SVGBackend::with_string(text, (900, 560)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("One 64-lane column, FP16xFP16, N(0,1)", ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d((50f64..50_000f64).log_scale(), (0.01f64..2f64).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("LUT per column")
        .y_desc("mean(|e|/|exact|), percent")
        .x_label_formatter(&|v| format!("{v:.0}"))
        .y_label_formatter(&|v| format!("{v:.2}"))
        .light_line_style(RGBColor(235, 235, 235))
        .draw()?;
    for p in points {
        let colour = if p.ours { RGBColor(0, 92, 175) } else { RGBColor(150, 90, 20) };
        let at = (p.luts, p.percent);
        chart.draw_series([Circle::new(at, 5, colour.filled())])?;
        chart.draw_series([Text::new(
            p.label.clone(),
            (p.luts * 1.06, p.percent * 1.05),
            ("sans-serif", 13).into_font().color(&colour),
        )])?;
    }
    root.present()?;
    Ok(())
}
