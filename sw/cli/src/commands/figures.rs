//! `skipopu figures`: the ledger and the tables made from it.

use crate::args::{Figures, FiguresAction};
use crate::exit::{Done, Failure};
use crate::output;
use skipopu_ledger::{pages, Ledger};

/// Runs the command.
pub fn run(args: &Figures) -> Done {
    let ledger = Ledger::load(args.root.join("docs/figures.json"))?;
    match &args.action {
        FiguresAction::Tables => {
            let changed = pages::regenerate(&ledger, &pages_of(args)?)?;
            for page in &changed {
                output::line(format!("updated {}", page.display()))?;
            }
            output::line(format!("{} pages updated", changed.len()))
        }
        FiguresAction::Check => {
            let pages = pages_of(args)?;
            let places = pages::check(&ledger, &pages)?;
            output::line(format!(
                "{} figures, {} pages, {places} generated places: all current",
                ledger.entries().count(),
                pages.len()
            ))
        }
        FiguresAction::Show { selectors } => {
            let all = ["*".to_string()];
            let chosen = if selectors.is_empty() { &all[..] } else { selectors };
            if let Some(unknown) = selectors.iter().find(|s| ledger.select(s).is_empty()) {
                return Err(Failure::usage(format!("no figure matches `{unknown}`")));
            }
            match ledger.render_table(chosen) {
                table if table.is_empty() => output::line("no figures are recorded yet"),
                table => output::print(&table),
            }
        }
    }
}

/// The pages; a folder without any is the wrong folder.
fn pages_of(args: &Figures) -> Done<Vec<std::path::PathBuf>> {
    let pages = pages::find(&args.root)?;
    match pages.is_empty() {
        false => Ok(pages),
        true => Err(Failure::usage(format!(
            "{} holds neither README.md nor docs/: run in the project's folder or give --root",
            args.root.display()
        ))),
    }
}
