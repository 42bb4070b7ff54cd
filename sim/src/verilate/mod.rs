//! From Verilog text to a loaded model: Verilator, the C++ compiler, the cache.
//!
//! ```text
//! Design --verilator--> C++ --compiler--> objects --+--> model.so --libloading--> Model
//!                        shim (C interface) --------+
//!                        Verilator's run time ------+   (compiled once, shared)
//! ```

mod cxx;
mod header;
mod runtime;
mod shim;

use crate::cache::{content_key, seal, unsealed, Cache, CacheError};
use crate::model::{InitialState, Library, Model, ModelError, Trace, ABI};
use crate::toolchain::{Compiler, Tool, ToolError, Toolchain};
use cxx::{logged, Failed, Unit};
use header::{Sources, VerilatedPort};
use shim::PREFIX;
use skipopu_hdl::{Design, Dir, Module, Port};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;

/// Generated C++ below this size is compiled as one file: including Verilator's headers once costs
/// less than a second core gains.
const ONE_FILE_BYTES: u64 = 256 << 10;

/// Larger models are compiled in pieces of about this size.
const PIECE_BYTES: u64 = 512 << 10;

/// Lines of a tool's output that an error repeats.
const EXCERPT_LINES: usize = 12;

/// A model that could not be built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A tool is missing or broken.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The cache folder cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The design has no module of that name.
    #[error("the design has no module `{top}`: choose one of {}", have.join(", "))]
    NoSuchModule {
        /// The name asked for.
        top: String,
        /// The modules there are.
        have: Vec<String>,
    },
    /// Verilator reported errors (or one of the warnings it treats as such).
    #[error("Verilator refused `{top}`; correct the Verilog, its full log is {}:\n{excerpt}", log.display())]
    Verilator {
        /// The top module.
        top: String,
        /// First lines of the output.
        excerpt: String,
        /// File with the whole output, beside the Verilog text.
        log: PathBuf,
    },
    /// The C++ compiler or the linker failed.
    #[error("the C++ of `{top}` did not compile; the full log is {}:\n{excerpt}", log.display())]
    Compile {
        /// The top module.
        top: String,
        /// First lines of the output.
        excerpt: String,
        /// File with the whole output.
        log: PathBuf,
    },
    /// FST tracing needs zlib.
    #[error("FST traces need zlib's development files: install the Debian package `zlib1g-dev` or trace as VCD")]
    MissingZlib,
    /// The module's port list and its text disagree.
    #[error("port `{port}` of `{top}` is {listed} in the port list but {found} in the Verilog text: emit the module again")]
    PortsDiffer {
        /// The top module.
        top: String,
        /// The port.
        port: String,
        /// What the port list says.
        listed: String,
        /// What Verilator found.
        found: String,
    },
    /// Tri-state ports have no place in a model.
    #[error("port `{port}` of `{top}` is bidirectional: simulate a module below the pads, with separate input and output")]
    InOut {
        /// The top module.
        top: String,
        /// The port.
        port: String,
    },
    /// The folder of the build could not be written or read.
    #[error("the build of `{top}` could not use its folder ({source}): check free space and permissions")]
    Io {
        /// The top module.
        top: String,
        /// The reason.
        source: io::Error,
    },
    /// The finished library does not load.
    #[error("the model of `{top}` does not load ({reason}): delete {} and build again", path.display())]
    Load {
        /// The top module.
        top: String,
        /// The library.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The model failed while it was created.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// How to build a model; [`Verilate::build`] does it.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let design: skipopu_hdl::Design = unimplemented!();
/// use skipopu_sim::{Trace, Verilate};
/// let verilated = Verilate::new(&design).trace(Trace::Fst).build()?;
/// let mut model = verilated.model()?;
/// model.open_trace("wave.fst")?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Verilate<'a> {
    design: &'a Design,
    top: Option<String>,
    trace: Trace,
    opt_level: u8,
    threads: usize,
    args: Vec<String>,
    toolchain: Toolchain,
    cache: Cache,
}

impl<'a> Verilate<'a> {
    /// The design's top module, without trace, at `-O2`, one thread, with the system's tools and the
    /// standard cache.
    pub fn new(design: &'a Design) -> Verilate<'a> {
        Verilate {
            design,
            top: None,
            trace: Trace::None,
            opt_level: 2,
            threads: 1,
            args: Vec::new(),
            toolchain: Toolchain::system(),
            cache: Cache::standard(),
        }
    }

    /// Another module of the design as the top.
    pub fn top(mut self, module: impl Into<String>) -> Self {
        self.top = Some(module.into());
        self
    }

    /// Compile this waveform format in.
    pub fn trace(mut self, trace: Trace) -> Self {
        self.trace = trace;
        self
    }

    /// C++ optimisation level, 0 (compiles fastest) to 3; higher values count as 3. Default 2.
    pub fn opt_level(mut self, level: u8) -> Self {
        self.opt_level = level.min(3);
        self
    }

    /// Threads of one model (Verilator's `--threads`); pays only for large designs. Default 1.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// A further argument for Verilator.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Other tools than the system's.
    pub fn toolchain(mut self, toolchain: &Toolchain) -> Self {
        self.toolchain = toolchain.clone();
        self
    }

    /// Another cache than the standard one.
    pub fn cache(mut self, cache: &Cache) -> Self {
        self.cache = cache.clone();
        self
    }

    /// Builds the model, or takes it from the cache, and loads it.
    ///
    /// # Errors
    /// Any [`BuildError`]. Verilator's own errors and its default warnings are fatal; style warnings
    /// (`-Wall`) are a linter's business and are off.
    pub fn build(&self) -> Result<Verilated, BuildError> {
        let start = Instant::now();
        let module = self.module()?;
        let job = Job {
            module,
            text: self.design.text_of(&module.name),
            verilator: self.toolchain.verilator()?,
            compiler: self.toolchain.cxx()?,
            request: self,
        };
        let key = job.key();
        let entry =
            self.cache.entry(&key, |place| job.load(place), |work| job.build(work, &key))?;
        // The check distinguishes a damaged entry (rebuilt) from a library that cannot be used.
        let (library, path) = entry.value;
        let library = library.map_err(|reason| BuildError::Load {
            top: module.name.clone(),
            path,
            reason,
        })?;
        Ok(Verilated {
            library: Arc::new(library),
            top: module.name.clone(),
            ports: module.ports.clone(),
            trace: self.trace,
            cached: entry.hit,
            elapsed: start.elapsed(),
        })
    }

    fn module(&self) -> Result<&'a Module, BuildError> {
        let name = match (&self.top, self.design.modules.last()) {
            (Some(name), _) => name.clone(),
            (None, Some(module)) => module.name.clone(),
            (None, None) => String::new(),
        };
        self.design.module(&name).ok_or_else(|| BuildError::NoSuchModule {
            top: name,
            have: self.design.modules.iter().map(|m| m.name.clone()).collect(),
        })
    }
}

/// A built and loaded model, from which any number of instances can be made.
#[derive(Clone, Debug)]
pub struct Verilated {
    library: Arc<Library>,
    top: String,
    ports: Vec<Port>,
    trace: Trace,
    cached: bool,
    elapsed: Duration,
}

impl Verilated {
    /// A new instance, registers without an initial value at 0.
    ///
    /// # Errors
    /// [`ModelError::Simulation`] when the construction fails.
    pub fn model(&self) -> Result<Model, ModelError> {
        self.model_from(InitialState::Zero)
    }

    /// A new instance, registers without an initial value as chosen.
    ///
    /// # Errors
    /// [`ModelError::Simulation`] when the construction fails.
    pub fn model_from(&self, initial: InitialState) -> Result<Model, ModelError> {
        Model::new(self.library.clone(), &self.top, &self.ports, self.trace, initial)
    }

    /// Name of the top module.
    pub fn top(&self) -> &str {
        &self.top
    }

    /// Ports of the top module in declaration order.
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// Was it taken from the cache?
    pub fn cached(&self) -> bool {
        self.cached
    }

    /// Wall-clock time of [`Verilate::build`].
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

/// One build: the request with everything it depends on found.
struct Job<'a> {
    request: &'a Verilate<'a>,
    module: &'a Module,
    text: String,
    verilator: (PathBuf, String),
    compiler: Compiler,
}

const LIBRARY: &str = "model.so";
const SOURCE: &str = "design.v";
const LOG: &str = "build.log";

impl Job<'_> {
    fn key(&self) -> String {
        let r = self.request;
        let options =
            format!("{:?}", (ABI, r.trace, r.opt_level, r.threads, &r.args, &self.module.ports));
        // The text of an empty shim stands for the version of the whole generator.
        let shim = shim::text(&[], r.trace, r.threads);
        let hash = content_key([
            self.text.as_bytes(),
            self.module.name.as_bytes(),
            options.as_bytes(),
            shim.as_bytes(),
            self.verilator.1.as_bytes(),
            self.compiler.identity().as_bytes(),
        ]);
        // The name is for people who look into the folder; long ones are cut.
        let name: String = self
            .module
            .name
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
            .take(40)
            .collect();
        format!("{name}-{hash}")
    }

    /// `None` for an absent or damaged entry.
    fn load(&self, place: &Path) -> Option<(Result<Library, String>, PathBuf)> {
        let path = place.join(LIBRARY);
        unsealed(place)?.contains(&path).then(|| (Library::open(&path), path.clone()))
    }

    fn build(&self, work: &Path, key: &str) -> Result<(), BuildError> {
        let io = |source| BuildError::Io { top: self.module.name.clone(), source };
        fs::write(work.join(SOURCE), &self.text).map_err(io)?;
        let generated = work.join("cpp");
        self.verilate(work, &generated).map_err(|f| self.failed(work, key, f, Tool::Verilator))?;
        let read = |name: &str| fs::read_to_string(generated.join(name)).map_err(io);
        let sources = header::sources(&read(&format!("{PREFIX}_classes.mk"))?);
        let ports = self.agreed_ports(&header::ports(&read(&format!("{PREFIX}.h"))?))?;
        let r = self.request;
        fs::write(generated.join("shim.cpp"), shim::text(&ports, r.trace, r.threads))
            .map_err(io)?;

        let include = self.include_folder()?;
        let flags = runtime::flags(&include, r.trace);
        let mut objects = runtime::objects(
            &r.cache,
            &self.compiler,
            &self.verilator.1,
            &include,
            &sources.runtime,
            &flags,
        )
        .map_err(|e| match e {
            runtime::RuntimeError::Cache(e) => BuildError::Cache(e),
            runtime::RuntimeError::Failed(f) => self.failed(work, key, f, Tool::Cxx),
        })?;
        let units = self.units(&generated, &sources, &flags).map_err(io)?;
        objects.extend(units.iter().map(|u| u.object.clone()));
        let libraries: &[&str] = match r.trace {
            Trace::Fst => &["-Wl,--gc-sections", "-s", "-pthread", "-lz"],
            Trace::None | Trace::Vcd => &["-Wl,--gc-sections", "-s", "-pthread"],
        };
        let log = work.join(LOG);
        cxx::compile(&self.compiler, &units, &log)
            .and_then(|()| {
                cxx::link(&self.compiler, &objects, libraries, &work.join(LIBRARY), &log)
            })
            .map_err(|f| self.failed(work, key, f, Tool::Cxx))?;
        fs::remove_dir_all(&generated).map_err(io)?;
        seal(work, &[LIBRARY.into(), SOURCE.into()]).map_err(io)
    }

    fn verilate(&self, work: &Path, generated: &Path) -> Result<(), Failed> {
        let r = self.request;
        let mut command = Command::new(&self.verilator.0);
        command.current_dir(work).stdin(Stdio::null());
        command
            .args(["--cc", "--prefix", PREFIX, "--top-module", &self.module.name, "-O3", "--Mdir"])
            .arg(generated);
        command.args(["--x-assign", "fast", "--x-initial", "unique", "--output-split", "20000"]);
        // Ports named like C++ keywords are renamed in the C++ only.
        command.arg("-Wno-SYMRSVDWORD");
        match r.trace {
            Trace::None => {}
            Trace::Vcd => drop(command.args(["--trace", "--trace-structs"])),
            Trace::Fst => drop(command.args(["--trace-fst", "--trace-structs"])),
        }
        if r.threads > 1 {
            command.args(["--threads", &r.threads.to_string()]);
        }
        command.args(&r.args).arg(SOURCE);
        logged(&work.join(LOG), &mut command).map(drop)
    }

    /// Keeps the log and the Verilog of a failed build and makes the error that names them.
    fn failed(&self, work: &Path, key: &str, failed: Failed, tool: Tool) -> BuildError {
        if failed.output.contains("zlib.h") || failed.output.contains("cannot find -lz") {
            return BuildError::MissingZlib;
        }
        let place = match self.request.cache.failure_folder(key) {
            Ok(place) => place,
            Err(e) => return e.into(),
        };
        for file in [LOG, SOURCE] {
            // What is missing here is missing in the log folder, no more.
            let _ = fs::copy(work.join(file), place.join(file));
        }
        let (top, log) = (self.module.name.clone(), place.join(LOG));
        let lines: Vec<&str> = failed.output.lines().take(EXCERPT_LINES).collect();
        let excerpt = lines.join("\n");
        match tool {
            Tool::Verilator => BuildError::Verilator { top, excerpt, log },
            _ => BuildError::Compile { top, excerpt, log },
        }
    }

    /// The Verilated ports in the order of the module's port list, which must say the same.
    fn agreed_ports(&self, found: &[VerilatedPort]) -> Result<Vec<VerilatedPort>, BuildError> {
        let top = || self.module.name.clone();
        let differ = |port: &str, listed: String, found: String| BuildError::PortsDiffer {
            top: top(),
            port: port.into(),
            listed,
            found,
        };
        let describe = |dir: Dir, width: usize| {
            format!("{} of {width} bit", if dir == Dir::In { "an input" } else { "an output" })
        };
        if let Some(p) = found.iter().find(|p| p.dir == Dir::InOut) {
            return Err(BuildError::InOut { top: top(), port: p.name.clone() });
        }
        for f in found {
            if !self.module.ports.iter().any(|p| p.name == f.name) {
                return Err(differ(&f.name, "missing".into(), describe(f.dir, f.width)));
            }
        }
        let pick = |p: &Port| match found.iter().find(|f| f.name == p.name) {
            Some(f) if (f.dir, f.width) == (p.dir, p.width) => Ok(f.clone()),
            Some(f) => Err(differ(&p.name, describe(p.dir, p.width), describe(f.dir, f.width))),
            None => Err(differ(&p.name, describe(p.dir, p.width), "missing".into())),
        };
        self.module.ports.iter().map(pick).collect()
    }

    fn include_folder(&self) -> Result<PathBuf, BuildError> {
        let broken = |reason: String| {
            BuildError::Tool(ToolError::Broken {
                tool: Tool::Verilator,
                path: self.verilator.0.clone(),
                reason,
            })
        };
        let out = Command::new(&self.verilator.0)
            .args(["--getenv", "VERILATOR_ROOT"])
            .stdin(Stdio::null())
            .output()
            .map_err(|e| broken(e.to_string()))?;
        let root = String::from_utf8_lossy(&out.stdout).trim().to_string();
        let include = Path::new(&root).join("include");
        if include.join("verilated.h").is_file() {
            Ok(include)
        } else {
            Err(broken(format!("its sources are not in `{}`", include.display())))
        }
    }

    /// Groups the generated files: one file for a small model, pieces for a large one, where code that
    /// runs once is not worth optimising.
    fn units(
        &self,
        generated: &Path,
        sources: &Sources,
        flags: &[std::ffi::OsString],
    ) -> io::Result<Vec<Unit>> {
        let shim = "shim".to_string();
        let bytes =
            |name: &String| fs::metadata(generated.join(format!("{name}.cpp"))).map(|m| m.len());
        let mut total = 0;
        for name in sources.fast.iter().chain(&sources.slow) {
            total += bytes(name)?;
        }
        let opt = self.request.opt_level;
        let mut pieces: Vec<(u64, u8, Vec<&String>)> = Vec::new();
        if total < ONE_FILE_BYTES {
            pieces.push((
                total,
                opt,
                sources.fast.iter().chain(&sources.slow).chain([&shim]).collect(),
            ));
        } else {
            for (opt, names) in [(opt, &sources.fast), (0, &sources.slow)] {
                let mut open: Option<(u64, u8, Vec<&String>)> = None;
                for name in names {
                    let size = bytes(name)?;
                    let (sum, _, piece) = open.get_or_insert((0, opt, Vec::new()));
                    *sum += size;
                    piece.push(name);
                    if *sum >= PIECE_BYTES {
                        pieces.extend(open.take());
                    }
                }
                pieces.extend(open);
            }
            pieces.push((0, opt, vec![&shim]));
        }
        // Longest first, so that no core waits for a long one at the end.
        pieces.sort_by_key(|(size, opt, _)| std::cmp::Reverse(size * (1 + u64::from(*opt))));
        let mut units = Vec::new();
        for (i, (_, opt, names)) in pieces.iter().enumerate() {
            let source = generated.join(format!("unit{i}.cc"));
            let text: String = names.iter().map(|n| format!("#include \"{n}.cpp\"\n")).collect();
            fs::write(&source, text)?;
            units.push(Unit {
                object: source.with_extension("o"),
                source,
                opt: *opt,
                args: flags.to_vec(),
            });
        }
        Ok(units)
    }
}
