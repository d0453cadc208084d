//! Malformed files. The expected messages are in `tests/fixtures/malformed/messages.json` beside
//! the files. After a change of either, run this once with `UPDATE_EXPECT=1` and review the
//! difference.
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

/// All messages about a file when everything in it is read.
fn all_messages(name: &str, bytes: &[u8]) -> Vec<String> {
    match block_on(unpack(Rc::new(MemorySource::new(name, bytes)))) {
        Err(error) => vec![format!("error: {error}")],
        Ok(unpacked) => {
            let mut found: Vec<String> =
                unpacked.notes.into_iter().map(|text| format!("note: {text}")).collect();
            found.extend(unpacked.files.into_iter().flat_map(messages_of_file));
            found
        }
    }
}

fn messages_of_file(file: Source) -> Vec<String> {
    let Opened { what, warnings } = match block_on(open(file)) {
        Ok(opened) => opened,
        Err(error) => return vec![format!("error: {error}")],
    };
    let mut found: Vec<String> = warnings.into_iter().map(|text| format!("warning: {text}")).collect();
    match what {
        FileKind::Trace(trace) => {
            let all = 0..trace.info.samples.len();
            let errors = [
                block_on(trace.gates(all.clone())).err(),
                block_on(trace.topk(all.clone())).err(),
                block_on(trace.router()).err(),
            ];
            found.extend(trace.take_notices().into_iter().map(|text| format!("warning: {text}")));
            found.extend(errors.into_iter().flatten().map(|error| format!("error: {error}")));
        }
        FileKind::Mappable(proposal) => found.push(format!("mappable: {}", proposal.sentence())),
        FileKind::Config(config) => found.push(format!("unrelated: {}", config.reason)),
        FileKind::Unrelated { reason, looked_for } => {
            let list = looked_for.map_or_else(String::new, |list| format!(" {list}"));
            found.push(format!("unrelated: {reason}{list}"));
        }
        _ => {}
    }
    found
}

#[test]
fn every_malformed_file_is_explained() {
    let mut messages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, bytes, words) in cases() {
        let found = all_messages(name, &bytes);
        let text = found.join("\n");
        assert!(!text.is_empty(), "{name}: no message");
        for word in words {
            assert!(text.contains(word), "{name}: \"{word}\" is not in\n{text}");
        }
        assert!(text.contains(name), "{name} is not named in\n{text}");
        let verified = ["checksum", " bytes", " rows"].iter().any(|word| text.contains(word));
        assert!(verified || !text.contains("damaged"), "damage is not verified in\n{text}");
        assert!(messages.insert(name.to_owned(), found).is_none(), "{name} twice");
    }
    let folder = fixture("malformed");
    let written = serde_json::to_string_pretty(&messages).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, bytes, _) in cases() {
            std::fs::write(folder.join(name), bytes).expect("a file");
        }
        std::fs::write(folder.join("messages.json"), &written).expect("a file");
    }
    for (name, bytes, _) in cases() {
        assert_eq!(std::fs::read(folder.join(name)).expect("the file is kept"), bytes, "{name} differs");
    }
    assert_eq!(std::fs::read_to_string(folder.join("messages.json")).expect("kept"), written);
}

#[test]
fn malformed_archives_are_explained() {
    let good = std::fs::read(fixture("traces/hf-batch-probs.npz")).expect("fixture");
    let find = |needle: &[u8]| good.windows(needle.len()).rposition(|w| w == needle).expect("a place");
    let changed = |at: usize, bytes: &[u8]| {
        let mut bytes_of_dump = good.clone();
        bytes_of_dump[at..at + bytes.len()].copy_from_slice(bytes);
        all_messages("dump.npz", &bytes_of_dump).join("\n")
    };
    let cut = all_messages("dump.npz", &good[..good.len() / 2]).join("\n");
    assert!(cut.contains("no end record") && cut.contains("Check that the archive is complete"), "{cut}");
    // Offsets in the directory entry: packed size 20, unpacked size 24, checksum 16, method 10,
    // flags 8.
    let entry = good.windows(4).position(|w| w == b"PK\x01\x02").expect("a directory");
    let bomb = changed(entry + 24, &0x3fff_ffff_u32.to_le_bytes());
    assert!(bomb.contains("claim to unpack to 1073741823"), "{bomb}");
    let longer = changed(entry + 24, &9_999_u32.to_le_bytes());
    assert!(longer.contains("9999 bytes with the header"), "{longer}");
    let checksum = changed(entry + 16, &[1, 2, 3, 4]);
    assert!(
        checksum.contains("a checksum that does not match") && checksum.contains("is damaged"),
        "{checksum}"
    );
    let method = changed(entry + 10, &[93, 0]);
    assert!(method.contains("packing method 93"), "{method}");
    let encrypted = changed(entry + 8, &[1, 0]);
    assert!(encrypted.contains("encrypted"), "{encrypted}");
    let directory = changed(find(b"PK\x05\x06") + 16, &u32::MAX.to_le_bytes());
    assert!(directory.contains("one inside the file"), "{directory}");
    // The first member's packed bytes begin after its local header.
    let member = good.windows(4).position(|w| w == b"PK\x03\x04").expect("a member") + 3000;
    let packed = changed(member, &[0xff; 400]);
    assert!(packed.contains("archive entry `router_logits.0.npy`"), "{packed}");
    // Damage is named only where a checksum or a length has been compared.
    for text in [cut, bomb, method, encrypted] {
        assert!(!text.contains("damaged"), "{text}");
    }
}

#[test]
fn archives_inflate_no_further_than_they_declare() {
    // 20 KB of deflated data that declare, correctly, 20 MB of zeros.
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
    let fields = |declared: u32| {
        let mut fields = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
        fields.extend(crc.to_le_bytes());
        fields.extend((packed.len() as u32).to_le_bytes());
        fields.extend(declared.to_le_bytes());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend([0, 0]);
        fields
    };
    let archive = |declared: u32| {
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.extend(fields(declared));
        bytes.extend(name);
        bytes.extend(&packed);
        let directory = bytes.len() as u32;
        bytes.extend(b"PK\x01\x02\x14\x00");
        bytes.extend(fields(declared));
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
    // With the correct size it is read: all zeros, one expert per row.
    let correct = all_messages("dump.npz", &archive(size)).join("\n");
    assert!(!correct.contains("error"), "{correct}");
    // With a smaller declared size, inflating stops there.
    let too_small = all_messages("dump.npz", &archive(1_000_000)).join("\n");
    assert!(too_small.contains("error"), "{too_small}");
}
