//! Training a small random model.

use skipopu_forward::{Network, Skipping, F32};
use skipopu_model::{synthetic, Adapter, Model, Placement, Projection};
use skipopu_quant::rtn;
use skipopu_train::{Plan, Rounding, Stage, TrainError, Trainer};
use std::path::Path;

const TARGETS: Stage = Stage {
    steps: 0,
    words: 300,
    tails: false,
    skip: 0.3,
    kv: 0.2,
    router_rate: 1e-3,
    weight_rate: 4e-3,
    noise: [0.1, 0.0],
};

fn plan(placement: Placement) -> Plan {
    Plan {
        texts: 116,
        held: 16,
        length: 24,
        batch: 4,
        top: 300,
        placement,
        routers: Stage {
            steps: 120,
            router_rate: 2e-2,
            weight_rate: 0.0,
            noise: [1.0, 0.1],
            ..TARGETS
        },
        repair: Stage { steps: 140, ..TARGETS },
        settling: Stage { steps: 0, ..TARGETS },
        rounding: Rounding { steps: 0, bits: 4, group: 16 },
        calibrated: false,
        ..Plan::default()
    }
}

fn model() -> Model {
    synthetic::model(synthetic::spec(), 11, true)
}

fn trainer(model: &Model, plan: &Plan, cache: &Path) -> Trainer {
    Trainer::new(model, plan.clone(), (1, &[2]), cache, |_, _| ()).unwrap()
}

/// Every bit of an adapter.
fn bits(adapter: &Adapter) -> Vec<u8> {
    let routers = adapter.routers.named().map(|(_, t)| t.bytes().to_vec());
    let changes =
        adapter.changes.values().map(|c| [c.codes().bytes(), c.scales().bytes()].concat());
    let norms = adapter.norms.values().map(|v| v.iter().flat_map(|v| v.to_le_bytes()).collect());
    routers.chain(changes).chain(norms).collect::<Vec<Vec<u8>>>().concat()
}

#[test]
fn targets_are_reached_and_the_weights_are_repaired() {
    println!("seed 11");
    let model = model();
    for placement in [Placement::PreAttention, Placement::OwnInput] {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(placement);
        let mut trainer = trainer(&model, &plan, folder.path());
        trainer.run(plan.routers.steps, |_| ()).unwrap();
        let before = trainer.held().unwrap();
        assert!(before.skip > 0.2 && before.kv > 0.1, "{before:?}");
        let routers = trainer.adapter().unwrap();
        assert!(routers.changes.is_empty() && routers.norms.is_empty());
        trainer.run(plan.steps(), |_| ()).unwrap();
        let after = trainer.held().unwrap();
        assert!((after.skip - plan.repair.skip).abs() < 0.08, "{after:?}");
        assert!(after.loss < 0.8 * before.loss, "{before:?} {after:?}");
        assert_eq!(trainer.history().points.len(), plan.steps());
        assert!(trainer.history().points.last().unwrap().held.is_some());
    }
}

#[test]
fn what_was_trained_is_what_the_forward_pass_computes() {
    let model = model();
    let mut compared = 0;
    for placement in [Placement::PreAttention, Placement::OwnInput] {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(placement);
        let mut trainer = trainer(&model, &plan, folder.path());
        trainer.run(plan.steps() - 30, |_| ()).unwrap();
        let path = folder.path().join("adapter");
        trainer.adapter().unwrap().write(&path).unwrap();
        let adapter = Adapter::read(&path).unwrap();
        assert_eq!(bits(&adapter), bits(&trainer.adapter().unwrap()));
        let trained = adapter.apply(&model, &path).unwrap();
        assert_eq!(adapter.changes.len(), 7 * model.spec.layers);
        let network = Network::new(F32, &trained, Skipping::KvReuse).unwrap();
        let mut stats = network.stats();
        for text in trainer.texts_apart() {
            let hidden = network.hidden(text, &mut network.cache(), &mut stats).unwrap();
            compared += hidden.count();
        }
        let held = trainer.held().unwrap();
        // Changes are rounded to 8 bits: a decision may turn here and there.
        assert!((stats.skip_rate() - held.skip).abs() < 0.01, "{} {held:?}", stats.skip_rate());
        assert!((stats.kv_saved() - held.kv).abs() < 0.01, "{} {held:?}", stats.kv_saved());
        let query = trained.layers[1].get(Projection::Query).to_f32();
        assert_ne!(query, model.layers[1].get(Projection::Query).to_f32());
    }
    assert_eq!(compared, 2 * 16 * 24);
}

#[test]
fn rounded_weights_are_on_their_grid_and_lose_nothing_when_quantised() {
    let model = model();
    let folder = tempfile::tempdir().unwrap();
    let rounding = Rounding { steps: 60, bits: 4, group: 16 };
    let plan = Plan { rounding, ..plan(Placement::PreAttention) };
    let path = Path::new("adapter");
    let mut trainer = trainer(&model, &plan, folder.path());
    let mut errors = [0.0; 2];
    for (error, until) in errors.iter_mut().zip([plan.steps() - 60, plan.steps()]) {
        trainer.run(until, |_| ()).unwrap();
        let trained = trainer.adapter().unwrap().apply(&model, path).unwrap();
        let mut power = 0.0;
        for (_, matrix) in trained.matrices().filter(|(name, _)| name.contains("layers")) {
            let (values, (_, cols)) = (matrix.to_f32(), matrix.shape());
            let rounded = rtn(&values, cols, 4, 16).to_f32();
            let pairs = values.iter().zip(&rounded);
            *error += pairs.map(|(a, b)| f64::from((a - b) * (a - b))).sum::<f64>();
            power += values.iter().map(|v| f64::from(v * v)).sum::<f64>();
        }
        *error = (*error / power).sqrt();
    }
    // What is left is that an adapter keeps changes in 8 bits, and the scales that round to nearest tries.
    assert!(errors[0] > 0.05 && errors[1] < 0.3 * errors[0], "{errors:?}");
}

#[test]
fn routers_are_calibrated_to_what_inference_is_to_skip() {
    let model = model();
    let [trained, calibrated] = [false, true].map(|calibrated| {
        let folder = tempfile::tempdir().unwrap();
        // Too little time for the new target.
        let settling = Stage { steps: 4, skip: 0.4, ..TARGETS };
        let plan = Plan { settling, calibrated, ..plan(Placement::PreAttention) };
        let mut trainer = trainer(&model, &plan, folder.path());
        trainer.run(plan.steps(), |_| ()).unwrap();
        let mut heard = trainer.to_calibrate();
        assert_eq!(heard > 0, calibrated);
        trainer.calibrate(|| heard -= 1).unwrap();
        assert_eq!((heard, trainer.to_calibrate()), (0, 0));
        let trained = trainer.adapter().unwrap().apply(&model, Path::new("adapter")).unwrap();
        let network = Network::new(F32, &trained, Skipping::KvReuse).unwrap();
        let mut stats = network.stats();
        for text in trainer.texts().take(64) {
            network.hidden(text, &mut network.cache(), &mut stats).unwrap();
        }
        stats.skip_rate()
    });
    assert!((calibrated - 0.4).abs() < 0.01, "{trained} {calibrated}");
    assert!((trained - 0.4).abs() > 0.02, "{trained}");
}

#[test]
fn an_interrupted_run_ends_in_the_same_bits() {
    let model = model();
    let plan = Plan {
        top: 40,
        routers: Stage { steps: 25, ..plan(Placement::PreAttention).routers },
        repair: Stage { steps: 15, ..TARGETS },
        settling: Stage { steps: 10, words: 250, tails: true, ..TARGETS },
        rounding: Rounding { steps: 15, ..plan(Placement::PreAttention).rounding },
        calibrated: true,
        ..plan(Placement::PreAttention)
    };
    let [whole, parts] = [0, 1].map(|_| tempfile::tempdir().unwrap());
    let mut one = trainer(&model, &plan, whole.path());
    one.run(usize::MAX, |_| ()).unwrap();
    one.calibrate(|| ()).unwrap();
    for until in [7, 30, 50] {
        let mut part = trainer(&model, &plan, parts.path());
        part.run(until, |_| ()).unwrap();
        assert_eq!(part.done(), until);
    }
    trainer(&model, &plan, parts.path()).calibrate(|| ()).unwrap();
    let two = trainer(&model, &plan, parts.path());
    assert_eq!((two.done(), two.to_calibrate()), (50, 0), "nothing is left to do");
    assert_eq!(bits(&one.adapter().unwrap()), bits(&two.adapter().unwrap()));
    assert_eq!(one.history().points.len(), two.history().points.len());
    // Another seed is another run.
    let other = Plan { seed: 1, ..plan };
    let mut other = trainer(&model, &other, parts.path());
    assert_eq!(other.done(), 0);
    other.run(50, |_| ()).unwrap();
    assert_ne!(bits(&one.adapter().unwrap()), bits(&other.adapter().unwrap()));
}

#[test]
fn impossible_plans_are_one_sentence() {
    let model = model();
    let folder = tempfile::tempdir().unwrap();
    let refused = |plan: Plan| {
        let result = Trainer::new(&model, plan, (1, &[2]), folder.path(), |_, _| ());
        match result {
            Err(TrainError::Plan(text)) => text,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("accepted"),
        }
    };
    let good = || plan(Placement::OwnInput);
    assert!(refused(Plan { texts: 7, ..good() }).contains("too few"));
    assert!(refused(Plan { length: 97, ..good() }).contains("context of 96"));
    assert!(refused(Plan { top: 0, ..good() }).contains("tokens to distil"));
    let greedy = Stage { kv: 0.7, ..good().repair };
    assert!(refused(Plan { repair: greedy, ..good() }).contains("0.667"));
    let unclear = Stage { skip: f64::NAN, ..good().settling };
    assert!(refused(Plan { settling: unclear, ..good() }).contains("skip"));
    let wild = Stage { router_rate: -1.0, ..good().routers };
    assert!(refused(Plan { routers: wild, ..good() }).contains("rates"));
    let endless = Stage { steps: usize::MAX, ..good().repair };
    assert!(refused(Plan { repair: endless, ..good() }).contains("steps"));
    let long = Rounding { steps: 141, ..good().rounding };
    assert!(refused(Plan { rounding: long, ..good() }).contains("141 of the 140"));
    let five = Rounding { bits: 5, ..good().rounding };
    assert!(refused(Plan { rounding: five, ..good() }).contains("5 bits"));
}
