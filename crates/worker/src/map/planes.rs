//! Points of the plane of every frame, rotated so that frames can be compared.

use std::{cell::RefCell, collections::BTreeMap};

use js_sys::Float32Array;

/// Coordinates of the samples in the plane of one frame.
type Points = Vec<[f64; 2]>;

/// The planes of the measured frames, by checkpoint.
#[derive(Default)]
pub struct Planes {
    points: RefCell<BTreeMap<usize, Points>>,
}

impl Planes {
    /// Whether the plane of a checkpoint is known.
    pub fn contains(&self, checkpoint: usize) -> bool {
        self.points.borrow().contains_key(&checkpoint)
    }

    /// Adds the plane of a checkpoint, rotated towards the nearest known one. Returns its points.
    pub fn insert(&self, checkpoint: usize, mut points: Points) -> Float32Array {
        let mut planes = self.points.borrow_mut();
        let nearest = planes.keys().copied().filter(|&at| at != checkpoint);
        let nearest = nearest.min_by_key(|at| at.abs_diff(checkpoint));
        if let Some(goal) = nearest.and_then(|at| planes.get(&at)) {
            pathway::turn_towards(&mut points, goal);
        }
        let array = array(&points);
        planes.insert(checkpoint, points);
        array
    }

    /// Rotates every plane towards the next one, from the last one back, and returns the points of
    /// each. The result does not depend on the order in which frames were measured. None while
    /// fewer than `checkpoints` planes are known.
    pub fn align(&self, checkpoints: usize) -> Option<Vec<Float32Array>> {
        let mut planes = self.points.borrow_mut();
        if planes.len() < checkpoints {
            return None;
        }
        let mut next: Option<Points> = None;
        for points in planes.values_mut().rev() {
            match &next {
                Some(next) => pathway::turn_towards(points, next),
                None => center(points),
            }
            next = Some(points.clone());
        }
        Some(planes.values().map(|points| array(points)).collect())
    }
}

/// Moves the mean of the last plane, which has no next one, to the origin.
fn center(points: &mut [[f64; 2]]) {
    let goal = points.to_vec();
    pathway::turn_towards(points, &goal);
}

/// Alternating x and y.
fn array(points: &[[f64; 2]]) -> Float32Array {
    let flat: Vec<f32> = points.iter().flatten().map(|&x| x as f32).collect();
    Float32Array::from(&flat[..])
}
