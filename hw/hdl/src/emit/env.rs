//! Loop variables, and the index arithmetic on them that rust-hdl leaves as text.

use std::fmt::Write as _;

/// Loop variables in scope, innermost last.
#[derive(Default)]
pub struct Env(Vec<(String, i64)>);

impl Env {
    /// Enters a loop: its variable has a value until [`Env::leave`].
    pub fn enter(&mut self, name: &str, value: i64) {
        self.0.push((name.to_string(), value));
    }

    /// Leaves the innermost loop.
    pub fn leave(&mut self) {
        self.0.pop();
    }

    /// The value of a loop variable.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.0.iter().rev().find(|v| v.0 == name).map(|v| v.1)
    }

    /// `self.a[i + 1].b.next` as rust-hdl prints it becomes `a$2$b`.
    pub fn resolve(&self, name: &str, problems: &mut Vec<String>) -> String {
        let mut out = String::with_capacity(name.len());
        let mut rest = name.strip_prefix('.').unwrap_or(name);
        while let Some(open) = rest.find('[') {
            out += &rest[..open];
            let close = matching_bracket(&rest[open..]).map_or(rest.len() - 1, |n| open + n);
            match self.evaluate(&rest[open + 1..close]) {
                Some(v) => write!(out, "${v}").expect("writing to a string"),
                None => {
                    problems.push(format!(
                        "the index of `{}` is not a number at elaboration; a const generic, a field or a hardware value cannot index an array here",
                        name.replace('$', ".")
                    ));
                    out += "$0";
                }
            }
            rest = rest.get(close + 1..).unwrap_or("");
        }
        out += rest;
        let out = out.replace("::", "$").replace('.', "$");
        out.strip_suffix("$next").map(str::to_string).unwrap_or(out)
    }

    fn evaluate(&self, text: &str) -> Option<i64> {
        let mut p = Arithmetic { text: text.as_bytes(), at: 0, env: self };
        let v = p.sum()?;
        (p.at == text.len()).then_some(v)
    }
}

fn matching_bracket(s: &str) -> Option<usize> {
    let mut depth = 0;
    for (i, c) in s.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(i);
        }
    }
    None
}

/// Index arithmetic on loop variables: `+ - * / %` and parentheses.
struct Arithmetic<'a> {
    text: &'a [u8],
    at: usize,
    env: &'a Env,
}

impl Arithmetic<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn sum(&mut self) -> Option<i64> {
        let mut v = self.product()?;
        while let Some(op @ (b'+' | b'-')) = self.peek() {
            self.at += 1;
            let r = self.product()?;
            v = if op == b'+' { v.checked_add(r)? } else { v.checked_sub(r)? };
        }
        Some(v)
    }

    fn product(&mut self) -> Option<i64> {
        let mut v = self.primary()?;
        while let Some(op @ (b'*' | b'/' | b'%')) = self.peek() {
            self.at += 1;
            let r = self.primary()?;
            v = match op {
                b'*' => v.checked_mul(r)?,
                b'/' => v.checked_div(r)?,
                _ => v.checked_rem(r)?,
            };
        }
        Some(v)
    }

    fn primary(&mut self) -> Option<i64> {
        match self.peek()? {
            b'(' => {
                self.at += 1;
                let v = self.sum()?;
                (self.peek()? == b')').then(|| self.at += 1)?;
                Some(v)
            }
            b'-' => {
                self.at += 1;
                Some(-self.primary()?)
            }
            _ => {
                let start = self.at;
                while self
                    .text
                    .get(self.at)
                    .is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_')
                {
                    self.at += 1;
                }
                let word = std::str::from_utf8(&self.text[start..self.at]).ok()?;
                match word.as_bytes().first()? {
                    b'0'..=b'9' => rust_integer(word).map(|v| v as i64),
                    _ => self.env.number(word),
                }
            }
        }
    }
}

/// A Rust integer literal: any base, underscores, type suffix.
pub fn rust_integer(text: &str) -> Option<u64> {
    let t = text.replace('_', "");
    let t = ["usize", "u128", "u64", "u32", "u16", "u8", "i64", "i32"]
        .iter()
        .find_map(|s| t.strip_suffix(s))
        .unwrap_or(&t);
    match t.get(..2) {
        Some("0x") => u64::from_str_radix(&t[2..], 16).ok(),
        Some("0b") => u64::from_str_radix(&t[2..], 2).ok(),
        Some("0o") => u64::from_str_radix(&t[2..], 8).ok(),
        _ => t.parse().ok(),
    }
}
