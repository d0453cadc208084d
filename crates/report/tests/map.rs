//! Distance matrices of a run: figures against the pathways, averages against exact distances.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[expect(dead_code, reason = "other tests use more of it")]
mod golden;
#[expect(dead_code, reason = "other tests use more of it")]
mod support;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    sync::Arc,
};

use futures::executor::block_on;
use golden::run_a;
use levenshtein::Sequences;
use report::{
    Analysis, Distances, Error, Group, InlineDistances, NoProgress, OnsetRule, PairBudget, Pairs, Pending,
    Report, Settings, Stage, TraceRun, Watch,
    map::{EXACT_SAMPLES, MEAN_SIDE, MapOrder, MapScope, npy_header},
};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn analysed(files: &[(String, Vec<u8>)], settings: &Settings) -> (TraceRun, Analysis, Report) {
    let run = report::assemble(&support::parts(files)).unwrap();
    let analysis = Analysis::new();
    let report = block_on(analysis.analyse(&run, settings, "", &InlineDistances, &NoProgress)).unwrap();
    (run, analysis, report)
}

const EVERYBODY: MapScope = MapScope { domain: None, group: Group::All };

/// Two domains of samples with drawn gates in two layers of 16 experts, as a trace of a step.
fn drawn(samples: usize, step: u64) -> (String, Vec<u8>) {
    let mut state = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (state >> 33) % bound
    };
    let mut data: Vec<u8> = Vec::new();
    for _ in 0..samples * 2 {
        let row: Vec<f32> = (0..16).map(|_| (1 + below(1000)) as f32).map(|x| x * x * x).collect();
        let sum: f32 = row.iter().sum();
        data.extend(row.iter().flat_map(|x| (x / sum).to_le_bytes()));
    }
    let gates = data.len();
    data.extend((0..samples).flat_map(|_| 1.5_f32.to_le_bytes()));
    let names: Vec<String> = (0..samples)
        .map(|at| format!("{{\\\"id\\\":\\\"s{at}\\\",\\\"domain\\\":\\\"{}\\\"}}", ["math", "code"][at % 2]))
        .collect();
    let header = format!(
        "{{\"__metadata__\":{{\"format\":\"grokscope.trace\",\"version\":\"1\",\"step\":\"{step}\",\"gate_kind\":\"softmax-mean\",\"samples\":\"[{}]\"}},\"gates\":{{\"dtype\":\"F32\",\"shape\":[{samples},2,16],\"data_offsets\":[0,{gates}]}},\"loss\":{{\"dtype\":\"F32\",\"shape\":[{samples}],\"data_offsets\":[{gates},{}]}}}}",
        names.join(","),
        data.len()
    );
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    (format!("step-{step}.safetensors"), file)
}

#[test]
fn every_distance_is_that_of_the_two_pathways() {
    let settings = Settings { pairs: PairBudget::Exact, onset_rule: OnsetRule::Paper, ..Settings::default() };
    let (run, analysis, report) = analysed(&run_a(), &settings);
    for (index, domain) in report.domains.iter().enumerate() {
        for group in [Group::All, Group::Memorized] {
            let scope = MapScope { domain: Some(domain.name.clone()), group };
            let samples = analysis.map_samples(&run, &settings, &scope).unwrap();
            let order: Vec<u32> = (0..samples.len() as u32).collect();
            for checkpoint in [0, run.checkpoints.len() - 1] {
                let frame = analysis.map_frame(
                    &run,
                    &settings,
                    &samples,
                    &order,
                    checkpoint,
                    &InlineDistances,
                    &NoProgress,
                );
                let frame = block_on(frame).unwrap();
                assert_eq!(frame.side, samples.len());
                // The report has the same mean, computed independently.
                let mean =
                    frame.means.iter().find(|mean| (mean.first, mean.second) == (index, index)).unwrap();
                let known =
                    report.course(&domain.name, "distance", group).unwrap().values[checkpoint].unwrap();
                assert!((mean.value().unwrap() - known).abs() < 1e-9, "{known}");
                for (a, b) in [(0, 1), (1, 2), (0, samples.len() - 1)] {
                    let pair = (samples.samples[a] as usize, samples.samples[b] as usize);
                    let aligned = analysis.align(&run, &settings, pair.0, pair.1);
                    let cell = frame.cells[a * frame.side + b];
                    assert_eq!(u32::from(cell), aligned[checkpoint].distance);
                    assert_eq!(cell, frame.cells[b * frame.side + a]);
                }
                assert!((0..frame.side).all(|at| frame.cells[at * (frame.side + 1)] == 0));
                assert!(frame.low <= frame.high);
                assert!(frame.share.unwrap() > 0.0);
                assert_eq!(frame.points.len(), samples.len());
            }
        }
    }
}

#[test]
fn orders_keep_domains_together() {
    let settings = Settings::default();
    let (run, analysis, _) = analysed(&run_a(), &settings);
    let samples = analysis.map_samples(&run, &settings, &EVERYBODY).unwrap();
    assert_eq!(samples.len(), run.samples.len());
    for kind in [MapOrder::Cluster, MapOrder::Domain, MapOrder::TStar, MapOrder::File] {
        let order =
            block_on(analysis.map_order(&run, &settings, &samples, kind, 3, &InlineDistances, &NoProgress))
                .unwrap();
        assert_eq!(order.iter().copied().collect::<BTreeSet<_>>(), (0..samples.len() as u32).collect());
        let domains: Vec<usize> = order.iter().map(|&place| samples.domains[place as usize]).collect();
        if kind == MapOrder::File {
            assert!(order.is_sorted());
        } else {
            assert!(domains.is_sorted(), "{kind:?}");
        }
        if kind == MapOrder::TStar {
            let last = |place: &u32| samples.t_star[*place as usize].unwrap_or(usize::MAX);
            assert!(
                order
                    .chunk_by(|a, b| samples.domains[*a as usize] == samples.domains[*b as usize])
                    .all(|part| part.is_sorted_by_key(last))
            );
        }
    }
}

#[test]
fn many_samples_are_averaged_and_their_parts_are_exact() {
    let number = EXACT_SAMPLES + 90;
    let settings = Settings::default();
    let (run, analysis, _) = analysed(&[drawn(number, 1), drawn(number, 2)], &settings);
    let samples = analysis.map_samples(&run, &settings, &EVERYBODY).unwrap();
    let order =
        analysis.map_order(&run, &settings, &samples, MapOrder::Cluster, 1, &InlineDistances, &NoProgress);
    let order = block_on(order).unwrap();
    let frame =
        block_on(analysis.map_frame(&run, &settings, &samples, &order, 0, &InlineDistances, &NoProgress))
            .unwrap();
    assert_eq!((frame.side, frame.cells.len()), (MEAN_SIDE, MEAN_SIDE * MEAN_SIDE));
    let cell_of = |place: usize| place * MEAN_SIDE / number;
    for (row, column) in [(0, 0), (3, 700), (999, 999), (500, 499), (999, 0)] {
        let places = |cell: usize| (0..number).filter(move |&place| cell_of(place) == cell);
        let rows: Vec<u32> = places(row).map(|place| order[place]).collect();
        let columns: Vec<u32> = places(column).map(|place| order[place]).collect();
        let part =
            analysis.map_part(&run, &settings, &samples, (&rows, &columns), 0, &InlineDistances, &NoProgress);
        let part = block_on(part).unwrap();
        let pairs: Vec<f64> = rows
            .iter()
            .flat_map(|a| columns.iter().map(move |b| (a, b)))
            .zip(&part)
            .filter(|((a, b), _)| a != b)
            .map(|(_, &distance)| f64::from(distance))
            .collect();
        let mean = pairs.iter().sum::<f64>() / pairs.len() as f64;
        let expected = (mean + 0.5).floor() as u16;
        assert_eq!(frame.cells[row * MEAN_SIDE + column], expected, "{row}, {column}");
        let pair = (samples.samples[rows[0] as usize], samples.samples[columns[0] as usize]);
        if pair.0 != pair.1 {
            let aligned = analysis.align(&run, &settings, pair.0 as usize, pair.1 as usize);
            assert_eq!(u32::from(part[0]), aligned[0].distance);
        }
    }
    // The plane is fitted to landmarks; every sample has a position in it.
    assert!(frame.landmarks);
    assert_eq!(frame.points.len(), number);
    assert!(frame.points.iter().flatten().all(|x| x.is_finite()));
    let same: BTreeSet<[u64; 2]> = frame.points.iter().map(|point| point.map(f64::to_bits)).collect();
    assert!(same.len() > number / 2);
    let beyond = [number as u32];
    let outside =
        analysis.map_part(&run, &settings, &samples, (&beyond, &[0]), 0, &InlineDistances, &NoProgress);
    assert!(block_on(outside).is_err());
}

/// Records progress.
#[derive(Default)]
struct Told(RefCell<Vec<(u64, u64)>>);

impl Watch for Told {
    fn yield_now(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn progress(&self, _: &Stage, done: u64, total: u64) {
        self.0.borrow_mut().push((done, total));
    }

    fn partial(&self, _: bool, _: &dyn Fn() -> Report) {}
}

/// A backend that raises its batch size.
#[derive(Default)]
struct Growing(Cell<u64>);

impl Distances for Growing {
    fn pairs(&self, sequences: Rc<Sequences>, pairs: Pairs) -> Pending<'_, Result<Vec<u32>, Error>> {
        InlineDistances.pairs(sequences, pairs)
    }

    fn preferred_batch_cells(&self) -> u64 {
        self.0.replace(u64::MAX)
    }
}

#[test]
fn progress_counts_every_pair_and_blocks_grow_with_the_speed() {
    let settings = Settings::default();
    let number = 1300;
    let (run, analysis, _) = analysed(&[drawn(number, 1), drawn(number, 2)], &settings);
    let samples = analysis.map_samples(&run, &settings, &EVERYBODY).unwrap();
    let order: Arc<[u32]> = (0..number as u32).collect();
    let told = Told::default();
    let growing = Growing::default();
    block_on(analysis.map_frame(&run, &settings, &samples, &order, 1, &growing, &told)).unwrap();
    let told = told.0.into_inner();
    let pairs = pathway::pair_count(number);
    assert!(told.len() == 3 && told.iter().all(|&(_, total)| total == pairs), "{told:?}");
    assert!((1..=8192).contains(&told[1].0), "{told:?}");
    assert!(told.is_sorted());
    assert_eq!(told.last(), Some(&(pairs, pairs)));
}

#[test]
fn groups_that_do_not_exist_are_refused() {
    let settings = Settings::default();
    let (run, analysis, _) = analysed(&run_a(), &settings);
    let scope = MapScope { domain: Some("cooking".to_owned()), group: Group::Memorized };
    let error = analysis.map_samples(&run, &settings, &scope).unwrap_err().to_string();
    assert_eq!(
        error,
        "No map of distances: \"cooking\" has fewer than two memorized samples. Choose another domain or group."
    );
    let samples = analysis.map_samples(&run, &settings, &EVERYBODY).unwrap();
    let frame = analysis.map_frame(&run, &settings, &samples, &[], 99, &InlineDistances, &NoProgress);
    assert!(block_on(frame).unwrap_err().to_string().contains("not analyzed"));
}

#[test]
fn the_head_of_an_npy_file_is_whole() {
    for side in [1, 370, 9_999, 10_000] {
        let head = npy_header(side);
        assert_eq!(head.len() % 64, 0);
        assert_eq!(&head[..8], b"\x93NUMPY\x01\x00");
        assert_eq!(usize::from(u16::from_le_bytes([head[8], head[9]])), head.len() - 10);
        let text = String::from_utf8(head[10..].to_vec()).unwrap();
        assert!(text.starts_with(&format!(
            "{{'descr': '<u2', 'fortran_order': False, 'shape': ({side}, {side}), }}"
        )));
        assert!(text.ends_with('\n'));
    }
}
