//! The instructions: the one table from which everything else is made.
//!
//! # The machine
//!
//! `L` lanes, `C` columns. A head takes `H = head / L` slices, rounded up. A *slice* is `L` FP16 values; a *tile* of INT4 weights is `L` by `O` outputs, where `O` is `2 C` of
//! operand-aligned columns and `C` of others; of FP16 values it is `L` by `C`. The program works on a *block* of `rows` tokens, row `r` at position `position + r` of the text.
//!
//! | state | is |
//! |---|---|
//! | `x[a]` | scratchpad: slices, by address |
//! | `k[a]` | constant memory: slices of gains and routers |
//! | `turn[r]` | RoPE factors of row `r`: cosine and sine of each pair of a head in turn |
//! | `op[0], op[1]` | operand memories: slices of the rows they were filled with, dense: row `j` is the `j`-th of them |
//! | `weights` | weight queue: tiles and scales in the order in which they are used |
//! | `kv` | keys and values of the tokens before the block, pass after pass (see [attention](#attention)) |
//! | `mask[attention], mask[forward]` | one bit per row: the routers' decisions |
//! | `stats[r]` | sum of squares of a row |
//! | `ran[t][l]` | K and V of token `t` stand in memory for layer `l`; else those of its owner layer, the nearest one below, are used |
//!
//! Control takes an instruction at a time and gives it to its unit; units work beside each other. Whatever one unit must
//! not do before another has finished is said by semaphores (see [`Units`]); nothing else orders them.
//!
//! # Attention
//!
//! Attention reads tokens in *rounds* of `S = C / 2` slots, a slot being a token or none. In this order:
//!
//! 1. the rounds of the layer's KV schedule (`sw/kv`, [memory.md](memory.md)), which holds the tokens before the block: slot `s` is the
//!    token of stream `s`, HBM ports first, then read ports of the invariance buffer; the rest are none;
//! 2. rounds of none, up to a multiple of `L / S` rounds;
//! 3. the block's own rows, slot `i` being row `i`, in `rows / S` rounds, rounded up; the rest are none;
//! 4. rounds of none, up to a multiple of `L / S` rounds.
//!
//! So slots come in slices of `L`. A row does not see an own row later than itself: that slot's score is minus infinity, as is that of
//! none, and its probability +0; but its value stands in the slice of values that the array aligns. The value of none is zero.
//!
//! Schedules are made layer by layer from 0 on, for the tokens before the block. `load.kv` plays that of its layer; those of layers without
//! one are dropped. The `load.kv` of a block come in ascending order of layers, at most one of a layer, and so do the `append.kv`; the KV
//! unit notes which rows were appended at which layer when the program ends. Every row is appended at layer 0. At position 0 a new
//! text begins: the KV unit forgets everything.
//!
//! # What a program keeps to
//!
//! | rule | else |
//! |---|---|
//! | slices, tiles, beats and outputs are at least 1 | it means nothing; the watchdog ends what waits for ever |
//! | everything an instruction touches lies in its memory | a fault, with the last slice or the last word of 64 bytes that it would touch; nothing of the instruction is done |
//! | `matmul` and `attend` have a row to run for: a branch goes past them | a fault |
//! | a `matmul` takes the whole matrix of one `load.weights`; matrices, keys and values are taken in the order in which they are loaded | a fault, or units that wait for each other |
//! | nothing that was loaded is left at `end` | a fault |
//! | a `matmul` reads an operand memory that holds its rows and slices, and does not write the one that it reads; `residual` goes to the scratchpad | other values |
//! | `matmul` writes no more slices of a row than its tiles give, and no slice twice | other values |
//! | `sync` takes no token, as it waits until there is none | the watchdog ends it |
//! | at most 48 units of 64 bytes a port are loaded ahead of the products that take them, if one of these waits for a later load | units may wait for each other |
//! | the six registers of keys and values hold the same for a whole text, and are written before any of it is touched | other values |
//! | rows that `attend` runs for, times query heads of a pair, are at most `npe.rows` of the configuration | other values |
//!
//! Where control comes to what is no instruction, or leaves the program, it waits until the units have done what they were given, then stops. A
//! fault stops everything at once. After a stop that has a cause the next block is at position 0.

use crate::register::Register;
use crate::spec::{
    mask, DecodeError, FieldSpec, InstructionSpec, HEADER_BITS, SIGNAL_LOW, WAIT_LOW,
};
use crate::unit::{Unit, Units};
use crate::value::{
    Flag, Function, Number, Operand, Passes, Repeat, Routers, Rows, Space, Target, Value,
};

/// Puts fields one after another behind the header.
const fn layout<const N: usize>(mut fields: [FieldSpec; N]) -> [FieldSpec; N] {
    let mut low = HEADER_BITS;
    let mut i = 0;
    while i < N {
        fields[i].low = low;
        low += fields[i].bits;
        i += 1;
    }
    assert!(low <= 128, "the fields of an instruction exceed its 128 bits");
    fields
}

macro_rules! instructions {
    ($(
        $(#[doc = $about:literal])*
        $name:ident($mnemonic:literal) = $opcode:literal on $unit:ident {
            $(#[doc = $doc:literal] $field:ident: $kind:ty,)*
        }
    )*) => {
        /// What an instruction does, with its fields.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation {
            $(
                $(#[doc = $about])*
                $name { $(#[doc = $doc] $field: $kind,)* },
            )*
        }

        /// All instructions, by opcode.
        pub const INSTRUCTIONS: &[InstructionSpec] = &[$(
            InstructionSpec {
                mnemonic: $mnemonic,
                opcode: $opcode,
                unit: Unit::$unit,
                doc: &[$($about),*],
                fields: {
                    const FIELDS: &[FieldSpec] = &layout([$(FieldSpec {
                        name: stringify!($field),
                        low: 0,
                        bits: <$kind as Value>::BITS,
                        doc: $doc,
                        names: <$kind as Value>::NAMES,
                        meanings: <$kind as Value>::MEANINGS,
                    }),*]);
                    FIELDS
                },
            }
        ),*];

        impl Operation {
            /// Its row of the table.
            pub fn spec(&self) -> &'static InstructionSpec {
                let opcode = match self { $(Operation::$name { .. } => $opcode,)* };
                by_opcode(opcode).expect("the table has a row for every operation")
            }

            /// The bits of its fields, in order.
            pub fn values(&self) -> Vec<u64> {
                match *self {
                    $(Operation::$name { $($field),* } => vec![$(Value::to_bits($field)),*],)*
                }
            }

            /// The operation with these fields, one value per field of the row.
            ///
            /// # Errors
            /// A value that its field does not have.
            pub fn from_values(
                spec: &'static InstructionSpec,
                values: &[u64],
            ) -> Result<Operation, DecodeError> {
                let mut fields = spec.fields.iter().zip(values);
                match spec.opcode {
                    $($opcode => {
                        let operation = Operation::$name { $($field: take::<$kind>(spec, &mut fields)?),* };
                        Ok(operation)
                    })*
                    opcode => Err(DecodeError::Opcode { opcode }),
                }
            }
        }
    };
}

fn take<'a, V: Value>(
    spec: &'static InstructionSpec,
    fields: &mut impl Iterator<Item = (&'static FieldSpec, &'a u64)>,
) -> Result<V, DecodeError> {
    let (field, bits) = fields.next().expect("a value per field");
    V::from_bits(*bits).ok_or(DecodeError::Field {
        mnemonic: spec.mnemonic,
        field: field.name,
        bits: *bits,
    })
}

/// Tiles of a product that take turns slice by slice, so that one sum is added to at most every fourth tile.
pub const INTERLEAVE: usize = 4;

/// Sums at which the slices of a router take turns, for the same reason; they are added two by two.
pub const ROUTER_SUMS: usize = 4;

/// Partial sums for each row of a block.
pub const SUMS_A_ROW: usize = 8;

/// Words of 64 bytes of DDR that instructions reach: a channel.
pub const DDR_WORDS: usize = 1 << 28;

/// Bytes of a DDR channel.
pub const DDR_BYTES: u64 = 64 * DDR_WORDS as u64;

/// Words of 64 bytes of an HBM port that instructions reach: a pseudo-channel.
pub const PORT_WORDS: usize = 1 << 22;

/// A slice address on chip.
pub type Address = Number<18>;

/// A number of slices.
pub type Slices = Number<14>;

/// A place in DDR, in words of 64 bytes.
pub type DdrWord = Number<28>;

instructions! {
    /// Ends the program once every unit is idle; the host gets its interrupt.
    End("end") = 0x01 on Control {}

    /// Waits until every unit is idle and every semaphore is empty.
    Sync("sync") = 0x02 on Control {}

    /// Writes a register.
    ///
    /// ```text
    /// register = value
    /// ```
    Set("set") = 0x03 on Control {
        /// the register
        register: Register,
        /// its value, an integer or the encoding of an FP32 number
        value: Number<32>,
    }

    /// Goes on at another instruction if a sub-module has no row to run for.
    ///
    /// ```text
    /// if no row is one of rows:
    ///     next instruction = target
    /// ```
    ///
    /// The mask is known once the `route` that writes it has finished: wait for it.
    Branch("branch") = 0x04 on Control {
        /// the rows that are asked
        rows: Rows,
        /// number of an instruction, the first is 0
        target: Number<20>,
    }

    /// Streams weights from HBM into the weight queue.
    ///
    /// ```text
    /// for i in 0..beats:
    ///     weights.push(hbm[address ..][i])
    /// ```
    ///
    /// A beat is what the array's load port takes in a cycle. Beats stand one after another, striped over all ports in units of
    /// 64 bytes; `address` counts these units in each port.
    LoadWeights("load.weights") = 0x10 on Load {
        /// first unit of 64 bytes in each port
        address: Number<22>,
        /// beats
        beats: Number<26>,
    }

    /// Brings data from DDR on chip.
    ///
    /// ```text
    /// words = slices, in words of 64 bytes, rounded up
    /// for r in 0..1 (once) or 0..rows:
    ///     from = address + r words, with positions: address + (position + r) words
    ///     for i in 0..slices:
    ///         space[at + r slices + i] = ddr[from ..][i]
    /// ```
    ///
    /// With `rotation`, the slices of row `r` become `turn[r]`.
    LoadData("load.data") = 0x11 on Load {
        /// first word of 64 bytes in DDR
        address: DdrWord,
        /// where it goes
        space: Space,
        /// first slice there; `rotation` ignores it
        at: Address,
        /// slices
        slices: Number<20>,
        /// once, or for each row of the block
        repeat: Repeat,
    }

    /// Streams keys and values of the tokens before the block to attention, pass after pass.
    ///
    /// ```text
    /// if position > 0:
    ///     for p in 0..pairs:                        pairs of key-value heads
    ///         for part in (K, V):
    ///             for t in the slots of the layer's schedule:
    ///                 l = greatest l <= layer with ran[t][l]
    ///                 kv.push(part[l][t], heads 2 p and 2 p + 1)
    /// ```
    ///
    /// An `attend` for each pair must take them.
    LoadKv("load.kv") = 0x12 on Load {
        /// the layer that reads
        layer: Number<8>,
    }

    /// Decides which rows run, and takes RMSNorm's statistics in the same pass.
    ///
    /// ```text
    /// N = 2 for each router asked               outputs, those of attention first
    /// for r in 0..rows:
    ///     for each router m, the j-th asked:
    ///         for i in 0..2:
    ///             for c in 0..4:
    ///                 t[c] = sum over s = c, c + 4, .. of x[address + r stride + s] . k[weights + s N + 2 j + i]
    ///             y[i] = (t[0] + t[1]) + (t[2] + t[3])
    ///         mask[m][r] = y[1] > y[0]
    ///     if statistics:
    ///         stats[r] = sum over s of the squares of x[address + r stride + s]
    /// ```
    ///
    /// Additions are rounded to FP32, those of `t[c]` in order; without a slice it is -0.
    Route("route") = 0x20 on Compute {
        /// first slice of row 0 in the scratchpad
        address: Address,
        /// slices from a row to the next
        stride: Slices,
        /// slices of a row
        slices: Slices,
        /// the routers asked
        routers: Routers,
        /// take statistics?
        statistics: Flag,
        /// first slice of the routers in the constant memory: by slice of the row, then output
        weights: Address,
    }

    /// RMSNorm of the rows that run, gathered into an operand memory.
    ///
    /// ```text
    /// for (j, r) in the rows that run:
    ///     for s in 0..slices:
    ///         op[operand][j][s] = x[address + r stride + s] * rsqrt(stats[r] inverse_dim + epsilon) * k[gain + s]
    /// ```
    Normalise("normalise") = 0x21 on Compute {
        /// first slice of row 0 in the scratchpad
        address: Address,
        /// slices from a row to the next
        stride: Slices,
        /// slices of a row
        slices: Slices,
        /// gains in the constant memory
        gain: Address,
        /// the rows
        rows: Rows,
        /// the operand memory filled
        operand: Operand,
        /// how it passes over the vectors
        passes: Passes,
    }

    /// Product of an operand memory with INT4 weights, and what comes after it.
    ///
    /// ```text
    /// for n in 0..tiles, in blocks of 4 that take turns slice by slice:
    ///     scale = weights.pop()                 per output and group of `group` slices
    ///     for s in 0..slices:
    ///         w = weights.pop()
    ///         for (j, r) in the rows that run:
    ///             for c in 0..O:
    ///                 y[j][n][c] = y[j][n][c] + scale[s / group][c] * (op[operand][j][s] . w[c])
    ///     for (j, r) in the rows that run:
    ///         target[r] = function(y[j][n])     in slices, from the first output on
    /// ```
    ///
    /// Sums, products and additions are rounded to FP32, in that order.
    Matmul("matmul") = 0x22 on Compute {
        /// the operand memory read
        operand: Operand,
        /// the rows: those that the operand memory holds, no others
        rows: Rows,
        /// slices of the reduction
        slices: Slices,
        /// tiles of O outputs
        tiles: Number<14>,
        /// slices that share a scale; 0 for all
        group: Number<6>,
        /// what becomes of the outputs
        function: Function,
        /// where they go
        target: Target,
        /// first slice there, of row 0 in the scratchpad
        address: Address,
        /// slices from a row to the next
        stride: Slices,
        /// slices written of a row; outputs beyond are dropped
        outputs: Slices,
    }

    /// Attention of pairs of key-value heads, one after the other, for the rows that run.
    ///
    /// ```text
    /// for n in 2 pair .. 2 (pair + pairs) that are key-value heads, for h in the query heads of n:
    ///     for (j, r) in the rows that run:
    ///         q = x[address + r stride + h H ..]
    ///         for t in slots, earlier tokens from kv, own row i from x[keys + i kv_stride + n H ..]:
    ///             score[t] = sum over s of q[s] . K[t][s], or minus infinity
    ///         p = softmax of score * score_factor   FP16
    ///         for d in 0..H L:
    ///             op[operand][j][h H ..][d] = sum over slices of L slots of p . V[.][d]
    ///                                               own row i from x[values + i kv_stride + n H ..]
    /// ```
    ///
    /// [Attention](#attention) says what the slots are. Sums are FP32, in order, the result is rounded to FP16. Where `position` is 0 nothing
    /// is taken from `kv`. `score_factor` is positive. The rows that run times the query heads of a pair are at most `npe.rows`, times the tiles of
    /// a head's values in a round at most 8 times the rows of a block.
    Attend("attend") = 0x23 on Compute {
        /// first slice of row 0's queries in the scratchpad
        address: Address,
        /// slices from a row to the next
        stride: Slices,
        /// first pair of key-value heads; pair 0 empties the operand memory
        pair: Number<8>,
        /// pairs, at least 1
        pairs: Number<8>,
        /// the rows
        rows: Rows,
        /// the operand memory filled
        operand: Operand,
        /// first slice of row 0's keys in the scratchpad, of every row of the block
        keys: Address,
        /// first slice of row 0's values
        values: Address,
        /// slices from a row's keys to the next row's, and of values
        kv_stride: Slices,
        /// how softmax passes over the scores
        passes: Passes,
    }

    /// Takes data to DDR.
    ///
    /// ```text
    /// words = slices, in words of 64 bytes, rounded up
    /// for r in 0..1 (once) or 0..rows:
    ///     to = address + r words, with positions: address + (position + r) words
    ///     for i in 0..slices:
    ///         ddr[to ..][i] = x[at + r slices + i]
    /// ```
    StoreData("store.data") = 0x30 on Store {
        /// first word of 64 bytes in DDR
        address: DdrWord,
        /// first slice in the scratchpad
        at: Address,
        /// slices
        slices: Number<20>,
        /// once, or for each row of the block
        repeat: Repeat,
    }

    /// Appends keys and values of the rows that run to the KV region.
    ///
    /// ```text
    /// for r in the rows that run:
    ///     t = position + r
    ///     K[layer][t], V[layer][t] = x[keys + r stride ..], x[values + r stride ..]      kv_heads heads of H slices
    ///     ran[t][layer] = 1                         from the next block on
    /// ```
    ///
    /// Attention of the same block does not wait for it: it reads the scratchpad.
    AppendKv("append.kv") = 0x31 on Store {
        /// the layer
        layer: Number<8>,
        /// the rows
        rows: Rows,
        /// first slice of row 0's keys in the scratchpad
        keys: Address,
        /// first slice of row 0's values
        values: Address,
        /// slices from a row to the next
        stride: Slices,
    }
}

/// The row with this opcode.
pub fn by_opcode(opcode: u8) -> Option<&'static InstructionSpec> {
    INSTRUCTIONS.iter().find(|s| s.opcode == opcode)
}

/// The row with this mnemonic.
pub fn by_mnemonic(mnemonic: &str) -> Option<&'static InstructionSpec> {
    INSTRUCTIONS.iter().find(|s| s.mnemonic == mnemonic)
}

/// An operation with the units it waits for and signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// Takes a token from each of these before it starts.
    pub wait: Units,
    /// Gives a token to each of these when it has finished.
    pub signal: Units,
    /// What it does.
    pub operation: Operation,
}

impl Instruction {
    /// An instruction that waits for nothing and signals nobody.
    pub fn new(operation: Operation) -> Instruction {
        Instruction { wait: Units::NONE, signal: Units::NONE, operation }
    }

    /// The same, also waiting for a unit.
    #[must_use]
    pub fn after(self, unit: Unit) -> Instruction {
        Instruction { wait: self.wait.with(unit), ..self }
    }

    /// The same, also signalling a unit.
    #[must_use]
    pub fn before(self, unit: Unit) -> Instruction {
        Instruction { signal: self.signal.with(unit), ..self }
    }

    /// The unit that executes it.
    pub fn unit(&self) -> Unit {
        self.operation.spec().unit
    }

    /// Its 128 bits.
    pub fn encode(&self) -> u128 {
        let spec = self.operation.spec();
        let header = u128::from(spec.opcode)
            | u128::from(self.wait.bits()) << WAIT_LOW
            | u128::from(self.signal.bits()) << SIGNAL_LOW;
        let fields = spec.fields.iter().zip(self.operation.values());
        fields.fold(header, |word, (f, v)| word | u128::from(v & mask(f.bits)) << f.low)
    }

    /// The instruction that these bits encode.
    ///
    /// # Errors
    /// Bits that no instruction has.
    pub fn decode(word: u128) -> Result<Instruction, DecodeError> {
        let opcode = word as u8;
        let spec = by_opcode(opcode).ok_or(DecodeError::Opcode { opcode })?;
        let units = |low: u32| {
            let units = Units::from_bits((word >> low) as u8 & mask(4) as u8);
            let units = units.expect("four bits name four units");
            match units.contains(spec.unit) {
                false => Ok(units),
                true => Err(DecodeError::Self_ { mnemonic: spec.mnemonic, unit: spec.unit }),
            }
        };
        let (wait, signal) = (units(WAIT_LOW)?, units(SIGNAL_LOW)?);
        let values: Vec<u64> = spec.fields.iter().map(|f| f.of(word)).collect();
        let operation = Operation::from_values(spec, &values)?;
        if word.checked_shr(spec.used_bits()).unwrap_or(0) != 0 {
            let first = spec.used_bits();
            return Err(DecodeError::Reserved { mnemonic: spec.mnemonic, first });
        }
        Ok(Instruction { wait, signal, operation })
    }
}
