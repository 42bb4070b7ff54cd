//! Reference dot products per second, 64 lanes, every variant and mode.

use criterion::{Criterion, Throughput};
use skipopu_reference::pe::mac::{self, Subnormals};
use skipopu_reference::pe::study::{Sampler, Values, Weights};
use skipopu_reference::pe::{dot_fp16, dot_int4, AlignedWidths, Format, Variant};
use std::hint::black_box;

const LANES: usize = 64;
const DOTS: usize = 256;

fn dots(c: &mut Criterion) {
    let mut sampler = Sampler::new(0);
    let (mut a, mut b, mut w) =
        (vec![0; LANES * DOTS], vec![0; LANES * DOTS], vec![0; LANES * DOTS]);
    sampler.values(Values::Normal, &mut a);
    sampler.values(Values::Normal, &mut b);
    sampler.weights(Weights::Uniform, &mut w);
    let variants = [
        ("bits22", Variant::Bits22),
        ("bits15", Variant::Bits15),
        ("dsp15", Variant::Dsp15),
        ("aligned", Variant::Aligned(AlignedWidths::default())),
    ];
    let mut group = c.benchmark_group("dot64");
    group.throughput(Throughput::Elements(DOTS as u64));
    for (name, variant) in variants {
        group.bench_function(format!("fp16/{name}"), |bench| {
            bench.iter(|| {
                for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
                    black_box(dot_fp16(variant, a, b, Format::Fp32).expect("legal operands"));
                }
            })
        });
        group.bench_function(format!("int4/{name}"), |bench| {
            bench.iter(|| {
                for (a, w) in a.chunks_exact(LANES).zip(w.chunks_exact(LANES)) {
                    black_box(dot_int4(variant, a, w, Format::Fp32).expect("legal operands"));
                }
            })
        });
    }
    group.bench_function("fp16/mac_baseline", |bench| {
        bench.iter(|| {
            for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
                black_box(mac::chain_fp16(a, b, Subnormals::Keep));
            }
        })
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    dots(&mut criterion);
    criterion.final_summary();
}
