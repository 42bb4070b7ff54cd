//! Random programs: legal, and ordered by their tokens, so that every order of the units gives the same.

use skipopu_config::Config;
use skipopu_executor::random::RandomText;
use skipopu_executor::{Counters, Executor, Machine, Memory};
use skipopu_isa::{Instruction, Operation, Program};
use std::collections::BTreeSet;

const TEXTS: u64 = 100;

/// Runs a text; what memories hold then, and what was counted.
fn run(machine: &Machine, text: &RandomText, seed: u64) -> (Vec<Vec<u8>>, Counters) {
    let ports = text.hbm.len();
    let mut memory = Memory::new(text.ddr_map.end, ports, text.hbm_map.end);
    memory.ddr.write(0, &text.ddr).unwrap();
    for (port, image) in memory.hbm.iter_mut().zip(&text.hbm) {
        port.write(0, image).unwrap();
    }
    let mut executor = Executor::new(*machine, memory);
    for (b, block) in text.blocks.iter().enumerate() {
        let ran = executor.run(&block.program, block.rows, block.position, seed);
        ran.unwrap_or_else(|e| panic!("block {b}: {e}"));
    }
    let read = |memory: &skipopu_executor::memory::Bytes, bytes: u64| {
        let mut all = vec![0; bytes as usize];
        memory.read(0, &mut all).unwrap();
        all
    };
    let mut images = vec![read(&executor.memory.ddr, text.ddr_map.end)];
    images.extend(executor.memory.hbm.iter().map(|p| read(p, text.hbm_map.end)));
    (images, executor.counters().clone())
}

#[test]
fn every_order_of_the_units_gives_the_same() {
    for name in ["tiny", "cosim"] {
        let machine = Machine::of(&Config::preset(name).unwrap()).unwrap();
        for seed in 0..TEXTS {
            let text = RandomText::new(&machine, seed).unwrap();
            let expected = run(&machine, &text, 0);
            for order in 1..6 {
                assert!(run(&machine, &text, order) == expected, "{name} {seed}, order {order}");
            }
        }
    }
}

#[test]
fn a_missing_token_shows() {
    let machine = Machine::of(&Config::preset("tiny").unwrap()).unwrap();
    let mut found = 0;
    for seed in 0..TEXTS {
        let mut text = RandomText::new(&machine, seed).unwrap();
        let expected = run(&machine, &text, 0);
        for block in &mut text.blocks {
            for i in &mut block.program.instructions {
                *i = Instruction::new(i.operation);
            }
        }
        let other = |order| {
            std::panic::catch_unwind(|| run(&machine, &text, order) != expected).unwrap_or(true)
        };
        found += u32::from((1..6).any(other));
    }
    assert!(found > 50, "{found} of {TEXTS}");
}

#[test]
fn the_same_seed_gives_the_same_text_and_all_instructions_come() {
    let machine = Machine::of(&Config::preset("tiny").unwrap()).unwrap();
    let (mut names, mut taken, mut later) = (BTreeSet::new(), 0, 0);
    for seed in 0..TEXTS {
        let text = RandomText::new(&machine, seed).unwrap();
        let again = RandomText::new(&machine, seed).unwrap();
        assert!(text.ddr == again.ddr && text.hbm == again.hbm);
        let (_, counters) = run(&machine, &text, 0);
        taken += counters.branches_taken;
        for (a, b) in text.blocks.iter().zip(&again.blocks) {
            assert_eq!(a.program, b.program);
            later += usize::from(a.position > 0);
            let bytes = a.program.to_bytes();
            assert!(text.program_word as usize * 64 + bytes.len() <= text.ddr_map.end as usize);
            assert_eq!(Program::from_bytes(&bytes).unwrap(), a.program);
            let executed = a.program.instructions.iter().map(|i| i.operation.spec().mnemonic);
            names.extend(executed);
            assert_eq!(a.program.instructions.last().unwrap().operation, Operation::End {});
        }
    }
    assert_eq!(names.len(), skipopu_isa::set::INSTRUCTIONS.len(), "{names:?}");
    assert!(taken > 5 && later > 20, "{taken} branches, {later} blocks after the first");
}
