//! Plain tables for terminals and for Markdown.

/// Rows of text under a header. The first column is left-aligned, the others as told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    header: Vec<String>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns; a name that starts with `>` is right-aligned.
    pub fn new(columns: &[&str]) -> Table {
        Table {
            header: columns.iter().map(|c| c.trim_start_matches('>').to_string()).collect(),
            right: columns.iter().map(|c| c.starts_with('>')).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells are empty.
    pub fn row(&mut self, mut cells: Vec<String>) {
        cells.resize(self.header.len(), String::new());
        self.rows.push(cells);
    }

    /// Has it no rows?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Columns padded with blanks.
    pub fn text(&self) -> String {
        let widths = self.widths();
        let mut out = String::new();
        for row in std::iter::once(&self.header).chain(&self.rows) {
            out.push_str(self.padded(row, &widths, "  ").trim_end());
            out.push('\n');
        }
        out
    }

    /// A Markdown table.
    pub fn markdown(&self) -> String {
        let rule: Vec<&str> = self.right.iter().map(|r| if *r { "---:" } else { "---" }).collect();
        let mut out = format!("| {} |\n|{}|\n", self.header.join(" | "), rule.join("|"));
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|c| c.replace('|', "\\|")).collect();
            out.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        out
    }

    fn widths(&self) -> Vec<usize> {
        let all = || std::iter::once(&self.header).chain(&self.rows);
        let widest = |i: usize| all().map(|r| r[i].chars().count()).max().unwrap_or(0);
        (0..self.header.len()).map(widest).collect()
    }

    fn padded(&self, row: &[String], widths: &[usize], gap: &str) -> String {
        let cell = |i: usize| match self.right[i] {
            true => format!("{:>1$}", row[i], widths[i]),
            false => format!("{:<1$}", row[i], widths[i]),
        };
        (0..row.len()).map(cell).collect::<Vec<_>>().join(gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let mut t = Table::new(&["block", ">LUT"]);
        t.row(vec!["fifo".into(), "12".into()]);
        t.row(vec!["a|b".into()]);
        assert_eq!(t.text(), "block  LUT\nfifo    12\na|b\n");
        assert_eq!(t.markdown(), "| block | LUT |\n|---|---:|\n| fifo | 12 |\n| a\\|b |  |\n");
    }
}
