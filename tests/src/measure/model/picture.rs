//! Perplexity against the part skipped, as a picture.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

type DrawResult = Result<(), Box<dyn std::error::Error>>;

const LINE: RGBColor = RGBColor(0, 92, 175);
const GREY: RGBColor = RGBColor(120, 120, 120);

/// `points` are percents skipped and perplexities; `dense` is the perplexity of the model as trained, of which 1.3 times is
/// aimed at.
///
/// # Errors
/// Of the drawing library.
pub fn draw(points: &[(f64, f64)], dense: f64, text: &mut String) -> DrawResult {
    let mut points = points.to_vec();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let right = points.iter().map(|p| p.0).fold(30.0, f64::max);
    let top = points.iter().map(|p| p.1).fold(1.3 * dense, f64::max);
    let root = SVGBackend::with_string(text, (900, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("stories15M: perplexity against sub-modules skipped", ("sans-serif", 18))
        .margin(14)
        .x_label_area_size(36)
        .y_label_area_size(54)
        .build_cartesian_2d(0f64..1.05 * right, 0.9 * dense..1.1 * top)?;
    chart
        .configure_mesh()
        .x_desc("percent skipped")
        .y_desc("perplexity")
        .light_line_style(RGBColor(240, 240, 240))
        .draw()?;
    for (name, level) in [("dense, as trained", dense), ("1.3 times that", 1.3 * dense)] {
        let line = [(0.0, level), (1.05 * right, level)];
        chart.draw_series(LineSeries::new(line, GREY.stroke_width(1)))?;
        let above = Pos::new(HPos::Right, VPos::Bottom);
        let style = ("sans-serif", 14).into_font().color(&GREY).pos(above);
        chart.draw_series([Text::new(name, (1.04 * right, level), style)])?;
    }
    chart.draw_series(LineSeries::new(points.iter().copied(), LINE.stroke_width(2)))?;
    chart.draw_series(points.iter().map(|p| Circle::new(*p, 4, LINE.filled())))?;
    root.present()?;
    Ok(())
}
