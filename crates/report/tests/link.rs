//! Links: what comes back, how long they are, what they refuse.

mod synthetic;

use report::link::{self, LinkOptions};
use synthetic::{DEMO_STEPS, DOMAINS, OLMOE, PAPER_STEPS, SMALL, many_steps};

#[test]
fn sizes() {
    for (name, steps, size) in [
        ("10", PAPER_STEPS.to_vec(), OLMOE),
        ("33", DEMO_STEPS.to_vec(), SMALL),
        ("244", many_steps(244), OLMOE),
    ] {
        for notes in [true, false] {
            for bits in [12, 10, 8, 7, 6] {
                let report = synthetic::report(&steps, size, &DOMAINS, 1, false);
                let options = LinkOptions { notes, bits, ..LinkOptions::default() };
                let t = std::time::Instant::now();
                let text = link::encode(&report, &options).unwrap();
                let e = t.elapsed();
                let t = std::time::Instant::now();
                let back = link::decode(&text).unwrap();
                let d = t.elapsed();
                assert_eq!(back.domains.len(), 4);
                println!("{name} notes {notes} bits {bits}: {} chars, encode {e:?} decode {d:?}", text.len());
            }
        }
    }
}
