//! Files of a map: a frame as an array of numbers, and the table of rows.

use js_sys::{Array, Uint8Array};
use protocol::Event;
use report::{Error, map::npy_header};
use web_sys::Blob;

use super::{progress::MapProgress, session::MapSession};
use crate::post::{post, post_file};

/// Maximum number of distances in memory.
const PART_CELLS: usize = 4 << 20;

/// Posts a frame as a file: row by row, both triangles.
///
/// # Errors
/// What the analysis fails with, and a file that does not fit into memory.
pub async fn save(session: &MapSession, checkpoint: usize, progress: MapProgress) -> Result<(), Error> {
    let order = session.order();
    let side = order.len();
    let name = format!("map-step-{:05}.npy", session.step(checkpoint));
    let parts = Array::of1(&Uint8Array::from(&npy_header(side)[..]));
    let rows_per_part = (PART_CELLS / side.max(1)).max(1);
    for (number, rows) in order.chunks(rows_per_part).enumerate() {
        let before = (number * rows_per_part * side) as u64;
        let watch = progress.begin_at(format!("writing {name}"), before, (side * side) as u64).of_file();
        let part = session.part((rows, &order), checkpoint, &watch).await?;
        let bytes: Vec<u8> = part.iter().flat_map(|distance| distance.to_le_bytes()).collect();
        // The browser can move a blob to the disk.
        let bytes = Array::of1(&Uint8Array::from(&bytes[..]));
        let blob = Blob::new_with_u8_array_sequence(&bytes).map_err(|_| too_large(&name))?;
        parts.push(&blob);
    }
    post_parts(name, &parts);
    Ok(())
}

/// The samples in the order of the map, as CSV.
pub fn rows(session: &MapSession) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let run = session.run();
    let mut text = "row,sample,domain,memorized_at_step\n".to_owned();
    for (row, &place) in session.order().iter().enumerate() {
        let Some(sample) = session.sample(place).and_then(|at| run.samples.get(at)) else { continue };
        let t_star = session.samples().t_star.get(place as usize).copied().flatten();
        let step = t_star.and_then(|at| run.checkpoints.get(at)).map(|at| at.step.to_string());
        let (id, domain) = (quoted(&sample.id), quoted(&sample.domain));
        text += &format!("{row},{id},{domain},{}\n", step.unwrap_or_default());
    }
    text
}

/// Posts the concatenated parts as a file to save.
pub fn post_parts(name: String, parts: &Array) {
    match Blob::new_with_blob_sequence(parts) {
        Ok(file) => post_file(name, &file),
        Err(_) => post(&Event::Failed { message: too_large(&name).to_string() }),
    }
}

fn too_large(name: &str) -> Error {
    let message = format!("{name} does not fit into the browser's memory; take one domain");
    Error::Distances { message }
}
