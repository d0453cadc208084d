//! The GPU against the textbook algorithm, golden distances and the CPU instruction sets.
//!
//! Without an adapter, the tests print a notice and check nothing else.

#![expect(clippy::unwrap_used, reason = "an error must fail the test")]

#[expect(dead_code, reason = "some cases only concern vector lanes")]
mod cases;

use cases::{Case, naive};
use levenshtein::gpu::{Gpu, Moments, Set};
use levenshtein::{Error, InstructionSet, Sequences, all_pairs};

/// Runs the same async function as a native test and in a browser.
macro_rules! everywhere {
    ($(#[doc = $doc:literal] async fn $name:ident($gpu:ident) $body:block)*) => {$(
        #[doc = $doc]
        #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
        async fn $name() {
            if let Some($gpu) = found().await $body
        }
    )*
        #[cfg(not(target_arch = "wasm32"))]
        mod native {
            $(
                #[doc = $doc]
                #[test]
                fn $name() {
                    futures::executor::block_on(super::$name());
                }
            )*
        }
    };
}

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

/// Opens a checked device. A missing device is not a failure, but a wrong one is.
async fn found() -> Option<Gpu> {
    match Gpu::new().await {
        Ok(gpu) => {
            say(&format!("computed by {}", gpu.name()));
            Some(gpu)
        }
        Err(error @ Error::NoGpu { .. }) => {
            say(&format!("SKIPPED: {error}"));
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn say(line: &str) {
    #[cfg(target_arch = "wasm32")]
    wasm_bindgen_test::console_log!("{line}");
    #[cfg(not(target_arch = "wasm32"))]
    println!("{line}");
}

fn quiet() -> impl FnMut(u64, u64) {
    |_, _| {}
}

fn sequences<S: AsRef<[u16]>>(list: &[S]) -> Sequences {
    let mut sequences = Sequences::new();
    for sequence in list {
        sequences.push(sequence.as_ref());
    }
    sequences
}

fn condensed(count: usize) -> Vec<(u32, u32)> {
    let count = count as u32;
    (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j))).collect()
}

/// All functions must give the distances of the naive algorithm.
async fn check(gpu: &Gpu, case: &Case) {
    let list = &case.sequences;
    let pairs = condensed(list.len());
    let expected: Vec<u32> =
        pairs.iter().map(|&(i, j)| naive(&list[i as usize], &list[j as usize])).collect();
    check_against(gpu, &case.name, &sequences(list), &expected).await;
}

async fn check_against(gpu: &Gpu, name: &str, sequences: &Sequences, expected: &[u32]) {
    let count = sequences.len();
    let list = condensed(count);
    let compare = |what: &str, pairs: &[(u32, u32)], got: &[u32], want: &[u32]| {
        assert_eq!(got.len(), want.len(), "{name}: {what} gives another number of distances");
        if let Some(place) = (0..got.len()).find(|&place| got[place] != want[place]) {
            let (i, j) = pairs[place];
            panic!("{name}: {what} ({i}, {j}): {} instead of {}", got[place], want[place]);
        }
    };
    let set = gpu.load(sequences).unwrap();
    compare("all_pairs", &list, &set.all_pairs(&mut quiet()).await.unwrap(), expected);

    // A shuffled part of the list with repeats, both orders and a sequence with itself.
    let mut sampled: Vec<(u32, u32)> = Vec::new();
    let mut want = Vec::new();
    for (place, (&(i, j), &distance)) in list.iter().zip(expected).enumerate().rev() {
        if place * 7 % 5 < 2 {
            sampled.push(if place % 3 == 0 { (j, i) } else { (i, j) });
            want.push(distance);
        }
    }
    sampled.extend((0..count as u32).step_by(9).map(|i| (i, i)));
    want.extend((0..count).step_by(9).map(|_| 0));
    compare("pairs", &sampled, &set.pairs(&sampled, &mut quiet()).await.unwrap(), &want);

    // Matrix blocks across the diagonal.
    let (rows, columns) = (count / 5..count / 2, count / 3..count);
    let crossed: Vec<(u32, u32)> =
        rows.clone().flat_map(|i| columns.clone().map(move |j| (i as u32, j as u32))).collect();
    let want: Vec<u32> = crossed.iter().map(|&(i, j)| lookup(expected, count, i, j)).collect();
    compare("rows by columns", &crossed, &set.pairs(&crossed, &mut quiet()).await.unwrap(), &want);
}

fn lookup(condensed: &[u32], count: usize, i: u32, j: u32) -> u32 {
    let (i, j) = (i.min(j) as usize, i.max(j) as usize);
    if i == j { 0 } else { condensed[i * (2 * count - i - 1) / 2 + j - i - 1] }
}

/// A set with the edge cases of reductions: several length classes, duplicates and empty sequences.
fn mixed_set(count: usize) -> (Sequences, Vec<u32>) {
    let mut random = cases::Random(11);
    let mut list: Vec<Vec<u16>> = vec![Vec::new(); 2];
    while list.len() < count {
        let length = [5, 40, 70, 130][random.below(4)] + random.below(9);
        list.push(random.sequence(length, 12));
        if random.below(4) == 0 {
            list.push(list[random.below(list.len())].clone());
        }
    }
    let set = sequences(&list);
    let distances = all_pairs(InstructionSet::best(), &set);
    (set, distances)
}

everywhere! {
    /// Lengths around every word boundary, all kinds of relation, all alphabets.
    async fn cases_of_one_relation(gpu) {
        // Only the alphabets that use different kernels, because software adapters are slow.
        let alphabets = ["alphabet 1", "alphabet 2", "alphabet 64", "alphabet 65", "alphabet 1024"];
        for case in cases::relations().into_iter().filter(|case| alphabets.iter().any(|end| case.name.ends_with(end))) {
            check(&gpu, &case).await;
        }
    }

    /// All lengths from 0 to 70 against each other.
    async fn every_short_length(gpu) {
        for case in cases::short_lengths() {
            check(&gpu, &case).await;
        }
    }

    /// Symbols up to 65,535: no table of the alphabet fits.
    async fn wide_alphabets(gpu) {
        for case in cases::wide_alphabets() {
            check(&gpu, &case).await;
        }
    }

    /// Patterns of several strips together with short ones, up to the longest sequence allowed.
    async fn several_strips(gpu) {
        let mut random = cases::Random(7);
        for alphabet in [2, 65, 1024, 60_000] {
            let mut list: Vec<Vec<u16>> = Vec::new();
            for length in [1, 127, 511, 512, 513, 700, 960, 1500].map(|length| length.min(gpu.longest() * 3 / 4)) {
                let base = random.sequence(length, alphabet);
                list.push(random.edited(&base, length / 9, alphabet));
                list.push(base);
            }
            list.push(random.sequence(gpu.longest(), alphabet));
            let set = sequences(&list);
            let name = format!("strips, alphabet {alphabet}");
            check_against(&gpu, &name, &set, &all_pairs(InstructionSet::best(), &set)).await;
        }
    }

    /// Golden distances, on which RapidFuzz and a textbook implementation agree.
    async fn golden_pairs(gpu) {
        let golden = cases::golden_pairs();
        let list: Vec<&[u16]> =
            golden.iter().flat_map(|pair| [pair.a.as_slice(), pair.b.as_slice()]).collect();
        let pairs: Vec<(u32, u32)> = (0..golden.len() as u32).map(|i| (2 * i, 2 * i + 1)).collect();
        let want: Vec<u32> = golden.iter().map(|pair| pair.distance).collect();
        assert!(want.len() >= 400);
        let set = sequences(&list);
        let set = gpu.load(&set).unwrap();
        assert_eq!(set.pairs(&pairs, &mut quiet()).await.unwrap(), want);
        let condensed = set.all_pairs(&mut quiet()).await.unwrap();
        let of_all: Vec<u32> = pairs.iter().map(|&(i, j)| lookup(&condensed, list.len(), i, j)).collect();
        assert_eq!(of_all, want);
    }

    /// Sums and histograms match the distances.
    async fn reductions(gpu) {
        let (sequences, distances) = mixed_set(420);
        let set = gpu.load(&sequences).unwrap();
        sums_and_counts(&set, &distances).await;
    }

    /// Lists that contain matrix blocks, complete and cut, between unrelated pairs.
    async fn matrices_in_lists(gpu) {
        let mut random = cases::Random(23);
        for (alphabet, longest) in [(12, 90), (65, 700), (60_000, 300)] {
            let lists: Vec<Vec<u16>> =
                (0..260).map(|_| { let length = random.below(longest); random.sequence(length, alphabet) }).collect();
            let sequences = sequences(&lists);
            let distances = all_pairs(InstructionSet::best(), &sequences);
            let count = lists.len() as u32;
            let mut list = condensed(lists.len());
            list.drain(..77);
            list.extend((0..900).map(|_| (random.below(260) as u32, random.below(260) as u32)));
            list.extend((3..40).flat_map(|i| (0..count).rev().map(move |j| (i, j))));
            let want: Vec<u32> =
                list.iter().map(|&(i, j)| lookup(&distances, lists.len(), i, j)).collect();
            let mut heard = 0;
            let set = gpu.load(&sequences).unwrap();
            let got = set.pairs(&list, &mut |done, _| heard = done).await.unwrap();
            assert_eq!(heard, list.len() as u64);
            let wrong = (0..list.len()).find(|&at| got[at] != want[at]);
            assert_eq!(wrong.map(|at| (list[at], got[at], want[at])), None, "alphabet {alphabet}");
        }
    }

    /// Progress ends at the total, and the device works after a future is dropped.
    async fn progress_and_cancelling(gpu) {
        let (sequences, distances) = mixed_set(300);
        let set = gpu.load(&sequences).unwrap();
        let mut heard = Vec::new();
        set.all_pairs(&mut |done, total| heard.push((done, total))).await.unwrap();
        assert_eq!(heard.last(), Some(&(distances.len() as u64, distances.len() as u64)));
        assert!(heard.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 == two[1].1));
        let mut stopped = quiet();
        let mut begun = Box::pin(set.all_pairs(&mut stopped));
        // Polled once, so that work is in flight when it is dropped.
        assert!(futures::poll!(begun.as_mut()).is_pending() || cfg!(not(target_arch = "wasm32")));
        drop(begun);
        assert_eq!(set.all_pairs(&mut quiet()).await.unwrap(), distances);
    }

    /// Empty sets and lists.
    async fn empty_sets(gpu) {
        for list in [vec![], vec![vec![]], vec![vec![1u16, 2]]] {
            let sequences = sequences(&list);
            let set = gpu.load(&sequences).unwrap();
            assert_eq!((set.len(), set.is_empty()), (list.len(), list.is_empty()));
            assert!(set.all_pairs(&mut quiet()).await.unwrap().is_empty());
            assert!(set.pairs(&[], &mut quiet()).await.unwrap().is_empty());
            assert_eq!(set.row_sums(&mut quiet()).await.unwrap(), vec![0; list.len()]);
            assert_eq!(set.histogram(&mut quiet()).await.unwrap().iter().sum::<u64>(), 0);
        }
        let nothing = sequences(&[[0u16; 0]; 3]);
        assert_eq!(gpu.load(&nothing).unwrap().all_pairs(&mut quiet()).await.unwrap(), [0, 0, 0]);
    }

    /// Invalid input gives an error.
    async fn refusals(gpu) {
        let long = sequences(&[vec![1], vec![2; gpu.longest() + 1]]);
        let error = gpu.load(&long).err().unwrap();
        assert_eq!(error, Error::GpuTooLong { position: 1, length: gpu.longest() + 1, longest: gpu.longest() });
        assert!(error.to_string().contains("sequence 1 has "), "{error}");
        let two = sequences(&[[1, 2], [3, 4]]);
        let set = gpu.load(&two).unwrap();
        let outside = set.pairs(&[(0, 1), (2, 0)], &mut quiet()).await.err();
        assert_eq!(outside, Some(Error::PairOutOfRange { position: 1, first: 2, second: 0, sequences: 2 }));
        let wrong = Error::WrongGroups { groups: 1, sequences: 2, most: 63 };
        assert_eq!(set.histograms(&[0], &mut quiet()).await.err(), Some(wrong));
        assert!(set.histograms(&[0, 64], &mut quiet()).await.is_err());
    }

    /// A lost device is reported by `when_lost` and by every call.
    async fn lost(gpu) {
        let set = gpu.load(&sequences(&[[1, 2], [3, 4]])).unwrap();
        let when_lost = gpu.when_lost();
        gpu.device().destroy();
        let error = set.all_pairs(&mut quiet()).await.err().unwrap();
        assert!(matches!(error, Error::GpuLost { .. }), "{error}");
        assert!(!when_lost.await.is_empty());
    }
}

async fn sums_and_counts(set: &Set<'_>, distances: &[u32]) {
    let count = set.len();
    let mut sums = vec![0u64; count];
    for (&(i, j), &distance) in condensed(count).iter().zip(distances) {
        sums[i as usize] += u64::from(distance);
        sums[j as usize] += u64::from(distance);
    }
    assert_eq!(set.row_sums(&mut quiet()).await.unwrap(), sums);
    // Few groups are counted in workgroup memory, many in global memory.
    for groups in [4, 20] {
        let of: Vec<u32> = (0..count as u32).map(|i| i * 7 % groups).collect();
        let mut histograms: Vec<Vec<u64>> = vec![Vec::new(); (groups * groups) as usize];
        for (&(i, j), &distance) in condensed(count).iter().zip(distances) {
            let (a, b) = (of[i as usize], of[j as usize]);
            let counts = &mut histograms[(groups * a.min(b) + a.max(b)) as usize];
            counts.resize(counts.len().max(distance as usize + 1), 0);
            counts[distance as usize] += 1;
        }
        let got = set.histograms(&of, &mut quiet()).await.unwrap();
        assert_eq!(got.len(), histograms.len());
        for (got, want) in got.iter().zip(&histograms) {
            assert_eq!(&got[..want.len()], want);
            assert!(got[want.len()..].iter().all(|&count| count == 0));
            assert_eq!(Moments::of(got), Moments::of(want));
        }
    }
    let all = Moments::of(&set.histogram(&mut quiet()).await.unwrap());
    let squares = distances.iter().map(|&distance| u64::from(distance).pow(2)).sum();
    let sum = distances.iter().copied().map(u64::from).sum();
    assert_eq!(all, Moments { count: distances.len() as u64, sum, squares });
}
