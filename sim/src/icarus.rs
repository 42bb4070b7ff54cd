//! A second opinion on Verilog text: a batch run under Icarus Verilog.
//!
//! Icarus is an event simulator with unknown values, so it also finds what Verilator cannot: registers
//! that are used before they are set, and processes that never wake up.

use crate::lockstep::{Phase, Recording};
use crate::stimulus::Stimulus;
use crate::toolchain::{Tool, ToolError, Toolchain};
use skipopu_hdl::{Design, Dir, Module, Port, Word};
use std::fmt::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};
use thiserror::Error;

/// Wall-clock limit of one simulation: zero-delay loops would run for ever.
const TIME_LIMIT: Duration = Duration::from_secs(600);

/// Lines of a tool's output that an error repeats.
const EXCERPT_LINES: usize = 12;

/// A run that failed.
#[derive(Debug, Error)]
pub enum IcarusError {
    /// A tool is missing or broken.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The design has no module of that name.
    #[error("the design has no module `{top}`: name one of its modules")]
    NoSuchModule {
        /// The name asked for.
        top: String,
    },
    /// A stimulus for another block.
    #[error("`{top}` has no input `{port}` of {width} bits: make the stimulus from its own ports")]
    Stimulus {
        /// The module.
        top: String,
        /// The stimulus' port.
        port: String,
        /// The stimulus' width.
        width: usize,
    },
    /// The Verilog does not compile.
    #[error("Icarus refused `{top}`, correct the Verilog:\n{excerpt}")]
    Compile {
        /// The module.
        top: String,
        /// First lines of the output.
        excerpt: String,
    },
    /// The simulation ended early or did not end.
    #[error("the Icarus simulation of `{top}` failed: {reason}")]
    Run {
        /// The module.
        top: String,
        /// What happened.
        reason: String,
    },
    /// An output has undefined bits.
    #[error("output `{port}` of `{top}` is undefined ({value}) in cycle {cycle}, {phase}: give every register and process it depends on a value")]
    Unknown {
        /// The module.
        top: String,
        /// The output.
        port: String,
        /// The cycle, counted from 0.
        cycle: usize,
        /// When in the cycle.
        phase: Phase,
        /// The digits printed, `x` and `z` among them.
        value: String,
    },
    /// The temporary folder of the run cannot be used.
    #[error("the folder of an Icarus run cannot be used ({0}): check free space and permissions of the temporary folder")]
    Io(#[from] io::Error),
}

/// Simulates module `top` of the design over the whole stimulus.
///
/// An `x` or `z` bit of an output is an error from cycle [`Stimulus::compare_from`] on and reads as 0
/// before.
///
/// # Errors
/// Any [`IcarusError`].
pub fn run(
    tools: &Toolchain,
    design: &Design,
    top: &str,
    stimulus: &Stimulus,
) -> Result<Recording, IcarusError> {
    let module =
        design.module(top).ok_or_else(|| IcarusError::NoSuchModule { top: top.to_string() })?;
    for p in &stimulus.inputs {
        if !module.ports.iter().any(|q| q.name == p.name && q.width == p.width && q.dir == Dir::In)
        {
            return Err(IcarusError::Stimulus {
                top: top.into(),
                port: p.name.clone(),
                width: p.width,
            });
        }
    }
    let (iverilog, vvp) = (tools.find(Tool::Iverilog)?, tools.find(Tool::Vvp)?);
    let work = tempfile::tempdir()?;
    fs::write(work.path().join("design.v"), design.text_of(top))?;
    fs::write(work.path().join("bench.v"), bench(module, stimulus))?;
    fs::write(work.path().join("stimulus.hex"), vectors(stimulus))?;

    let mut compile = Command::new(iverilog);
    compile.args(["-g2005", "-s", BENCH, "-o", "bench.vvp", "bench.v", "design.v"]);
    let (ok, output) = bounded(compile.current_dir(work.path()), work.path())?;
    if !ok {
        return Err(IcarusError::Compile { top: top.into(), excerpt: excerpt(&output) });
    }
    let mut simulate = Command::new(vvp);
    let (ok, output) =
        bounded(simulate.args(["-n", "bench.vvp"]).current_dir(work.path()), work.path())?;
    if !ok {
        return Err(IcarusError::Run { top: top.into(), reason: excerpt(&output) });
    }
    let answers = fs::read_to_string(work.path().join("answers.txt")).unwrap_or_default();
    parse(module, stimulus, &answers)
}

fn excerpt(output: &str) -> String {
    output.lines().take(EXCERPT_LINES).collect::<Vec<_>>().join("\n")
}

/// Runs to the end or the time limit; returns success and output.
fn bounded(command: &mut Command, work: &Path) -> io::Result<(bool, String)> {
    let log = work.join("tool.log");
    let file = fs::File::create(&log)?;
    let mut child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn()?;
    let status = wait(&mut child)?;
    let mut output = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if status.is_none() {
        let _ = write!(output, "it did not end within {} s", TIME_LIMIT.as_secs());
    }
    Ok((status == Some(true), output))
}

/// `None` when the limit passed.
fn wait(child: &mut Child) -> io::Result<Option<bool>> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if start.elapsed() > TIME_LIMIT {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Name of the test bench module; instances and nets of the bench share the prefix.
const BENCH: &str = "skipopu_bench";

/// The test bench: reads one row per cycle, prints all outputs before and after the rising edge.
fn bench(module: &Module, stimulus: &Stimulus) -> String {
    let range = |width: usize| format!("[{}:0]", width - 1);
    let outputs: Vec<&Port> = module.ports.iter().filter(|p| p.dir == Dir::Out).collect();
    let row_bits = row_bits(stimulus);
    let cycles = stimulus.rows.len().max(1);
    let mut v = format!("`timescale 1ps/1ps\nmodule {BENCH};\n");
    for p in &stimulus.inputs {
        let _ = writeln!(v, "  reg {} {};", range(p.width), p.name);
    }
    for clock in &stimulus.clocks {
        let _ = writeln!(v, "  reg {clock};");
    }
    for p in &outputs {
        let _ = writeln!(v, "  wire {} {};", range(p.width), p.name);
    }
    let _ = writeln!(
        v,
        "  reg {0} {BENCH}_rows [0:{1}];\n  reg {0} {BENCH}_row;",
        range(row_bits),
        cycles - 1
    );
    let _ = writeln!(v, "  integer {BENCH}_i, {BENCH}_file;");
    let map: Vec<String> = module.ports.iter().map(|p| format!(".{0}({0})", p.name)).collect();
    let _ = writeln!(v, "  {} {BENCH}_dut ({});", module.name, map.join(", "));
    let print = if outputs.is_empty() {
        String::new()
    } else {
        let formats = vec!["%h"; outputs.len()].join(" ");
        let values: Vec<&str> = outputs.iter().map(|p| p.name.as_str()).collect();
        format!("$fwrite({BENCH}_file, \"{formats}\\n\", {});", values.join(", "))
    };
    let _ = writeln!(v, "  initial begin");
    let _ = writeln!(v, "    $readmemh(\"stimulus.hex\", {BENCH}_rows);");
    let _ = writeln!(v, "    {BENCH}_file = $fopen(\"answers.txt\", \"w\");");
    for clock in &stimulus.clocks {
        let _ = writeln!(v, "    {clock} = 1'b0;");
    }
    // Inputs get their first value only after every process of the design waits for them.
    let _ = writeln!(v, "    #1;");
    let _ = writeln!(
        v,
        "    for ({BENCH}_i = 0; {BENCH}_i < {}; {BENCH}_i = {BENCH}_i + 1) begin",
        stimulus.rows.len()
    );
    let _ = writeln!(v, "      {BENCH}_row = {BENCH}_rows[{BENCH}_i];");
    let mut at = 0;
    for p in &stimulus.inputs {
        let _ = writeln!(v, "      {} = {BENCH}_row[{at} +: {}];", p.name, p.width);
        at += p.width;
    }
    let _ = writeln!(v, "      #1 {print}");
    if !stimulus.clocks.is_empty() {
        for (i, clock) in stimulus.clocks.iter().enumerate() {
            let _ = writeln!(v, "      if ({BENCH}_row[{}]) {clock} = 1'b1;", at + i);
        }
        let _ = writeln!(v, "      #1 {print}");
        for clock in &stimulus.clocks {
            let _ = writeln!(v, "      {clock} = 1'b0;");
        }
        let _ = writeln!(v, "      #1;");
    }
    let _ = writeln!(v, "    end\n    $fclose({BENCH}_file);\n    $finish;\n  end\nendmodule");
    v
}

fn row_bits(stimulus: &Stimulus) -> usize {
    (stimulus.inputs.iter().map(|p| p.width).sum::<usize>() + stimulus.clocks.len()).max(1)
}

/// One line per cycle: the inputs from the lowest bit up, then one bit per clock.
fn vectors(stimulus: &Stimulus) -> String {
    let mut text = String::new();
    for row in &stimulus.rows {
        let mut word = Word::zero(row_bits(stimulus));
        let mut at = 0;
        let clocks = row.rising.iter().map(|r| Word::from(*r));
        for value in row.inputs.iter().cloned().chain(clocks) {
            word.set_slice(at, &value);
            at += value.width();
        }
        let _ = writeln!(text, "{word:x}");
    }
    text
}

fn parse(module: &Module, stimulus: &Stimulus, answers: &str) -> Result<Recording, IcarusError> {
    let outputs: Vec<Port> = module.ports.iter().filter(|p| p.dir == Dir::Out).cloned().collect();
    let top = || module.name.clone();
    let mut recording = Recording {
        label: format!("Icarus:{}", module.name),
        outputs,
        settled: Vec::new(),
        edge: Vec::new(),
    };
    let phases: &[Phase] =
        if stimulus.clocks.is_empty() { &[Phase::Settled] } else { &[Phase::Settled, Phase::Edge] };
    let mut lines = answers.lines();
    for cycle in 0..stimulus.rows.len() {
        for &phase in phases {
            let line = if recording.outputs.is_empty() { Some("") } else { lines.next() };
            let digits: Vec<&str> = line.unwrap_or("").split_whitespace().collect();
            if digits.len() != recording.outputs.len() {
                let reason = format!("it printed no outputs for cycle {cycle}");
                return Err(IcarusError::Run { top: top(), reason });
            }
            let mut values = Vec::with_capacity(digits.len());
            for (port, digits) in recording.outputs.iter().zip(digits) {
                let known = Word::from_hex(port.width, digits);
                if known.is_none() && cycle >= stimulus.compare_from {
                    let (port, value) = (port.name.clone(), digits.to_string());
                    return Err(IcarusError::Unknown { top: top(), port, cycle, phase, value });
                }
                values.push(known.unwrap_or_else(|| Word::zero(port.width)));
            }
            match phase {
                Phase::Settled => recording.settled.push(values),
                Phase::Edge => recording.edge.push(values),
            }
        }
    }
    Ok(recording)
}
