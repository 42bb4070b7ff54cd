//! `skipopu hbm model`: parameters, and the models' figures next to the published ones.

use crate::args::HbmModel;
use crate::exit::{Done, Failure};
use crate::output;
use skipopu_eda::table::Table;
use skipopu_sim::memory::dram::{Parameter, DDR4, HBM2};
use skipopu_sim::memory::validation::{comparisons, Comparison};

/// Runs the command.
pub fn run(args: &HbmModel) -> Done {
    let comparisons = comparisons().map_err(Failure::check)?;
    if args.json {
        let parameters = serde_json::json!({ "hbm2": HBM2, "ddr4": DDR4 });
        return output::json(
            &serde_json::json!({ "parameters": parameters, "comparisons": comparisons }),
        );
    }
    let tables = [comparison_table(&comparisons), parameter_table(HBM2), parameter_table(DDR4)];
    let text = |t: &Table| if args.markdown { t.markdown() } else { t.text() };
    output::print(&tables.iter().map(text).collect::<Vec<_>>().join("\n"))
}

fn comparison_table(all: &[Comparison]) -> Table {
    let mut table =
        Table::new(&["what", ">model", ">published", ">difference", "unit", "published by"]);
    for c in all {
        let difference = c.difference_percent().map_or("-".into(), |d| format!("{d:+.1} %"));
        table.row(vec![
            c.what.clone(),
            format!("{:.2}", c.model),
            c.published.map_or("-".into(), |p| p.to_string()),
            difference,
            c.unit.into(),
            c.source.into(),
        ]);
    }
    table
}

fn parameter_table(parameters: &[Parameter]) -> Table {
    let mut table = Table::new(&["parameter", ">value", "source"]);
    for p in parameters {
        table.row(vec![p.name.into(), p.value.to_string(), p.source.into()]);
    }
    table
}
