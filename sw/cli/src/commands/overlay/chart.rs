//! The memory map as a picture: a bar for each memory, regions in proportion to their bytes.

use super::of;
use crate::exit::{Done, Failure};
use plotters::prelude::*;
use skipopu_compiler::map::Region;
use std::path::Path;

const SIZE: (u32, u32) = (960, 340);
const LEFT: i32 = 24;
const WIDTH: f64 = 912.0;
const HEIGHT: i32 = 72;

/// Writes the picture.
///
/// # Errors
/// A file that cannot be written.
pub fn write(configuration: &str, regions: &[Region], file: &Path) -> Done {
    let mut text = String::new();
    draw(configuration, regions, &mut text)
        .map_err(|e| Failure::check(format!("the picture cannot be drawn: {e}")))?;
    std::fs::write(file, text)
        .map_err(|e| Failure::environment(format!("cannot write {}: {e}", file.display())))
}

/// Weights of layers, by what they are; the rest.
fn colour(name: &str) -> RGBColor {
    match name {
        n if n.contains("gate") || n.contains("down") => RGBColor(0, 92, 175),
        n if n.contains("classifier") => RGBColor(90, 60, 150),
        n if n.contains("keys and values") => RGBColor(190, 110, 20),
        n if n.contains("router") || n.contains("gains") => RGBColor(40, 130, 80),
        n if n.starts_with("layer") => RGBColor(90, 160, 220),
        _ => RGBColor(130, 130, 130),
    }
}

type DrawResult = Result<(), Box<dyn std::error::Error>>;

fn draw(configuration: &str, regions: &[Region], text: &mut String) -> DrawResult {
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let label = |text: String, at: (i32, i32), size: i32| {
        Text::new(text, at, ("sans-serif", size).into_font())
    };
    root.draw(&label(format!("Memory map, {configuration}"), (LEFT, 14), 20))?;
    for (row, (memory, title)) in [("hbm", "HBM, each port"), ("ddr", "DDR")].iter().enumerate() {
        let total: u64 = of(regions, memory).map(|r| r.bytes).sum();
        let top = 80 + row as i32 * 130;
        root.draw(&label(format!("{title}: {total} bytes"), (LEFT, top - 20), 14))?;
        let mut x = 0f64;
        for r in of(regions, memory) {
            let wide = r.bytes as f64 / total.max(1) as f64 * WIDTH;
            let corners =
                [(LEFT + x.round() as i32, top), (LEFT + (x + wide).round() as i32, top + HEIGHT)];
            root.draw(&Rectangle::new(corners, colour(&r.name).filled()))?;
            root.draw(&Rectangle::new(corners, WHITE.stroke_width(1)))?;
            // A name where it fits its region.
            if wide > 7.5 * r.name.len() as f64 {
                let style = ("sans-serif", 13).into_font().color(&WHITE);
                root.draw(&Text::new(r.name.clone(), (corners[0].0 + 4, top + 28), style))?;
            }
            x += wide;
        }
    }
    root.present()?;
    Ok(())
}
