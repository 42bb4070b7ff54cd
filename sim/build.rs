//! Passes the target triple on to the crate, which drives a C++ compiler at run time.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = std::env::var("TARGET").expect("cargo sets TARGET for build scripts");
    println!("cargo:rustc-env=SKIPOPU_TARGET={target}");
}
