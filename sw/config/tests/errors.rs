//! The exact text of every refusal.

use insta::assert_snapshot;
use skipopu_config::Config;

/// The `tiny` preset with one line replaced.
fn tiny_with(line: &str, replacement: &str) -> String {
    let text = Config::preset("tiny").unwrap().to_toml();
    assert!(text.contains(line), "{line} is not in the preset");
    let error = Config::from_toml_str(&text.replacen(line, replacement, 1));
    error.expect_err("the mutation is illegal").to_string()
}

#[test]
fn single_values() {
    assert_snapshot!(tiny_with("lanes = 8", "lanes = 7"), @"array.lanes = 7: must be a power of two because the adder tree is balanced (2 to 128)");
    assert_snapshot!(tiny_with("lanes = 8", "lanes = 256"), @"array.lanes = 256: out of range because a column's sums are sized for at least 2 and at most 128 products (2 to 128)");
    assert_snapshot!(tiny_with("lanes = 8", "lanes = -8"), @"array.lanes = -8: out of range because a column's sums are sized for at least 2 and at most 128 products (2 to 128)");
    assert_snapshot!(tiny_with("lanes = 8", "lanes = 8.0"), @"array.lanes = 8.0: must be a whole number (2 to 128)");
    assert_snapshot!(tiny_with("lanes = 8", "lanes = \"eight\""), @r#"array.lanes = "eight": must be a whole number (2 to 128)"#);
    assert_snapshot!(tiny_with("columns = 8", "columns = 0"), @"array.columns = 0: out of range because the nonlinear engine takes the results of at least 4 columns, and at most 256 share an activation slice (4 to 256)");
    assert_snapshot!(tiny_with("\"aligned\"", "\"bits21\""), @r#"array.accumulation = "bits21": must be a known word because each variant is a different adder ("bits22", "bits15", "dsp15" or "aligned")"#);
    assert_snapshot!(tiny_with("\"aligned\"", "22"), @r#"array.accumulation = 22: must be a quoted word ("bits22", "bits15", "dsp15" or "aligned")"#);
    assert_snapshot!(tiny_with("weight_bits = 4", "weight_bits = 5"), @"formats.weight_bits = 5: must be a supported width because weight tiles are packed at these widths (2, 3, 4 or 8)");
    assert_snapshot!(tiny_with("group = 32", "group = 48"), @"formats.group = 48: must be 0 or a power of two because a group must end where a slice of the reduction ends (0, or 8 to 1024)");
    assert_snapshot!(tiny_with("hbm_ports = 2", "hbm_ports = 33"), @"memory.hbm_ports = 33: out of range because the device has 32 pseudo-channels (1 to 32)");
    assert_snapshot!(tiny_with("name = \"tiny\"", "name = \"Tiny one\""), @r#"name = "Tiny one": must be a short plain name because it becomes part of file names and headers (1 to 32 of a-z, 0-9, `-` and `_`)"#);
}

#[test]
fn rules_between_fields() {
    assert_snapshot!(tiny_with("lanes = 8", "lanes = 64"), @"formats.group = 32: must be at least array.lanes = 64 because a slice of the reduction takes one scale (0, or 64 to 1024)");
    assert_snapshot!(tiny_with("ports = 1\n", "ports = 4\n"), @"kv_buffer.ports = 4: must be at most memory.hbm_ports = 2 because there is one bank per HBM port (powers of two up to 2)");
    assert_snapshot!(tiny_with("urams = 16", "urams = 24"), @"kv_buffer.urams = 24: must be 8 times a power of two per HBM port, of which there are 2, because a bank is 8 blocks wide and its depth a power of two (16, 32, 64, 128, 256, 512)");
    assert_snapshot!(tiny_with("ways = 4", "ways = 16"), @"npe.ways = 16: must be at most array.columns = 8 because a tile is made of the results of different columns (4 to 8)");
    let u280 = Config::preset("u280").unwrap().to_toml();
    let wide = u280.replace("kv_bits = 17", "kv_bits = 25");
    assert_snapshot!(Config::from_toml_str(&wide).unwrap_err(), @"array.aligned_kv_bits = 25: must be at most 24 while array.aligned_act_bits = 17 because the sum of 64 products and its sign have to fit the 48-bit accumulator of the DSP (11 to 24)");
}

#[test]
fn names_and_syntax() {
    assert_snapshot!(tiny_with("lanes = 8", "lane = 8"), @"<text>: unknown field `array.lane`, the nearest legal name is `array.lanes`");
    assert_snapshot!(tiny_with("[array]", "[arry]"), @"<text>: unknown field `arry`, the nearest legal name is `array`");
    assert_snapshot!(tiny_with("lanes = 8", ""), @"<text>: missing field `array.lanes`, add it with a value of the legal range (2 to 128)");
    assert_snapshot!(tiny_with("lanes = 8", "lanes 8"), @"<text>, line 4: not valid TOML: key with no value, expected `=`");
    assert_snapshot!(Config::from_toml_str("array = 3").unwrap_err(), @"<text>: `array` is not a section, write it as `[array]`");
}

#[test]
fn files_and_presets() {
    assert_snapshot!(Config::preset("u820").unwrap_err(), @"no configuration `u820`: give a TOML file or one of the presets tiny, cosim, u280, u280-paper, the nearest is `u280`");
    assert_snapshot!(Config::resolve("no/such.toml").unwrap_err(), @"cannot read the configuration file no/such.toml: No such file or directory (os error 2)");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let text = Config::preset("tiny").unwrap().to_toml().replace("columns", "colums");
    std::fs::write(&path, text).unwrap();
    let error = Config::load(&path).unwrap_err().to_string();
    let relative = error.replace(&folder.path().display().to_string(), "DIR");
    assert_snapshot!(relative, @"DIR/mine.toml: unknown field `array.colums`, the nearest legal name is `array.columns`");
}
