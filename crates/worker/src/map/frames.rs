//! The order and the frames of a map, posted one after the other.

use figures::map_sheet;
use js_sys::{Float32Array, Uint16Array, Uint32Array};
use protocol::{Event, MapRequest};
use report::{
    Error,
    map::{MapFrame, MapOrder},
};
use wasm_bindgen::JsValue;

use super::{progress::MapProgress, session::MapSession};
use crate::post::post_with_arrays;

/// Measures a map: posts its order, and the frames that the page does not have.
///
/// # Errors
/// What the analysis fails with.
pub async fn measure(session: &MapSession, request: &MapRequest, progress: MapProgress) -> Result<(), Error> {
    let checkpoints = session.run().checkpoints.len();
    let last = checkpoints.saturating_sub(1);
    let (reference, first) = (request.reference.min(last), request.checkpoint.min(last));
    let watch = progress.begin("ordering the samples of the map".to_owned());
    session.put_in_order(request.order, reference, &watch).await?;
    post_order(session, request);
    // First the displayed frame, then the following ones in the order in which they are played.
    let missing: Vec<usize> = (0..checkpoints)
        .map(|at| (first + at) % checkpoints.max(1))
        .take((request.room / session.frame_bytes()).max(1))
        .filter(|at| !request.have.contains(at) || !session.planes().contains(*at))
        .collect();
    let pairs = pathway::pair_count(session.samples().len());
    for (number, &checkpoint) in missing.iter().enumerate() {
        let step = session.step(checkpoint);
        let stage = format!(
            "measuring the map, step {} ({} of {})",
            figures::number::step(step),
            number + 1,
            missing.len()
        );
        let watch = progress.begin_at(stage, number as u64 * pairs, missing.len() as u64 * pairs);
        let mut frame = session.frame(checkpoint, &watch).await?;
        if request.room == 0 {
            // The plane is not shown.
            frame.share = None;
        }
        post_frame(session, request.request_id, checkpoint, frame);
    }
    if !missing.is_empty() {
        post_points(session, request.request_id);
    }
    Ok(())
}

/// Posts the order of the rows, and domains and memorization steps of the samples.
fn post_order(session: &MapSession, request: &MapRequest) {
    let samples = session.samples();
    let order = session.order();
    let domain_at = |place: &u32| samples.domains.get(*place as usize).copied().unwrap_or(0);
    let note = if samples.of > samples.len() {
        format!(
            "{} of {} samples, taken at even distances.",
            figures::number::count(samples.len() as u64),
            figures::number::count(samples.of as u64)
        )
    } else {
        String::new()
    };
    let mut texts = vec![(note, String::new())];
    if request.order != MapOrder::File {
        let mut end = 0;
        for block in order.chunk_by(|a, b| domain_at(a) == domain_at(b)) {
            end += block.len();
            let name = block.first().map(domain_at).and_then(|at| session.run().domains.get(at));
            texts.push((name.map(|domain| domain.name.clone()).unwrap_or_default(), end.to_string()));
        }
    }
    let domains: Vec<u32> = samples.domains.iter().map(|&domain| domain as u32).collect();
    let t_star = samples.t_star.iter().map(|at| at.map_or(-1.0, |at| at as f32));
    let t_star: Vec<f32> = t_star.collect();
    post_with_arrays(
        &Event::MapOrder { request_id: request.request_id, texts },
        &[&Uint32Array::from(&order[..]), &Uint32Array::from(&domains[..]), &Float32Array::from(&t_star[..])],
    );
}

/// Posts a frame and keeps its plane.
fn post_frame(session: &MapSession, request_id: u32, checkpoint: usize, frame: MapFrame) {
    let names: Vec<&str> = session.run().domains.iter().map(|domain| &domain.name[..]).collect();
    let step = session.step(checkpoint);
    let sheet = map_sheet(&frame, &names, session.samples().len(), step, session.unit());
    let event = Event::MapFrame(Box::new(protocol::MapFrame {
        request_id,
        checkpoint,
        low: u32::from(frame.low),
        high: u32::from(frame.high),
        sheet,
    }));
    let (cells, loss) = (Uint16Array::from(&frame.cells[..]), Float32Array::from(&frame.loss[..]));
    let points = session.planes().insert(checkpoint, frame.points);
    post_with_arrays(&event, &[&cells, &points, &loss]);
}

/// Posts the final points of all frames, if all were measured.
fn post_points(session: &MapSession, request_id: u32) {
    let Some(arrays) = session.planes().align(session.run().checkpoints.len()) else { return };
    let arrays: Vec<&JsValue> = arrays.iter().map(AsRef::as_ref).collect();
    post_with_arrays(&Event::MapPoints { request_id }, &arrays);
}
