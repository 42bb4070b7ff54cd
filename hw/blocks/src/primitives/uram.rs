//! [`Uram`]: one UltraRAM block; [`UramMemory`]: a memory of many.

use super::contents::{self, Contents};
use crate::parameter::{index_bits, require, require_width, ParameterError};
use skipopu_hdl::ast::{Verilog, Wrapper};
use skipopu_hdl::block_tag;
use skipopu_hdl::prelude::*;
use std::fmt::Write as _;

/// One port of a [`Uram`]: in each cycle a read, a write, or nothing.
#[derive(Clone, Debug, LogicInterface, Ports)]
pub struct UramPort {
    /// Read or write in this cycle?
    pub enable: Signal<In, Bit>,
    /// Write (else read)?
    pub write: Signal<In, Bit>,
    /// Which of the 4,096 words.
    pub address: Wire<In>,
    /// Which bytes to write, bit i for `write_data[8*i +: 8]`.
    pub byte_enable: Wire<In>,
    /// What to write.
    pub write_data: Wire<In>,
    /// The word this port last read; a write leaves it alone.
    pub read_data: Wire<Out>,
}

impl UramPort {
    fn new() -> UramPort {
        UramPort {
            enable: Default::default(),
            write: Default::default(),
            address: Wire::new(Uram::ADDRESS_BITS),
            byte_enable: Wire::new(Uram::BYTES),
            write_data: Wire::new(Uram::WIDTH),
            read_data: Wire::new(Uram::WIDTH),
        }
    }
}

/// One URAM288: 4,096 words of 72 bits, two ports on one clock, nine byte enables.
///
/// - Does: a word read stands on the port's `read_data` [`Uram::latency`] cycles later. In one cycle
///   port `a` goes before port `b`: a read on `b` of the word that `a` writes gives the **new** word, a
///   read on `a` of the word that `b` writes gives the **old** one, and of two writes to one byte that
///   of `b` stays. All words are 0 at first.
/// - Does not: grow. Use [`UramMemory`] for other sizes.
/// - Guarantee: one URAM288 under `SYNTHESIS`, with its output register from latency 2 and its input
///   registers at latency 3. Order of the ports, byte enables and latencies are those of the vendor's
///   simulation model (Unisim `URAM288.v`, BWE_MODE PARITY_INDEPENDENT).
#[derive(LogicBlock, Ports)]
pub struct Uram {
    /// Clock of both ports.
    pub clock: Signal<In, Clock>,
    /// The port that goes first.
    pub a: UramPort,
    /// The port that goes second.
    pub b: UramPort,
    _latency: usize,
    _contents: Contents,
    /// Per port, the words on their way out; the last one is on `read_data`.
    _words: [Vec<Word>; 2],
}

impl Uram {
    /// Bits of a word.
    pub const WIDTH: usize = 72;
    /// Words.
    pub const DEPTH: usize = 4096;
    /// Byte enables.
    pub const BYTES: usize = 9;
    const ADDRESS_BITS: usize = 12;

    /// A block that is read in `latency` cycles.
    ///
    /// # Errors
    /// Unless `latency` is 1 (slow output), 2 (output register) or 3 (input registers too).
    pub fn new(latency: usize) -> Result<Uram, ParameterError> {
        require((1..=3).contains(&latency), "uram", "latency", latency, "must be 1, 2 or 3")?;
        let words = || vec![Word::zero(Uram::WIDTH); latency];
        Ok(Uram {
            clock: Default::default(),
            a: UramPort::new(),
            b: UramPort::new(),
            _latency: latency,
            _contents: Contents::new(Uram::WIDTH),
            _words: [words(), words()],
        })
    }

    /// Cycles from `address` to `read_data`.
    pub fn latency(&self) -> usize {
        self._latency
    }

    fn primitive(&self) -> String {
        let truth = |b: bool| if b { "TRUE" } else { "FALSE" };
        let (oreg, ireg) = (truth(self._latency >= 2), truth(self._latency >= 3));
        let mut parameters = Vec::new();
        let mut ports = vec![".CLK(clock)".to_string(), ".SLEEP(1'b0)".to_string()];
        for (port, name) in [("A", "a"), ("B", "b")] {
            parameters.push(format!(
                ".BWE_MODE_{port}(\"PARITY_INDEPENDENT\"), .CASCADE_ORDER_{port}(\"NONE\"), .OREG_{port}(\"{oreg}\"), .IREG_PRE_{port}(\"{ireg}\")"
            ));
            ports.push(format!(
                ".EN_{port}({name}_enable), .RDB_WR_{port}({name}_write), .ADDR_{port}({{11'd0, {name}_address}})"
            ));
            ports.push(format!(
                ".BWE_{port}({name}_byte_enable), .DIN_{port}({name}_write_data), .DOUT_{port}({name}_read_data)"
            ));
            ports.push(format!(
                ".RST_{port}(1'b0), .OREG_CE_{port}(1'b1), .OREG_ECC_CE_{port}(1'b1), .INJECT_SBITERR_{port}(1'b0), .INJECT_DBITERR_{port}(1'b0)"
            ));
            let cascade = [
                ("ADDR", 23),
                ("BWE", 9),
                ("DBITERR", 1),
                ("DIN", 72),
                ("DOUT", 72),
                ("EN", 1),
                ("RDACCESS", 1),
                ("RDB_WR", 1),
                ("SBITERR", 1),
            ];
            let ties = cascade.map(|(p, w)| format!(".CAS_IN_{p}_{port}({w}'d0)"));
            ports.push(ties.join(", "));
        }
        format!(
            "URAM288 #(\n    {}\n) uram (\n    {}\n);",
            parameters.join(",\n    "),
            ports.join(",\n    ")
        )
    }

    fn model(&self) -> String {
        let mut text = contents::array(Uram::WIDTH, Uram::DEPTH, "") + "\n";
        let bytes: Vec<usize> = (0..Uram::BYTES).rev().collect();
        for p in ["a", "b"] {
            let mask: Vec<String> =
                bytes.iter().map(|i| format!("{{8{{{p}_byte_enable[{i}]}}}}")).collect();
            let _ = writeln!(text, "wire [71:0] {p}_mask = {{{}}};", mask.join(", "));
        }
        text += "wire [71:0] a_old = memory[a_address];
wire [71:0] a_new = (a_old & ~a_mask) | (a_write_data & a_mask);
wire        a_first = a_enable && a_write && a_address == b_address;
wire [71:0] b_old = a_first ? a_new : memory[b_address];
wire [71:0] b_new = (b_old & ~b_mask) | (b_write_data & b_mask);
always @(posedge clock) begin
    if (a_enable && a_write) memory[a_address] <= a_new;
    if (b_enable && b_write) memory[b_address] <= b_new;
end
";
        for p in ["a", "b"] {
            for n in 1..=self._latency {
                let _ = writeln!(text, "reg [71:0] {p}_word_{n} = 72'd0;");
            }
            let _ = writeln!(text, "always @(posedge clock) begin");
            let _ = writeln!(text, "    if ({p}_enable && !{p}_write) {p}_word_1 <= {p}_old;");
            for n in 2..=self._latency {
                let _ = writeln!(text, "    {p}_word_{n} <= {p}_word_{};", n - 1);
            }
            let _ = writeln!(text, "end\nassign {p}_read_data = {p}_word_{};", self._latency);
        }
        text.trim_end().to_string()
    }
}

/// One port's access; the word read, if it reads.
fn access(port: &UramPort, contents: &mut Contents) -> Option<Word> {
    if !port.enable.val() {
        return None;
    }
    let address = port.address.val();
    let mut word = contents.read(&address);
    if !port.write.val() {
        return Some(word);
    }
    for byte in (0..Uram::BYTES).filter(|i| port.byte_enable.val().bit(*i)) {
        word.set_slice(byte * 8, &port.write_data.val().slice(byte * 8, 8));
    }
    contents.write(&address, word);
    None
}

impl Logic for Uram {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        for words in &mut self._words {
            words.rotate_right(1);
            if let [first, second, ..] = &mut words[..] {
                first.clone_from(second);
            }
        }
        if let Some(word) = access(&self.a, &mut self._contents) {
            self._words[0][0] = word;
        }
        if let Some(word) = access(&self.b, &mut self._contents) {
            self._words[1][0] = word;
        }
        let last = self._latency - 1;
        self.a.read_data.next = self._words[0][last].clone();
        self.b.read_data.next = self._words[1][last].clone();
    }
    fn connect(&mut self) {
        self.a.read_data.connect();
        self.b.read_data.connect();
    }
    fn hdl(&self) -> Verilog {
        let code =
            format!("`ifdef SYNTHESIS\n{}\n`else\n{}\n`endif", self.primitive(), self.model());
        Verilog::Wrapper(Wrapper { code, cores: String::new() })
    }
    block_tag!(self; cycles = self._latency; latency = self._latency);
}

/// A memory of UltraRAM: one write port with byte enables, one read port, one clock.
///
/// - Does: with `read_enable`, the word at `read_address` stands on `read_data`
///   [`UramMemory::latency`] cycles later; without, the word last read stays. Reading the word being
///   written gives the **new** word: writes use the blocks' port `a`. All words are 0 at first.
/// - Does not: read and write on both ports. Use [`Uram`] for that.
/// - Guarantee: `ceil(width / 72) * depth / 4096` URAM288. A memory deeper than 4,096 words has a
///   multiplexer behind the blocks, without a register of its own.
#[derive(LogicBlock, Ports)]
pub struct UramMemory {
    /// Clock of both ports.
    pub clock: Signal<In, Clock>,
    /// Write to `write_address`?
    pub write_enable: Signal<In, Bit>,
    /// Where to write.
    pub write_address: Wire<In>,
    /// Which bytes to write, bit i for `write_data[8*i +: 8]` (the last byte may be shorter).
    pub byte_enable: Wire<In>,
    /// What to write.
    pub write_data: Wire<In>,
    /// Read the word at `read_address`?
    pub read_enable: Signal<In, Bit>,
    /// Where to read.
    pub read_address: Wire<In>,
    /// The word last read.
    pub read_data: Wire<Out>,
    /// Row by row: the blocks of one bank side by side, banks one after the other.
    tiles: Vec<Uram>,
    bank_data: Vec<Wire<Local>>,
    /// The bank being read, one register per cycle of latency; none where there is one bank.
    bank: Vec<Reg>,
    _width: usize,
    _depth: usize,
    _latency: usize,
    _columns: usize,
}

impl UramMemory {
    /// `depth` words of `width` bits, read in `latency` cycles (see [`Uram::new`]).
    ///
    /// # Errors
    /// Unless `depth` is a power of two from 4096 to 262144, `latency` is 1 to 3 and `width` is from 1
    /// to [`MAX_WIDTH`](crate::parameter::MAX_WIDTH).
    pub fn new(width: usize, depth: usize, latency: usize) -> Result<UramMemory, ParameterError> {
        require_width("uram memory", width)?;
        let ok = depth.is_power_of_two() && (Uram::DEPTH..=262_144).contains(&depth);
        require(ok, "uram memory", "depth", depth, "must be a power of two, 4096 to 262144")?;
        let (columns, banks) = (width.div_ceil(Uram::WIDTH), depth / Uram::DEPTH);
        let tiles = (0..columns * banks).map(|_| Uram::new(latency)).collect::<Result<_, _>>()?;
        let bank_registers = if banks > 1 { latency } else { 0 };
        Ok(UramMemory {
            clock: Default::default(),
            write_enable: Default::default(),
            write_address: Wire::new(index_bits(depth)),
            byte_enable: Wire::new(width.div_ceil(8)),
            write_data: Wire::new(width),
            read_enable: Default::default(),
            read_address: Wire::new(index_bits(depth)),
            read_data: Wire::new(width),
            tiles,
            bank_data: (0..banks).map(|_| Wire::new(width)).collect(),
            bank: (0..bank_registers).map(|_| Reg::new(index_bits(banks))).collect(),
            _width: width,
            _depth: depth,
            _latency: latency,
            _columns: columns,
        })
    }

    /// Cycles from `read_address` to `read_data`.
    pub fn latency(&self) -> usize {
        self._latency
    }

    /// URAM288 blocks.
    pub fn blocks(&self) -> usize {
        self.tiles.len()
    }
}

impl Logic for UramMemory {
    #[hdl(width = self._width, depth = self._depth, cycles = self._latency, latency = self._latency)]
    fn update(&mut self) {
        let columns = self._columns;
        let banks = self.bank_data.len();
        let bank_bits = self.write_address.width() - Uram::ADDRESS_BITS;
        let data = self.write_data.val().zext(columns * Uram::WIDTH);
        let bytes = self.byte_enable.val().zext(columns * Uram::BYTES);
        for b in 0..banks {
            for c in 0..columns {
                let t = b * columns + c;
                self.tiles[t].clock.next = self.clock.val();
                self.tiles[t].a.enable.next = self.write_enable.val();
                self.tiles[t].b.enable.next = self.read_enable.val();
                if banks > 1 {
                    self.tiles[t].a.enable.next = self.write_enable.val()
                        && self.write_address.val().slice(Uram::ADDRESS_BITS, bank_bits) == b;
                    self.tiles[t].b.enable.next = self.read_enable.val()
                        && self.read_address.val().slice(Uram::ADDRESS_BITS, bank_bits) == b;
                }
                self.tiles[t].a.write.next = true;
                self.tiles[t].a.address.next = self.write_address.val().trunc(Uram::ADDRESS_BITS);
                self.tiles[t].a.byte_enable.next = bytes.slice(c * Uram::BYTES, Uram::BYTES);
                self.tiles[t].a.write_data.next = data.slice(c * Uram::WIDTH, Uram::WIDTH);
                self.tiles[t].b.write.next = false;
                self.tiles[t].b.address.next = self.read_address.val().trunc(Uram::ADDRESS_BITS);
                self.tiles[t].b.byte_enable.next = 0.into();
                self.tiles[t].b.write_data.next = 0.into();
                let used = (self._width - c * Uram::WIDTH).min(Uram::WIDTH);
                self.bank_data[b]
                    .next
                    .set_slice(c * Uram::WIDTH, &self.tiles[t].b.read_data.val().slice(0, used));
            }
        }
        for i in 0..self.bank.len() {
            self.bank[i].clock.next = self.clock.val();
            self.bank[i].d.next = self.bank[i].q.val();
            if i > 0 {
                self.bank[i].d.next = self.bank[i - 1].q.val();
            } else if self.read_enable.val() {
                self.bank[i].d.next = self.read_address.val().slice(Uram::ADDRESS_BITS, bank_bits);
            }
        }
        self.read_data.next = self.bank_data[0].val();
        for b in 1..banks {
            let last = self.bank.len() - 1;
            if self.bank[last].q.val() == b {
                self.read_data.next = self.bank_data[b].val();
            }
        }
    }
}
