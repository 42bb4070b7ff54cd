//! Training interrupted: everything that the next step depends on.

use crate::parameters::Parameters;
use crate::store::Store;
use crate::target::Multipliers;
use crate::{Adam, History, Moments, TrainError};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What is beside the arrays.
#[derive(Serialize, Deserialize)]
struct Note {
    step: usize,
    multipliers: Multipliers,
    history: History,
    calibrated: bool,
    counts: std::collections::BTreeMap<String, u32>,
}

/// State besides the parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Steps done.
    pub step: usize,
    /// The constraints'.
    pub multipliers: Multipliers,
    /// The optimiser's.
    pub adam: Adam,
    /// The curve.
    pub history: History,
    /// Whether the routers have their constants.
    pub calibrated: bool,
}

/// Writes a checkpoint.
///
/// # Errors
/// A file that cannot be written.
pub fn write(path: &Path, parameters: &Parameters, state: &State) -> Result<(), TrainError> {
    let note = Note {
        step: state.step,
        multipliers: state.multipliers,
        history: state.history.clone(),
        calibrated: state.calibrated,
        counts: state.adam.moments.iter().map(|(n, m)| (n.clone(), m.steps)).collect(),
    };
    let mut store =
        Store { note: serde_json::to_string(&note).expect("plain data"), ..Store::default() };
    for (name, _, var) in parameters.iter() {
        store.numbers.insert(format!("value.{name}"), crate::ops::values(var)?);
    }
    for (name, moments) in &state.adam.moments {
        store.numbers.insert(format!("first.{name}"), moments.first.clone());
        store.numbers.insert(format!("second.{name}"), moments.second.clone());
    }
    store.write(path)
}

/// Reads a checkpoint into the parameters; none when there is none that fits.
///
/// # Errors
/// Of the tensor library.
pub fn read(path: &Path, parameters: &Parameters) -> Result<Option<State>, TrainError> {
    let Some(mut store) = Store::read(path) else { return Ok(None) };
    let Ok(note) = serde_json::from_str::<Note>(&store.note) else { return Ok(None) };
    let mut state = State {
        step: note.step,
        multipliers: note.multipliers,
        history: note.history,
        calibrated: note.calibrated,
        adam: Adam::default(),
    };
    let mut found = Vec::new();
    for (name, _, var) in parameters.iter() {
        match store.numbers.remove(&format!("value.{name}")) {
            Some(values) if values.len() == var.elem_count() => found.push((var, values)),
            _ => return Ok(None),
        }
        let mut moments = |kind: &str| {
            let moments = store.numbers.remove(&format!("{kind}.{name}"));
            moments.filter(|m| m.len() == var.elem_count())
        };
        let steps = note.counts.get(name).copied();
        if let (Some(first), Some(second), Some(steps)) =
            (moments("first"), moments("second"), steps)
        {
            state.adam.moments.insert(name.clone(), Moments { first, second, steps });
        }
    }
    for (var, values) in found {
        var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu)?)?;
    }
    Ok(Some(state))
}
