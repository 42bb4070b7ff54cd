//! [`Executor`]: control, queues and semaphores.

use crate::counters::Counters;
use crate::kv::KvRegion;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::state::State;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_isa::unit::SEMAPHORE_TOKENS;
use skipopu_isa::{Instruction, Operation, Program, ProgramError, Register, Unit};
use std::collections::VecDeque;

/// Instructions that a unit's queue holds before control waits.
pub const QUEUE: usize = 64;

/// Why the core stopped before `end`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The program is damaged or for another machine.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The block has no row, or more than the machine takes.
    #[error("the block has {rows} rows and the machine takes 1 to {most}: set the register rows")]
    Rows {
        /// Rows asked for.
        rows: usize,
        /// Most rows.
        most: usize,
    },
    /// Control left the program.
    #[error("instruction {index} does not exist: the program lacks an end")]
    Left {
        /// The number of the instruction.
        index: usize,
    },
    /// An address outside a memory.
    #[error("address {address:#x} is outside {memory}")]
    Address {
        /// The memory.
        memory: &'static str,
        /// The address: bytes in HBM and DDR, slices on chip.
        address: u64,
    },
    /// An operand memory does not hold a row.
    #[error("row {row} is not in the operand memory: normalise it first")]
    Row {
        /// The row.
        row: usize,
    },
    /// A layer that the KV tables do not have.
    #[error("layer {layer} is outside the KV tables")]
    Layer {
        /// The layer.
        layer: usize,
    },
    /// A token beyond the longest text.
    #[error("token {token} is beyond the longest text that the KV tables hold")]
    Context {
        /// The token.
        token: usize,
    },
    /// A token without keys and values.
    #[error("token {token} has no keys and values at layer {layer} or below")]
    NoKv {
        /// The layer that reads.
        layer: usize,
        /// The token.
        token: usize,
    },
    /// An instruction needs weights that nothing loads.
    #[error("the weight queue is empty")]
    Starved,
    /// A semaphore holds as many tokens as it can.
    #[error("the semaphore {} -> {} overflows", from.name(), to.name())]
    Semaphore {
        /// The unit that gives.
        from: Unit,
        /// The unit that takes.
        to: Unit,
    },
    /// Every unit waits for another one.
    #[error("no unit can go on: {waiting}")]
    Deadlock {
        /// The first instruction of every queue.
        waiting: String,
    },
}

/// The machine with its memories.
#[derive(Clone, Debug)]
pub struct Executor {
    pub(crate) machine: Machine,
    /// HBM and DDR: the host reads and writes them between runs.
    pub memory: Memory,
    pub(crate) state: State,
    pub(crate) kv: KvRegion,
    pub(crate) counters: Counters,
}

/// Queues and semaphores of one run.
struct Flow {
    queues: [VecDeque<Instruction>; 4],
    /// Tokens by giving and taking unit.
    semaphores: [[u32; 4]; 4],
    next: usize,
}

impl Executor {
    /// A machine after reset.
    pub fn new(machine: Machine, memory: Memory) -> Executor {
        Executor {
            state: State::new(&machine),
            kv: KvRegion::new(&machine),
            counters: Counters::default(),
            machine,
            memory,
        }
    }

    /// What all runs did.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Which rows ran in the last block: attention, feed-forward, as the routers of the last layer decided.
    pub fn masks(&self) -> &[Vec<bool>; 2] {
        &self.state.mask
    }

    /// Runs a program on `rows` tokens from `position` on. Position 0 begins a new text.
    ///
    /// # Errors
    /// Why the core stopped.
    pub fn run(
        &mut self,
        program: &Program,
        rows: usize,
        position: usize,
        seed: u64,
    ) -> Result<(), Stop> {
        program.check(self.machine.hash)?;
        if !(1..=self.machine.rows).contains(&rows) {
            return Err(Stop::Rows { rows, most: self.machine.rows });
        }
        if position == 0 {
            self.kv.clear();
        }
        self.state.set(Register::Rows, rows as u32);
        self.state.set(Register::Position, position as u32);
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut flow = Flow { queues: Default::default(), semaphores: [[0; 4]; 4], next: 0 };
        loop {
            let fetched = program.instructions.get(flow.next);
            let mut ready: Vec<Unit> =
                Unit::ALL.into_iter().filter(|u| self.ready(&flow, *u)).collect();
            if fetched.is_some_and(|i| flow.takes(i)) {
                ready.push(Unit::Control);
            }
            if ready.is_empty() {
                return match fetched {
                    None => Err(Stop::Left { index: flow.next }),
                    Some(i) => Err(flow.deadlock(i)),
                };
            }
            match ready[rng.random_range(0..ready.len())] {
                Unit::Control => {
                    let Some(instruction) = fetched else { continue };
                    if self.control(&mut flow, *instruction)? {
                        return Ok(());
                    }
                }
                unit => {
                    let Some(i) = flow.queues[unit as usize].pop_front() else { continue };
                    flow.take(&i);
                    self.execute(&i.operation)?;
                    self.counters.instructions += 1;
                    flow.give(&i)?;
                }
            }
        }
    }

    /// Can the first instruction of a unit's queue start?
    fn ready(&self, flow: &Flow, unit: Unit) -> bool {
        flow.queues[unit as usize]
            .front()
            .is_some_and(|i| flow.has_tokens(i) && self.weights_ready(&i.operation))
    }

    /// Fetches an instruction: gives it to its unit, or executes one of control's. Is it the end?
    fn control(&mut self, flow: &mut Flow, instruction: Instruction) -> Result<bool, Stop> {
        flow.next += 1;
        if instruction.unit() != Unit::Control {
            flow.queues[instruction.unit() as usize].push_back(instruction);
            return Ok(false);
        }
        flow.take(&instruction);
        self.counters.instructions += 1;
        match instruction.operation {
            Operation::End {} => return Ok(true),
            Operation::Set { register, value } => self.state.set(register, value.get()),
            Operation::Branch { rows, target } if self.state.rows(rows).is_empty() => {
                flow.next = target.into();
                self.counters.branches_taken += 1;
            }
            _ => {}
        }
        flow.give(&instruction)?;
        Ok(false)
    }

    fn execute(&mut self, operation: &Operation) -> Result<(), Stop> {
        if let Some(product) = Executor::as_matmul(operation) {
            return self.matmul(product);
        }
        match *operation {
            Operation::LoadWeights { address, beats } => {
                self.load_weights(address.into(), beats.into())
            }
            Operation::LoadData { address, space, at, slices, repeat } => {
                self.load_data(address.into(), space, at.into(), slices.into(), repeat)
            }
            Operation::LoadKv { layer, pair, part } => {
                self.load_kv(layer.into(), pair.into(), part)
            }
            Operation::Route { address, stride, slices, routers, statistics } => {
                let x = (address.into(), stride.into(), slices.into());
                self.route(x, routers, statistics)
            }
            Operation::Normalise { address, stride, slices, gain, rows, operand } => {
                let x = (address.into(), stride.into(), slices.into());
                self.normalise(x, gain.into(), rows, operand)
            }
            Operation::Attend { address, stride, pair, rows, operand } => {
                self.attend((address.into(), stride.into()), pair.into(), rows, operand)
            }
            Operation::StoreData { address, at, slices, repeat } => {
                self.store_data(address.into(), at.into(), slices.into(), repeat)
            }
            Operation::AppendKv { layer, rows, keys, values, stride } => {
                self.append_kv(layer.into(), rows, keys.into(), values.into(), stride.into())
            }
            // Control's own, and products, went elsewhere.
            _ => Ok(()),
        }
    }
}

impl Flow {
    fn has_tokens(&self, instruction: &Instruction) -> bool {
        let own = instruction.unit() as usize;
        instruction.wait.iter().all(|u| self.semaphores[u as usize][own] > 0)
    }

    /// Can control go on with this instruction?
    fn takes(&self, instruction: &Instruction) -> bool {
        let idle = || self.queues.iter().all(VecDeque::is_empty);
        match instruction.operation {
            Operation::End {} => idle() && self.has_tokens(instruction),
            Operation::Sync {} => {
                idle()
                    && self.has_tokens(instruction)
                    && self.semaphores.iter().flatten().all(|t| *t == 0)
            }
            _ if instruction.unit() == Unit::Control => self.has_tokens(instruction),
            _ => self.queues[instruction.unit() as usize].len() < QUEUE,
        }
    }

    fn take(&mut self, instruction: &Instruction) {
        let own = instruction.unit() as usize;
        instruction.wait.iter().for_each(|u| self.semaphores[u as usize][own] -= 1);
    }

    fn give(&mut self, instruction: &Instruction) -> Result<(), Stop> {
        let own = instruction.unit();
        for unit in instruction.signal.iter() {
            let tokens = &mut self.semaphores[own as usize][unit as usize];
            if *tokens == SEMAPHORE_TOKENS {
                return Err(Stop::Semaphore { from: own, to: unit });
            }
            *tokens += 1;
        }
        Ok(())
    }

    fn deadlock(&self, fetched: &Instruction) -> Stop {
        let line = |i: &Instruction| skipopu_isa::asm::line(i, 0);
        let mut waiting = vec![format!("control at {} ({})", self.next, line(fetched))];
        for unit in Unit::ALL {
            if let Some(i) = self.queues[unit as usize].front() {
                waiting.push(format!("{} ({})", unit.name(), line(i)));
            }
        }
        Stop::Deadlock { waiting: waiting.join(", ") }
    }
}
