//! The replay as a picture: the use of every pseudo-channel.

use crate::exit::{Done, Failure};
use plotters::prelude::*;
use skipopu_sim::memory::{ReplayReport, HBM_CHANNELS};
use std::path::Path;

/// Writes the picture.
///
/// # Errors
/// A file that cannot be written.
pub fn write(report: &ReplayReport, file: &Path) -> Done {
    let mut text = String::new();
    draw(report, &mut text)
        .map_err(|e| Failure::check(format!("the picture cannot be drawn: {e}")))?;
    std::fs::write(file, text)
        .map_err(|e| Failure::environment(format!("cannot write {}: {e}", file.display())))
}

type DrawResult = Result<(), Box<dyn std::error::Error>>;

fn draw(report: &ReplayReport, text: &mut String) -> DrawResult {
    let root = SVGBackend::with_string(text, (900, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let caption = format!(
        "{:.1} GB/s in {:.1} us, {:.1} % row hits, latency {} to {} cycles (99 %)",
        report.gbs,
        report.nanoseconds / 1e3,
        report.hit_percent,
        report.latency.min,
        report.latency.p99
    );
    let mut chart = ChartBuilder::on(&root)
        .caption(caption, ("sans-serif", 18))
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(-0.5..HBM_CHANNELS as f64 - 0.5, 0f64..100f64)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_desc("pseudo-channel")
        .y_desc("percent of the whole time")
        .x_labels(HBM_CHANNELS)
        .x_label_formatter(&|v| format!("{v:.0}"))
        .light_line_style(RGBColor(235, 235, 235))
        .draw()?;
    let bar = |c: &skipopu_sim::memory::ChannelReport, height: f64, fill: RGBColor| {
        let x = c.channel as f64;
        Rectangle::new([(x - 0.4, 0.0), (x + 0.4, height)], fill.filled())
    };
    let (used, hits) = (RGBColor(190, 210, 230), RGBColor(0, 92, 175));
    let all = &report.channels;
    chart
        .draw_series(all.iter().map(|c| bar(c, c.use_percent, used)))?
        .label("data")
        .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], used.filled()));
    let share = |c: &skipopu_sim::memory::ChannelReport| {
        c.use_percent * c.rows.hits as f64 / c.bursts.max(1) as f64
    };
    chart
        .draw_series(all.iter().map(|c| bar(c, share(c), hits)))?
        .label("of them row hits")
        .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], hits.filled()));
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK).draw()?;
    root.present()?;
    Ok(())
}
