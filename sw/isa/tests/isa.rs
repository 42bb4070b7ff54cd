//! Encoding, assembler and program files, over every field of every instruction.

use proptest::prelude::*;
use skipopu_isa::set::{by_opcode, INSTRUCTIONS};
use skipopu_isa::{
    asm, host, host_manual, manual, DecodeError, Instruction, Operation, Program, ProgramError,
    Unit, Units,
};

/// Least word of an instruction: all fields 0.
fn base(opcode: u8) -> u128 {
    u128::from(opcode)
}

#[test]
fn the_table_is_in_order_and_fits() {
    for pair in INSTRUCTIONS.windows(2) {
        assert!(pair[0].opcode < pair[1].opcode, "{}", pair[1].mnemonic);
    }
    for spec in INSTRUCTIONS {
        assert!(spec.used_bits() <= 128 && !spec.doc.is_empty(), "{}", spec.mnemonic);
        let mut low = 16;
        for f in spec.fields {
            assert_eq!(f.low, low, "{}.{}", spec.mnemonic, f.name);
            low += f.bits;
        }
    }
}

#[test]
fn every_value_of_every_field_comes_back() {
    let mut checked = 0u32;
    for spec in INSTRUCTIONS {
        for f in spec.fields {
            // All values of narrow fields; of wide ones every single bit, all ones and zero.
            let values: Vec<u64> = match f.bits {
                bits @ 0..=14 => (0..1 << bits).collect(),
                bits => (0..bits).map(|b| 1 << b).chain([0, u64::MAX >> (64 - bits)]).collect(),
            };
            for value in values {
                let word = base(spec.opcode) | u128::from(value) << f.low;
                let legal = f.names.is_empty() || (value as usize) < f.names.len();
                match Instruction::decode(word) {
                    Ok(i) => {
                        assert!(legal, "{}.{} = {value}", spec.mnemonic, f.name);
                        assert_eq!(i.encode(), word);
                        assert_eq!(f.of(i.encode()), value);
                        let text = asm::disassemble(&[i]);
                        // A branch out of the program has no label, and goes by number.
                        assert_eq!(asm::assemble(&text).unwrap(), [i], "{text}");
                    }
                    Err(DecodeError::Field { field, bits, .. }) => {
                        assert!(!legal && field == f.name && bits == value);
                    }
                    Err(e) => panic!("{}.{} = {value}: {e}", spec.mnemonic, f.name),
                }
                checked += 1;
            }
        }
    }
    println!("{checked} values");
    assert!(checked > 10_000);
}

#[test]
fn every_unit_of_every_instruction() {
    for spec in INSTRUCTIONS {
        for bits in 0..=255u8 {
            let word = base(spec.opcode) | u128::from(bits) << 8;
            let own = 1 << spec.unit as u8;
            let decoded = Instruction::decode(word);
            if (bits & 15 | bits >> 4) & own != 0 {
                let unit = spec.unit;
                assert_eq!(decoded, Err(DecodeError::Self_ { mnemonic: spec.mnemonic, unit }));
            } else {
                assert_eq!(decoded.unwrap().encode(), word);
            }
        }
    }
}

#[test]
fn every_other_opcode_and_every_reserved_bit_is_refused() {
    for opcode in 0..=255u8 {
        match by_opcode(opcode) {
            None => {
                assert_eq!(Instruction::decode(base(opcode)), Err(DecodeError::Opcode { opcode }))
            }
            Some(spec) => {
                for bit in spec.used_bits()..128 {
                    let refused = Instruction::decode(base(opcode) | 1 << bit);
                    let (mnemonic, first) = (spec.mnemonic, spec.used_bits());
                    assert_eq!(refused, Err(DecodeError::Reserved { mnemonic, first }));
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_decodes_encodes_to_itself(low: u64, high: u64, pick: prop::sample::Index) {
        let opcode = INSTRUCTIONS[pick.index(INSTRUCTIONS.len())].opcode;
        let used = by_opcode(opcode).unwrap().used_bits();
        let word = (u128::from(high) << 64 | u128::from(low)) & (u128::MAX >> (128 - used));
        let word = word & !0xFF | base(opcode);
        if let Ok(i) = Instruction::decode(word) {
            prop_assert_eq!(i.encode(), word);
            let text = asm::disassemble(&[i]);
            prop_assert_eq!(asm::assemble(&text).unwrap(), [i]);
        }
    }

    #[test]
    fn no_text_makes_the_assembler_panic(text in "[a-z.=@:# 0-9\n]{0,200}") {
        let _ = asm::assemble(&text);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Program::from_bytes(&bytes);
        if bytes.len() > 8 {
            bytes[..4].copy_from_slice(b"SKOP");
            bytes[4..8].copy_from_slice(&skipopu_isa::VERSION.to_le_bytes());
            let _ = Program::from_bytes(&bytes);
        }
    }
}

const TEXT: &str = "\
start:  set register=head value=288
        load.data address=0x10 space=scratchpad at=0 slices=18 repeat=rows signal=compute   # the block
        route address=0 stride=18 slices=18 routers=both statistics=yes weights=36 wait=load signal=control
        branch rows=attention target=@forward wait=compute
        normalise rows=attention operand=0 address=0 stride=18 slices=18 gain=4 passes=fused
forward:
        branch rows=last target=@end
end:    end
";

#[test]
fn labels_comments_and_order_of_fields_do_not_matter() {
    let program = asm::assemble(TEXT).unwrap();
    assert_eq!(program.len(), 7);
    let Operation::Branch { target, .. } = program[3].operation else { panic!("a branch") };
    assert_eq!(target.get(), 5);
    assert_eq!(program[2].wait, Units::NONE.with(Unit::Load));
    assert_eq!(asm::assemble(&asm::disassemble(&program)).unwrap(), program);
}

#[test]
fn errors_name_line_thing_and_remedy() {
    let error = |text: &str| asm::assemble(text).unwrap_err().to_string();
    assert_eq!(error("end\nsinc"), "line 2: no instruction `sinc`: did you mean `sync`?");
    assert_eq!(error("end now"), "line 1: `now` is no field: write name=value without blanks");
    assert_eq!(
        error("set register=head vale=1"),
        "line 1: set has no field `vale`: did you mean `value`?"
    );
    assert_eq!(
        error("set register=head"),
        "line 1: set lacks value: its value, an integer or the encoding of an FP32 number"
    );
    assert_eq!(
        error("branch rows=some target=0"),
        "line 1: rows = `some`: must be all, attention, forward, last"
    );
    assert_eq!(
        error("branch rows=all target=1048576"),
        "line 1: target = 1048576: must be a number from 0 to 1048575"
    );
    assert_eq!(
        error("branch rows=all target=@there"),
        "line 1: no label `there`: write `there:` before an instruction"
    );
    assert_eq!(error("a: end\na: end"), "line 2: label `a` stands twice: rename one");
    assert_eq!(
        error("end wait=control"),
        "line 1: end runs on the control unit, which cannot wait for or signal itself"
    );
    assert_eq!(error("end wait=lod"), "line 1: no unit `lod`: did you mean `load`?");
    assert_eq!(
        error("set register=head value=1 value=2"),
        "line 1: field `value` stands twice: leave one out"
    );
}

#[test]
fn a_program_file_is_read_back_and_every_damage_is_found() {
    let program = Program {
        configuration: 0x0123_4567_89AB_CDEF,
        instructions: asm::assemble(TEXT).unwrap(),
    };
    let bytes = program.to_bytes();
    assert_eq!(bytes.len(), 32 + 7 * 16);
    assert_eq!(Program::from_bytes(&bytes).unwrap(), program);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            match Program::from_bytes(&damaged) {
                // The configuration is checked against the hardware's.
                Ok(p) => assert!((8..16).contains(&at) && p.check(program.configuration).is_err()),
                Err(_) => assert!(!(8..16).contains(&at)),
            }
        }
    }
    for length in 0..bytes.len() {
        assert!(Program::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
    let cut = Program::from_bytes(&bytes[..bytes.len() - 16]).unwrap_err();
    assert_eq!(cut, ProgramError::Length { found: 96, expected: 112 });
    assert!(program.check(program.configuration).is_ok());
}

#[test]
fn the_manual_is_the_one_in_the_documentation() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/isa.md");
    let page = std::fs::read_to_string(path).unwrap();
    assert!(
        page == manual::markdown(),
        "docs/isa.md is out of date: skipopu isa manual > docs/isa.md"
    );
}

#[test]
fn the_registers_are_the_ones_in_the_documentation() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/registers.md");
    let page = std::fs::read_to_string(path).unwrap();
    assert!(
        page == host_manual::markdown(),
        "docs/registers.md is out of date: skipopu isa registers > docs/registers.md"
    );
}

#[test]
fn registers_do_not_overlap_and_fit_the_port() {
    let map = host::HostRegister::map();
    for pair in map.windows(2) {
        let end = pair[0].offset + 4 * pair[0].words;
        assert!(end <= pair[1].offset, "{} and {}", pair[0].name, pair[1].name);
    }
    for spec in &map {
        assert!(spec.offset % (4 * spec.words) == 0 && !spec.doc.is_empty(), "{}", spec.name);
        assert!(spec.offset + 4 * spec.words <= host::BYTES, "{}", spec.name);
    }
    let mut names: Vec<&str> = map.iter().map(|s| s.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), map.len());
}
