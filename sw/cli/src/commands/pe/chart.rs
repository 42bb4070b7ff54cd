//! The report as a picture: error against LUTs.

use super::report::Report;
use crate::exit::{Done, Failure};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
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
        label: format!("{} (published)", p.name.split(',').next().unwrap_or(p.name)),
        ours: false,
    });
    ours.chain(published).collect()
}

/// Pixels, from the upper left corner.
type Place = (i32, i32);

/// Size of the picture.
const SIZE: (u32, u32) = (900, 560);

/// Where a point's label goes: beside it, to the left where another point or the border is in the way on the
/// right; away from a point just above or below.
fn label(place: Place, text: &str, others: &[Place]) -> (Place, Pos) {
    let length = 7 * text.len() as i32;
    let near = |o: &&Place| **o != place && (o.1 - place.1).abs() < 20;
    let right =
        |o: &Place| (o.1 - place.1).abs() < 6 && (0..length + 10).contains(&(o.0 - place.0));
    let full = place.0 + length + 20 > SIZE.0 as i32;
    let left = full || others.iter().filter(near).any(right);
    let beside = |o: &&Place| near(o) && (o.0 - place.0).abs() < length + 40;
    let shift = |o: &Place| (place.1 - o.1).signum();
    let down = others.iter().filter(beside).map(shift).sum::<i32>().signum();
    let side = if left { HPos::Right } else { HPos::Left };
    ((if left { -8 } else { 8 }, 12 * down), Pos::new(side, VPos::Center))
}

type DrawResult = Result<(), Box<dyn std::error::Error>>;

fn draw(points: &[Point], text: &mut String) -> DrawResult {
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
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
    let at = |p: &Point| chart.as_coord_spec().translate(&(p.luts, p.percent));
    let places: Vec<Place> = points.iter().map(at).collect();
    for (p, place) in points.iter().zip(&places) {
        let colour = if p.ours { RGBColor(0, 92, 175) } else { RGBColor(150, 90, 20) };
        root.draw(&Circle::new(*place, 5, colour.filled()))?;
        let (offset, pos) = label(*place, &p.label, &places);
        let style = ("sans-serif", 13).into_font().color(&colour).pos(pos);
        let corner = (place.0 + offset.0, place.1 + offset.1);
        root.draw(&Text::new(p.label.clone(), corner, style))?;
    }
    root.present()?;
    Ok(())
}
