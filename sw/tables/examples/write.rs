//! Writes the tables' source files.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for table in skipopu_tables::ALL {
        let path = source.join(format!("{}.rs", table.name));
        std::fs::write(&path, skipopu_tables::generate::text(&table))?;
        println!("{}", path.display());
    }
    Ok(())
}
