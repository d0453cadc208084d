//! Sources that exist only in browsers: files read by `slice`, URLs read by `Range`. Runs in a page
//! and, with `WASM_BINDGEN_USE_DEDICATED_WORKER=1`, in a worker.
#![cfg(target_arch = "wasm32")]
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use trace::{
    BlobSource, ByteSource as _, FileKind, GateDtype, GateKind, HttpSource, MemorySource, RouterTrace,
    write_trace,
};
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Blob, Url};

wasm_bindgen_test_configure!(run_in_browser);

const SAMPLES: usize = 1000;

fn example() -> RouterTrace {
    let row = |i: usize| (0..64).map(move |e| ((e + i) % 64 + 1) as f32 / 2080.0);
    RouterTrace {
        model: None,
        step: Some(7),
        tokens: None,
        samples: None,
        layers: 16,
        experts: 64,
        gate_kind: GateKind::SoftmaxMean,
        gates: (0..SAMPLES * 16).flat_map(row).collect(),
        loss: None,
        n_tokens: None,
        router: None,
        topk: None,
        topk_ordered: true,
    }
}

fn blob_of(bytes: &[u8]) -> Blob {
    let parts = Array::new();
    parts.push(&Uint8Array::from(bytes));
    Blob::new_with_u8_array_sequence(&parts).unwrap()
}

#[wasm_bindgen_test]
async fn a_dropped_file_is_read_by_ranges() {
    let trace = example();
    let bytes = write_trace(&trace, GateDtype::F32).unwrap();
    let source = BlobSource::new("run/step-7.safetensors", blob_of(&bytes));
    assert_eq!((source.name(), source.len()), ("run/step-7.safetensors", bytes.len() as u64));
    assert_eq!(source.read(100, 50).await.unwrap(), bytes[100..150]);
    assert_eq!(source.read(bytes.len() as u64, 0).await.unwrap(), Vec::<u8>::new());
    let error = source.read(bytes.len() as u64 - 1, 2).await.unwrap_err().to_string();
    assert!(error.contains("run/step-7.safetensors") && error.contains("cut off"), "{error}");
    let FileKind::Trace(open) = trace::open(Rc::new(source)).await.unwrap().what else { panic!("no trace") };
    assert_eq!(open.gates(3..5).await.unwrap(), trace.gates[3 * 1024..5 * 1024]);
}

/// Prefetched bytes are the file's, for any order of reads and any number of readers.
#[wasm_bindgen_test]
async fn sequential_reads_give_the_same_bytes() {
    let whole: Vec<u8> = (0..30_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let (file, other) = (blob_of(&whole), blob_of(&whole[..12_345_678]));
    let file =
        [BlobSource::new("a", file.clone()), BlobSource::new("a again", file), BlobSource::new("b", other)];
    let mut places = [0, 17, 0];
    let mut state = 1_u32;
    for turn in 0..200 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let who = (state >> 8) as usize % file.len();
        let most = file[who].len() as usize;
        // Mostly sequential reads with some jumps, short reads, and reads outside the windows.
        if turn % 31 == 30 || places[who] == most {
            places[who] = (state as usize >> 4) % (most / 2);
        }
        let len = [100, 70_000, 1 << 20, 3 << 20, 4 << 20, 5 << 20][(state >> 16) as usize % 6];
        let end = most.min(places[who] + len);
        let read = file[who].read(places[who] as u64, end - places[who]).await.unwrap();
        assert!(read == whole[places[who]..end], "turn {turn}: {who} from {} to {end}", places[who]);
        places[who] = end;
    }
}

#[wasm_bindgen_test]
async fn an_address_is_read_by_ranges() {
    let trace = example();
    let bytes = write_trace(&trace, GateDtype::F16).unwrap();
    let url = Url::create_object_url_with_blob(&blob_of(&bytes)).unwrap();
    let source = HttpSource::open(&url).await.unwrap();
    assert_eq!(source.len(), bytes.len() as u64);
    assert_eq!(source.read(8, 100).await.unwrap(), bytes[8..108]);
    assert_eq!(source.read(0, bytes.len()).await.unwrap(), bytes);
    let FileKind::Trace(open) = trace::open(Rc::new(source)).await.unwrap().what else { panic!("no trace") };
    let memory = Rc::new(MemorySource::new("memory", bytes));
    let FileKind::Trace(known) = trace::open(memory).await.unwrap().what else { panic!("no trace") };
    assert_eq!(open.gates(990..1000).await.unwrap(), known.gates(990..1000).await.unwrap());
}

#[wasm_bindgen_test]
async fn a_server_without_ranges_sends_small_files_whole() {
    // A `data:` URL ignores ranges and returns everything.
    let source = HttpSource::open("data:text/csv,domain,step,accuracy%0Amath,5,0.5%0A").await.unwrap();
    assert_eq!(source.read(7, 4).await.unwrap(), b"step");
    let FileKind::Results(results) = trace::open(Rc::new(source)).await.unwrap().what else {
        panic!("no results")
    };
    assert_eq!(results.steps, [5]);
}

#[wasm_bindgen_test]
async fn refusals_are_explained() {
    let missing = HttpSource::open("./no-such-file.safetensors").await.unwrap_err().to_string();
    assert!(missing.contains("no such file") && missing.contains("404"), "{missing}");
    // No server listens on this port.
    let away = HttpSource::open("http://127.0.0.1:9/trace.safetensors").await.unwrap_err().to_string();
    assert!(away.contains("cannot be reached") && away.contains("drop it here"), "{away}");
}

#[wasm_bindgen_test]
async fn ten_thousand_samples_are_read() {
    let mut trace = example();
    trace.gates = trace.gates.repeat(10);
    let bytes = write_trace(&trace, GateDtype::F16).unwrap();
    let source = Rc::new(BlobSource::new("step-7.safetensors", blob_of(&bytes)));
    let FileKind::Trace(open) = trace::open(source).await.unwrap().what else { panic!("no trace") };
    for _ in 0..3 {
        let start = js_sys::Date::now();
        let mut read = 0;
        // As the analysis reads: 8 MiB of f32 at once.
        for at in (0..10_000).step_by(2000) {
            read += open.gates(at..at + 2000).await.unwrap().len();
        }
        assert_eq!(read, trace.gates.len());
        console_log!(
            "{} values of f16 read, widened and checked in {} ms",
            read,
            js_sys::Date::now() - start
        );
    }
}
