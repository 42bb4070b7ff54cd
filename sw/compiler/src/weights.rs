//! Weights in the order in which the array takes them.
//!
//! A matrix is a sequence of load beats, as `matmul` (`docs/isa.md`) pops them: for each block of tiles its scales, then
//! slice by slice the tiles of the block. What a beat holds is the array's contract (`ArrayLayout` of the hardware): at
//! position `p` and lane `l` four weights `{w3, w2, w1, w0}` of the columns that the beat fills.

use crate::geometry::Geometry;
use crate::{CompileError, Sizes};
use skipopu_isa::set::INTERLEAVE;
use skipopu_model::{Matrix, Projection, Quantised};

/// A matrix cut for the array: which row of the model each output is, and which columns each slice holds.
pub struct Cut<'a> {
    /// The matrices that outputs come from.
    sources: Vec<&'a Quantised>,
    /// Source and row of every output; none for a zero.
    outputs: Vec<Option<(usize, usize)>>,
    /// First column and number of columns of every slice.
    slices: Vec<(usize, usize)>,
    /// Slices that share a scale; 0 for all.
    group: usize,
}

/// A matrix that has to be INT4.
fn int4<'a>(name: &str, matrix: &'a Matrix) -> Result<&'a Quantised, CompileError> {
    match matrix {
        Matrix::Quantised(q) if q.bits() <= 4 => Ok(q),
        _ => Err(CompileError::NotInt4 { matrix: name.into(), format: matrix.format() }),
    }
}

impl<'a> Cut<'a> {
    /// Cuts a projection. Queries, keys and values have heads that begin at slices; gate and up alternate (give both, gate
    /// first).
    ///
    /// # Errors
    /// A matrix that is not INT4, or whose groups do not end where slices do.
    pub fn new(
        names: &[&str],
        matrices: &[&'a Matrix],
        projection: Option<Projection>,
        geometry: &Geometry,
        sizes: &Sizes,
    ) -> Result<Cut<'a>, CompileError> {
        let sources: Vec<&Quantised> =
            names.iter().zip(matrices).map(|(n, m)| int4(n, m)).collect::<Result<_, _>>()?;
        let (rows, cols) = (sources[0].rows(), sources[0].cols());
        let head_places = sizes.head_slices * geometry.lanes;
        let by_head = |count: usize| {
            (0..count * head_places)
                .map(|o| {
                    let (head, i) = (o / head_places, o % head_places);
                    (i < sizes.head).then_some((0, head * sizes.head + i))
                })
                .collect()
        };
        let outputs = match projection {
            Some(Projection::Query) => by_head(sizes.heads),
            Some(Projection::Key | Projection::Value) => by_head(sizes.kv_heads),
            Some(Projection::Gate) => {
                (0..rows).flat_map(|r| (0..sources.len()).map(move |s| Some((s, r)))).collect()
            }
            _ => (0..rows).map(|r| Some((0, r))).collect(),
        };
        let lanes = geometry.lanes;
        let padded = projection.is_some_and(|p| sizes.padded(p, lanes));
        let slices = match padded {
            true => (0..sizes.q.slices)
                .map(|s| {
                    let (head, part) = (s / sizes.head_slices, s % sizes.head_slices);
                    (head * sizes.head + part * lanes, (sizes.head - part * lanes).min(lanes))
                })
                .collect(),
            false => (0..cols.div_ceil(lanes))
                .map(|s| (s * lanes, (cols - s * lanes).min(lanes)))
                .collect(),
        };
        let group = match sources[0].group() {
            0 => 0,
            g if g % lanes == 0 && !padded => g / lanes,
            group => {
                return Err(CompileError::Group { matrix: names[0].into(), group, lanes, padded })
            }
        };
        Ok(Cut { sources, outputs, slices, group })
    }

    /// Slices of the reduction.
    pub fn slices(&self) -> usize {
        self.slices.len()
    }

    /// Slices that share a scale; 0 for all.
    pub fn group(&self) -> usize {
        self.group
    }

    /// Scales along the reduction.
    fn groups(&self) -> usize {
        match self.group {
            0 => 1,
            g => self.slices.len().div_ceil(g),
        }
    }

    /// Outputs.
    pub fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// Tiles.
    pub fn tiles(&self, geometry: &Geometry) -> usize {
        self.outputs.len().div_ceil(geometry.outputs())
    }

    /// Load beats.
    pub fn beats(&self, geometry: &Geometry) -> usize {
        let tiles = self.tiles(geometry);
        let blocks = (0..tiles).step_by(INTERLEAVE);
        let scales: usize =
            blocks.map(|t| geometry.scale_beats(INTERLEAVE.min(tiles - t), self.groups())).sum();
        scales + tiles * self.slices.len() * geometry.tile_beats()
    }

    /// The beats' bytes.
    pub fn stream(&self, geometry: &Geometry) -> Vec<u8> {
        let tiles = self.tiles(geometry);
        let mut bytes = Vec::with_capacity(self.beats(geometry) * geometry.beat_bytes());
        // Codes and scales of a row are unpacked once per tile, not once per slice.
        for first in (0..tiles).step_by(INTERLEAVE) {
            let block = first..(first + INTERLEAVE).min(tiles);
            let rows: Vec<Vec<Option<Row>>> =
                block.clone().map(|t| self.rows(t, geometry)).collect();
            for g in 0..self.groups() {
                for tile in &rows {
                    for row in tile {
                        let scale = row.as_ref().map_or(0, |r| r.scales[g]);
                        bytes.extend(scale.to_le_bytes());
                    }
                }
            }
            let whole = bytes.len().next_multiple_of(geometry.beat_bytes());
            bytes.resize(whole, 0);
            for slice in &self.slices {
                for tile in &rows {
                    push_tile(&mut bytes, geometry, tile, *slice);
                }
            }
        }
        bytes
    }

    /// What the outputs of a tile multiply with; none for zeros.
    fn rows(&self, tile: usize, geometry: &Geometry) -> Vec<Option<Row>> {
        (0..geometry.outputs())
            .map(|o| {
                let (source, row) = (*self.outputs.get(tile * geometry.outputs() + o)?)?;
                let q = self.sources[source];
                let scales = q.scales().row(row);
                Some(Row {
                    codes: q.row_codes(row),
                    scales: scales.iter().map(|s| half::f16::from_f32(*s).to_bits()).collect(),
                })
            })
            .collect()
    }
}

/// One row of weights.
struct Row {
    codes: Vec<i8>,
    /// FP16, one per group.
    scales: Vec<u16>,
}

/// The beats of one slice of a tile.
fn push_tile(
    bytes: &mut Vec<u8>,
    geometry: &Geometry,
    tile: &[Option<Row>],
    (first, count): (usize, usize),
) {
    for beat in 0..geometry.tile_beats() {
        for position in 0..geometry.positions {
            for lane in 0..geometry.lanes {
                let mut word = 0u16;
                for i in 0..4 {
                    let slot = beat * geometry.slots_per_beat() + i / geometry.per_column;
                    let column = slot * geometry.positions + position;
                    if slot >= geometry.slots() || column >= geometry.columns || lane >= count {
                        continue;
                    }
                    let output = column * geometry.per_column + i % geometry.per_column;
                    let code = tile[output].as_ref().map_or(0, |r| r.codes[first + lane]);
                    word |= (code as u16 & 15) << (4 * i);
                }
                bytes.extend(word.to_le_bytes());
            }
        }
    }
}
