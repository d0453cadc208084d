//! How many crates a stage compiled: cargo leaves a time stamp for every call of the compiler.

use std::{fs, path::Path, time::SystemTime};

/// Folders between the target folder and cargo's records: `fuzz/build/<platform>/release`.
const DEPTH: usize = 4;

/// Compilations and checks of a crate under a target folder since a moment.
pub fn since(target: &Path, start: SystemTime) -> usize {
    count(target, start, DEPTH)
}

fn count(folder: &Path, start: SystemTime, depth: usize) -> usize {
    if let Ok(records) = fs::read_dir(folder.join(".fingerprint")) {
        let stamp = |record: fs::DirEntry| fs::metadata(record.path().join("invoked.timestamp"))?.modified();
        return records
            .flatten()
            .filter_map(|record| stamp(record).ok())
            .filter(|&time| time >= start)
            .count();
    }
    if depth == 0 {
        return 0;
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| count(&entry.path(), start, depth - 1)).sum()
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        time::{Duration, SystemTime},
    };

    use super::since;

    #[test]
    fn time_stamps_of_every_profile_are_counted() {
        let target = std::env::temp_dir().join(format!("grokscope-compiled-{}", std::process::id()));
        let start = SystemTime::now() - Duration::from_secs(1);
        for place in ["debug", "wasm32-unknown-unknown/wasm", "fuzz/build/host/release"] {
            let record = target.join(place).join(".fingerprint/serde-1");
            fs::create_dir_all(&record).unwrap();
            fs::write(record.join("invoked.timestamp"), "").unwrap();
        }
        assert_eq!(since(&target, start), 3);
        assert_eq!(since(&target, SystemTime::now() + Duration::from_mins(1)), 0);
        fs::remove_dir_all(&target).unwrap();
    }
}
