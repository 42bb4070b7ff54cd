//! `skipopu asm`, `skipopu disasm`, `skipopu isa`: programs as text.

use crate::args::{Asm, Disasm, Isa};
use crate::exit::{Done, Failure};
use crate::output;
use skipopu_config::Config;
use skipopu_isa::{asm, host_manual, manual, Program};
use std::io::Write;
use std::path::Path;

/// Runs `asm`.
pub fn assemble(args: &Asm) -> Done {
    let config = Config::resolve(&args.config.config)?;
    let text = read(&args.text)?;
    let text = String::from_utf8(text)
        .map_err(|_| Failure::usage(format!("{} is not text", args.text.display())))?;
    let instructions = asm::assemble(&text)
        .map_err(|e| Failure::usage(format!("{}, {e}", args.text.display())))?;
    let program = Program { configuration: config.hash_value(), instructions };
    write(&args.out, &program.to_bytes())?;
    output::line(format!(
        "{}: {} instructions for {} ({})",
        args.out.display(),
        program.instructions.len(),
        config.name,
        config.hash()
    ))
}

/// Runs `disasm`.
pub fn disassemble(args: &Disasm) -> Done {
    let program = Program::from_bytes(&read(&args.program)?)
        .map_err(|e| Failure::usage(format!("{}: {e}", args.program.display())))?;
    output::print(&format!(
        "# {} instructions for configuration {:016x}\n{}",
        program.instructions.len(),
        program.configuration,
        asm::disassemble(&program.instructions)
    ))
}

/// Runs `isa`.
pub fn run(action: &Isa) -> Done {
    match action {
        Isa::Manual => output::print(&manual::markdown()),
        Isa::Registers => output::print(&host_manual::markdown()),
    }
}

fn read(path: &Path) -> Done<Vec<u8>> {
    std::fs::read(path)
        .map_err(|e| Failure::environment(format!("cannot read {}: {e}", path.display())))
}

/// Writes a file that appears whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Done {
    let fail =
        |e: std::io::Error| Failure::environment(format!("cannot write {}: {e}", path.display()));
    let mut file = skipopu_model::files::beside(path).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error))?;
    Ok(())
}
