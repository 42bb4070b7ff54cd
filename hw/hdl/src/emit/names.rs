//! Verilog identifiers: keywords, characters, uniqueness.

use std::collections::HashSet;

/// Reserved words of Verilog-2005 and SystemVerilog, which rust-hdl lets through as field names.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "accept_on", "alias", "always", "always_comb", "always_ff", "always_latch", "and", "assert", "assign", "assume",
    "automatic", "before", "begin", "bind", "bins", "binsof", "bit", "break", "buf", "bufif0", "bufif1", "byte",
    "case", "casex", "casez", "cell", "chandle", "checker", "class", "clocking", "cmos", "config", "const",
    "constraint", "context", "continue", "cover", "covergroup", "coverpoint", "cross", "deassign", "default",
    "defparam", "design", "disable", "dist", "do", "edge", "else", "end", "endcase", "endchecker", "endclass",
    "endclocking", "endconfig", "endfunction", "endgenerate", "endgroup", "endinterface", "endmodule", "endpackage",
    "endprimitive", "endprogram", "endproperty", "endsequence", "endspecify", "endtable", "endtask", "enum", "event",
    "eventually", "expect", "export", "extends", "extern", "final", "first_match", "for", "force", "foreach",
    "forever", "fork", "forkjoin", "function", "generate", "genvar", "global", "highz0", "highz1", "if", "iff",
    "ifnone", "ignore_bins", "illegal_bins", "implements", "implies", "import", "incdir", "include", "initial",
    "inout", "input", "inside", "instance", "int", "integer", "interconnect", "interface", "intersect", "join",
    "join_any", "join_none", "large", "let", "liblist", "library", "local", "localparam", "logic", "longint",
    "macromodule", "matches", "medium", "modport", "module", "nand", "negedge", "nettype", "new", "nexttime", "nmos",
    "nor", "noshowcancelled", "not", "notif0", "notif1", "null", "or", "output", "package", "packed", "parameter",
    "pmos", "posedge", "primitive", "priority", "program", "property", "protected", "pull0", "pull1", "pulldown",
    "pullup", "pulsestyle_ondetect", "pulsestyle_onevent", "pure", "rand", "randc", "randcase", "randsequence",
    "rcmos", "real", "realtime", "ref", "reg", "reject_on", "release", "repeat", "restrict", "return", "rnmos",
    "rpmos", "rtran", "rtranif0", "rtranif1", "s_always", "s_eventually", "s_nexttime", "s_until", "s_until_with",
    "scalared", "sequence", "shortint", "shortreal", "showcancelled", "signed", "small", "soft", "solve", "specify",
    "specparam", "static", "string", "strong", "strong0", "strong1", "struct", "super", "supply0", "supply1",
    "sync_accept_on", "sync_reject_on", "table", "tagged", "task", "this", "throughout", "time", "timeprecision",
    "timeunit", "tran", "tranif0", "tranif1", "tri", "tri0", "tri1", "triand", "trior", "trireg", "type", "typedef",
    "union", "unique", "unique0", "unsigned", "until", "until_with", "untyped", "use", "uwire", "var", "vectored",
    "virtual", "void", "wait", "wait_order", "wand", "weak", "weak0", "weak1", "while", "wildcard", "wire", "with",
    "within", "wor", "xnor", "xor",
];

/// Is it a reserved word?
pub fn is_keyword(s: &str) -> bool {
    KEYWORDS.binary_search(&s).is_ok()
}

fn clean(want: &str) -> String {
    // A Rust keyword as a field name, `r#in`, is the plain word in Verilog.
    let mut s: String = want
        .replace("r#", "")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' })
        .collect();
    if s.starts_with(|c: char| c.is_ascii_digit()) || s.is_empty() {
        s.insert(0, '_');
    }
    s
}

/// The identifier of a port or signal: `a$b` reads `a_b`, a reserved word gets a trailing `_`.
pub fn port(want: &str) -> String {
    let mut s = clean(want);
    if is_keyword(&s) {
        s.push('_');
    }
    s
}

/// Identifiers taken so far in one module.
#[derive(Default)]
pub struct Taken(HashSet<String>);

impl Taken {
    /// An identifier close to `want` that nothing else in the module has.
    pub fn fresh(&mut self, want: &str) -> String {
        let base = port(want);
        let mut s = base.clone();
        let mut k = 1;
        while !self.0.insert(s.clone()) {
            k += 1;
            s = format!("{base}_{k}");
        }
        s
    }
}

/// `crate::pe::Column<32, crate::Foo>` reads `Column_32_Foo`.
pub fn of_type(rust_type: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    let mut rest = rust_type;
    while !rest.is_empty() {
        let n = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
            .unwrap_or(rest.len());
        let last = rest[..n].rsplit("::").next().unwrap_or("");
        if !last.is_empty() {
            out.push(last);
        }
        rest = rest[n..].trim_start_matches(|c: char| !(c.is_alphanumeric() || c == '_'));
    }
    clean(&out.join("_"))
}

/// A module's name from its type and parameters, e.g. `Fifo_width16_depth32`. Named parameters stand
/// for the type's generic arguments.
pub fn of_module(rust_type: &str, parameters: &[(String, String)]) -> String {
    let generic = if parameters.is_empty() { None } else { rust_type.find('<') };
    let mut s = of_type(&rust_type[..generic.unwrap_or(rust_type.len())]);
    for (k, v) in parameters {
        s.push('_');
        s.push_str(&clean(&format!("{k}{v}")));
    }
    s
}

/// An instance path without its indices: `dsp$3` reads `dsp`.
pub fn without_index(inst: &str) -> String {
    let parts = inst.split('$').filter(|p| !p.chars().all(|c| c.is_ascii_digit()));
    clean(&parts.collect::<Vec<_>>().join("_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted_for_the_binary_search() {
        assert!(KEYWORDS.windows(2).all(|w| w[0] < w[1]));
        assert!(
            is_keyword("logic")
                && is_keyword("accept_on")
                && is_keyword("xor")
                && !is_keyword("logics")
        );
    }

    #[test]
    fn names_are_clean_and_unique() {
        let mut t = Taken::default();
        assert_eq!(t.fresh("col$3$y"), "col_3_y");
        assert_eq!(t.fresh("col_3_y"), "col_3_y_2");
        assert_eq!(t.fresh("begin"), "begin_");
        assert_eq!(t.fresh("0x"), "_0x");
        assert_eq!(t.fresh("skid$r#in$valid"), "skid_in_valid");
        assert_eq!(of_type("a::b::Column<32, a::Foo<3>>"), "Column_32_Foo_3");
        assert_eq!(of_module("a::Fifo", &[("width".into(), "16".into())]), "Fifo_width16");
        assert_eq!(without_index("dsp$3$x$0"), "dsp_x");
    }
}
