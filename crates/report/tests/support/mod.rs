//! Helpers for tests of complete runs: opening files from memory and analyzing them.

use std::rc::Rc;

use futures::executor::block_on;
use report::{Analysis, InlineDistances, NoProgress, Part, Report, Settings};
use trace::MemorySource;

/// Opens files from memory.
pub fn parts(files: &[(String, Vec<u8>)]) -> Vec<Part> {
    let open = |(id, (name, bytes)): (usize, &(String, Vec<u8>))| {
        let source = Rc::new(MemorySource::new(name.clone(), bytes.clone()));
        let opened = block_on(trace::open(source)).unwrap();
        Part { id, path: name.clone(), what: opened.what }
    };
    files.iter().enumerate().map(open).collect()
}

/// The report of files.
pub fn analyse(files: &[(String, Vec<u8>)], settings: &Settings) -> Report {
    let run = report::assemble(&parts(files)).unwrap();
    block_on(Analysis::new().analyse(&run, settings, "", &InlineDistances, &NoProgress)).unwrap()
}
