//! Reads back what Verilator wrote: the model's ports and the list of C++ files.

use skipopu_hdl::Dir;

/// A port as the Verilated class declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VerilatedPort {
    /// Name in the Verilog text.
    pub name: String,
    /// Name of the C++ member.
    pub member: String,
    /// Direction.
    pub dir: Dir,
    /// Bits.
    pub width: usize,
}

/// The ports in the text of the model's header.
///
/// They stand one per line as `VL_IN8(&name,msb,lsb);`, wide ones as `VL_INW(&name,msb,lsb,words);`.
pub(super) fn ports(header: &str) -> Vec<VerilatedPort> {
    header.lines().filter_map(|line| port(line.trim())).collect()
}

fn port(line: &str) -> Option<VerilatedPort> {
    let (kind, rest) = line.split_once("(&")?;
    let dir = if kind.starts_with("VL_INOUT") {
        Dir::InOut
    } else if kind.starts_with("VL_IN") {
        Dir::In
    } else if kind.starts_with("VL_OUT") {
        Dir::Out
    } else {
        return None;
    };
    let mut fields = rest.strip_suffix(");")?.split(',').map(str::trim);
    let member = fields.next()?;
    let msb: usize = fields.next()?.parse().ok()?;
    let lsb: usize = fields.next()?.parse().ok()?;
    Some(VerilatedPort {
        name: decode(member),
        member: member.to_string(),
        dir,
        width: msb.checked_sub(lsb)? + 1,
    })
}

/// Undoes Verilator's name encoding: `__SYM__` before a C++ keyword, `__0` and two hexadecimal digits
/// for a character that C++ does not allow (and for the second of two underscores).
fn decode(member: &str) -> String {
    let mut rest = member.strip_prefix("__SYM__").unwrap_or(member);
    let mut name = String::new();
    while let Some(c) = rest.chars().next() {
        let code = rest
            .strip_prefix("__0")
            .and_then(|r| r.get(..2))
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        match code {
            Some(code) => {
                name.push(char::from(code));
                rest = &rest[5..];
            }
            None => {
                name.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    name
}

/// The C++ files of one model, without extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sources {
    /// Evaluated in every cycle.
    pub fast: Vec<String>,
    /// Run once: construction, initial blocks, trace declarations.
    pub slow: Vec<String>,
    /// Verilator's run-time library.
    pub runtime: Vec<String>,
}

/// Parses the `<prefix>_classes.mk` file: `VM_... += \` followed by one name per line.
pub(super) fn sources(makefile: &str) -> Sources {
    let mut sources = Sources::default();
    let mut list: Option<&mut Vec<String>> = None;
    for line in makefile.lines() {
        let word = line.trim_end_matches('\\').trim();
        if let Some((variable, _)) = line.split_once("+=") {
            list = match variable.trim() {
                "VM_CLASSES_FAST" | "VM_SUPPORT_FAST" => Some(&mut sources.fast),
                "VM_CLASSES_SLOW" | "VM_SUPPORT_SLOW" => Some(&mut sources.slow),
                "VM_GLOBAL_FAST" | "VM_GLOBAL_SLOW" => Some(&mut sources.runtime),
                _ => None,
            };
        } else if word.is_empty() || !line.starts_with('\t') {
            list = None;
        } else if let Some(list) = &mut list {
            list.push(word.to_string());
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_every_class() {
        let header = "
    VL_IN8(&clk,0,0);
    VL_IN(&__SYM__delete,31,0);
    VL_INW(&in_a___05Fb,64,0,3);
    VL_OUT64(&y,63,0);
    VL_INOUT8(&pad,0,0);
    Vdut___024root* const rootp;";
        let found: Vec<(String, Dir, usize)> =
            ports(header).into_iter().map(|p| (p.name, p.dir, p.width)).collect();
        let want = [
            ("clk", Dir::In, 1),
            ("delete", Dir::In, 32),
            ("in_a__b", Dir::In, 65),
            ("y", Dir::Out, 64),
            ("pad", Dir::InOut, 1),
        ];
        assert_eq!(found, want.map(|(n, d, w)| (n.to_string(), d, w)));
    }

    #[test]
    fn file_lists() {
        let text = "VM_CLASSES_FAST += \\\n\tVdut \\\n\tVdut_0 \\\n\n# x\nVM_SUPPORT_SLOW += \\\n\tVdut__Syms \\\n\nVM_GLOBAL_FAST += \\\n\tverilated \\\n\n";
        let s = sources(text);
        assert_eq!(
            (s.fast, s.slow, s.runtime),
            (
                vec!["Vdut".into(), "Vdut_0".into()],
                vec!["Vdut__Syms".into()],
                vec!["verilated".into()]
            )
        );
    }
}
