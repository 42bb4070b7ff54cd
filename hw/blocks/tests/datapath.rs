//! Boxes around the array: emission, lint, and the same behaviour in Rust, Verilator and Icarus on random inputs.

mod common;

use common::Case;
use skipopu_config::Config;
use skipopu_hw::datapath::compute::{
    ComputeUnit, Feeder, ReadArbiter, Sink, SliceMemory, StepGenerator, Walker,
};
use skipopu_hw::datapath::front::{ArrayDriver, RouterLoader, ScaleBuffer, WeightLoader};
use skipopu_hw::datapath::load::{Boot, Crc32, DataLoader, LoadUnit, PortMux, WeightQueue};
use skipopu_hw::datapath::psum::{Drain, PartialSums, SumLane};
use skipopu_hw::datapath::store::{KvAdaptor, SliceReader, StoreUnit};
use skipopu_hw::datapath::DatapathShape;
use skipopu_hw::kv::delivery::{KvLoader, LaneMemory};
use skipopu_hw::kv::KvShape;

fn shape() -> DatapathShape {
    DatapathShape::of(&Config::preset("tiny").unwrap()).unwrap()
}

#[test]
fn memories() {
    let case = Case::new("slice_memory", || SliceMemory::new(&shape(), 16).unwrap());
    case.agree_on_random(400, |_| ());
    let case = Case::new("lane_memory", || LaneMemory::new(8).unwrap());
    case.agree_on_random(400, |_| ());
    let case = Case::new("lane_memory_wide", || LaneMemory::new(64).unwrap());
    case.agree_on_random(400, |_| ());
    let case = Case::new("read_arbiter", || ReadArbiter::new(4, 10).unwrap());
    case.agree_on_random(400, |_| ());
    let case = Case::new("scale_buffer", || ScaleBuffer::new(&shape()).unwrap());
    case.agree_on_random(200, |_| ());
}

#[test]
fn front() {
    let case = Case::new("weight_loader", || WeightLoader::new(&shape()).unwrap());
    case.agree_on_random(1000, |r| {
        r.often("reset", 0.005);
        r.often("used", 0.02);
    });
    let case = Case::new("router_loader", || RouterLoader::new(&shape()).unwrap());
    case.agree_on_random(1000, |r| r.often("reset", 0.005));
    let case = Case::new("array_driver", || ArrayDriver::new(&shape(), 20, 13).unwrap());
    case.agree_on_random(1000, |r| r.often("reset", 0.005));
    let case = Case::new("step_generator", || StepGenerator::new(&shape()).unwrap());
    case.agree_on_random(1000, |r| {
        r.often("reset", 0.005);
        r.often("start", 0.05);
    });
}

#[test]
fn sums() {
    let case = Case::new("sum_lane", || SumLane::new().unwrap());
    case.agree_on_random(500, |_| ());
    let case = Case::new("drain", || Drain::new(&shape()).unwrap());
    case.agree_on_random(1000, |r| {
        r.often("reset", 0.005);
        r.often("ended", 0.02);
    });
    let case = Case::new("partial_sums", || PartialSums::new(&shape()).unwrap());
    case.agree_on_random(200, |r| r.often("reset", 0.005));
}

#[test]
fn tiles() {
    let case = Case::new("walker", || Walker::new(&shape()).unwrap());
    case.agree_on_random(1000, |r| {
        r.often("reset", 0.005);
        r.often("start", 0.05);
    });
    let case = Case::new("feeder", || Feeder::new(&shape()).unwrap());
    case.agree_on_random(1000, |r| r.often("reset", 0.005));
    let case = Case::new("sink", || Sink::new(&shape()).unwrap());
    case.agree_on_random(1000, |r| r.often("reset", 0.005));
}

#[test]
fn kv_loader() {
    let kv = KvShape::of(&Config::preset("tiny").unwrap()).unwrap();
    let case = Case::new("kv_loader", move || KvLoader::new(&shape(), &kv).unwrap());
    case.agree_on_random(600, |r| r.often("reset", 0.005));
}

#[test]
fn compute_unit() {
    let config = Config::preset("tiny").unwrap();
    let case = Case::new("compute_unit", move || ComputeUnit::new(&config).unwrap());
    println!("{} modules", case.design.modules.len());
}

#[test]
fn load() {
    let config = || Config::preset("tiny").unwrap();
    let case =
        Case::new("port_mux", move || PortMux::new(&KvShape::of(&config()).unwrap()).unwrap());
    case.agree_on_random(300, |_| ());
    let case = Case::new("crc32", Crc32::new);
    case.agree_on_random(300, |_| ());
    let case = Case::new("boot", || Boot::new(7, 4096).unwrap());
    case.agree_on_random(400, |r| r.often("start", 0.02));
    let case = Case::new("weight_queue", || WeightQueue::new(&shape()).unwrap());
    case.agree_on_random(600, |r| r.often("reset", 0.005));
    let case = Case::new("data_loader", move || DataLoader::new(&config()).unwrap());
    case.agree_on_random(600, |r| r.often("reset", 0.005));
    let case = Case::new("load_unit", move || LoadUnit::new(&config()).unwrap());
    case.agree_on_random(300, |r| r.often("reset", 0.005));
}

#[test]
fn store() {
    let config = || Config::preset("tiny").unwrap();
    let case = Case::new("slice_reader", || SliceReader::new(&shape(), 512).unwrap());
    case.agree_on_random(600, |r| r.often("reset", 0.005));
    let case = Case::new("store_unit", move || StoreUnit::new(&config()).unwrap());
    case.agree_on_random(600, |r| r.often("reset", 0.005));
    let case = Case::new("kv_adaptor", move || KvAdaptor::new(&config()).unwrap());
    case.agree_on_random(600, |r| {
        r.often("reset", 0.005);
        r.often("start", 0.01);
        r.often("end_", 0.01);
    });
}

#[test]
fn overlay() {
    // The hierarchy is deeper than a test's stack.
    let body = || {
        let config = Config::preset("tiny").unwrap();
        let case =
            Case::new("overlay", move || skipopu_hw::overlay::Overlay::new(&config).unwrap());
        println!("{} modules", case.design.modules.len());
    };
    std::thread::Builder::new().stack_size(1 << 28).spawn(body).unwrap().join().unwrap();
}
