//! [`Executor`]: control, queues and semaphores.
//!
//! [`Executor::run`] runs a program to its end; [`Executor::start`] and [`Executor::step`] an instruction at a time, so that memories can be
//! looked at in between.

use crate::counters::Counters;
use crate::kv::KvUnit;
use crate::machine::Machine;
use crate::memory::{Memory, Site};
use crate::state::State;
use crate::weights::WeightQueue;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_isa::unit::SEMAPHORE_TOKENS;
use skipopu_isa::{DecodeError, Instruction, Operation, Program, ProgramError, Register, Unit};
use skipopu_kv::KvError;
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
        /// Which memory it is.
        site: Site,
        /// The address: bytes in HBM and DDR, slices on chip.
        address: u64,
    },
    /// A product or attention for no row.
    #[error("no row takes part in a product or attention: branch past it")]
    NoRow,
    /// A matrix of another size.
    #[error("a product takes {taken} bytes of weights and {loaded} were loaded for it")]
    Weights {
        /// Bytes of the matrix.
        loaded: usize,
        /// Bytes that the product takes.
        taken: usize,
    },
    /// An operand memory does not hold a row.
    #[error("row {row} is not in the operand memory: normalise it first")]
    Row {
        /// The row.
        row: usize,
    },
    /// An operand memory holds rows of another length.
    #[error("rows of {held} slices stand in the operand memory and {asked} are read")]
    Length {
        /// Slices asked for.
        asked: usize,
        /// Slices of a row.
        held: usize,
    },
    /// The block is not the one after the tokens that the KV unit knows.
    #[error("the block is at position {position} and the text has {tokens} tokens: set the register position")]
    Position {
        /// Position of the block.
        position: usize,
        /// Tokens of the text.
        tokens: usize,
    },
    /// The KV unit refuses.
    #[error(transparent)]
    Kv(#[from] KvError),
    /// The program ended and left what nothing takes.
    #[error("at the end {bytes} bytes of weights and {passes} passes of keys and values are left: every load needs its product")]
    LeftOver {
        /// Bytes in the weight queue.
        bytes: usize,
        /// Passes of keys and values.
        passes: usize,
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
    pub(crate) kv: KvUnit,
    pub(crate) counters: Counters,
}

/// A program under way: its queues and semaphores.
#[derive(Clone, Debug)]
pub struct Run {
    program: Vec<Result<Instruction, DecodeError>>,
    rng: SmallRng,
    /// How often each unit goes first: some seeds make one of them much slower than another.
    haste: [u32; 4],
    /// Instructions handed out, with their numbers.
    queues: [VecDeque<(usize, Instruction)>; 4],
    /// Tokens by giving and taking unit.
    semaphores: [[u32; 4]; 4],
    next: usize,
    failed: Option<Unit>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Control gave an instruction, by its number, to its unit.
    Handed(usize),
    /// An instruction, by its number, was executed.
    Executed(usize, Instruction),
    /// The program ended.
    Ended,
}

impl Executor {
    /// A machine after reset.
    pub fn new(machine: Machine, memory: Memory) -> Executor {
        Executor {
            state: State::new(&machine),
            kv: KvUnit::default(),
            counters: Counters::default(),
            machine,
            memory,
        }
    }

    /// Forgets the text, as after a stop or a reset: the next block is at position 0.
    pub fn forget(&mut self) {
        self.kv = KvUnit::default();
        self.state.weights = WeightQueue::default();
    }

    /// The machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// What all runs did.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Memories on chip, masks, statistics, registers.
    pub fn state(&self) -> &State {
        &self.state
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
        self.run_with(program, rows, position, seed, |_, _, _| ())
    }

    /// The same; `executed` sees the machine after every instruction, with the instruction's number.
    ///
    /// # Errors
    /// Why the core stopped.
    pub fn run_with(
        &mut self,
        program: &Program,
        rows: usize,
        position: usize,
        seed: u64,
        mut executed: impl FnMut(&Executor, usize, &Instruction),
    ) -> Result<(), Stop> {
        let mut run = self.start(program, rows, position, seed)?;
        loop {
            match self.step(&mut run)? {
                Step::Handed(_) => {}
                Step::Executed(index, instruction) => executed(self, index, &instruction),
                Step::Ended => return Ok(()),
            }
        }
    }

    /// Begins a program on `rows` tokens from `position` on, to be stepped. The seed draws which of several ready units goes first.
    ///
    /// # Errors
    /// A program for another machine, a block of no rows or of more than the machine takes.
    pub fn start(
        &mut self,
        program: &Program,
        rows: usize,
        position: usize,
        seed: u64,
    ) -> Result<Run, Stop> {
        program.check(self.machine.hash)?;
        let instructions = program.instructions.iter().copied().map(Ok).collect();
        self.start_at(instructions, rows, position, seed)
    }

    /// The same for the words of a program's instructions, of which some may be none: the core stops when it comes to one.
    ///
    /// # Errors
    /// A block of no rows or of more than the machine takes.
    pub fn start_words(
        &mut self,
        words: &[u128],
        rows: usize,
        position: usize,
        seed: u64,
    ) -> Result<Run, Stop> {
        let instructions = words.iter().map(|w| Instruction::decode(*w)).collect();
        self.start_at(instructions, rows, position, seed)
    }

    fn start_at(
        &mut self,
        program: Vec<Result<Instruction, DecodeError>>,
        rows: usize,
        position: usize,
        seed: u64,
    ) -> Result<Run, Stop> {
        if !(1..=self.machine.rows).contains(&rows) {
            return Err(Stop::Rows { rows, most: self.machine.rows });
        }
        self.kv.begin(rows, position);
        self.state.set(Register::Rows, rows as u32);
        self.state.set(Register::Position, position as u32);
        let mut rng = SmallRng::seed_from_u64(seed);
        Ok(Run {
            program,
            haste: std::array::from_fn(|_| 1 << rng.random_range(0..8)),
            rng,
            queues: Default::default(),
            semaphores: [[0; 4]; 4],
            next: 0,
            failed: None,
        })
    }

    /// One step of a program: control takes an instruction, or a unit executes one.
    ///
    /// # Errors
    /// Why the core stopped.
    pub fn step(&mut self, run: &mut Run) -> Result<Step, Stop> {
        let fetched = run.program.get(run.next).copied();
        let mut ready: Vec<Unit> = Unit::ALL.into_iter().filter(|u| self.ready(run, *u)).collect();
        if fetched.is_some_and(|i| i.is_ok_and(|i| run.takes(&i))) {
            ready.push(Unit::Control);
        }
        if ready.is_empty() {
            // What was handed out before is done first.
            return match fetched {
                Some(Ok(i)) => Err(run.deadlock(Some(&i))),
                _ if !run.idle() => Err(run.deadlock(None)),
                Some(Err(error)) => {
                    Err(ProgramError::Instruction { index: run.next, error }.into())
                }
                None => Err(Stop::Left { index: run.next }),
            };
        }
        let unit = run.draw(&ready);
        match (unit, fetched) {
            (Unit::Control, Some(Ok(instruction))) => self.control(run, instruction),
            // Other units are ready with an instruction in their queue.
            _ => match run.queues[unit as usize].pop_front() {
                None => Err(Stop::Left { index: run.next }),
                Some((index, instruction)) => {
                    run.take(&instruction);
                    self.execute(&instruction.operation)
                        .inspect_err(|_| run.failed = Some(unit))?;
                    run.give(&instruction)?;
                    Ok(Step::Executed(index, instruction))
                }
            },
        }
    }

    /// Can the first instruction of a unit's queue start?
    fn ready(&self, run: &Run, unit: Unit) -> bool {
        run.queues[unit as usize]
            .front()
            .is_some_and(|(_, i)| run.has_tokens(i) && self.weights_ready(&i.operation))
    }

    /// Gives an instruction to its unit, or executes one of control's.
    fn control(&mut self, run: &mut Run, instruction: Instruction) -> Result<Step, Stop> {
        let index = run.next;
        if instruction.unit() != Unit::Control {
            run.next += 1;
            self.counters.instructions += 1;
            run.queues[instruction.unit() as usize].push_back((index, instruction));
            return Ok(Step::Handed(index));
        }
        run.take(&instruction);
        self.counters.instructions += 1;
        match instruction.operation {
            Operation::End {} => {
                self.kv.end();
                let (bytes, passes) = (self.state.weights.len(), self.kv.waiting());
                return match (bytes, passes) {
                    (0, 0) => Ok(Step::Ended),
                    _ => Err(Stop::LeftOver { bytes, passes }),
                };
            }
            // The host's own are not changed.
            Operation::Set { register: Register::Rows | Register::Position, .. } => {}
            Operation::Set { register, value } => self.state.set(register, value.get()),
            Operation::Branch { rows, target } if self.state.rows(rows).is_empty() => {
                run.next = target.into();
                self.counters.branches_taken += 1;
                return run.give(&instruction).map(|()| Step::Executed(index, instruction));
            }
            _ => {}
        }
        run.next += 1;
        run.give(&instruction)?;
        Ok(Step::Executed(index, instruction))
    }

    pub(crate) fn execute(&mut self, operation: &Operation) -> Result<(), Stop> {
        self.check(operation)?;
        if let Some(product) = Executor::as_matmul(operation) {
            return self.matmul(product);
        }
        if let Some(attend) = Executor::as_attend(operation) {
            return self.attend(attend);
        }
        match *operation {
            Operation::LoadWeights { address, beats } => {
                self.load_weights(address.into(), beats.into())
            }
            Operation::LoadData { address, space, at, slices, repeat } => {
                self.load_data(address.into(), space, at.into(), slices.into(), repeat)
            }
            Operation::LoadKv { layer } => self.load_kv(layer.into()),
            Operation::Route { address, stride, slices, routers, statistics, weights } => {
                let x = (address.into(), stride.into(), slices.into());
                self.route(x, routers, statistics, weights.into())
            }
            Operation::Normalise { address, stride, slices, gain, rows, operand, .. } => {
                let x = (address.into(), stride.into(), slices.into());
                self.normalise(x, gain.into(), rows, operand)
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

impl Run {
    /// The instruction that control is at, or at which it stopped.
    pub fn pc(&self) -> usize {
        self.next
    }

    /// The unit that an error of [`Executor::step`] came from, if it came from one.
    pub fn failed(&self) -> Option<Unit> {
        self.failed
    }

    /// Has every unit done what it was given?
    fn idle(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }

    /// One of several ready units.
    fn draw(&mut self, ready: &[Unit]) -> Unit {
        let all: u32 = ready.iter().map(|u| self.haste[*u as usize]).sum();
        let mut drawn = self.rng.random_range(0..all);
        let last = |u: &&Unit| match drawn.checked_sub(self.haste[**u as usize]) {
            Some(rest) => {
                drawn = rest;
                false
            }
            None => true,
        };
        ready.iter().find(last).copied().unwrap_or(Unit::Control)
    }

    fn has_tokens(&self, instruction: &Instruction) -> bool {
        let own = instruction.unit() as usize;
        instruction.wait.iter().all(|u| self.semaphores[u as usize][own] > 0)
    }

    /// Can control go on with this instruction?
    fn takes(&self, instruction: &Instruction) -> bool {
        match instruction.operation {
            Operation::End {} => self.idle() && self.has_tokens(instruction),
            Operation::Sync {} => {
                self.idle()
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

    fn deadlock(&self, fetched: Option<&Instruction>) -> Stop {
        let line = |i: &Instruction| skipopu_isa::asm::line(i, 0);
        let at = fetched.map_or_else(|| "no instruction".into(), line);
        let mut waiting = vec![format!("control at {} ({at})", self.next)];
        for unit in Unit::ALL {
            if let Some((_, i)) = self.queues[unit as usize].front() {
                waiting.push(format!("{} ({})", unit.name(), line(i)));
            }
        }
        Stop::Deadlock { waiting: waiting.join(", ") }
    }
}
