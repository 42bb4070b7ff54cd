//! The DMA.

mod common;

use common::Case;
use skipopu_hw::dma::{
    BurstSplitter, ChunkAligner, DmaEngine, DmaOptions, FaultLatch, ReadMaster, WriteMaster,
};

#[test]
fn lint() {
    let o = DmaOptions::hbm();
    let a = Case::new("burst_splitter", || BurstSplitter::new(&DmaOptions::hbm()).unwrap());
    a.agree_on_random(500, |r| r.often("reset", 0.02));
    let a = Case::new("fault_latch", || FaultLatch::new(&DmaOptions::hbm()).unwrap());
    a.agree_on_random(500, |r| r.often("reset", 0.02));
    let c = Case::new("read_master", || ReadMaster::new(&DmaOptions::hbm()).unwrap());
    println!("{}", c.synthesised().table().text());
    let c = Case::new("write_master", || WriteMaster::new(&DmaOptions::hbm()).unwrap());
    println!("{}", c.synthesised().table().text());
    let c = Case::new("dma_engine", || DmaEngine::new(2, &DmaOptions::ddr()).unwrap());
    println!("{}", c.synthesised().table().text());
    let c = Case::new("aligner", || ChunkAligner::new(3, 10).unwrap());
    c.agree_on_random(500, |r| r.often("reset", 0.02));
    let _ = o;
}
