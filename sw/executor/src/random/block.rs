//! [`BlockMaker`]: the program of one block.

use super::order::{Access, Order, Place};
use super::values::Values;
use super::{Model, DATA_WORDS, WEIGHT_UNITS};
use crate::machine::VALUE_BYTES;
use crate::run::{Executor, Stop};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::Rng;
use skipopu_isa::set::{INSTRUCTIONS, INTERLEAVE};
use skipopu_isa::value::{
    Flag, Function, Number, Operand, Passes, Repeat, Routers, Rows, Space, Target,
};
use skipopu_isa::{Instruction, Operation, Program, Register, Unit};
use skipopu_kv::layout::{HEADS_PER_PASS, WORD_BYTES};
use std::ops::Range;

/// Units of 64 bytes of each port that the weight queue certainly holds: so many may be loaded ahead of their product.
const AHEAD_UNITS: usize = 48;
/// Slices of the constant memory in use.
const CONSTANTS: usize = 96;
/// Most slices of a vector.
const VECTOR: usize = 6;
/// Most tiles of a product.
const TILES: usize = 9;

/// What an operand memory holds.
#[derive(Clone, Debug)]
struct Held {
    rows: Vec<usize>,
    slices: usize,
}

/// A product that is to be emitted.
struct Product {
    operation: Operation,
    accesses: Vec<Access>,
    unit: usize,
    units: usize,
    beats: usize,
}

/// Makes a block's program, executing it as it goes.
pub struct BlockMaker<'a> {
    executor: &'a mut Executor,
    rng: &'a mut SmallRng,
    values: &'a Values,
    model: Model,
    /// First unit of weights that no block uses.
    weights: &'a mut usize,
    hbm: &'a mut Vec<Vec<u8>>,
    order: Order,
    rows: usize,
    position: usize,
    /// Slices of the scratchpad in use.
    scratchpad: Range<usize>,
    /// Slices of the constant memory in use.
    constants: Range<usize>,
    held: [Option<Held>; 2],
    /// Layers from here on may still be appended, or loaded.
    append_from: usize,
    load_from: usize,
}

fn number<const N: u32>(value: usize) -> Number<N> {
    u32::try_from(value).ok().and_then(Number::new).expect("the generator's sizes fit their fields")
}

impl<'a> BlockMaker<'a> {
    pub fn new(
        executor: &'a mut Executor,
        rng: &'a mut SmallRng,
        values: &'a Values,
        model: Model,
        weights: &'a mut usize,
        hbm: &'a mut Vec<Vec<u8>>,
    ) -> BlockMaker<'a> {
        BlockMaker {
            executor,
            rng,
            values,
            model,
            weights,
            hbm,
            order: Order::default(),
            rows: 0,
            position: 0,
            scratchpad: 0..0,
            constants: 0..0,
            held: [None, None],
            append_from: 0,
            load_from: 0,
        }
    }

    /// The program of a block.
    ///
    /// # Errors
    /// An instruction that the executor refuses: an error of the generator.
    pub fn make(mut self, rows: usize, position: usize) -> Result<Program, Stop> {
        (self.rows, self.position) = (rows, position);
        self.executor.kv.begin(rows, position);
        self.executor.state.set(Register::Rows, rows as u32);
        self.executor.state.set(Register::Position, position as u32);
        self.prologue()?;
        for _ in 0..self.rng.random_range(1..16) {
            match self.rng.random_range(0..100) {
                0..12 => self.load_data()?,
                12..22 => self.route()?,
                22..34 => self.normalise()?,
                34..58 => self.products()?,
                58..72 => self.attention()?,
                72..80 => self.append()?,
                80..88 => self.store_data()?,
                88..94 => self.branch()?,
                94..97 => self.emit(Operation::Sync {}, vec![])?,
                _ => self.set_factor()?,
            }
        }
        if self.append_from == 0 {
            self.append()?;
        }
        self.epilogue()?;
        self.executor.kv.end();
        let configuration = self.executor.machine.hash;
        Ok(Program { configuration, instructions: self.order.program })
    }

    /// Appends an instruction with the tokens that it needs, and some that it does not need, and executes it.
    fn emit(&mut self, operation: Operation, accesses: Vec<Access>) -> Result<(), Stop> {
        let unit = Instruction::new(operation).unit();
        let mut waits = self.order.before(unit, &accesses);
        // One that waits for empty semaphores cannot take a token.
        let tokens = !matches!(operation, Operation::Sync {});
        for other in Unit::ALL {
            if tokens && self.rng.random_bool(0.12) && self.order.token(other, unit) {
                waits.push(other);
            }
        }
        self.emit_after(operation, &waits, accesses)
    }

    fn emit_after(
        &mut self,
        operation: Operation,
        waits: &[Unit],
        accesses: Vec<Access>,
    ) -> Result<(), Stop> {
        self.order.push(operation, waits, accesses);
        match operation {
            Operation::Set { register, value } => {
                self.executor.state.set(register, value.get());
                Ok(())
            }
            _ => self.executor.execute(&operation),
        }
    }

    fn set(&mut self, register: Register, value: u32) -> Result<(), Stop> {
        let value = Number::new(value).expect("32 bits hold it");
        let factors = Access::write(Place::Factors, 0..1);
        self.emit(Operation::Set { register, value }, vec![factors])
    }

    /// A positive number between 2^-8 and 2^8 with 16 fraction bits.
    fn factor(&mut self) -> u32 {
        self.rng.random_range(119..135) << 23 | self.rng.random_range(0..1 << 16) << 7
    }

    fn prologue(&mut self) -> Result<(), Stop> {
        for (register, value) in self.model.registers() {
            self.set(register, value)?;
        }
        for register in [Register::InverseDim, Register::Epsilon, Register::ScoreFactor] {
            let factor = self.factor();
            self.set(register, factor)?;
        }
        let machine = *self.executor.machine();
        let size = self.rng.random_range(192..=448).min(machine.scratchpad);
        let first = self.anywhere(machine.scratchpad - size);
        self.scratchpad = first..first + size;
        self.load(Space::Scratchpad, first, size, Repeat::Once)?;
        let first = self.anywhere(machine.constants - CONSTANTS);
        self.constants = first..first + CONSTANTS;
        self.load(Space::Constants, first, CONSTANTS, Repeat::Once)?;
        self.rotation()?;
        self.route_with(Routers::Both, Flag::Yes)
    }

    /// Everything in use goes to DDR.
    fn epilogue(&mut self) -> Result<(), Stop> {
        let (at, slices) = (self.scratchpad.start, self.scratchpad.len());
        self.store(at, slices, Repeat::Once)?;
        for from in Unit::ALL {
            for to in Unit::ALL {
                if to != Unit::Control && self.rng.random_bool(0.05) {
                    self.order.surplus(from, to);
                }
            }
        }
        self.order.push(Operation::End {}, &[], vec![]);
        Ok(())
    }

    /// A number up to `most`, the ends more often than others.
    fn anywhere(&mut self, most: usize) -> usize {
        match self.rng.random_range(0..4) {
            0 => 0,
            1 => most,
            _ => self.rng.random_range(0..=most),
        }
    }

    /// A size from 1 to `most`, small ones more often.
    fn size(&mut self, most: usize) -> usize {
        match self.rng.random_range(0..4) {
            0 => 1,
            1 => most,
            _ => self.rng.random_range(1..=most),
        }
    }

    /// First slice of rows that lie in a range, and the slices from one to the next, at least `least`.
    fn strided(
        &mut self,
        within: Range<usize>,
        rows: usize,
        length: usize,
        least: usize,
    ) -> Option<(usize, usize)> {
        let room = within.len().checked_sub(length)?;
        let most = room.checked_div(rows - 1).unwrap_or(20).min(least + 7);
        if most < least {
            return None;
        }
        let stride = self.rng.random_range(least..=most);
        let at = self.anywhere(room - (rows - 1) * stride);
        Some((within.start + at, stride))
    }

    /// A place in DDR for `rows` times `words` words.
    fn ddr(&mut self, slices: usize, repeat: Repeat) -> Option<(usize, Vec<Access>)> {
        let words = self.executor.ddr_words(slices);
        let (first, count) = match repeat {
            Repeat::Once => (0, 1),
            Repeat::Rows => (0, self.rows),
            Repeat::Positions => (self.position, self.rows),
        };
        let room = DATA_WORDS.checked_sub((first + count) * words)?;
        let at = self.anywhere(room);
        Some((at, Access::rows(Place::Ddr, false, first..first + count, (at, words, words))))
    }

    fn load(&mut self, space: Space, at: usize, slices: usize, repeat: Repeat) -> Result<(), Stop> {
        let Some((address, mut accesses)) = self.ddr(slices, repeat) else { return Ok(()) };
        let rows = if repeat == Repeat::Once { 1 } else { self.rows };
        accesses.push(match space {
            Space::Scratchpad => Access::write(Place::Scratchpad, at..at + rows * slices),
            Space::Constants => Access::write(Place::Constants, at..at + rows * slices),
            Space::Rotation => Access::write(Place::Rotation, 0..rows),
        });
        let load = Operation::LoadData {
            address: number(address),
            space,
            at: number(at),
            slices: number(slices),
            repeat,
        };
        self.emit(load, accesses)
    }

    fn rotation(&mut self) -> Result<(), Stop> {
        let machine = self.executor.machine();
        let (least, most) = (self.executor.head_slices(), machine.rotation / machine.lanes);
        let slices = self.rng.random_range(least..=most);
        let repeat = *[Repeat::Rows, Repeat::Positions].choose(self.rng).expect("two");
        let at = self.rng.random_range(0..100);
        self.load(Space::Rotation, at, slices, repeat)
    }

    fn load_data(&mut self) -> Result<(), Stop> {
        let repeat = *Repeat::ALL.choose(self.rng).expect("not empty");
        let rows = if repeat == Repeat::Once { 1 } else { self.rows };
        match self.rng.random_range(0..5) {
            0 => self.rotation(),
            1 => {
                let slices = self.size(self.constants.len() / rows);
                let at = self.constants.start + self.anywhere(self.constants.len() - rows * slices);
                self.load(Space::Constants, at, slices, repeat)
            }
            _ => {
                let slices = self.size(self.scratchpad.len() / rows);
                let at =
                    self.scratchpad.start + self.anywhere(self.scratchpad.len() - rows * slices);
                self.load(Space::Scratchpad, at, slices, repeat)
            }
        }
    }

    fn store(&mut self, at: usize, slices: usize, repeat: Repeat) -> Result<(), Stop> {
        let Some((address, mut accesses)) = self.ddr(slices, repeat) else { return Ok(()) };
        accesses.iter_mut().for_each(|a| a.writes = true);
        let rows = if repeat == Repeat::Once { 1 } else { self.rows };
        accesses.push(Access::read(Place::Scratchpad, at..at + rows * slices));
        let store = Operation::StoreData {
            address: number(address),
            at: number(at),
            slices: number(slices),
            repeat,
        };
        self.emit(store, accesses)
    }

    fn store_data(&mut self) -> Result<(), Stop> {
        let repeat = *Repeat::ALL.choose(self.rng).expect("not empty");
        let rows = if repeat == Repeat::Once { 1 } else { self.rows };
        let slices = self.size(self.scratchpad.len() / rows);
        let at = self.scratchpad.start + self.anywhere(self.scratchpad.len() - rows * slices);
        self.store(at, slices, repeat)
    }

    fn route(&mut self) -> Result<(), Stop> {
        let routers = *Routers::ALL.choose(self.rng).expect("not empty");
        let statistics = *Flag::ALL.choose(self.rng).expect("not empty");
        self.route_with(routers, statistics)
    }

    fn route_with(&mut self, routers: Routers, statistics: Flag) -> Result<(), Stop> {
        let outputs = match routers {
            Routers::None => 0,
            Routers::Attention | Routers::Forward => 2,
            Routers::Both => 4,
        };
        let slices = self.size(2 * VECTOR);
        let Some((address, stride)) = self.strided(self.scratchpad.clone(), self.rows, slices, 0)
        else {
            return Ok(());
        };
        let length = outputs * slices;
        let weights = self.constants.start + self.anywhere(self.constants.len() - length);
        let mut accesses =
            Access::rows(Place::Scratchpad, false, 0..self.rows, (address, stride, slices));
        accesses.push(Access::read(Place::Constants, weights..weights + length));
        accesses.push(Access::read(Place::Factors, 0..1));
        if outputs > 0 {
            accesses.push(Access::write(Place::Masks, 0..1));
        }
        let route = Operation::Route {
            address: number(address),
            stride: number(stride),
            slices: number(slices),
            routers,
            statistics,
            weights: number(weights),
        };
        self.emit(route, accesses)
    }

    /// Rows of which there is at least one.
    fn some_rows(&mut self) -> (Rows, Vec<usize>) {
        loop {
            let which = *Rows::ALL.choose(self.rng).expect("not empty");
            let rows = self.executor.state().rows(which);
            if !rows.is_empty() {
                return (which, rows);
            }
        }
    }

    fn operand(&mut self) -> Operand {
        *Operand::ALL.choose(self.rng).expect("not empty")
    }

    fn normalise(&mut self) -> Result<(), Stop> {
        let rows = *Rows::ALL.choose(self.rng).expect("not empty");
        self.normalise_rows(rows)
    }

    fn normalise_rows(&mut self, rows: Rows) -> Result<(), Stop> {
        let selected = self.executor.state().rows(rows);
        let slices = self.size(2 * VECTOR);
        let Some((address, stride)) = self.strided(self.scratchpad.clone(), self.rows, slices, 0)
        else {
            return Ok(());
        };
        let gain = self.constants.start + self.anywhere(self.constants.len() - slices);
        let operand = self.operand();
        let range = (address, stride, slices);
        let mut accesses = Access::rows(Place::Scratchpad, false, selected.iter().copied(), range);
        accesses.push(Access::read(Place::Constants, gain..gain + slices));
        accesses.push(Access::read(Place::Factors, 0..1));
        let held = Held { rows: selected.clone(), slices };
        self.held[operand as usize] = (!selected.is_empty()).then_some(held);
        let normalise = Operation::Normalise {
            address: number(address),
            stride: number(stride),
            slices: number(slices),
            gain: number(gain),
            rows,
            operand,
            passes: self.passes(),
        };
        self.emit(normalise, accesses)
    }

    /// An operand memory that can be read, with the rows that it holds.
    fn readable(&mut self) -> Option<(Operand, Rows, Held)> {
        let mut choices = Vec::new();
        for operand in Operand::ALL {
            let Some(held) = &self.held[*operand as usize] else { continue };
            for rows in Rows::ALL {
                if self.executor.state().rows(*rows) == held.rows {
                    choices.push((*operand, *rows, held.clone()));
                }
            }
        }
        choices.choose(self.rng).cloned()
    }

    /// One product, or several whose weights are loaded first.
    fn products(&mut self) -> Result<(), Stop> {
        if self.readable().is_none() {
            let (rows, _) = self.some_rows();
            self.normalise_rows(rows)?;
        }
        let Some((operand, rows, held)) = self.readable() else { return Ok(()) };
        let count = if self.rng.random_bool(0.3) { self.rng.random_range(2..=3) } else { 1 };
        let mut products = Vec::new();
        for _ in 0..count {
            products.extend(self.product(operand, rows, &held, count == 1)?);
        }
        let ahead: usize = products.iter().map(|p| p.units).sum();
        if ahead > AHEAD_UNITS || (count == 1 && self.rng.random_bool(0.5)) {
            // The queue need not hold all of it: nothing stands between load and product.
            for p in products {
                let waits = self.order.before(Unit::Compute, &p.accesses);
                self.emit_after(p.load(), &[], vec![])?;
                self.emit_after(p.operation, &waits, p.accesses)?;
            }
            return Ok(());
        }
        for p in &products {
            self.emit(p.load(), vec![])?;
        }
        for p in products {
            match self.rng.random_range(0..6) {
                0 => self.load_data()?,
                1 => self.store_data()?,
                2 => self.append()?,
                _ => {}
            }
            self.emit(p.operation, p.accesses)?;
        }
        Ok(())
    }

    fn product(
        &mut self,
        operand: Operand,
        rows: Rows,
        held: &Held,
        alone: bool,
    ) -> Result<Option<Product>, Stop> {
        let machine = *self.executor.machine();
        let tiles = self.size(TILES);
        let group = if self.rng.random_bool(0.3) { 0 } else { self.size(held.slices) };
        let function = *Function::ALL.choose(self.rng).expect("not empty");
        let values = tiles * machine.outputs();
        let given = match function {
            Function::Swiglu => values / 2,
            Function::Wide => 2 * values,
            _ => values,
        };
        let outputs = self.size((given / machine.lanes).max(1));
        let to_operand = alone && function != Function::Residual && self.rng.random_bool(0.3);
        let (target, address, stride, mut accesses);
        if to_operand {
            (target, accesses) = match operand {
                Operand::First => (Target::Operand1, vec![]),
                Operand::Second => (Target::Operand0, vec![]),
            };
            address = if self.rng.random_bool(0.7) { 0 } else { self.rng.random_range(0..3) };
            stride = address + outputs + if self.rng.random_bool(0.7) { 0 } else { 1 };
            if held.rows.len() * stride > machine.operand {
                return Ok(None);
            }
            let whole = address == 0 && stride == outputs;
            let filled = Held { rows: held.rows.clone(), slices: stride };
            self.held[1 - operand as usize] = whole.then_some(filled);
        } else {
            target = Target::Scratchpad;
            let Some(place) = self.strided(self.scratchpad.clone(), self.rows, outputs, outputs)
            else {
                return Ok(None);
            };
            (address, stride) = place;
            let rows = held.rows.iter().copied();
            accesses = Access::rows(Place::Scratchpad, true, rows, (address, stride, outputs));
        }
        if function == Function::Rotate {
            accesses.push(Access::read(Place::Rotation, 0..self.rows));
        }
        let operation = Operation::Matmul {
            operand,
            rows,
            slices: number(held.slices),
            tiles: number(tiles),
            group: number(group),
            function,
            target,
            address: number(address),
            stride: number(stride),
            outputs: number(outputs),
        };
        let bytes = self.matrix(held.slices, tiles, group);
        let beats = bytes.len() / machine.beat_bytes();
        let ports = self.hbm.len();
        let units = bytes.len().div_ceil(ports * WORD_BYTES);
        let unit = if *self.weights + units <= WEIGHT_UNITS {
            let first = *self.weights;
            *self.weights += units;
            for (i, word) in bytes.chunks(WORD_BYTES).enumerate() {
                let at = (first + i / ports) * WORD_BYTES;
                self.hbm[i % ports][at..at + word.len()].copy_from_slice(word);
                self.executor.memory.hbm[i % ports].write(at as u64, word)?;
            }
            first
        } else {
            // Whatever stands there.
            self.rng.random_range(0..=WEIGHT_UNITS - units)
        };
        Ok(Some(Product { operation, accesses, unit, units, beats }))
    }

    /// Scales and tiles of a matrix as load beats.
    fn matrix(&mut self, slices: usize, tiles: usize, group: usize) -> Vec<u8> {
        let machine = *self.executor.machine();
        let groups = if group == 0 { 1 } else { slices.div_ceil(group) };
        let beat = machine.beat_bytes();
        let tile = machine.lanes * machine.outputs() / 2;
        let mut bytes = Vec::new();
        for first in (0..tiles).step_by(INTERLEAVE) {
            let block = INTERLEAVE.min(tiles - first);
            let mut scales = vec![0; block * groups * machine.outputs() * VALUE_BYTES];
            self.values.fill(self.rng, &mut scales);
            bytes.extend(scales);
            bytes.resize(bytes.len().next_multiple_of(beat), 0);
            for _ in 0..block * slices {
                bytes.extend((0..tile).map(|_| self.rng.random::<u8>()));
                bytes.resize(bytes.len().next_multiple_of(beat), 0);
            }
        }
        bytes
    }

    fn attention(&mut self) -> Result<(), Stop> {
        let machine = *self.executor.machine();
        let Model { shared, kv_heads, layers, .. } = self.model;
        let slices = self.executor.head_slices();
        let (rows, selected) = self.some_rows();
        let labels = selected.len() * shared;
        let chunks = slices * machine.lanes / machine.order.round;
        if HEADS_PER_PASS * labels > machine.labels || labels * chunks > machine.sums() {
            return Ok(());
        }
        let width = kv_heads * shared * slices;
        let area = self.scratchpad.clone();
        let Some((address, stride)) = self.strided(area.clone(), self.rows, width, 0) else {
            return Ok(());
        };
        let Some((keys, kv_stride)) = self.strided(area.clone(), self.rows, kv_heads * slices, 0)
        else {
            return Ok(());
        };
        let span = (self.rows - 1) * kv_stride + kv_heads * slices;
        let values = area.start + self.anywhere(area.len() - span);
        if self.position > 0 || self.rng.random_bool(0.5) {
            if self.load_from >= layers {
                return Ok(());
            }
            let layer = self.rng.random_range(self.load_from..layers);
            self.load_from = layer + 1;
            self.emit(Operation::LoadKv { layer: number(layer) }, vec![])?;
        }
        let operand = self.operand();
        let passes = self.passes();
        self.held[operand as usize] = Some(Held { rows: selected.clone(), slices: width });
        let (mut pair, end) = (0, kv_heads.div_ceil(HEADS_PER_PASS));
        while pair < end {
            let pairs = self.rng.random_range(1..=end - pair);
            let queries = selected.iter().copied();
            let mut accesses =
                Access::rows(Place::Scratchpad, false, queries, (address, stride, width));
            for at in [keys, values] {
                let range = (at, kv_stride, kv_heads * slices);
                accesses.extend(Access::rows(Place::Scratchpad, false, 0..self.rows, range));
            }
            accesses.push(Access::read(Place::Factors, 0..1));
            let attend = Operation::Attend {
                address: number(address),
                stride: number(stride),
                pair: number(pair),
                pairs: number(pairs),
                rows,
                operand,
                keys: number(keys),
                values: number(values),
                kv_stride: number(kv_stride),
                passes,
            };
            self.emit(attend, accesses)?;
            pair += pairs;
        }
        Ok(())
    }

    fn passes(&mut self) -> Passes {
        *Passes::ALL.choose(self.rng).expect("not empty")
    }

    fn append(&mut self) -> Result<(), Stop> {
        let Model { kv_heads, layers, .. } = self.model;
        if self.append_from >= layers {
            return Ok(());
        }
        let (layer, rows) = match self.append_from {
            0 => (0, Rows::All),
            from => (
                self.rng.random_range(from..layers),
                *Rows::ALL.choose(self.rng).expect("not empty"),
            ),
        };
        self.append_from = layer + 1;
        let length = kv_heads * self.executor.head_slices();
        let area = self.scratchpad.clone();
        let Some((keys, stride)) = self.strided(area.clone(), self.rows, length, 0) else {
            // There is always room for the heads of all rows, one after the other.
            return Ok(());
        };
        let span = (self.rows - 1) * stride + length;
        let values = area.start + self.anywhere(area.len() - span);
        let selected = self.executor.state().rows(rows);
        let mut accesses = Vec::new();
        for at in [keys, values] {
            let rows = selected.iter().copied();
            accesses.extend(Access::rows(Place::Scratchpad, false, rows, (at, stride, length)));
        }
        accesses.push(Access::read(Place::Masks, 0..1));
        let append = Operation::AppendKv {
            layer: number(layer),
            rows,
            keys: number(keys),
            values: number(values),
            stride: number(stride),
        };
        self.emit(append, accesses)
    }

    /// A branch; what it jumps over is never executed and may be anything.
    fn branch(&mut self) -> Result<(), Stop> {
        let rows = *Rows::ALL.choose(self.rng).expect("not empty");
        let taken = self.executor.state().rows(rows).is_empty();
        let at = self.order.program.len();
        let over = if taken { self.rng.random_range(0..4) } else { 0 };
        let target = if taken { at + 1 + over } else { self.rng.random_range(0..1 << 20) };
        let accesses = vec![Access::read(Place::Masks, 0..1)];
        self.emit(Operation::Branch { rows, target: number(target) }, accesses)?;
        for _ in 0..over {
            let any = any(self.rng);
            self.order.pad(any);
        }
        Ok(())
    }

    /// Another factor; statistics depend on two of them, so new ones are taken.
    fn set_factor(&mut self) -> Result<(), Stop> {
        let registers = [Register::InverseDim, Register::Epsilon, Register::ScoreFactor];
        let register = *registers.choose(self.rng).expect("three");
        let factor = self.factor();
        self.set(register, factor)?;
        match register {
            Register::ScoreFactor => Ok(()),
            _ => self.route_with(Routers::None, Flag::Yes),
        }
    }
}

impl Product {
    fn load(&self) -> Operation {
        Operation::LoadWeights { address: number(self.unit), beats: number(self.beats) }
    }
}

/// Any instruction, with any fields and tokens.
pub fn any(rng: &mut SmallRng) -> Instruction {
    loop {
        let spec = INSTRUCTIONS.choose(rng).expect("not empty");
        let bits = |f: &skipopu_isa::FieldSpec, rng: &mut SmallRng| match f.names.len() as u64 {
            0 => rng.random::<u64>() & (u64::MAX >> (64 - f.bits)),
            names => rng.random_range(0..names),
        };
        let values: Vec<u64> = spec.fields.iter().map(|f| bits(f, rng)).collect();
        if let Ok(operation) = Operation::from_values(spec, &values) {
            let mut instruction = Instruction::new(operation);
            for unit in Unit::ALL.into_iter().filter(|u| *u != spec.unit) {
                if rng.random_bool(0.2) {
                    instruction = instruction.after(unit);
                }
                if rng.random_bool(0.2) {
                    instruction = instruction.before(unit);
                }
            }
            return instruction;
        }
    }
}
