//! [`Fields`]: where the compute unit's instructions have their fields; widths that its blocks share.

use skipopu_isa::set::by_mnemonic;
use skipopu_isa::value::{self, Value};

/// Bits of a number of entries of the partial sums, or of rows.
pub const ENTRIES: usize = 8;
/// Bits of a slice's address in an instruction, and of a product of sizes.
pub const SLICES: usize = 18;
/// Bits of the number of a key-value head, and of passes over them.
pub const NUMBER: usize = 10;
/// Bits of the choice of rows.
pub const ROWS_BITS: usize = <value::Rows as Value>::BITS as usize;

/// Kinds of the compute unit's instructions.
pub mod kind {
    /// Bits of a kind.
    pub const BITS: usize = 2;
    /// `route`.
    pub const ROUTE: usize = 0;
    /// `normalise`.
    pub const NORMALISE: usize = 1;
    /// `matmul`.
    pub const MATMUL: usize = 2;
    /// `attend`.
    pub const ATTEND: usize = 3;
}

/// First bit and bits of a field.
pub type Place = (usize, usize);

/// Fields of the compute unit's instructions, from the table of the instruction set.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    /// Opcode of `route`.
    pub route: u128,
    /// Opcode of `normalise`.
    pub normalise: u128,
    /// Opcode of `matmul`.
    pub matmul: u128,
    /// Opcode of `attend`.
    pub attend: u128,
    /// Fields of `route`.
    pub route_address: Place,
    /// Slices from row to row.
    pub route_stride: Place,
    /// Slices of a row.
    pub route_slices: Place,
    /// Routers asked.
    pub route_routers: Place,
    /// Statistics?
    pub route_statistics: Place,
    /// Router weights.
    pub route_weights: Place,
    /// Fields of `normalise`.
    pub normalise_address: Place,
    /// Slices from row to row.
    pub normalise_stride: Place,
    /// Slices of a row.
    pub normalise_slices: Place,
    /// Gains.
    pub normalise_gain: Place,
    /// Rows.
    pub normalise_rows: Place,
    /// Target.
    pub normalise_operand: Place,
    /// Passes over the vectors.
    pub normalise_passes: Place,
    /// Fields of `matmul`.
    pub matmul_operand: Place,
    /// Rows.
    pub matmul_rows: Place,
    /// Slices of the reduction.
    pub matmul_slices: Place,
    /// Tiles.
    pub matmul_tiles: Place,
    /// Slices of a group.
    pub matmul_group: Place,
    /// Function.
    pub matmul_function: Place,
    /// Target.
    pub matmul_target: Place,
    /// First slice there.
    pub matmul_address: Place,
    /// Slices from row to row.
    pub matmul_stride: Place,
    /// Slices written.
    pub matmul_outputs: Place,
    /// Fields of `attend`.
    pub attend_address: Place,
    /// Slices from row to row.
    pub attend_stride: Place,
    /// First pair of heads.
    pub attend_pair: Place,
    /// Pairs.
    pub attend_pairs: Place,
    /// Rows.
    pub attend_rows: Place,
    /// Target.
    pub attend_operand: Place,
    /// Keys of the block.
    pub attend_keys: Place,
    /// Values of the block.
    pub attend_values: Place,
    /// Slices from row to row.
    pub attend_kv_stride: Place,
    /// Passes of softmax.
    pub attend_passes: Place,
}

impl Fields {
    /// From the table.
    pub fn new() -> Fields {
        let spec = |name: &str| by_mnemonic(name).expect("the table has the unit's instructions");
        let opcode = |name: &str| u128::from(spec(name).opcode);
        let place = |name: &str, field: &str| {
            let f = spec(name).field(field).expect("the table has their fields");
            (f.low as usize, f.bits as usize)
        };
        let (route, normalise) = (|f| place("route", f), |f| place("normalise", f));
        let (matmul, attend) = (|f| place("matmul", f), |f| place("attend", f));
        Fields {
            route: opcode("route"),
            normalise: opcode("normalise"),
            matmul: opcode("matmul"),
            attend: opcode("attend"),
            route_address: route("address"),
            route_stride: route("stride"),
            route_slices: route("slices"),
            route_routers: route("routers"),
            route_statistics: route("statistics"),
            route_weights: route("weights"),
            normalise_address: normalise("address"),
            normalise_stride: normalise("stride"),
            normalise_slices: normalise("slices"),
            normalise_gain: normalise("gain"),
            normalise_rows: normalise("rows"),
            normalise_operand: normalise("operand"),
            normalise_passes: normalise("passes"),
            matmul_operand: matmul("operand"),
            matmul_rows: matmul("rows"),
            matmul_slices: matmul("slices"),
            matmul_tiles: matmul("tiles"),
            matmul_group: matmul("group"),
            matmul_function: matmul("function"),
            matmul_target: matmul("target"),
            matmul_address: matmul("address"),
            matmul_stride: matmul("stride"),
            matmul_outputs: matmul("outputs"),
            attend_address: attend("address"),
            attend_stride: attend("stride"),
            attend_pair: attend("pair"),
            attend_pairs: attend("pairs"),
            attend_rows: attend("rows"),
            attend_operand: attend("operand"),
            attend_keys: attend("keys"),
            attend_values: attend("values"),
            attend_kv_stride: attend("kv_stride"),
            attend_passes: attend("passes"),
        }
    }
}

impl Default for Fields {
    fn default() -> Fields {
        Fields::new()
    }
}
