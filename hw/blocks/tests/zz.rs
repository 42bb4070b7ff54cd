mod common;
use common::{cells, design_of};
use skipopu_config::Config;
use skipopu_hw::pe_array::aligned::*;
#[test]
fn m() {
    let s = AlignedShape::of(&Config::resolve("u280").unwrap());
    let go = |b: Box<dyn skipopu_hdl::Dut>, n: &str| {
        let t = std::time::Instant::now();
        let d = design_of(b, n).1;
        std::fs::write(format!("/tmp/{n}.v"), d.text()).unwrap();
        println!("{n} emit {:?}", t.elapsed());
        cells(&d);
    };
    go(Box::new(AlignedColumn::new(s, Half::High).unwrap()), "column");
    go(
        Box::new(
            AlignedColumn::new(
                AlignedShape { format: skipopu_config::WideFormat::Fp16, ..s },
                Half::Low,
            )
            .unwrap(),
        ),
        "column16",
    );
    use skipopu_hw::pe_array::reconstruct::Reconstruct;
    go(Box::new(Reconstruct::new(s.upper()).unwrap()), "wide");
    go(Box::new(Reconstruct::new(s.lower()).unwrap()), "narrow");
}
