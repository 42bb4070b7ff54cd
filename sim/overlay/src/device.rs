//! [`VerilatedDevice`]: the core in simulation, with its clocks and memories.

use crate::build::{Core, CosimError};
use skipopu_isa::host::Counter;
use skipopu_isa::set::DDR_BYTES;
use skipopu_kv::layout::CHANNEL_BYTES;
use skipopu_runtime::{Device, DeviceError, Progress};
use skipopu_sim::memory::{AxiSlave, AxiVersion, Ddr, Delay, Hbm, Response, Store};
use skipopu_sim::{ClockDomain, In, Model, Out};
use std::ops::{ControlFlow, Range};

/// Period of the DDR port's clock: 300 MHz.
const DDR_PERIOD_PS: u64 = 3333;
/// Cycles between two calls of `tick`.
const TICK: u64 = 2000;
/// Cycles within which the core answers an access to a register.
const ANSWER: u64 = 1000;
/// Cycles of the reset after power-up.
const RESET: u64 = 16;

/// How the memories behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memories {
    /// Every access takes a fixed time: quick to simulate.
    Fixed,
    /// The models of HBM2 and DDR4 (docs/memory-model.md).
    Modelled,
}

/// The host's port.
struct Host {
    awaddr: In,
    awvalid: In,
    awready: Out,
    wdata: In,
    wstrb: In,
    wvalid: In,
    wready: Out,
    bresp: Out,
    bvalid: Out,
    bready: In,
    araddr: In,
    arvalid: In,
    arready: Out,
    rdata: Out,
    rresp: Out,
    rvalid: Out,
    rready: In,
}

impl Host {
    fn bind(m: &Model) -> Result<Host, CosimError> {
        let width = |name: &str| {
            let port = m.ports().iter().find(|p| p.name == name);
            port.map(|p| p.width).ok_or_else(|| CosimError::Tool(format!("no port {name}")))
        };
        let said = |e: skipopu_sim::ModelError| CosimError::Tool(e.to_string());
        let input = |name: &str| -> Result<In, CosimError> {
            let name = format!("s_axi_{name}");
            m.input(&name, width(&name)?).map_err(said)
        };
        let output = |name: &str| -> Result<Out, CosimError> {
            let name = format!("s_axi_{name}");
            m.output(&name, width(&name)?).map_err(said)
        };
        Ok(Host {
            awaddr: input("awaddr")?,
            awvalid: input("awvalid")?,
            awready: output("awready")?,
            wdata: input("wdata")?,
            wstrb: input("wstrb")?,
            wvalid: input("wvalid")?,
            wready: output("wready")?,
            bresp: output("bresp")?,
            bvalid: output("bvalid")?,
            bready: input("bready")?,
            araddr: input("araddr")?,
            arvalid: input("arvalid")?,
            arready: output("arready")?,
            rdata: output("rdata")?,
            rresp: output("rresp")?,
            rvalid: output("rvalid")?,
            rready: input("rready")?,
        })
    }
}

/// A core in simulation: three clocks, a memory for each HBM port, one for DDR.
pub struct VerilatedDevice {
    m: Model,
    label: String,
    host: Host,
    irq: Out,
    clocks: [usize; 3],
    hbm_slaves: Vec<AxiSlave>,
    ddr_slaves: Vec<AxiSlave>,
    hbm: Vec<Store>,
    ddr: Store,
    cycles: u64,
}

impl VerilatedDevice {
    /// A core after power-up.
    ///
    /// # Errors
    /// A model that cannot be loaded.
    pub fn new(core: &Core, memories: Memories) -> Result<VerilatedDevice, CosimError> {
        let said = |e: skipopu_sim::ModelError| CosimError::Tool(e.to_string());
        let mut m = core.verilated.model().map_err(said)?;
        let config = &core.config;
        let period = |mhz: u32| 1_000_000 / u64::from(mhz);
        let domains = [
            ("clock", ClockDomain::new(period(config.clocks.core_mhz))),
            ("hbm_clock", ClockDomain::new(period(config.memory.hbm_clock_mhz))),
            ("ddr_clock", ClockDomain::new(DDR_PERIOD_PS)),
        ];
        let mut clocks = [0; 3];
        for (at, (name, domain)) in clocks.iter_mut().zip(domains) {
            let port = m.clock(name).map_err(said)?;
            *at = m.add_clock(port, domain).index();
        }
        let bad = |e: skipopu_sim::memory::AxiError| CosimError::Tool(e.to_string());
        let model = Hbm::u280();
        let (mut hbm_slaves, mut hbm) = (Vec::new(), Vec::new());
        for p in 0..config.memory.hbm_ports as usize {
            let store = Store::new(CHANNEL_BYTES);
            let name = format!("m_axi_hbm_{p}");
            let slave = AxiSlave::bind(&m, &name, AxiVersion::Axi3, store.clone()).map_err(bad)?;
            let slave = slave.base(p as u64 * CHANNEL_BYTES);
            hbm_slaves.push(match memories {
                Memories::Fixed => slave.timing(Delay::fixed(48)),
                Memories::Modelled => slave.timing(model.port(p)),
            });
            hbm.push(store);
        }
        let ddr = Store::new(DDR_BYTES);
        let slave =
            AxiSlave::bind(&m, "m_axi_ddr_0", AxiVersion::Axi4, ddr.clone()).map_err(bad)?;
        let ddr_slaves = vec![match memories {
            Memories::Fixed => slave.timing(Delay::fixed(32)),
            Memories::Modelled => slave.timing(Ddr::u280().port()),
        }];
        let host = Host::bind(&m)?;
        let irq = m.output("irq", 1).map_err(said)?;
        let reset = m.input("reset", 1).map_err(said)?;
        let mut device = VerilatedDevice {
            m,
            label: format!("Verilated overlay {}", config.name),
            host,
            irq,
            clocks,
            hbm_slaves,
            ddr_slaves,
            hbm,
            ddr,
            cycles: 0,
        };
        device.present();
        device.m.set_u64(reset, 1);
        let failed = |e: DeviceError| CosimError::Tool(e.to_string());
        for _ in 0..RESET {
            device.cycle(|_, _| ()).map_err(failed)?;
        }
        device.m.set_u64(reset, 0);
        for _ in 0..RESET {
            device.cycle(|_, _| ()).map_err(failed)?;
        }
        device.cycles = 0;
        Ok(device)
    }

    /// Core cycles since power-up.
    pub fn cycles(&self) -> u64 {
        self.cycles
    }

    /// Writes waveforms from now on; the core must have been built with tracing.
    ///
    /// # Errors
    /// A file that cannot be written, a core without tracing.
    pub fn trace(&mut self, path: &std::path::Path) -> Result<(), DeviceError> {
        self.m.open_trace(path).map_err(|e| failed(e.to_string()))
    }

    /// Makes a memory answer accesses of these bytes with an error: DDR, or that of an HBM port.
    pub fn fail(&mut self, port: Option<usize>, range: Range<u64>, response: Response) {
        match port {
            None => self.ddr_slaves.iter_mut().for_each(|s| s.fail(range.clone(), response)),
            Some(p) => {
                let base = p as u64 * CHANNEL_BYTES;
                let range = base + range.start..base + range.end;
                if let Some(slave) = self.hbm_slaves.get_mut(p) {
                    slave.fail(range, response);
                }
            }
        }
    }

    /// Makes all memories answer well again.
    pub fn mend(&mut self) {
        self.ddr_slaves.iter_mut().chain(&mut self.hbm_slaves).for_each(AxiSlave::mend);
    }

    /// First bytes of the pages of 4 KiB that were ever written, in DDR or in the memory of an HBM port.
    ///
    /// # Errors
    /// There is no such port.
    pub fn written(&self, port: Option<usize>) -> Result<Vec<u64>, DeviceError> {
        Ok(self.store(port)?.pages())
    }

    fn present(&mut self) {
        for slave in self.hbm_slaves.iter_mut().chain(&mut self.ddr_slaves) {
            slave.present(&mut self.m);
        }
    }

    /// Until after the next rising edge of the core's clock; `sample` sees what the edge samples.
    fn cycle(&mut self, mut sample: impl FnMut(&Model, &Host)) -> Result<(), DeviceError> {
        let wrong = |e: skipopu_sim::ModelError| failed(e.to_string());
        let broken = |e: skipopu_sim::memory::AxiError| failed(e.to_string());
        loop {
            // What was set since the last edge must show.
            self.m.eval().map_err(wrong)?;
            let next = self.m.upcoming().map_err(wrong)?;
            let [core, hbm, ddr] = self.clocks.map(|c| next.rises(c));
            if core {
                sample(&self.m, &self.host);
            }
            if hbm {
                self.hbm_slaves.iter_mut().try_for_each(|s| s.observe(&self.m)).map_err(broken)?;
            }
            if ddr {
                self.ddr_slaves.iter_mut().try_for_each(|s| s.observe(&self.m)).map_err(broken)?;
            }
            self.m.advance().map_err(wrong)?;
            if hbm {
                self.hbm_slaves.iter_mut().for_each(|s| s.present(&mut self.m));
            }
            if ddr {
                self.ddr_slaves.iter_mut().for_each(|s| s.present(&mut self.m));
            }
            if core {
                self.cycles += 1;
                return Ok(());
            }
        }
    }

    /// Handshakes until `done` says that it was the last one.
    fn access(
        &mut self,
        mut step: impl FnMut(&mut Model, &Host),
        mut done: impl FnMut(&Model, &Host) -> bool,
    ) -> Result<(), DeviceError> {
        for _ in 0..ANSWER {
            let mut over = false;
            step(&mut self.m, &self.host);
            self.cycle(|m, host| over = done(m, host))?;
            if over {
                return Ok(());
            }
        }
        Err(failed("the core does not answer an access to a register".into()))
    }

    fn store(&self, port: Option<usize>) -> Result<&Store, DeviceError> {
        match port {
            None => Ok(&self.ddr),
            Some(p) => self.hbm.get(p).ok_or_else(|| failed(format!("there is no HBM port {p}"))),
        }
    }

    fn outside(port: Option<usize>, at: u64, bytes: usize) -> DeviceError {
        let memory = port.map_or("DDR".into(), |p| format!("the memory of HBM port {p}"));
        DeviceError::Outside { memory, at, bytes }
    }
}

fn failed(problem: String) -> DeviceError {
    DeviceError::Failed { device: "the simulated overlay".into(), problem }
}

impl Device for VerilatedDevice {
    fn label(&self) -> &str {
        &self.label
    }

    fn keeps(&self, _counter: Counter) -> bool {
        true
    }

    fn write_hbm(&mut self, port: usize, at: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let done = self.store(Some(port))?.write(at, bytes);
        done.map_err(|_| VerilatedDevice::outside(Some(port), at, bytes.len()))
    }

    fn read_hbm(&mut self, port: usize, at: u64, into: &mut [u8]) -> Result<(), DeviceError> {
        let bytes = into.len();
        let done = self.store(Some(port))?.read(at, into);
        done.map_err(|_| VerilatedDevice::outside(Some(port), at, bytes))
    }

    fn write_ddr(&mut self, at: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let done = self.store(None)?.write(at, bytes);
        done.map_err(|_| VerilatedDevice::outside(None, at, bytes.len()))
    }

    fn read_ddr(&mut self, at: u64, into: &mut [u8]) -> Result<(), DeviceError> {
        let bytes = into.len();
        let done = self.store(None)?.read(at, into);
        done.map_err(|_| VerilatedDevice::outside(None, at, bytes))
    }

    fn write_register(&mut self, offset: u32, value: u32) -> Result<(), DeviceError> {
        let (mut address, mut data, mut response) = (false, false, None);
        let (h, m) = (&self.host, &mut self.m);
        m.set_u64(h.awaddr, offset.into());
        m.set_u64(h.wdata, value.into());
        m.set_u64(h.wstrb, 15);
        let sent = std::cell::Cell::new((false, false));
        self.access(
            |m, h| {
                let (address, data) = sent.get();
                m.set_u64(h.awvalid, u64::from(!address));
                m.set_u64(h.wvalid, u64::from(!data));
                m.set_u64(h.bready, 1);
            },
            |m, h| {
                address |= m.get_u64(h.awready) == 1;
                data |= m.get_u64(h.wready) == 1;
                sent.set((address, data));
                if m.get_u64(h.bvalid) == 1 {
                    response = Some(m.get_u64(h.bresp));
                }
                response.is_some()
            },
        )?;
        self.m.set_u64(self.host.awvalid, 0);
        self.m.set_u64(self.host.wvalid, 0);
        self.m.set_u64(self.host.bready, 0);
        match response {
            Some(0) => Ok(()),
            _ => Err(DeviceError::Refused { offset, write: true }),
        }
    }

    fn read_register(&mut self, offset: u32) -> Result<u32, DeviceError> {
        let (mut address, mut answer) = (false, None);
        let sent = std::cell::Cell::new(false);
        self.m.set_u64(self.host.araddr, offset.into());
        self.access(
            |m, h| {
                m.set_u64(h.arvalid, u64::from(!sent.get()));
                m.set_u64(h.rready, 1);
            },
            |m, h| {
                address |= m.get_u64(h.arready) == 1;
                sent.set(address);
                if m.get_u64(h.rvalid) == 1 {
                    answer = Some((m.get_u64(h.rresp), m.get_u64(h.rdata) as u32));
                }
                answer.is_some()
            },
        )?;
        self.m.set_u64(self.host.arvalid, 0);
        self.m.set_u64(self.host.rready, 0);
        match answer {
            Some((0, data)) => Ok(data),
            _ => Err(DeviceError::Refused { offset, write: false }),
        }
    }

    fn wait(
        &mut self,
        tick: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), DeviceError> {
        let begin = self.cycles;
        while self.m.get_u64(self.irq) == 0 {
            self.cycle(|_, _| ())?;
            let cycles = self.cycles - begin;
            if cycles % TICK == 0 && tick(Progress { cycles, pc: None }).is_break() {
                return Err(DeviceError::Cancelled);
            }
        }
        Ok(())
    }
}
