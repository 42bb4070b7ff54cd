//! [`AlignedShape`]: the sizes that follow from a configuration, each computed once.

use super::cascade::Half;
use crate::pe_array::error::{within, PeArrayError};
use crate::pe_array::reconstruct::SumShape;
use skipopu_config::{Config, WideFormat};

/// Place of the upper INT4 sum in the cascade's 48 bits.
pub const FIELD: usize = 23;
/// Lanes of a DSP cascade. A column of more has several: the sum of one enters the last DSP of the next
/// through port C, so that operands wait for their cascade only.
pub const SEGMENT: usize = 16;
/// Cycles by which the lanes of a cascade are later than those of the one before: a sum takes two from
/// port P through the register of port C.
const HANDOVER: usize = 2;

/// Cycles by which a lane's operands are due after lane 0's.
pub fn lane_delay(lane: usize) -> usize {
    lane % SEGMENT + HANDOVER * (lane / SEGMENT)
}

/// Bits of the DSP's sum.
pub const SUM_BITS: usize = 48;
/// Bits of a block exponent, raised for INT4 or not.
pub const EXPONENT_BITS: usize = 6;
/// Bits of the exponent of a column's sum.
pub const SUM_EXPONENT_BITS: usize = 7;
/// Bits of a FP16 exponent field, and of a weight vector's exponent.
pub const FIELD_BITS: usize = 5;
/// Bits of one value on its way in: an FP16 value or four INT4 weights.
pub const VALUE_BITS: usize = 16;

/// Sizes of the operand-aligned datapath. Widths count magnitude bits, without the sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlignedShape {
    /// Products per column: a power of two, 2 to 128.
    pub lanes: usize,
    /// Width of an activation, 11 to 17.
    pub act_bits: usize,
    /// Width of a column's FP16 operand, 11 to 26.
    pub kv_bits: usize,
    /// Width of an activation in FP16xINT4: 11 to `act_bits`, and at most 20 - log2(lanes).
    pub int4_bits: usize,
    /// Format of the results.
    pub format: WideFormat,
}

impl AlignedShape {
    /// The shape of a configuration, whatever its accumulation.
    pub fn of(config: &Config) -> AlignedShape {
        AlignedShape {
            lanes: config.array.lanes as usize,
            act_bits: config.array.aligned_act_bits as usize,
            kv_bits: config.array.aligned_kv_bits as usize,
            int4_bits: config.array.aligned_int4_bits() as usize,
            format: config.formats.accumulate_out,
        }
    }

    /// log2 of the lanes.
    pub fn carry_bits(&self) -> usize {
        self.lanes.ilog2() as usize
    }

    /// Bits that the block exponent rises in FP16xINT4, instead of a narrower converter.
    pub fn narrowed(&self) -> usize {
        self.act_bits - self.int4_bits
    }

    /// Does the lower INT4 sum need the parity of the upper one (numerics 8.3)?
    pub fn parity(&self) -> bool {
        self.int4_bits + self.carry_bits() > 19
    }

    /// Bits of a lane's activation, sign included.
    pub fn x_bits(&self) -> usize {
        self.act_bits + 1
    }

    /// Bits of a lane's weight word: the FP16 operand's integer with its sign on top, or four INT4
    /// weights; see [`weight_bit`](Self::weight_bit).
    pub fn word_bits(&self) -> usize {
        self.kv_bits + 1 + self.word_padding()
    }

    /// Bits below the integer, for INT4 weights only.
    pub fn word_padding(&self) -> usize {
        15usize.saturating_sub(self.kv_bits)
    }

    /// Where bit `bit` of the 16 loaded ones stands in a weight word that holds INT4 weights.
    ///
    /// They take the places through which an FP16 value's bits come unshifted, so that the converter
    /// lets them pass without a multiplexer: sign, hidden bit, fraction, first zeros.
    pub fn weight_bit(&self, bit: usize) -> usize {
        let top = self.word_bits() - 1;
        match bit {
            15 => top,
            14 => top - 1,
            10..=13 => top - 15 + (bit - 10),
            _ => top - 11 + bit,
        }
    }

    /// Does a place of a weight word hold the sign of a lower INT4 weight? It is inverted there, once for
    /// all columns: port D takes the weight plus eight.
    pub fn inverted(&self, place: usize) -> bool {
        [Half::Low, Half::High].iter().any(|h| self.weight_bit(h.loaded_bit(false, 3)) == place)
    }

    /// Bits of the correction of FP16xINT4: minus eight times the sum of a vector's integers.
    pub fn correction_bits(&self) -> usize {
        self.int4_bits + 1 + self.carry_bits() + 3
    }

    /// Exponent that accompanies INT4 weights, so that both modes' sums have one unit: the upper sum
    /// stands [`FIELD`] places up.
    pub fn int4_exponent(&self) -> usize {
        self.kv_bits + 14 - FIELD
    }

    /// The column's sum in FP16xFP16, the upper one in FP16xINT4. Its exponent is the sum of both
    /// vectors' and [`upper_bias`](Self::upper_bias).
    pub fn upper(&self) -> SumShape {
        self.sum(SUM_BITS, self.upper_unit(), 2)
    }

    /// The lower sum of FP16xINT4. Its exponent is the activations' and
    /// [`lower_bias`](Self::lower_bias).
    pub fn lower(&self) -> SumShape {
        let width = FIELD + usize::from(self.parity());
        self.sum(width, self.lower_unit(), 1 + self.narrowed() as u32)
    }

    /// What the edge adds to the activations' exponent for the upper sum.
    pub fn upper_bias(&self) -> usize {
        (self.upper_unit() - self.upper().unit) as usize
    }

    /// What the edge adds to the activations' exponent for the lower sum.
    pub fn lower_bias(&self) -> usize {
        (self.lower_unit() - self.lower().unit) as usize
    }

    fn upper_unit(&self) -> i32 {
        -((28 + self.act_bits + self.kv_bits) as i32)
    }

    fn lower_unit(&self) -> i32 {
        -((14 + self.act_bits) as i32)
    }

    /// A sum whose value is `sum * 2^(exponent + unit)`, `exponent` at least `least`.
    fn sum(&self, width: usize, unit: i32, least: u32) -> SumShape {
        let cheapest = match self.format {
            WideFormat::Fp16 => unit,
            WideFormat::Fp32 => SumShape::cheapest_unit(width),
        };
        SumShape {
            width,
            exponent_bits: SUM_EXPONENT_BITS,
            unit: cheapest,
            least_exponent: least + (unit - cheapest) as u32,
            format: self.format,
        }
    }

    /// Bits of a result.
    pub fn result_bits(&self) -> usize {
        self.upper().result_bits()
    }

    /// Cycles from lane 0's activation to the last sum of the cascade.
    pub fn cascade_latency(&self) -> usize {
        lane_delay(self.lanes - 1) + 4
    }

    /// Cycles from lane 0's activation to when the correction is due: at port C of the first cascade's
    /// last DSP, two cycles after that lane's operands.
    pub fn correction_due(&self) -> usize {
        lane_delay(self.lanes.min(SEGMENT) - 1) + 2
    }

    /// # Errors
    /// A size out of range.
    pub fn check(&self) -> Result<(), PeArrayError> {
        let block = "aligned column";
        within(block, "lanes", self.lanes, 2, 128)?;
        if !self.lanes.is_power_of_two() {
            let range = "a power of two, 2 to 128".into();
            return Err(PeArrayError {
                block,
                parameter: "lanes",
                value: self.lanes as i64,
                range,
            });
        }
        within(block, "act_bits", self.act_bits, 11, 17)?;
        let room = SUM_BITS - 1 - self.carry_bits() - self.act_bits;
        within(block, "kv_bits", self.kv_bits, 11, room.min(26))?;
        within(block, "int4_bits", self.int4_bits, 11, self.act_bits.min(20 - self.carry_bits()))
    }
}
