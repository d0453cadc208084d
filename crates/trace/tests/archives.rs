//! Archives of any program give the same traces as the files in them, within the limits of memory.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::expect_used, reason = "a helper that fails fails its test")]

mod common;
mod packed;

use std::{cell::Cell, rc::Rc};

use common::{as_trace, fixture};
use futures::executor::block_on;
use packed::{gzip, tar, zstd};
use proptest::prelude::*;
use trace::{ByteSource as _, Counted, FileKind, FileSource, MemorySource, Source, Unpacked, open, unpack};

fn unpacked(name: &str) -> Unpacked {
    let source = FileSource::open(fixture(&format!("archives/{name}"))).expect("the fixture is there");
    block_on(unpack(Rc::new(source))).expect("an archive")
}

/// Names of the files, starting with the archive's.
fn names(unpacked: &Unpacked) -> Vec<String> {
    let short = |file: &Source| file.name().rsplit_once("archives/").map(|(_, name)| name.to_owned());
    unpacked.files.iter().filter_map(short).collect()
}

fn gates_and_step(source: &Source) -> (Vec<f32>, Option<u64>) {
    let trace = as_trace(block_on(open(Rc::clone(source))).expect("a trace"));
    (block_on(trace.gates(0..2)).expect("gates"), trace.info.step)
}

/// The first row of the traces is rotated by one per step.
fn check_run(unpacked: &Unpacked, prefix: &str) {
    let names = names(unpacked);
    assert_eq!(names.len(), 4, "{names:?}");
    assert_eq!(names[0], format!("{prefix}/run/step-1/gates.safetensors"));
    assert_eq!(names[3], format!("{prefix}/run/samples.jsonl"));
    assert!(names[2].ends_with("/step-3.safetensors") && names[2].len() > 130, "{}", names[2]);
    let row = [0.125, 0.25, 0.5, 0.125];
    for (at, file) in unpacked.files[..3].iter().enumerate() {
        let (gates, step) = gates_and_step(file);
        assert_eq!(step, Some(at as u64 + 1));
        let turned: Vec<u32> = row.iter().cycle().skip(at).take(4).map(|v: &f32| v.to_bits()).collect();
        assert_eq!(gates[..4].iter().map(|v| v.to_bits()).collect::<Vec<_>>(), turned);
    }
    let list = block_on(open(Rc::clone(&unpacked.files[3]))).expect("a list").what;
    let FileKind::SampleList(list) = list else { panic!("no list of samples: {list:?}") };
    assert_eq!(list.samples[1].domain, "code");
}

#[test]
fn every_archive_gives_the_run() {
    for (archive, prefix) in [
        ("stored.zip", "stored.zip"),
        ("deflated.zip", "deflated.zip"),
        ("gnu.tar", "gnu.tar"),
        ("pax.tar", "pax.tar"),
        ("gnu.tar.gz", "gnu.tar"),
        ("gnu.tar.zst", "gnu.tar"),
    ] {
        let unpacked = unpacked(archive);
        assert_eq!(unpacked.notes, Vec::<String>::new(), "{archive}");
        assert!(unpacked.was_packed);
        check_run(&unpacked, prefix);
    }
}

#[test]
fn one_packed_file_is_that_file() {
    for name in ["step-1.safetensors.gz", "step-1.safetensors.zst", "packed-inside.zip"] {
        let unpacked = unpacked(name);
        assert_eq!((unpacked.files.len(), unpacked.notes.len()), (1, 0), "{name}");
        assert!(unpacked.files[0].name().ends_with("step-1.safetensors"));
        assert_eq!(gates_and_step(&unpacked.files[0]).1, Some(1));
    }
}

#[test]
fn two_archives_deep_and_no_deeper() {
    let two = unpacked("two-deep.zip");
    assert_eq!(names(&two).last().map(String::as_str), Some("two-deep.zip/read.me"));
    assert!(names(&two)[0].starts_with("two-deep.zip/inner.zip/run/"));
    let three = unpacked("three-deep.zip");
    assert_eq!(names(&three), ["three-deep.zip/middle.zip/read.me", "three-deep.zip/step-1.safetensors"]);
    let [note] = three.notes.as_slice() else { panic!("{:?}", three.notes) };
    assert!(note.contains("middle.zip/inner.zip") && note.contains("at most 2"), "{note}");
}

#[test]
fn other_files_are_returned_unchanged() {
    for name in ["traces/hf-batch.npz", "traces/hf-batch.safetensors", "demo-run/samples.jsonl"] {
        let source: Source = Rc::new(FileSource::open(fixture(name)).expect("the fixture is there"));
        let unpacked = block_on(unpack(source)).expect("a file");
        assert!(!unpacked.was_packed && unpacked.files.len() == 1, "{name}");
    }
    let empty: Source = Rc::new(MemorySource::new("empty.zip", Vec::new()));
    assert!(!block_on(unpack(empty)).expect("a file").was_packed);
}

#[test]
fn stored_members_are_read_in_place() {
    for name in ["stored.zip", "gnu.tar"] {
        let read = Rc::new(Cell::new(0));
        let file = FileSource::open(fixture(&format!("archives/{name}"))).expect("the fixture is there");
        let source: Source = Rc::new(Counted::new(file, Rc::clone(&read)));
        let unpacked = block_on(unpack(source)).expect("an archive");
        read.set(0);
        let member = &unpacked.files[1];
        let bytes = block_on(member.read(member.len() - 16, 16)).expect("bytes");
        assert_eq!(bytes.len(), 16);
        // The bytes, and in a zip archive the header with their offset.
        assert!(read.get() <= 16 + 30, "{name}: {} bytes", read.get());
        let beyond = block_on(member.read(member.len() - 3, 4)).expect_err("beyond the member");
        assert!(beyond.to_string().contains("cut off"), "{beyond}");
    }
}

#[test]
fn places_are_the_offsets_of_the_bytes() {
    for (name, lies) in [
        ("stored.zip", true),
        ("gnu.tar", true),
        ("pax.tar", true),
        ("deflated.zip", false),
        ("gnu.tar.gz", false),
    ] {
        let whole = std::fs::read(fixture(&format!("archives/{name}"))).expect("the fixture is there");
        for file in unpacked(name).files {
            let bytes = block_on(file.read(0, file.len() as usize)).expect("bytes");
            let place = block_on(file.place()).expect("a place, or none").map(|place| place as usize);
            let found = place.map(|place| &whole[place..place + bytes.len()]);
            assert_eq!(found, lies.then_some(bytes.as_slice()), "{}", file.name());
        }
    }
    let file = FileSource::open(fixture("archives/stored.zip")).expect("the fixture is there");
    assert_eq!(block_on(file.place()).expect("a place"), Some(0));
    assert_eq!(block_on(MemorySource::new("a", vec![1]).place()).expect("none"), None);
}

/// Unpacks and opens all files.
fn read_all(name: &str, bytes: Vec<u8>) {
    let source: Source = Rc::new(MemorySource::new(name, bytes));
    let Ok(unpacked) = block_on(unpack(source)) else { return };
    for file in unpacked.files {
        drop(block_on(file.read(0, file.len().min(100) as usize)));
        drop(block_on(open(file)));
    }
}

/// A zip archive of one deflated member.
fn deflated_zip(name: &str, data: &[u8]) -> Vec<u8> {
    let packed = miniz_oxide::deflate::compress_to_vec(data, 1);
    let mut fields = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
    fields.extend(crc32fast::hash(data).to_le_bytes());
    fields.extend((packed.len() as u32).to_le_bytes());
    fields.extend((data.len() as u32).to_le_bytes());
    fields.extend((name.len() as u16).to_le_bytes());
    fields.extend([0, 0]);
    let mut bytes = [b"PK\x03\x04", fields.as_slice(), name.as_bytes(), &packed].concat();
    let directory = bytes.len() as u32;
    bytes.extend([b"PK\x01\x02\x14\x00", fields.as_slice(), &[0; 10], &[0; 4], name.as_bytes()].concat());
    let length = bytes.len() as u32 - directory;
    bytes.extend(b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00");
    bytes.extend(length.to_le_bytes());
    bytes.extend(directory.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

#[test]
fn members_with_one_offset_are_checked_individually() {
    let data = b"step,loss\n1,2.5\n";
    let zip = deflated_zip("a.txt", data);
    let end = zip.len() - 22;
    let start = u32::from_le_bytes(zip[end + 16..end + 20].try_into().expect("four bytes")) as usize;
    let record = &zip[start..end];
    // A second entry declares five bytes for the same data.
    let mut other = record.to_vec();
    other[24..28].copy_from_slice(&5_u32.to_le_bytes());
    let mut tail = zip[end..].to_vec();
    (tail[8], tail[10]) = (2, 2);
    tail[12..16].copy_from_slice(&(2 * record.len() as u32).to_le_bytes());
    let both = [&zip[..start], record, &other, &tail].concat();

    let unpacked = block_on(unpack(Rc::new(MemorySource::new("x.zip", both)))).expect("an archive");
    let [good] = unpacked.files.as_slice() else { panic!("{unpacked:?}") };
    assert_eq!(block_on(good.read(0, data.len())).expect("bytes"), data);
    let [note] = unpacked.notes.as_slice() else { panic!("{unpacked:?}") };
    assert!(note.contains("`a.txt`: more than 5 bytes when unpacked"), "{note}");
}

#[test]
fn a_large_member_is_not_unpacked_for_its_first_bytes() {
    // Noise, which is incompressible.
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(3 << 20)
    .collect();
    let zip = deflated_zip("noise.bin", &noise);
    let read = Rc::new(Cell::new(0));
    let source: Source = Rc::new(Counted::new(MemorySource::new("x.zip", zip), Rc::clone(&read)));
    let unpacked = block_on(unpack(source)).expect("an archive");
    let member = &unpacked.files[0];
    assert_eq!(block_on(member.read(1000, 3000)).expect("bytes"), noise[1000..4000]);
    assert_eq!(block_on(member.read(0, 1 << 20)).expect("bytes"), noise[..1 << 20]);
    assert!(read.get() < 2 << 20, "{} bytes", read.get());
    assert_eq!(block_on(member.read(2 << 20, 50)).expect("bytes"), noise[2 << 20..(2 << 20) + 50]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn packed_and_unpacked_again(
        files in prop::collection::btree_map("[a-z]{1,8}/[a-z]{1,8}\\.bin", prop::collection::vec(any::<u8>(), 0..3000), 1..5),
        repeat in 1_usize..20,
        how in 0_usize..3,
    ) {
        let files: Vec<(String, Vec<u8>)> = files.into_iter().map(|(name, data)| (name, data.repeat(repeat))).collect();
        let whole = tar(&files);
        let (name, bytes) = match how {
            0 => ("x.tar", whole),
            1 => ("x.tar.gz", gzip(&whole)),
            _ => ("x.tar.zst", zstd(&whole)),
        };
        let unpacked = block_on(unpack(Rc::new(MemorySource::new(name, bytes)))).expect("an archive");
        prop_assert_eq!(unpacked.files.len() + unpacked.notes.len(), files.len());
        for (file, (name, data)) in unpacked.files.iter().zip(&files) {
            prop_assert_eq!(file.name(), format!("x.tar/{name}"));
            prop_assert_eq!(&block_on(file.read(0, data.len())).expect("bytes"), data);
        }
    }

    #[test]
    fn mutated_archives_never_panic(
        seed in 0_usize..8,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let name = ["stored.zip", "deflated.zip", "gnu.tar", "pax.tar", "gnu.tar.gz", "gnu.tar.zst", "two-deep.zip", "step-1.safetensors.zst"][seed];
        let mut bytes = std::fs::read(fixture(&format!("archives/{name}"))).expect("fixture");
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read_all(name, bytes);
    }

    #[test]
    fn random_archives_never_panic(head in 0_usize..4, bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let head: &[u8] = [&b"\x1f\x8b\x08"[..], &[0x28, 0xb5, 0x2f, 0xfd], b"PK\x03\x04", b"PK\x05\x06"][head];
        read_all("x", [head, &bytes].concat());
    }
}

#[test]
fn bombs_are_rejected_before_they_are_unpacked() {
    // 64 MiB of zeros in 64 KB: a ratio of a thousand.
    let zeros = gzip(&vec![0; 64 << 20]);
    let refused = |name: &str, bytes: Vec<u8>| {
        block_on(unpack(Rc::new(MemorySource::new(name, bytes)))).map(|unpacked| unpacked.notes)
    };
    // Deflate's own limit is below ours, so one layer of it passes, and two nested ones do not.
    assert!(refused("zeros.gz", zeros.clone()).is_ok());
    let twice = refused("zeros.gz.gz", gzip(&zeros)).expect_err("a bomb");
    assert!(twice.to_string().contains("times the packed size"), "{twice}");
    let zstd_zeros = zstd(&vec![0; 64 << 20]);
    assert!(zstd_zeros.len() < 40_000);
    let refused = refused("zeros.zst", zstd_zeros).expect_err("a bomb");
    assert!(refused.to_string().contains("unpack to more than"), "{refused}");
}
