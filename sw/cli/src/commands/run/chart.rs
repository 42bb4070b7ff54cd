//! Decisions as a picture: a column per token, two rows per layer.

use crate::exit::{Done, Failure};
use plotters::prelude::*;
use plotters::style::FontTransform;
use skipopu_runtime::Report;
use std::path::Path;

/// Side of a cell.
const CELL: i32 = 14;
/// Left of the cells.
const LEFT: i32 = 90;
/// Above them.
const TOP: i32 = 46;
/// Room below for a token's text.
const TEXT: i32 = 90;
/// Characters of a token's text that are shown.
const SHOWN: usize = 12;

const ATTENTION: RGBColor = RGBColor(0, 92, 175);
const FFN: RGBColor = RGBColor(20, 130, 60);
const SKIPPED: RGBColor = RGBColor(232, 232, 232);

/// Writes the picture. `pieces` are the tokens' texts.
///
/// # Errors
/// No decisions to draw, a file that cannot be written.
pub fn write(report: &Report, pieces: &[String], file: &Path) -> Done {
    if report.skips.is_none() {
        return Err(Failure::check("no token was computed, so there are no decisions to draw"));
    }
    let mut text = String::new();
    draw(report, pieces, &mut text)
        .map_err(|e| Failure::check(format!("the picture cannot be drawn: {e}")))?;
    std::fs::write(file, text)
        .map_err(|e| Failure::environment(format!("cannot write {}: {e}", file.display())))
}

type DrawResult = Result<(), Box<dyn std::error::Error>>;

fn draw(report: &Report, pieces: &[String], text: &mut String) -> DrawResult {
    let layers = report.skips.as_ref().map_or(0, |s| s.attention.len()) as i32;
    let tokens = report.tokens.len() as i32;
    let bottom = TOP + 2 * layers * CELL;
    let size = ((LEFT + tokens * CELL + 20).max(460) as u32, (bottom + TEXT) as u32);
    let root = SVGBackend::with_string(text, size).into_drawing_area();
    root.fill(&WHITE)?;
    let font = |size: i32| ("sans-serif", size).into_font();
    let cell = |column: i32, row: i32, colour: RGBColor| {
        let at = (LEFT + column * CELL, TOP + row * CELL);
        Rectangle::new([at, (at.0 + CELL - 1, at.1 + CELL - 1)], colour.filled())
    };
    root.draw(&Text::new("What each token ran", (10, 12), font(16)))?;
    for (i, (name, colour)) in
        [("attention", ATTENTION), ("feed-forward", FFN), ("skipped", SKIPPED)].iter().enumerate()
    {
        let at = (190 + 90 * i as i32, 12);
        root.draw(&Rectangle::new([at, (at.0 + 10, at.1 + 10)], colour.filled()))?;
        root.draw(&Text::new(*name, (at.0 + 14, at.1), font(12)))?;
    }
    for layer in 0..layers {
        root.draw(&Text::new(
            format!("layer {layer}"),
            (20, TOP + 2 * layer * CELL + 8),
            font(12),
        ))?;
    }
    for (column, token) in report.tokens.iter().enumerate() {
        let column = column as i32;
        for (layer, ran) in token.ran.iter().flatten().enumerate() {
            let (attention, ffn) =
                (["both", "attention"].contains(ran), ["both", "ffn"].contains(ran));
            let row = 2 * layer as i32;
            root.draw(&cell(column, row, if attention { ATTENTION } else { SKIPPED }))?;
            root.draw(&cell(column, row + 1, if ffn { FFN } else { SKIPPED }))?;
        }
        let piece = pieces.get(token.position).map_or("", |p| p.trim());
        let piece: String = piece.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
        let turned = font(11).transform(FontTransform::Rotate90);
        root.draw(&Text::new(piece, (LEFT + column * CELL + CELL - 2, bottom + 6), turned))?;
    }
    let made = LEFT + report.prompt as i32 * CELL;
    if (report.prompt as i32) < tokens {
        let line = [(made - 1, TOP - 8), (made - 1, bottom + 4)];
        root.draw(&PathElement::new(line, BLACK.stroke_width(1)))?;
    }
    root.present()?;
    Ok(())
}
