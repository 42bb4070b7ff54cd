//! Constants for the routers, once they are trained.
//!
//! The noise of training leaves decisions of inference a little apart from those trained with, and straight-through
//! gradients leave routers whose skipping has different prices. So inference is measured, with constants added to the routers'
//! logits.

use crate::Held;

/// How far a router's constant may be moved.
const MOVES: [f64; 5] = [-0.05, 0.05, 0.1, 0.2, 0.4];
/// The largest common constant of either sign, and times that the interval is halved.
const LARGEST: f64 = 1.0;
const HALVINGS: usize = 11;
/// Common constant of either sign that shows the price.
const APART: f64 = 0.03;

/// Measurements that [`constants`] makes for so many routers.
pub const fn measurements(routers: usize) -> usize {
    2 * HALVINGS + 3 + routers * MOVES.len()
}

/// A constant for each of so many routers, with which inference skips what is `wanted`, or what is nearest to it, at little
/// loss; `measure` says what it does with some.
///
/// A common constant makes the part right. There the loss that a little more of it costs by what it skips more is the
/// price. Each router in turn moves to where its loss, less what it skips at that price, is least. Then another common
/// constant makes the part right again.
///
/// # Errors
/// Those of `measure`.
pub fn constants<E>(
    routers: usize,
    wanted: f64,
    mut measure: impl FnMut(&[f64]) -> Result<Held, E>,
) -> Result<Vec<f64>, E> {
    let mut all = level(&vec![0.0; routers], wanted, &mut measure)?;
    let (more, less) = (measure(&moved(&all, -APART))?, measure(&moved(&all, APART))?);
    let price = (more.loss - less.loss) / (more.skip - less.skip);
    // Where skipping costs nothing, routers move to the least loss.
    let price = if price.is_finite() { price.max(0.0) } else { 0.0 };
    let spent = |held: Held| held.loss - price * held.skip;
    let mut least = spent(measure(&all)?);
    for r in 0..routers {
        let begin = all[r];
        let mut best = begin;
        for by in MOVES {
            all[r] = begin + by;
            let spent = spent(measure(&all)?);
            if spent < least {
                (least, best) = (spent, all[r]);
            }
        }
        all[r] = best;
    }
    level(&all, wanted, &mut measure)
}

fn moved(all: &[f64], by: f64) -> Vec<f64> {
    all.iter().map(|one| one + by).collect()
}

/// The constants, moved together to where the part is right.
fn level<E>(
    all: &[f64],
    wanted: f64,
    measure: &mut impl FnMut(&[f64]) -> Result<Held, E>,
) -> Result<Vec<f64>, E> {
    let (mut low, mut high) = (-LARGEST, LARGEST);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        // More runs where constants are larger.
        let more = measure(&moved(all, middle))?.skip > wanted;
        *(if more { &mut low } else { &mut high }) = middle;
    }
    Ok(moved(all, 0.5 * (low + high)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn routers_that_skip_dearly_leave_it_to_those_that_skip_cheaply() {
        // Each router skips less of its tokens the larger its constant is, and each token skipped costs more than the one
        // before.
        let prices = [0.1, 0.5];
        let skips = |c: f64| 0.5 - 0.4 * c;
        let mut measured = 0;
        let mut inference = |all: &[f64]| {
            measured += 1;
            let loss = all.iter().zip(prices).map(|(c, p)| p * skips(*c).powi(2)).sum();
            let skip = all.iter().map(|c| skips(*c)).sum::<f64>() / 2.0;
            Ok::<_, Infallible>(Held { loss, skip, kv: 0.0 })
        };
        let wanted = 0.52;
        let all = constants(2, wanted, &mut inference).unwrap();
        let (found, plain) = (inference(&all).unwrap(), inference(&[-0.05; 2]).unwrap());
        assert!((found.skip - wanted).abs() < 1e-3 && (plain.skip - wanted).abs() < 1e-9);
        assert!(all[0] < -0.1 && all[1] > 0.1, "{all:?}");
        assert!(found.loss < 0.9 * plain.loss, "{found:?} {plain:?}");
        assert_eq!(measured, measurements(2) + 2);
    }

    #[test]
    fn what_cannot_be_reached_is_approached() {
        let all = constants(3, 0.9, |all| {
            let skip = if all[0] < 0.25 { 0.3 } else { 0.1 };
            Ok::<_, Infallible>(Held { loss: 1.0, skip, kv: 0.0 })
        });
        assert!(all.unwrap()[0] < 0.25);
    }
}
