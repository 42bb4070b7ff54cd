//! The weight queue: load beats back to tiles and scales.

use crate::machine::{Machine, VALUE_BYTES};
use std::collections::VecDeque;

/// What waits to be multiplied.
#[derive(Clone, Debug, Default)]
pub struct WeightQueue {
    bytes: VecDeque<u8>,
    /// Bytes of each matrix that no product has taken.
    matrices: VecDeque<usize>,
}

impl WeightQueue {
    /// Appends the load beats of a matrix.
    pub fn push(&mut self, bytes: &[u8]) {
        self.matrices.push_back(bytes.len());
        self.bytes.extend(bytes);
    }

    /// Bytes of the next matrix, which is taken now.
    pub fn take_matrix(&mut self) -> Option<usize> {
        self.matrices.pop_front()
    }

    /// Bytes of load beats.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Is there nothing?
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next `count` 16-bit words; whole beats are taken.
    fn words(&mut self, count: usize, beat: usize) -> Vec<u16> {
        let whole = (count * VALUE_BYTES).next_multiple_of(beat);
        let bytes: Vec<u8> = self.bytes.drain(..whole.min(self.bytes.len())).collect();
        let word = |b: &[u8]| u16::from_le_bytes([b[0], b[1]]);
        bytes.chunks_exact(2).map(word).take(count).collect()
    }

    /// Scales: by group, tile of the block, output.
    pub fn scales(&mut self, machine: &Machine, groups: usize, tiles: usize) -> Vec<u16> {
        self.words(groups * tiles * machine.outputs(), machine.beat_bytes())
    }

    /// A slice of a tile of INT4 weights: by output, then lane.
    pub fn tile(&mut self, machine: &Machine) -> Vec<Vec<i8>> {
        let (lanes, positions) = (machine.lanes, machine.positions);
        let fields = 4 / machine.per_column;
        let slots = machine.columns.div_ceil(positions);
        let mut tile = vec![vec![0i8; lanes]; machine.outputs()];
        for beat in 0..slots.div_ceil(fields) {
            let words = self.words(positions * lanes, machine.beat_bytes());
            for (i, word) in words.iter().enumerate() {
                let (position, lane) = (i / lanes, i % lanes);
                for k in 0..4 {
                    let slot = beat * fields + k / machine.per_column;
                    let column = slot * positions + position;
                    if slot < slots && column < machine.columns {
                        let code = (word >> (4 * k) & 15) as i8;
                        let output = column * machine.per_column + k % machine.per_column;
                        tile[output][lane] = code << 4 >> 4;
                    }
                }
            }
        }
        tile
    }
}
