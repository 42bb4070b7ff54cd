//! [`TraceEntry`]: what every instruction of a run did.

use crate::counters::Counters;
use crate::run::{Executor, Stop};
use serde::Serialize;
use skipopu_isa::value::{Repeat, Rows};
use skipopu_isa::{asm, Instruction, Operation, Program};

/// An instruction that was executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceEntry {
    /// Its number in the program.
    pub pc: usize,
    /// The unit that executed it.
    pub unit: &'static str,
    /// Its text.
    pub instruction: String,
    /// The rows of the block that took part; none for an instruction without rows.
    pub rows: Vec<usize>,
    /// What was counted for it.
    pub did: Counters,
}

/// The rows that an instruction works on.
fn rows(executor: &Executor, operation: &Operation) -> Vec<usize> {
    let rows = match *operation {
        Operation::Normalise { rows, .. }
        | Operation::Matmul { rows, .. }
        | Operation::Attend { rows, .. }
        | Operation::AppendKv { rows, .. }
        | Operation::Branch { rows, .. } => rows,
        Operation::Route { .. } => Rows::All,
        Operation::LoadData { repeat, .. } | Operation::StoreData { repeat, .. }
            if repeat != Repeat::Once =>
        {
            Rows::All
        }
        _ => return vec![],
    };
    executor.state().rows(rows)
}

impl Executor {
    /// Runs a program as [`Executor::run`] does; `seen` gets every instruction when it has been executed, in that order.
    ///
    /// # Errors
    /// Why the core stopped.
    pub fn trace(
        &mut self,
        program: &Program,
        block: usize,
        position: usize,
        seed: u64,
        mut seen: impl FnMut(TraceEntry),
    ) -> Result<(), Stop> {
        let mut before = self.counters().clone();
        let length = program.instructions.len();
        self.run_with(program, block, position, seed, |executor, pc, instruction: &Instruction| {
            let now = executor.counters().clone();
            seen(TraceEntry {
                pc,
                unit: instruction.unit().name(),
                instruction: asm::line(instruction, length),
                rows: rows(executor, &instruction.operation),
                did: now.since(&before),
            });
            before = now;
        })
    }
}
