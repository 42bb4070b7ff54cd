//! Laws over generated configurations.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use skipopu_config::fields::{Field, Kind, Rule, FIELDS};
use skipopu_config::{
    Accumulation, Array, Buffers, Clocks, Config, ConfigError, FloatFormat, Formats, KvBuffer,
    Memory, Npe, WideFormat,
};
use toml::{Table, Value};

prop_compose! {
    fn array()(lanes in 1u32..=7, columns in 4u32..=256, variant in 0usize..4, act in 11u32..=17, kv in 11u32..=26) -> Array {
        let kv = kv.min(47 - lanes - act);
        Array {
            lanes: 1 << lanes,
            columns,
            accumulation: Accumulation::ALL[variant],
            aligned_act_bits: act,
            aligned_kv_bits: kv,
        }
    }
}

prop_compose! {
    fn legal()(
        name in "[a-z0-9_-]{1,32}",
        array in array(),
        weight_bits in prop::sample::select(vec![2u32, 3, 4, 8]),
        group in prop::sample::select(vec![0u32, 128, 256, 512, 1024]),
        wide in any::<bool>(),
        hbm in (1u32..=32, 50u32..=450, 1u32..=2),
        bank_bits in 0u32..=4,
        depth in 0u32..=6,
        kv in (1u32..=8, 1u32..=14, 2u32..=128),
        npe in (2u32..=6, 4u32..=9, 4u32..=13, 4u32..=8),
        buffers in (0u32..=8, 4u32..=14, 0u32..=12, 0u32..=10),
        core_mhz in 50u32..=450,
    ) -> Config {
        let ways = 1 << npe.0.min(array.columns.ilog2());
        Config {
            name,
            array,
            formats: Formats {
                activation: FloatFormat::Fp16,
                weight_bits,
                scale: FloatFormat::Fp16,
                group,
                accumulate_out: if wide { WideFormat::Fp32 } else { WideFormat::Fp16 },
            },
            memory: Memory { hbm_ports: hbm.0, hbm_clock_mhz: hbm.1, ddr_channels: hbm.2 },
            kv_buffer: KvBuffer {
                ports: 1 << bank_bits.min(hbm.0.ilog2()),
                urams: (8 * hbm.0) << depth.min((960 / (8 * hbm.0)).ilog2()),
                slots: 1 << kv.0,
                context: 1 << kv.1,
                layers: kv.2,
            },
            npe: Npe {
                ways,
                rows: 1 << npe.1,
                rotation_tokens: 1 << npe.2,
                head_size: 1 << npe.3,
            },
            buffers: Buffers {
                rows: 1 << buffers.0,
                scratchpad_kib: 1 << buffers.1,
                operand_kib: 1 << buffers.2,
                constant_kib: 1 << buffers.3,
            },
            clocks: Clocks { core_mhz },
        }
    }
}

/// Values that the field alone must refuse.
fn illegal_values(field: &Field) -> Vec<Value> {
    match field.kind {
        Kind::Name(longest) => {
            vec!["".into(), "With Space".into(), "n".repeat(longest + 1).into(), 3i64.into()]
        }
        Kind::Word(_) => vec!["no-such-word".into(), "".into(), true.into()],
        Kind::Int(low, high, rule) => {
            let mut bad: Vec<Value> = vec![
                (low - 1).into(),
                (high + 1).into(),
                i64::MIN.into(),
                i64::MAX.into(),
                1.5.into(),
                "8".into(),
            ];
            bad.extend(match rule {
                Rule::Any => vec![],
                Rule::PowerOfTwo => vec![3i64.into(), 12i64.into()],
                Rule::ZeroOrPowerOfTwo(low) => vec![(low / 2).into(), (low + 1).into()],
                Rule::OneOf(values) => {
                    (low..=high).filter(|v| !values.contains(v)).map(Value::from).collect()
                }
            });
            bad
        }
    }
}

fn with(table: &Table, path: &str, value: Value) -> Table {
    let mut out = table.clone();
    match path.split_once('.') {
        Some((section, key)) => {
            out[section].as_table_mut().unwrap().insert(key.into(), value);
        }
        None => {
            out.insert(path.into(), value);
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, rng_seed: RngSeed::Fixed(0), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn legal_configurations_survive_toml(c in legal()) {
        c.validate().unwrap();
        prop_assert_eq!(&Config::from_toml_str(&c.to_toml()).unwrap(), &c);
    }

    #[test]
    fn an_illegal_value_is_refused_by_its_field(c in legal(), i in 0..FIELDS.len(), pick in any::<prop::sample::Index>()) {
        let field = &FIELDS[i];
        let bad = pick.get(&illegal_values(field)).clone();
        let table: Table = c.to_toml().parse().unwrap();
        let error = Config::from_toml_str(&with(&table, field.path, bad.clone()).to_string()).unwrap_err();
        match error {
            ConfigError::Illegal { field: named, value, range, .. } => {
                prop_assert_eq!(named, field.path);
                prop_assert_eq!(value, bad.to_string());
                prop_assert_eq!(range, field.range());
            }
            other => prop_assert!(false, "{} = {bad}: {other}", field.path),
        }
    }

    #[test]
    fn the_hash_sees_every_parameter_but_the_name(a in legal(), b in legal()) {
        let renamed = Config { name: "another".into(), ..a.clone() };
        prop_assert_eq!(renamed.hash(), a.hash());
        let same = Config { name: a.name.clone(), ..b.clone() } == a;
        prop_assert_eq!(a.hash() == b.hash(), same);
    }
}

#[test]
fn the_table_lists_exactly_the_fields_of_the_structure() {
    let table: Table = Config::preset("tiny").unwrap().to_toml().parse().unwrap();
    let mut paths = Vec::new();
    for (key, value) in &table {
        match value.as_table() {
            Some(section) => paths.extend(section.keys().map(|k| format!("{key}.{k}"))),
            None => paths.push(key.clone()),
        }
    }
    let mut listed: Vec<_> = FIELDS.iter().map(|f| f.path).collect();
    paths.sort();
    listed.sort();
    assert_eq!(paths, listed);
}

#[test]
fn presets_are_legal_and_have_the_names_and_sizes_they_claim() {
    let sizes = [("tiny", 8, 8), ("cosim", 16, 16), ("u280", 64, 128), ("u280-paper", 64, 128)];
    assert_eq!(skipopu_config::presets::names(), sizes.map(|s| s.0));
    for (name, lanes, columns) in sizes {
        let c = Config::preset(name).unwrap();
        assert_eq!((c.name.as_str(), c.array.lanes, c.array.columns), (name, lanes, columns));
    }
    let [u280, paper] = ["u280", "u280-paper"].map(|n| Config::preset(n).unwrap());
    assert_eq!(u280.array.accumulation, Accumulation::Aligned);
    assert_eq!(paper.array.accumulation, Accumulation::Dsp15);
    assert_eq!(u280.hbm_bytes_per_core_cycle(), 2048.0);
    assert_eq!(u280.products_per_cycle(), 8192);
    assert_eq!(u280.kv_buffer_bytes(), 16 << 20);
}

#[test]
fn the_hash_is_stable() {
    // Printed in headers of emitted files: a change here invalidates every bitstream in use.
    assert_eq!(Config::preset("tiny").unwrap().hash(), "bce9b95f92dc1a89");
}

#[test]
fn the_reference_page_is_current() {
    let page = include_str!("../../../docs/configuration.md");
    let table = skipopu_config::fields::markdown();
    assert!(page.contains(&table), "docs/configuration.md: replace the table by the output of `skipopu config fields`:\n{table}");
}
