//! The loss curve as a picture.

use crate::exit::{Done, Failure};
use plotters::prelude::*;
use skipopu_train::History;
use std::path::Path;

/// Writes the picture.
///
/// # Errors
/// A file that cannot be written.
pub fn write(history: &History, file: &Path) -> Done {
    let mut text = String::new();
    draw(history, &mut text)
        .map_err(|e| Failure::check(format!("the curve cannot be drawn: {e}")))?;
    std::fs::write(file, text)
        .map_err(|e| Failure::environment(format!("cannot write {}: {e}", file.display())))
}

type DrawResult = Result<(), Box<dyn std::error::Error>>;

/// A line, its name and its colour.
type Line = (&'static str, Vec<(f64, f64)>, RGBColor);

fn draw(history: &History, text: &mut String) -> DrawResult {
    let points = &history.points;
    let of = |value: fn(&skipopu_train::Point) -> f64| -> Vec<(f64, f64)> {
        points.iter().map(|p| (p.step as f64, value(p))).collect()
    };
    let held = points.iter().filter_map(|p| Some((p.step as f64, p.held?))).collect();
    let losses: [Line; 2] = [
        ("texts of the step", of(|p| p.loss), RGBColor(170, 190, 215)),
        ("texts kept apart", held, RGBColor(0, 92, 175)),
    ];
    let rates: [Line; 2] = [
        ("sub-modules skipped", of(|p| 100.0 * p.skip), RGBColor(150, 90, 20)),
        ("K and V not stored", of(|p| 100.0 * p.kv), RGBColor(40, 130, 60)),
    ];
    let root = SVGBackend::with_string(text, (900, 640)).into_drawing_area();
    root.fill(&WHITE)?;
    let (upper, lower) = root.split_vertically(360);
    panel(&upper, "Loss beyond the dense model, nats a token", &losses)?;
    panel(&lower, "Skipped, percent", &rates)?;
    root.present()?;
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend, plotters::coord::Shift>,
    caption: &str,
    lines: &[Line],
) -> DrawResult {
    let all = || lines.iter().flat_map(|(_, points, _)| points);
    let last = all().map(|p| p.0).fold(1.0, f64::max);
    let top = all().map(|p| p.1).filter(|v| v.is_finite()).fold(0.01, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 18))
        .margin(14)
        .x_label_area_size(36)
        .y_label_area_size(54)
        .build_cartesian_2d(0f64..last, 0f64..1.05 * top)?;
    chart.configure_mesh().x_desc("step").light_line_style(RGBColor(240, 240, 240)).draw()?;
    for (name, points, colour) in lines {
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
            .label(*name)
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart.configure_series_labels().border_style(BLACK).background_style(WHITE).draw()?;
    Ok(())
}
