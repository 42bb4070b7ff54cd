//! Unpacking against the reference: every encoding, every weight, absent lanes.

mod common;

use common::pe::{limbs, pack};
use common::{agree, cells, design_of, verilated};
use skipopu_hw::pe_array::operand::{OperandFormat, UnpackVector, OPERAND_BITS};
use skipopu_reference::pe::fp16::Operand;
use skipopu_sim::dut;

dut! {
    struct Ports(values: usize, lanes: usize) {
        clock clock;
        in values: values;
        in present: lanes;
        out operands: lanes * OPERAND_BITS;
    }
}

const LANES: usize = 4;

fn build(format: OperandFormat) -> Box<UnpackVector> {
    Box::new(UnpackVector::new(format, LANES).unwrap())
}

/// Every value in every lane, present and absent.
fn exhaust(format: OperandFormat, name: &str, reference: impl Fn(u64) -> Operand) {
    let mut model = verilated(&design_of(build(format), name).1);
    let p = Ports::bind(&model, LANES * format.bits(), LANES).unwrap();
    let values = 1u64 << format.bits();
    let mut compared = 0;
    for value in 0..values {
        for mask in [0b1111, 0b0101, 0b1010] {
            let lane = |i: u64| (value + i * (values / 4 + 1)) % values;
            model.set_limbs(p.values, &limbs((0..4).map(lane), format.bits(), LANES));
            model.set_u64(p.present, mask);
            model.tick(p.clock).unwrap();
            let wanted = (0..4).map(|i| match mask >> i & 1 {
                1 => pack(reference(lane(i))),
                _ => 0,
            });
            let mut got = [0; 2];
            model.get_limbs(p.operands, &mut got);
            assert_eq!(
                got.to_vec(),
                limbs(wanted, OPERAND_BITS, LANES),
                "{name}: {value:#x} {mask:#b}"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 3 * values);
}

#[test]
fn fp16_equals_the_reference() {
    exhaust(OperandFormat::Fp16, "unpack_fp16", |bits| Operand::from_fp16(bits as u16));
}

#[test]
fn int4_equals_the_reference() {
    let weight = |bits: u64| (bits as i8) << 4 >> 4;
    exhaust(OperandFormat::Int4, "unpack_int4", |bits| Operand::from_int4(weight(bits)));
}

#[test]
fn every_engine_agrees() {
    agree(|| build(OperandFormat::Fp16), "unpack_fp16", 300);
    agree(|| build(OperandFormat::Int4), "unpack_int4", 300);
}

#[test]
fn few_luts() {
    for (format, most) in [(OperandFormat::Fp16, 11), (OperandFormat::Int4, 9)] {
        let report = cells(&design_of(build(format), "unpack").1);
        assert!(report.area.luts <= most * LANES as u64, "{format:?}: {} LUTs", report.area.luts);
    }
    assert!(UnpackVector::new(OperandFormat::Fp16, 3).is_err());
}
