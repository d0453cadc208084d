//! Files that are wrong. What is said of each is kept in `tests/fixtures/malformed/messages.json`
//! beside the files; after a change of either, run this once with `UPDATE_FIXTURES=1` and read what changed.
#![cfg(not(target_arch = "wasm32"))]

mod cases;
#[path = "../common/mod.rs"]
mod common;
#[path = "../packed/mod.rs"]
mod packed;
mod size;

use std::{collections::BTreeMap, rc::Rc};

use cases::cases;
use common::fixture;
use futures::executor::block_on;
use trace::{FileKind, MemorySource, Opened, Source, open, unpack};

/// All that is said of a file when everything in it is asked for.
fn said(name: &str, bytes: &[u8]) -> Vec<String> {
    match block_on(unpack(Rc::new(MemorySource::new(name, bytes)))) {
        Err(error) => vec![format!("error: {error}")],
        Ok(unpacked) => {
            let mut said: Vec<String> =
                unpacked.notes.into_iter().map(|text| format!("note: {text}")).collect();
            said.extend(unpacked.files.into_iter().flat_map(said_of));
            said
        }
    }
}

fn said_of(file: Source) -> Vec<String> {
    let Opened { what, warnings } = match block_on(open(file)) {
        Ok(opened) => opened,
        Err(error) => return vec![format!("error: {error}")],
    };
    let mut said: Vec<String> = warnings.into_iter().map(|text| format!("warning: {text}")).collect();
    match what {
        FileKind::Trace(trace) => {
            let all = 0..trace.info.samples.len();
            let errors = [
                block_on(trace.gates(all.clone())).err(),
                block_on(trace.topk(all.clone())).err(),
                block_on(trace.router()).err(),
            ];
            said.extend(trace.take_notices().into_iter().map(|text| format!("warning: {text}")));
            said.extend(errors.into_iter().flatten().map(|error| format!("error: {error}")));
        }
        FileKind::Mappable(proposal) => said.push(format!("mappable: {}", proposal.sentence())),
        FileKind::Config(config) => said.push(format!("unrelated: {}", config.reason)),
        FileKind::Unrelated { reason } => said.push(format!("unrelated: {reason}")),
        _ => {}
    }
    said
}

#[test]
fn every_malformed_file_is_explained() {
    let mut messages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, bytes, words) in cases() {
        let said = said(name, &bytes);
        let text = said.join("\n");
        assert!(!text.is_empty(), "{name}: nothing is said");
        for word in words {
            assert!(text.contains(word), "{name}: \"{word}\" is not in\n{text}");
        }
        assert!(text.contains(name), "{name} is not named in\n{text}");
        assert!(messages.insert(name.to_owned(), said).is_none(), "{name} twice");
    }
    let folder = fixture("malformed");
    let written = serde_json::to_string_pretty(&messages).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, bytes, _) in cases() {
            std::fs::write(folder.join(name), bytes).expect("a file");
        }
        std::fs::write(folder.join("messages.json"), &written).expect("a file");
    }
    for (name, bytes, _) in cases() {
        assert_eq!(std::fs::read(folder.join(name)).expect("the file is kept"), bytes, "{name} is another");
    }
    assert_eq!(std::fs::read_to_string(folder.join("messages.json")).expect("kept"), written);
}

#[test]
fn damaged_archives_are_explained() {
    let good = std::fs::read(fixture("traces/hf-batch-probs.npz")).expect("fixture");
    let find = |needle: &[u8]| good.windows(needle.len()).rposition(|w| w == needle).expect("a place");
    let spoil = |at: usize, bytes: &[u8]| {
        let mut spoiled = good.clone();
        spoiled[at..at + bytes.len()].copy_from_slice(bytes);
        said("dump.npz", &spoiled).join("\n")
    };
    let cut = said("dump.npz", &good[..good.len() / 2]).join("\n");
    assert!(cut.contains("no end record") && cut.contains("cut off"), "{cut}");
    // In the directory: packed size at 20, unpacked size at 24, checksum at 16, method at 10, flags at 8.
    let entry = good.windows(4).position(|w| w == b"PK\x01\x02").expect("a directory");
    let bomb = spoil(entry + 24, &0x3fff_ffff_u32.to_le_bytes());
    assert!(bomb.contains("claim to unpack to 1073741823"), "{bomb}");
    let longer = spoil(entry + 24, &9_999_u32.to_le_bytes());
    assert!(longer.contains("9999 bytes with the header"), "{longer}");
    let checksum = spoil(entry + 16, &[1, 2, 3, 4]);
    assert!(checksum.contains("another checksum"), "{checksum}");
    let method = spoil(entry + 10, &[93, 0]);
    assert!(method.contains("packing method 93"), "{method}");
    let encrypted = spoil(entry + 8, &[1, 0]);
    assert!(encrypted.contains("encrypted"), "{encrypted}");
    let directory = spoil(find(b"PK\x05\x06") + 16, &u32::MAX.to_le_bytes());
    assert!(directory.contains("one inside the file"), "{directory}");
    // The first member's packed bytes begin behind its local header.
    let member = good.windows(4).position(|w| w == b"PK\x03\x04").expect("a member") + 3000;
    let packed = spoil(member, &[0xff; 400]);
    assert!(packed.contains("archive entry `router_logits.0.npy`"), "{packed}");
}

#[test]
fn an_archive_that_inflates_without_end_costs_nothing() {
    // 20 KB of deflate that claim, truthfully, to be 20 MB of zeros.
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    let text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (5000000, 1), }\n";
    header.extend((text.len() as u16).to_le_bytes());
    header.extend(text);
    let mut data = header;
    data.resize(data.len() + 20_000_000, 0);
    let packed = miniz_oxide::deflate::compress_to_vec(&data, 1);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&data);
    let (crc, size) = (crc.finalize(), data.len() as u32);
    drop(data);
    let name = b"router_logits.0.npy";
    let fields = |claimed: u32| {
        let mut fields = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
        fields.extend(crc.to_le_bytes());
        fields.extend((packed.len() as u32).to_le_bytes());
        fields.extend(claimed.to_le_bytes());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend([0, 0]);
        fields
    };
    let archive = |claimed: u32| {
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.extend(fields(claimed));
        bytes.extend(name);
        bytes.extend(&packed);
        let directory = bytes.len() as u32;
        bytes.extend(b"PK\x01\x02\x14\x00");
        bytes.extend(fields(claimed));
        bytes.extend([0; 10]);
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend(name);
        let length = bytes.len() as u32 - directory;
        bytes.extend(b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00");
        bytes.extend(length.to_le_bytes());
        bytes.extend(directory.to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    };
    // Honest: it is read, and found to be all zeros, one expert a row.
    let honest = said("dump.npz", &archive(size)).join("\n");
    assert!(!honest.contains("error"), "{honest}");
    // It claims less than it inflates to: stopped at the claim.
    let liar = said("dump.npz", &archive(1_000_000)).join("\n");
    assert!(liar.contains("error"), "{liar}");
}
