//! [`Command`]: what the engine does with the tiles of a packet.

use skipopu_hdl::Word;

/// What the engine computes, value by value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `x * factor + addend`.
    Linear = 0,
    /// `x * gain * statistic`, the gain in place of the factor.
    RmsNorm = 1,
    /// `2^(x * constant - exponent) * statistic`.
    Softmax = 2,
    /// `silu(gate) * up` of interleaved pairs, FP16; half as many tiles.
    SwiGlu = 3,
    /// Pairs turned by the token's factors.
    Rope = 4,
}

/// What a value is multiplied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// 1.
    One = 0,
    /// The command's constant.
    Constant = 1,
    /// The way's FP16 factor, from the operand stream.
    Operand = 2,
}

/// What is added to a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addend {
    /// Nothing.
    None = 0,
    /// The way's FP16 value, from the operand stream.
    Half = 1,
    /// The way's FP32 value, from the operand stream.
    Single = 2,
}

/// What is summed over the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// Nothing.
    None = 0,
    /// Squares of the FP16 results, for RMSNorm; the constant is 1 / D.
    Squares = 1,
    /// Powers of two of the input times the constant, for softmax.
    Exponentials = 2,
}

/// A command, good for the tiles up to the beat marked `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// What is computed.
    pub function: Function,
    /// The input is FP16; else FP32.
    pub half_in: bool,
    /// The output is FP16, as it must be of [`Function::SwiGlu`]; else FP32.
    pub half_out: bool,
    /// The factor of [`Function::Linear`]; [`Factor::Operand`] for [`Function::RmsNorm`], else
    /// [`Factor::One`].
    pub factor: Factor,
    /// The addend of [`Function::Linear`], else [`Addend::None`].
    pub addend: Addend,
    /// What is summed over the rows.
    pub statistic: Statistic,
    /// No output: the statistics are all that is wanted.
    pub drop: bool,
    /// Values beyond the token's own index do not count.
    pub causal: bool,
    /// Values of a row, up to 16384; those beyond do not count and come out as zeros.
    pub length: usize,
    /// E8M16 as the upper 25 bits of an FP32 encoding.
    pub constant: u32,
}

/// Where a field begins and how many bits it has.
pub type Field = (usize, usize);

/// The function.
pub const FUNCTION: Field = (0, 3);
/// FP16 in?
pub const HALF_IN: Field = (3, 1);
/// FP16 out?
pub const HALF_OUT: Field = (4, 1);
/// Choice of factor.
pub const FACTOR: Field = (5, 2);
/// Choice of addend.
pub const ADDEND: Field = (7, 2);
/// Choice of statistic.
pub const STATISTIC: Field = (9, 2);
/// No output?
pub const DROP: Field = (11, 1);
/// Masked beyond the token?
pub const CAUSAL: Field = (12, 1);
/// Values of a row.
pub const LENGTH: Field = (13, 15);
/// The constant.
pub const CONSTANT: Field = (28, 25);
/// Bits of a command.
pub const COMMAND_BITS: usize = 53;

impl Command {
    /// Passes FP16 rows of `length` values on; the start of other commands.
    pub fn new(function: Function, length: usize) -> Command {
        Command {
            function,
            half_in: true,
            half_out: true,
            factor: Factor::One,
            addend: Addend::None,
            statistic: Statistic::None,
            drop: false,
            causal: false,
            length,
            constant: 0,
        }
    }

    /// Does it take beats of the operand stream?
    pub fn uses_operands(&self) -> bool {
        self.factor == Factor::Operand || self.addend != Addend::None
    }

    /// As a beat's data. Panics when the length does not fit.
    pub fn pack(&self) -> Word {
        let mut word = Word::zero(COMMAND_BITS);
        let mut put = |field: Field, value: u128| {
            word.set_slice(field.0, &Word::new(field.1, value));
        };
        put(FUNCTION, self.function as u128);
        put(HALF_IN, self.half_in.into());
        put(HALF_OUT, self.half_out.into());
        put(FACTOR, self.factor as u128);
        put(ADDEND, self.addend as u128);
        put(STATISTIC, self.statistic as u128);
        put(DROP, self.drop.into());
        put(CAUSAL, self.causal.into());
        put(LENGTH, self.length as u128);
        put(CONSTANT, (self.constant >> 7).into());
        word
    }
}
