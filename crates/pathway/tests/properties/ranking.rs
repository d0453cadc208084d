use pathway::Ranking;
use proptest::prelude::*;

/// Gates with many ties and zeros: multiples of 1/16.
fn coarse_gates(layers: usize, experts: usize) -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((0_u8..8).prop_map(|part| f32::from(part) / 16.0), layers * experts)
}

fn any_gates(layers: usize, experts: usize) -> impl Strategy<Value = Vec<f32>> {
    prop_oneof![
        coarse_gates(layers, experts),
        prop::collection::vec(0.0_f32..1.0, layers * experts),
        prop::collection::vec(
            prop::num::f32::NORMAL | prop::num::f32::ZERO | prop::num::f32::SUBNORMAL,
            layers * experts
        ),
    ]
}

/// The pathway of one layer by its definition.
fn plain_prefix(gates: &[f32], tau: f64) -> Vec<u16> {
    let mut order: Vec<u16> = (0..gates.len() as u16).collect();
    order
        .sort_by(|&a, &b| gates[usize::from(b)].partial_cmp(&gates[usize::from(a)]).unwrap().then(a.cmp(&b)));
    let mut sum = 0.0;
    let mut prefix = Vec::new();
    for id in order {
        prefix.push(id);
        sum += f64::from(gates[usize::from(id)]);
        if sum > tau {
            break;
        }
    }
    prefix
}

proptest! {
    #[test]
    fn prefixes_are_those_of_the_definition(
        (layers, experts, gates) in (1_usize..4, 1_usize..20).prop_flat_map(|(layers, experts)| {
            (Just(layers), Just(experts), any_gates(layers, experts))
        }),
        tau in 0.0_f64..1.2,
    ) {
        let taus = [tau, 0.5, 0.7];
        let mut ranking = Ranking::new(layers, experts, &taus).unwrap();
        ranking.push_sample(&gates).unwrap();
        for (layer, gates) in gates.chunks_exact(experts).enumerate() {
            for (index, &tau) in taus.iter().enumerate() {
                let found: Vec<u16> = ranking.prefix(0, layer, index).collect();
                prop_assert_eq!(found, plain_prefix(gates, tau));
            }
        }
    }

    /// The shortest prefix above tau: without its last expert the sum does not exceed tau.
    #[test]
    fn prefixes_are_minimal(gates in prop::collection::vec(0.001_f32..1.0, 16), tau in 0.1_f64..0.9) {
        let total: f32 = gates.iter().sum();
        let gates: Vec<f32> = gates.iter().map(|gate| gate / total).collect();
        let mut ranking = Ranking::new(1, 16, &[tau]).unwrap();
        ranking.push_sample(&gates).unwrap();
        let prefix: Vec<u16> = ranking.prefix(0, 0, 0).collect();
        let weight = |ids: &[u16]| ids.iter().map(|&id| f64::from(gates[usize::from(id)])).sum::<f64>();
        prop_assert!(weight(&prefix) > tau || prefix.len() == 16);
        prop_assert!(weight(&prefix[..prefix.len() - 1]) <= tau);
    }

    #[test]
    fn counts_are_compared_exactly(counts in prop::collection::vec(0_u32..40, 10), parts in 1_u64..1000) {
        let total: u32 = counts.iter().sum();
        prop_assume!(total > 0);
        let tau = parts as f64 / 1000.0;
        let mut ranking = Ranking::new(1, 10, &[tau]).unwrap();
        ranking.push_counts(&counts, 1, total).unwrap();
        let mut sum = 0;
        let mut order: Vec<usize> = (0..10).collect();
        order.sort_by_key(|&id| (u32::MAX - counts[id], id));
        let reached = order.iter().position(|&id| {
            sum += u64::from(counts[id]);
            1000 * sum > parts * u64::from(total)
        });
        prop_assert_eq!(ranking.prefix_len(0, 0, 0), reached.map_or(10, |place| place + 1));
    }

    /// Symbols, characters, layers and the written form agree.
    #[test]
    fn all_forms_agree(samples in prop::collection::vec(coarse_gates(3, 12), 1..5)) {
        let mut ranking = Ranking::new(3, 12, &[0.5]).unwrap();
        for gates in &samples {
            ranking.push_sample(gates).unwrap();
        }
        let listed: Vec<u32> = (0..samples.len() as u32).rev().collect();
        let (symbols, characters) = (ranking.symbols(0, &listed), ranking.characters(0, &listed));
        for (place, &sample) in listed.iter().enumerate() {
            let written = ranking.written(sample as usize, 0);
            let from_symbols: Vec<String> = symbols
                .get(place)
                .split(|&symbol| symbol == ranking.layer_break())
                .map(|layer| layer.iter().map(u16::to_string).collect::<Vec<_>>().join(","))
                .collect();
            prop_assert_eq!(from_symbols.join("-"), &written[..]);
            let from_characters: String = characters
                .get(place)
                .iter()
                .map(|&character| match character {
                    10 => ',',
                    11 => '-',
                    digit => char::from_digit(u32::from(digit), 10).unwrap(),
                })
                .collect();
            prop_assert_eq!(from_characters, &written[..]);
            let from_layers: Vec<String> = (0..3)
                .map(|layer| {
                    let ids = ranking.layer(0, layer, &listed);
                    ids.get(place).iter().map(u16::to_string).collect::<Vec<_>>().join(",")
                })
                .collect();
            prop_assert_eq!(from_layers.join("-"), written);
        }
        let places: Vec<usize> = listed.iter().map(|&sample| sample as usize).collect();
        let reordered = ranking.reordered(&places);
        prop_assert_eq!(reordered.samples(), samples.len());
        let all: Vec<u32> = (0..samples.len() as u32).collect();
        prop_assert_eq!(reordered.symbols(0, &all), symbols);
        let mut appended = ranking.emptied();
        for gates in &samples {
            let mut one = ranking.emptied();
            one.push_sample(gates).unwrap();
            appended.append(&one);
        }
        prop_assert_eq!(appended.samples(), samples.len());
        prop_assert_eq!(appended.symbols(0, &all), ranking.symbols(0, &all));
    }

    /// Null pathways have the same lengths and no id twice in a layer.
    #[test]
    fn null_pathways_keep_lengths(gates in coarse_gates(3, 12), seed: u64) {
        let mut ranking = Ranking::new(3, 12, &[0.5]).unwrap();
        ranking.push_sample(&gates).unwrap();
        ranking.push_sample(&gates).unwrap();
        let null = pathway::null_symbols(&ranking, 0, &[1, 0], seed);
        for (layer, ids) in null.get(0).split(|&symbol| symbol == 12).enumerate() {
            prop_assert_eq!(ids.len(), ranking.prefix_len(1, layer, 0));
            let mut distinct = ids.to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), ids.len());
            prop_assert!(ids.iter().all(|&id| id < 12));
        }
        // A sample's null pathway does not depend on the other samples listed.
        let alone = pathway::null_symbols(&ranking, 0, &[0], seed);
        prop_assert_eq!(alone.get(0), null.get(1));
        let characters = pathway::null_characters(&ranking, 0, &[1, 0], seed);
        let digits = |id: u16| if id < 10 { 1 } else { 2 };
        let spelled = |place: usize| {
            let symbols = null.get(place);
            let ids = symbols.iter().filter(|&&symbol| symbol < 12);
            ids.map(|&id| digits(id)).sum::<usize>() + symbols.split(|&s| s == 12).map(|l| l.len() - 1).sum::<usize>() + 2
        };
        prop_assert_eq!(characters.get(0).len(), spelled(0));
        prop_assert_eq!(characters.get(1).len(), spelled(1));
    }
}

#[test]
fn wide_ids_and_both_zeros() {
    let mut gates = vec![0.0; 300];
    (gates[299], gates[3], gates[4]) = (0.5, -0.0, 0.25);
    let mut ranking = Ranking::new(1, 300, &[0.7, 0.8]).unwrap();
    ranking.push_sample(&gates).unwrap();
    assert_eq!(ranking.prefix(0, 0, 0).collect::<Vec<_>>(), [299, 4]);
    // Zeros of either sign are equal, so they are ordered by id; the sum never exceeds 0.8, so all
    // are taken.
    let all: Vec<u16> = ranking.prefix(0, 0, 1).collect();
    assert_eq!(all.len(), 300);
    assert_eq!(all[..6], [299, 4, 0, 1, 2, 3]);
    assert_eq!(ranking.reordered(&[0]).written(0, 0), "299,4");
}

#[test]
fn errors_name_the_place() {
    let mut ranking = Ranking::new(2, 2, &[0.7]).unwrap();
    let error = ranking.push_sample(&[0.5, 0.5, f32::NAN, 0.5]).unwrap_err();
    assert!(error.to_string().contains("expert 0 in layer 1 is NaN"), "{error}");
    assert!(ranking.push_sample(&[0.5]).is_err());
    assert!(ranking.push_counts(&[1, 1, 1, 1], 1, 0).is_err());
    assert_eq!(ranking.samples(), 0);
    assert!(Ranking::new(1, 65_536, &[0.7]).is_err());
    assert!(Ranking::new(0, 4, &[0.7]).is_err());
    assert!(Ranking::new(1, 4, &[f64::NAN]).is_err());
    assert!(Ranking::new(1, 65_535, &[0.7]).is_ok());
}
