//! Random legal programs: texts of a few blocks with images, over the sizes of a machine.
//!
//! What makes a program legal is what `docs/isa.md` asks: addresses inside the memories, operands that hold the rows of a product,
//! loads that are taken, tokens between instructions of two units that touch the same place. The rows that run are only known
//! when a program runs, so a program is executed while it is made.
//!
//! ```
//! use skipopu_config::Config;
//! use skipopu_executor::random::RandomText;
//! use skipopu_executor::Machine;
//!
//! let machine = Machine::of(&Config::preset("tiny")?)?;
//! let text = RandomText::new(&machine, 0)?;
//! assert!(!text.blocks.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod block;
mod order;
mod values;

use crate::machine::Machine;
use crate::memory::Memory;
use crate::run::{Executor, Stop};
use block::BlockMaker;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_isa::{Program, Register};
use skipopu_kv::layout::WORD_BYTES;
use std::ops::Range;
use values::Values;

/// Words of 64 bytes in DDR that programs read and write, from address 0.
const DATA_WORDS: usize = 2048;
/// First word of the program in DDR.
const PROGRAM_WORD: usize = DATA_WORDS;
/// Words that the program may take.
const PROGRAM_WORDS: usize = 512;
/// Units of 64 bytes of weights in each HBM port, from address 0.
const WEIGHT_UNITS: usize = 8192;
/// The KV region begins here, in units of 4 KiB.
const KV_PAGE: u32 = (WEIGHT_UNITS * WORD_BYTES / 4096) as u32;
/// Most tokens of a text: few, as attention takes time with all of them.
const TOKENS: usize = 32;

/// A block of tokens: what the host writes, and starts.
#[derive(Clone, Debug)]
pub struct RandomBlock {
    /// Tokens of the block.
    pub rows: usize,
    /// Position of the first.
    pub position: usize,
    /// The program.
    pub program: Program,
}

/// A random text: images of the memories, then blocks that run one after the other.
#[derive(Clone, Debug)]
pub struct RandomText {
    /// What DDR holds from address 0 on.
    pub ddr: Vec<u8>,
    /// What each HBM port holds from address 0 on.
    pub hbm: Vec<Vec<u8>>,
    /// Where programs may read and write in DDR, and where they stand: nothing else is touched.
    pub ddr_map: Range<u64>,
    /// Where programs may read and write in each HBM port.
    pub hbm_map: Range<u64>,
    /// First word of 64 bytes of the program in DDR.
    pub program_word: u32,
    /// The blocks.
    pub blocks: Vec<RandomBlock>,
}

/// Sizes of a text that hold for all of its blocks.
#[derive(Clone, Copy, Debug)]
struct Model {
    head: usize,
    shared: usize,
    kv_heads: usize,
    layers: usize,
    kv_slots: usize,
}

impl RandomText {
    /// The text of a seed. Seed 0 and others are alike; the same seed gives the same text on every machine.
    ///
    /// # Errors
    /// None but an error of the generator: a program that it made is not legal.
    pub fn new(machine: &Machine, seed: u64) -> Result<RandomText, Stop> {
        let mut rng = SmallRng::seed_from_u64(seed ^ 0x5EED_0F0B_10C5);
        let values = Values::draw(&mut rng);
        let mut ddr = vec![0; DATA_WORDS * WORD_BYTES];
        values.fill(&mut rng, &mut ddr);
        let ports = machine.order.machine.ports;
        let mut hbm = vec![vec![0; WEIGHT_UNITS * WORD_BYTES]; ports];
        for image in &mut hbm {
            rng.fill(image.as_mut_slice());
        }
        let model = Model::draw(machine, &mut rng);
        let kv = crate::kv::layout_of(machine, model.head, model.kv_heads, KV_PAGE);
        let end = kv.layer_base(model.layers);
        let ddr_end = ((PROGRAM_WORD + PROGRAM_WORDS) * WORD_BYTES) as u64;
        let mut memory = Memory::new(ddr_end, ports, end);
        memory.ddr.write(0, &ddr)?;
        for (port, image) in memory.hbm.iter_mut().zip(&hbm) {
            port.write(0, image)?;
        }
        let mut executor = Executor::new(*machine, memory);
        let mut weights = 0;
        let mut blocks = Vec::new();
        let (mut position, count) = (0, if rng.random_bool(0.5) { 1 } else { 3 });
        while blocks.len() < count && position < TOKENS {
            let most = machine.rows.min(TOKENS - position);
            let rows = if rng.random_bool(0.3) { 1 } else { rng.random_range(1..=most) };
            let maker =
                BlockMaker::new(&mut executor, &mut rng, &values, model, &mut weights, &mut hbm);
            let program = maker.make(rows, position)?;
            blocks.push(RandomBlock { rows, position, program });
            position += rows;
        }
        Ok(RandomText {
            ddr,
            hbm,
            ddr_map: 0..ddr_end,
            hbm_map: 0..end,
            program_word: PROGRAM_WORD as u32,
            blocks,
        })
    }
}

impl Model {
    fn draw(machine: &Machine, rng: &mut SmallRng) -> Model {
        let head = rng.random_range(1..=machine.rotation);
        let kv_heads = rng.random_range(1..=4);
        // Query heads of a pair in all rows of a block share the rows of the NPE.
        let shared = if rng.random_bool(0.5) { 1 } else { rng.random_range(1..=3) };
        let kv = machine.order.machine;
        let layout = crate::kv::layout_of(machine, head, kv_heads, KV_PAGE);
        Model {
            head,
            shared,
            kv_heads,
            layers: rng.random_range(1..=kv.layers.min(6)),
            kv_slots: match rng.random_range(0..3) {
                0 => rng.random_range(0..=kv.slots_for(&layout)),
                _ => kv.slots_for(&layout),
            },
        }
    }

    fn registers(&self) -> [(Register, u32); 6] {
        [
            (Register::Head, self.head as u32),
            (Register::HeadsPerKv, self.shared as u32),
            (Register::KvHeads, self.kv_heads as u32),
            (Register::KvBase, KV_PAGE),
            (Register::Layers, self.layers as u32),
            (Register::KvSlots, self.kv_slots as u32),
        ]
    }
}
