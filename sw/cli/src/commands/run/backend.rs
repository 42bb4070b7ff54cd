//! The backends of `run` by name.

use super::prepare::Prepared;
use crate::args::{MemoryModel, Run, RunBackend};
use crate::exit::{Done, Failure};
use crate::progress::Progress;
use skipopu_config::Config;
use skipopu_cosim::{Core, CosimError, Memories, VerilatedDevice};
use skipopu_executor::Machine;
use skipopu_forward::{Engine, Network, Session, F32};
use skipopu_runtime::{Backend, Device, EngineBackend, ExecutorDevice, Overlay, OverlayBackend};

/// The backend that the arguments name, ready for a text.
///
/// # Errors
/// A device that cannot be had, or refuses the program.
pub fn backend(args: &Run, config: &Config, prepared: &Prepared) -> Done<Box<dyn Backend>> {
    let rows = config.buffers.rows as usize;
    let forward = |label, engine| Ok(Box::new(EngineBackend::new(label, engine, rows)) as _);
    let device = match args.backend {
        RunBackend::F32 => return forward("f32", f32(prepared)?),
        RunBackend::Exact => return forward("exact", exact(config, prepared)?),
        RunBackend::Executor => executor(args, config)?,
        RunBackend::Verilator => verilated(args, config)?,
    };
    let compiled = &prepared.compiled;
    let images = compiled.images.hbm.len() + compiled.images.ddr.len();
    let mut progress = Progress::quiet("loading images", images);
    let step = |bytes: u64| progress.step(&format!("{} MB", bytes / 1_000_000));
    let overlay = Overlay::new(device, &prepared.opened.model, compiled, config, step)?;
    Ok(Box::new(OverlayBackend(overlay)))
}

/// The reference executor.
fn executor(args: &Run, config: &Config) -> Done<Box<dyn Device>> {
    Ok(Box::new(ExecutorDevice::new(config, args.seed).map_err(Failure::usage)?))
}

/// The core in simulation.
fn verilated(args: &Run, config: &Config) -> Done<Box<dyn Device>> {
    let failed = |e: CosimError| match e {
        CosimError::Configuration { .. } => Failure::usage(e),
        CosimError::Tool(_) => Failure::environment(e),
    };
    let mut progress = Progress::new("building the simulated core of", 1);
    progress.step(&config.name);
    let core = Core::build(config, args.trace.is_some()).map_err(failed)?;
    drop(progress);
    let memories = match args.memory {
        MemoryModel::Modelled => Memories::Modelled,
        MemoryModel::Fixed => Memories::Fixed,
    };
    let mut device = VerilatedDevice::new(&core, memories).map_err(failed)?;
    if let Some(file) = &args.trace {
        device.trace(file).map_err(Failure::environment)?;
    }
    Ok(Box::new(device))
}

/// The forward pass that every logit is compared with: attention in the order in which the overlay reads.
///
/// # Errors
/// A configuration that is no overlay, weights that the array cannot multiply.
pub fn exact(config: &Config, prepared: &Prepared) -> Done<Box<dyn Engine>> {
    let exact = Machine::of(config).map_err(Failure::usage)?.exact().map_err(Failure::usage)?;
    let network = Network::new(exact, &prepared.opened.model, prepared.skipping)?;
    Ok(Box::new(Session::new(network)))
}

fn f32(prepared: &Prepared) -> Done<Box<dyn Engine>> {
    let network = Network::new(F32, &prepared.opened.model, prepared.skipping)?;
    Ok(Box::new(Session::new(network)))
}
