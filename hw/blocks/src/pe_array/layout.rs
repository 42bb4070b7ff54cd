//! [`ArrayLayout`]: how an array's ports are divided, and where a weight goes.

use skipopu_config::{load_positions, Config};

/// Division of columns into groups, which share activations, and into slots, which are loaded together.
///
/// A load beat brings 16 bits per lane and position. In FP16xFP16 column `slot * positions + p` takes the
/// value of position `p`; in FP16xINT4 there are four weights instead, `{w3, w2, w1, w0}`. Operand-aligned
/// columns take two each, so that a beat fills two slots, `w0` and `w1` the even one; product-aligned ones
/// take one each, so that it fills four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayLayout {
    /// Products per column.
    pub lanes: usize,
    /// Columns.
    pub columns: usize,
}

impl ArrayLayout {
    /// The layout of a configuration.
    pub fn of(config: &Config) -> ArrayLayout {
        ArrayLayout { lanes: config.array.lanes as usize, columns: config.array.columns as usize }
    }

    /// Activation inputs: two where there are two columns, for two packed heads.
    pub fn groups(&self) -> usize {
        self.columns.min(2)
    }

    /// Group of a column: the lower half of the columns is group 0.
    pub fn group(&self, column: usize) -> usize {
        usize::from(column >= self.columns.div_ceil(2))
    }

    /// Columns in twos that share activations, lowest first; a column left over stands twice.
    pub fn pairs(&self) -> Vec<[usize; 2]> {
        let mut pairs = Vec::new();
        for g in 0..self.groups() {
            let columns: Vec<usize> = (0..self.columns).filter(|c| self.group(*c) == g).collect();
            pairs.extend(columns.chunks(2).map(|c| [c[0], c[c.len() - 1]]));
        }
        pairs
    }

    /// FP16 vectors in a load beat.
    pub fn positions(&self) -> usize {
        load_positions(self.columns)
    }

    /// Beats that fill the array with FP16 values.
    pub fn slots(&self) -> usize {
        self.columns.div_ceil(self.positions())
    }

    /// Slot of a column.
    pub fn slot(&self, column: usize) -> usize {
        column / self.positions()
    }

    /// Position of a column in its beat.
    pub fn position(&self, column: usize) -> usize {
        column % self.positions()
    }
}
