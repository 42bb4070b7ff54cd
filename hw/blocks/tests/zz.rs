mod common;
use common::{cells, design_of};
use skipopu_config::Config;
use skipopu_hw::pe_array::aligned::*;
#[test]
fn m() {
    let s = AlignedShape::of(&Config::resolve("u280").unwrap());
    cells(&design_of(Box::new(Aligner::new(s, Role::Activations).unwrap()), "ala").1);
    cells(&design_of(Box::new(Aligner::new(s, Role::Weights).unwrap()), "alw").1);
    cells(&design_of(Box::new(BlockConverter::new(s, Role::Activations).unwrap()), "converter").1);
}
