//! [`Model`]: one instance of a Verilated module, with ports as cheap typed handles.

mod error;
mod library;

pub use error::ModelError;
pub(crate) use library::{storage_bytes, Handle, Library, ABI};

use crate::clock::{ClockDomain, Edges, Schedule, DEFAULT_PERIOD_PS};
use skipopu_hdl::{Dir, Port, Word};
use std::ffi::CString;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Waveform format compiled into a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trace {
    /// No tracing: the fastest model.
    #[default]
    None,
    /// Value change dump, text, read by every viewer.
    Vcd,
    /// Compressed, read by GTKWave and Surfer; needs zlib's development files.
    Fst,
}

/// What registers and memories without an initial value hold at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitialState {
    /// All bits 0.
    #[default]
    Zero,
    /// Random bits drawn from the seed: shows logic that depends on what it never set.
    Random(u32),
}

/// Handle of an input port (clocks included). Valid for the instances of one module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct In {
    index: u32,
    width: u32,
}

/// Handle of an output port. Valid for the instances of one module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Out {
    index: u32,
    width: u32,
}

impl In {
    /// Width in bits.
    pub fn width(self) -> usize {
        self.width as usize
    }
}

impl Out {
    /// Width in bits.
    pub fn width(self) -> usize {
        self.width as usize
    }
}

/// Number of a clock domain added to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockId(usize);

impl ClockId {
    /// Index into [`Edges`].
    pub fn index(self) -> usize {
        self.0
    }
}

/// Level at which a reset acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActiveLevel {
    /// Resets while 1.
    High,
    /// Resets while 0.
    Low,
}

/// Where Verilator keeps a port: the narrowest of 1, 2, 4, 8 bytes, else 32-bit words.
#[derive(Clone, Copy, Debug)]
struct Slot {
    ptr: *mut u8,
    width: u32,
    bytes: u32,
}

/// One instance of a Verilated module.
///
/// Inputs are set at any time and seen at the next [`eval`](Model::eval) or clock edge; combinational
/// outputs are valid after `eval`, also registered ones after the edge. An edge samples the inputs as
/// they were set before it. A `Model` may move to another thread but is used by one at a time.
pub struct Model {
    library: Arc<Library>,
    handle: Handle,
    slots: Vec<Slot>,
    ports: Vec<Port>,
    top: String,
    label: String,
    schedule: Schedule,
    clocks: Vec<In>,
    time_ps: u64,
    trace: Trace,
    tracing: bool,
    dumped_ps: Option<u64>,
}

// SAFETY: an instance owns its context and state; nothing in it is tied to the creating thread (the
// shim sets Verilator's thread-local context before every call). It stays !Sync: reads and writes of
// the ports are unsynchronised.
unsafe impl Send for Model {}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("top", &self.top)
            .field("time_ps", &self.time_ps)
            .finish_non_exhaustive()
    }
}

impl Model {
    pub(crate) fn new(
        library: Arc<Library>,
        top: &str,
        ports: &[Port],
        trace: Trace,
        initial: InitialState,
    ) -> Result<Model, ModelError> {
        let seed = match initial {
            InitialState::Zero => 0,
            // The library keeps 31 bits and reads 0 as "no seed".
            InitialState::Random(seed) => (seed & 0x7fff_ffff).max(1),
        };
        // SAFETY: the library is loaded and of this interface version; `create` always returns an
        // instance, which the model now owns.
        let handle = unsafe { (library.create)(seed) };
        let mut model = Model {
            library,
            handle,
            slots: Vec::new(),
            ports: ports.to_vec(),
            top: top.to_string(),
            label: format!("Verilator:{top}"),
            schedule: Schedule::new(),
            clocks: Vec::new(),
            time_ps: 0,
            trace,
            tracing: false,
            dumped_ps: None,
        };
        let message = model.library.message(handle);
        if !message.is_empty() {
            return Err(model.failure(message));
        }
        let mut table = vec![std::ptr::null_mut::<u8>(); ports.len()];
        // SAFETY: the library was built for exactly these ports (they are part of its key) and fills
        // one entry for each; the pointers live as long as the instance.
        unsafe { (model.library.ports)(handle, table.as_mut_ptr()) };
        let slot = |(ptr, port): (*mut u8, &Port)| {
            // The shim asserts the storage size of every port when it is compiled.
            Slot { ptr, width: port.width as u32, bytes: storage_bytes(port.width) as u32 }
        };
        model.slots = table.into_iter().zip(ports).map(slot).collect();
        model.eval()?;
        Ok(model)
    }

    /// Name of the module.
    pub fn top(&self) -> &str {
        &self.top
    }

    /// What messages of the engine interface call it.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Ports in declaration order.
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    fn port(&self, name: &str) -> Result<(u32, &Port), ModelError> {
        let at = self.ports.iter().position(|p| p.name == name).ok_or_else(|| {
            ModelError::NoSuchPort {
                top: self.top.clone(),
                port: name.to_string(),
                have: self.ports.iter().map(|p| p.name.clone()).collect(),
            }
        })?;
        Ok((at as u32, &self.ports[at]))
    }

    fn checked(&self, name: &str, width: usize, wanted: &'static str) -> Result<u32, ModelError> {
        let (at, port) = self.port(name)?;
        let found = match port.dir {
            Dir::In if port.clock => "a clock",
            Dir::In => "an input",
            _ => "an output",
        };
        if found != wanted {
            return Err(ModelError::WrongKind {
                top: self.top.clone(),
                port: name.to_string(),
                found,
                wanted,
            });
        }
        if port.width != width {
            let (top, port, found) = (self.top.clone(), name.to_string(), port.width);
            return Err(ModelError::WrongWidth { top, port, found, wanted: width });
        }
        Ok(at)
    }

    /// The input `name` of `width` bits.
    ///
    /// # Errors
    /// When there is no such port, or it is a clock, an output, or of another width.
    pub fn input(&self, name: &str, width: usize) -> Result<In, ModelError> {
        Ok(In { index: self.checked(name, width, "an input")?, width: width as u32 })
    }

    /// The output `name` of `width` bits.
    ///
    /// # Errors
    /// When there is no such port, or it is an input, or of another width.
    pub fn output(&self, name: &str, width: usize) -> Result<Out, ModelError> {
        Ok(Out { index: self.checked(name, width, "an output")?, width: width as u32 })
    }

    /// The clock `name`.
    ///
    /// # Errors
    /// When there is no such port, or it is not a clock.
    pub fn clock(&self, name: &str) -> Result<In, ModelError> {
        Ok(In { index: self.checked(name, 1, "a clock")?, width: 1 })
    }

    /// Checks that `names` are all ports of the module; [`dut!`](crate::dut) calls it.
    ///
    /// # Errors
    /// [`ModelError::Unbound`] with the ports left out.
    pub fn all_bound(&self, names: &[&str]) -> Result<(), ModelError> {
        let left = |p: &&Port| !names.contains(&p.name.as_str());
        let ports: Vec<String> = self.ports.iter().filter(left).map(|p| p.name.clone()).collect();
        if ports.is_empty() {
            Ok(())
        } else {
            Err(ModelError::Unbound { top: self.top.clone(), ports })
        }
    }

    /// Sets an input.
    ///
    /// # Panics
    /// When the value is not of the port's width (an unsized literal must fit).
    pub fn set(&mut self, port: In, value: &Word) {
        let slot = self.slots[port.index as usize];
        if value.width() != slot.width as usize {
            let sized = value.clone().sized(slot.width as usize);
            return self.write(slot, sized.limbs());
        }
        self.write(slot, value.limbs());
    }

    /// Reads an output.
    pub fn get(&self, port: Out) -> Word {
        self.word(port.index as usize)
    }

    /// Reads back an input as last set.
    pub fn input_value(&self, port: In) -> Word {
        self.word(port.index as usize)
    }

    fn word(&self, index: usize) -> Word {
        let slot = self.slots[index];
        let width = slot.width as usize;
        let mut few = [0u64; 4];
        let limbs = width.div_ceil(64);
        if limbs <= few.len() {
            self.read(slot, &mut few[..limbs]);
            return Word::from_limbs(width, &few[..limbs]);
        }
        let mut many = vec![0u64; limbs];
        self.read(slot, &mut many);
        Word::from_limbs(width, &many)
    }

    /// Sets an input of at most 64 bits.
    ///
    /// # Panics
    /// When the port is wider or the value does not fit.
    #[inline]
    pub fn set_u64(&mut self, port: In, value: u64) {
        let slot = self.slots[port.index as usize];
        let fits = slot.width == 64 || value >> (slot.width % 64) == 0 && slot.width < 64;
        if !fits {
            self.misfit(port.index, value);
        }
        // SAFETY: the slot points to this instance's storage of `bytes` bytes, suitably aligned.
        unsafe {
            match slot.bytes {
                1 => *slot.ptr = value as u8,
                2 => *slot.ptr.cast::<u16>() = value as u16,
                4 => *slot.ptr.cast::<u32>() = value as u32,
                _ => *slot.ptr.cast::<u64>() = value,
            }
        }
    }

    #[cold]
    fn misfit(&self, index: u32, value: u64) -> ! {
        let port = &self.ports[index as usize];
        panic!(
            "{value:#x} does not fit port `{}` of {} bits as a 64-bit value",
            port.name, port.width
        )
    }

    /// Reads an output of at most 64 bits.
    ///
    /// # Panics
    /// When the port is wider.
    #[inline]
    pub fn get_u64(&self, port: Out) -> u64 {
        let slot = self.slots[port.index as usize];
        // SAFETY: as in `set_u64`.
        unsafe {
            match slot.bytes {
                1 => u64::from(*slot.ptr),
                2 => u64::from(*slot.ptr.cast::<u16>()),
                4 => u64::from(*slot.ptr.cast::<u32>()),
                8 => *slot.ptr.cast::<u64>(),
                _ => self.too_wide(port.index),
            }
        }
    }

    #[cold]
    fn too_wide(&self, index: u32) -> ! {
        let port = &self.ports[index as usize];
        panic!("port `{}` has {} bits: read it with `get` or `get_limbs`", port.name, port.width)
    }

    /// Sets an input from little-endian 64-bit limbs, without allocating.
    ///
    /// # Panics
    /// When there are not exactly `width.div_ceil(64)` limbs or a bit above the width is set.
    pub fn set_limbs(&mut self, port: In, limbs: &[u64]) {
        let slot = self.slots[port.index as usize];
        let width = slot.width as usize;
        assert_eq!(limbs.len(), width.div_ceil(64), "limbs for a port of {width} bits");
        let spare = limbs.len() * 64 - width;
        let top = limbs[limbs.len() - 1];
        assert!(
            spare == 0 || top >> (64 - spare) == 0,
            "a bit above the {width} of the port is set"
        );
        self.write(slot, limbs);
    }

    /// Reads an output into little-endian 64-bit limbs, without allocating.
    ///
    /// # Panics
    /// When there are not exactly `width.div_ceil(64)` limbs.
    pub fn get_limbs(&self, port: Out, limbs: &mut [u64]) {
        let slot = self.slots[port.index as usize];
        let width = slot.width as usize;
        assert_eq!(limbs.len(), width.div_ceil(64), "limbs for a port of {width} bits");
        self.read(slot, limbs);
    }

    /// `limbs` has the bits of the slot's width and none above.
    fn write(&mut self, slot: Slot, limbs: &[u64]) {
        // SAFETY: the slot points to this instance's storage of `bytes` bytes, suitably aligned; the
        // words written are those below `bytes / 4`.
        unsafe {
            match slot.bytes {
                1 => *slot.ptr = limbs[0] as u8,
                2 => *slot.ptr.cast::<u16>() = limbs[0] as u16,
                4 => *slot.ptr.cast::<u32>() = limbs[0] as u32,
                8 => *slot.ptr.cast::<u64>() = limbs[0],
                _ => {
                    let words = slot.ptr.cast::<u32>();
                    for i in 0..slot.bytes as usize / 4 {
                        *words.add(i) = (limbs[i / 2] >> (i % 2 * 32)) as u32;
                    }
                }
            }
        }
    }

    /// `limbs` has room for the slot's width.
    fn read(&self, slot: Slot, limbs: &mut [u64]) {
        // SAFETY: as in `write`.
        unsafe {
            match slot.bytes {
                1 => limbs[0] = u64::from(*slot.ptr),
                2 => limbs[0] = u64::from(*slot.ptr.cast::<u16>()),
                4 => limbs[0] = u64::from(*slot.ptr.cast::<u32>()),
                8 => limbs[0] = *slot.ptr.cast::<u64>(),
                _ => {
                    let words = slot.ptr.cast::<u32>();
                    limbs.fill(0);
                    for i in 0..slot.bytes as usize / 4 {
                        limbs[i / 2] |= u64::from(*words.add(i)) << (i % 2 * 32);
                    }
                }
            }
        }
    }

    /// Port storage by index, for the by-name engine. Writing an output has no lasting effect.
    pub(crate) fn poke_index(&mut self, index: usize, value: &Word) {
        let slot = self.slots[index];
        assert_eq!(
            value.width(),
            slot.width as usize,
            "a value for port `{}`",
            self.ports[index].name
        );
        self.write(slot, value.limbs());
    }

    pub(crate) fn peek_index(&self, index: usize) -> Word {
        self.word(index)
    }

    /// As [`Model::poke_index`], from limbs of which bits above the width are dropped.
    pub(crate) fn poke_index_limbs(&mut self, index: usize, limbs: &[u64]) {
        let slot = self.slots[index];
        let width = slot.width as usize;
        if width <= 64 {
            let mask = u64::MAX >> (64 - width);
            return self.write(slot, &[limbs[0] & mask]);
        }
        if width % 64 == 0 {
            return self.write(slot, limbs);
        }
        self.write(slot, Word::from_limbs(width, limbs).limbs());
    }

    pub(crate) fn peek_index_limbs(&self, index: usize, limbs: &mut [u64]) {
        let slot = self.slots[index];
        self.read(slot, &mut limbs[..(slot.width as usize).div_ceil(64)]);
    }

    fn failure(&self, message: String) -> ModelError {
        ModelError::Simulation { top: self.top.clone(), time_ps: self.time_ps, message }
    }

    /// Lets the design settle with the inputs as they are, without letting time pass.
    ///
    /// # Errors
    /// [`ModelError::Simulation`]; after that every call fails the same way.
    #[inline]
    pub fn eval(&mut self) -> Result<(), ModelError> {
        // SAFETY: the handle is this model's live instance.
        if unsafe { (self.library.eval)(self.handle) } == 0 {
            Ok(())
        } else {
            Err(self.failure(self.library.message(self.handle)))
        }
    }

    /// Simulated time in ps.
    pub fn time_ps(&self) -> u64 {
        self.time_ps
    }

    /// Has the design called `$finish`?
    pub fn finished(&self) -> bool {
        // SAFETY: the handle is this model's live instance.
        unsafe { (self.library.finished)(self.handle) != 0 }
    }

    /// Lets time pass up to `time_ps` (the state at the time left goes into the trace).
    fn move_to(&mut self, time_ps: u64) -> Result<(), ModelError> {
        self.dump()?;
        self.time_ps = time_ps;
        // SAFETY: the handle is this model's live instance.
        unsafe { (self.library.time)(self.handle, time_ps) };
        Ok(())
    }

    fn dump(&mut self) -> Result<(), ModelError> {
        if self.tracing && self.dumped_ps != Some(self.time_ps) {
            // Inputs set since the last evaluation must show together with their effect.
            self.eval()?;
            // SAFETY: the handle is this model's live instance.
            unsafe { (self.library.trace_dump)(self.handle, self.time_ps) };
            self.dumped_ps = Some(self.time_ps);
        }
        Ok(())
    }

    /// Drives several clock ports to one level together, half a default period later.
    pub(crate) fn drive_clocks(&mut self, clocks: &[usize], high: bool) -> Result<(), ModelError> {
        self.move_to(self.time_ps + DEFAULT_PERIOD_PS / 2)?;
        for index in clocks {
            let slot = self.slots[*index];
            self.write(slot, &[u64::from(high)]);
        }
        self.eval()
    }

    /// One cycle of a single clock: rising edge, falling edge. Afterwards registered and combinational
    /// outputs are valid for the inputs as they are. A period lasts [`DEFAULT_PERIOD_PS`].
    ///
    /// # Errors
    /// [`ModelError::Simulation`].
    #[inline]
    pub fn tick(&mut self, clock: In) -> Result<(), ModelError> {
        for high in [1, 0] {
            self.move_to(self.time_ps + DEFAULT_PERIOD_PS / 2)?;
            self.set_u64(clock, high);
            self.eval()?;
        }
        Ok(())
    }

    /// Holds `reset` active for `cycles` cycles of `clock`, then releases it.
    ///
    /// # Errors
    /// [`ModelError::Simulation`].
    pub fn reset(
        &mut self,
        clock: In,
        reset: In,
        active: ActiveLevel,
        cycles: u32,
    ) -> Result<(), ModelError> {
        let level = u64::from(active == ActiveLevel::High);
        self.set_u64(reset, level);
        for _ in 0..cycles {
            self.tick(clock)?;
        }
        self.set_u64(reset, 1 - level);
        self.eval()
    }

    /// Makes `clock` a free-running clock for [`advance`](Model::advance), starting low now.
    pub fn add_clock(&mut self, clock: In, domain: ClockDomain) -> ClockId {
        self.set_u64(clock, 0);
        self.clocks.push(clock);
        ClockId(self.schedule.add(domain, self.time_ps))
    }

    /// The edges that the next [`advance`](Model::advance) makes: what a model of the surroundings must
    /// know before them, since it acts on the values that a rising edge samples.
    ///
    /// # Errors
    /// [`ModelError::NoClock`].
    pub fn upcoming(&self) -> Result<Edges, ModelError> {
        self.schedule.upcoming().ok_or_else(|| ModelError::NoClock { top: self.top.clone() })
    }

    /// Goes on to the next edge of any clock domain; clocks that change at the same time change
    /// together. Inputs set afterwards are sampled by the edges that follow.
    ///
    /// # Errors
    /// [`ModelError::NoClock`] or [`ModelError::Simulation`].
    pub fn advance(&mut self) -> Result<Edges, ModelError> {
        let edges =
            self.schedule.advance().ok_or_else(|| ModelError::NoClock { top: self.top.clone() })?;
        self.move_to(edges.time_ps)?;
        for i in 0..self.clocks.len() {
            if edges.rises(i) || edges.falls(i) {
                self.set_u64(self.clocks[i], u64::from(edges.rises(i)));
            }
        }
        self.eval()?;
        Ok(edges)
    }

    /// Starts writing a waveform of everything below the top, in the format the model was built with.
    /// A running trace is closed first.
    ///
    /// # Errors
    /// [`ModelError::NoTrace`] when built without tracing, [`ModelError::TraceFile`].
    pub fn open_trace(&mut self, path: impl AsRef<Path>) -> Result<(), ModelError> {
        let path = path.as_ref();
        if self.trace == Trace::None {
            return Err(ModelError::NoTrace { top: self.top.clone() });
        }
        self.close_trace()?;
        let refused = || ModelError::TraceFile { path: path.to_path_buf() };
        // Found out here: the FST writer ends the process when it cannot open its file.
        std::fs::File::create(path).map_err(|_| refused())?;
        let name = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| refused())?;
        // SAFETY: the handle is this model's live instance, the name is null-terminated.
        if unsafe { (self.library.trace_open)(self.handle, name.as_ptr()) } != 0 {
            return Err(refused());
        }
        self.tracing = true;
        self.dumped_ps = None;
        Ok(())
    }

    /// Writes the present state and closes the trace file; nothing happens without one.
    ///
    /// # Errors
    /// [`ModelError::Simulation`] when the last evaluation fails.
    pub fn close_trace(&mut self) -> Result<(), ModelError> {
        let last = self.dump();
        if std::mem::take(&mut self.tracing) {
            // SAFETY: the handle is this model's live instance.
            unsafe { (self.library.trace_close)(self.handle) };
        }
        last
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // Nothing can be reported from here; a failed simulation has been reported by its call.
        let _ = self.close_trace();
        // SAFETY: the handle is this model's live instance and is not used again.
        unsafe {
            (self.library.finalize)(self.handle);
            (self.library.destroy)(self.handle);
        }
    }
}
