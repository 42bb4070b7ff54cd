//! The C++ file that gives a Verilated model a C interface.

use super::header::VerilatedPort;
use crate::model::{storage_bytes, Trace, ABI};
use std::fmt::Write;

/// Prefix of the Verilated class and of its files.
pub(super) const PREFIX: &str = "Vdut";

/// The fixed part. `Trace`, `PORTS` and `THREADS` are defined before it.
const BODY: &str = r#"
struct Instance {
    std::unique_ptr<VerilatedContext> context;
    std::unique_ptr<Vdut> top;
    std::unique_ptr<Trace> trace;
    std::string error;
};

// A failing simulation must not end the process: it becomes an error of the call.
static void fail(const char* file, int line, const char* message) {
    std::string text = message ? message : "";
    if (file && *file) text += std::string(" (") + file + ":" + std::to_string(line) + ")";
    throw std::runtime_error(text);
}
void vl_fatal(const char* file, int line, const char*, const char* message) { fail(file, line, message); }
void vl_stop(const char* file, int line, const char*) { fail(file, line, "$stop or a failed assertion"); }
void vl_finish(const char*, int, const char*) { Verilated::threadContextp()->gotFinish(true); }

template <class F> static int guard(Instance* s, F&& body) {
    if (!s->error.empty()) return 1;
    try {
        Verilated::threadContextp(s->context.get());
        body();
        return 0;
    } catch (const std::exception& e) {
        s->error = e.what();
    } catch (...) {
        s->error = "unknown C++ exception";
    }
    if (s->error.empty()) s->error = "unnamed error";
    return 1;
}

#define API extern "C" __attribute__((visibility("default")))

API uint32_t skipopu_abi() { return ABI; }

// Registers without an initial value start at 0, or at random when seed is not 0.
API Instance* skipopu_create(uint32_t seed) {
    Instance* s = new Instance;
    guard(s, [&] {
        s->context.reset(new VerilatedContext);
        Verilated::threadContextp(s->context.get());
        s->context->randReset(seed ? 2 : 0);
        if (seed) s->context->randSeed(static_cast<int>(seed & 0x7fffffffu));
        s->context->timeunit(-12);
        s->context->timeprecision(-12);
        if (THREADS > 1) s->context->threads(THREADS);
#if TRACE
        s->context->traceEverOn(true);
#endif
        s->top.reset(new Vdut{s->context.get(), "TOP"});
    });
    return s;
}
API void skipopu_ports(Instance* s, void** table) {
    void* const ports[] = {PORTS nullptr};
    for (std::size_t i = 0; ports[i]; ++i) table[i] = ports[i];
}
API int skipopu_eval(Instance* s) {
    return guard(s, [&] { s->top->eval(); });
}
API int skipopu_final(Instance* s) {
    return guard(s, [&] { if (s->top) s->top->final(); });
}
API int skipopu_finished(const Instance* s) { return s->context->gotFinish(); }
API const char* skipopu_error(const Instance* s) { return s->error.c_str(); }
API void skipopu_time(Instance* s, uint64_t ps) { s->context->time(ps); }
API int skipopu_trace_open(Instance* s, const char* path) {
#if TRACE
    bool open = false;
    if (guard(s, [&] {
            s->trace.reset(new Trace);
            s->top->trace(s->trace.get(), 99);
            s->trace->open(path);
            open = s->trace->isOpen();
        }))
        return 1;
    if (!open) s->trace.reset();
    return open ? 0 : 1;
#else
    (void)s, (void)path;
    return 1;
#endif
}
API int skipopu_trace_dump(Instance* s, uint64_t ps) {
#if TRACE
    return guard(s, [&] { if (s->trace) s->trace->dump(ps); });
#else
    (void)s, (void)ps;
    return 1;
#endif
}
API void skipopu_trace_close(Instance* s) {
#if TRACE
    if (s->trace) s->trace->close();
    s->trace.reset();
#else
    (void)s;
#endif
}
API void skipopu_destroy(Instance* s) {
    Verilated::threadContextp(s->context.get());
    skipopu_trace_close(s);
    s->top.reset();
    // The thread must not be left with a pointer to the context that goes away here.
    Verilated::threadContextp(Verilated::defaultContextp());
    s->context.reset();
    delete s;
}
"#;

/// The whole file for a model with these ports, in the order of the table it fills.
pub(super) fn text(ports: &[VerilatedPort], trace: Trace, threads: usize) -> String {
    let mut s = format!(
        "#include \"{PREFIX}.h\"\n#include <cstdint>\n#include <memory>\n#include <stdexcept>\n#include <string>\n"
    );
    let class = match trace {
        Trace::None => "struct Trace {};",
        Trace::Vcd => "#include \"verilated_vcd_c.h\"\nusing Trace = VerilatedVcdC;",
        Trace::Fst => "#include \"verilated_fst_c.h\"\nusing Trace = VerilatedFstC;",
    };
    let traced = u32::from(trace != Trace::None);
    let _ = writeln!(
        s,
        "#define ABI {ABI}u\n#define TRACE {traced}\n#define THREADS {threads}\n{class}"
    );
    for p in ports {
        let _ = writeln!(
            s,
            "static_assert(sizeof(std::declval<{PREFIX}&>().{}) == {}, \"storage of port {}\");",
            p.member,
            storage_bytes(p.width),
            p.name
        );
    }
    let table: String = ports.iter().map(|p| format!("&s->top->{}, ", p.member)).collect();
    let _ = writeln!(s, "#define PORTS {table}");
    s.push_str(BODY);
    s
}
