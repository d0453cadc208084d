//! Tensors with unknown names: the proposed mappings, and the traces read by a mapping.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::expect_used, reason = "a helper that fails fails its test")]

mod common;

use std::rc::Rc;

use common::{Handmade, as_trace, fixture, open_fixture};
use futures::executor::block_on;
use proptest::prelude::*;
use trace::{
    Axis, FileKind, FileSource, GateKind, MappedTensor, Mapping, MemorySource, OpenTrace, Proposal, Role,
    Source, open, open_mapped, open_tensors, propose,
};

fn source(bytes: Vec<u8>) -> Source {
    Rc::new(MemorySource::new("step-5/dump.safetensors", bytes))
}

fn proposal(bytes: Vec<u8>) -> Proposal {
    block_on(propose(source(bytes))).expect("a file").expect("a proposal")
}

fn mapped(bytes: Vec<u8>, mapping: &Mapping) -> OpenTrace {
    as_trace(block_on(open_mapped(source(bytes), mapping)).expect("a trace"))
}

fn refused(bytes: Vec<u8>, mapping: &Mapping) -> String {
    block_on(open_mapped(source(bytes), mapping)).expect_err("refused").to_string()
}

fn tensor(name: &str, role: Role, axes: &[Axis]) -> MappedTensor {
    MappedTensor { name: name.to_owned(), role, axes: axes.to_vec(), layer: None }
}

fn roles(proposal: &Proposal) -> Vec<(&str, Role, Vec<Axis>)> {
    let each = |t: &'_ MappedTensor| (t.role, t.axes.clone());
    proposal.mapping.tensors.iter().map(|t| (t.name.as_str(), each(t).0, each(t).1)).collect()
}

/// The padded batch of the fixtures under unknown names, with axes in another order if `turned`.
fn renamed(fixture_name: &str, turned: bool) -> Vec<u8> {
    let file = FileSource::open(fixture(&format!("traces/{fixture_name}"))).expect("the fixture is there");
    let file = block_on(open_tensors(Rc::new(file))).expect("tensors");
    let layer = |layer: usize| {
        let tensor = file.get(&format!("router_logits.{layer}")).expect("a layer");
        block_on(file.floats(tensor, 0..tensor.values())).expect("values")
    };
    let layers: Vec<Vec<f32>> = (0..4).map(layer).collect();
    let mask = file.get("attention_mask").expect("a mask");
    let mask = block_on(file.integers(mask, 0..mask.values())).expect("values");
    let (all, shape): (Vec<f32>, [u64; 4]) = if turned {
        // [samples, tokens, experts, layers]: an unusual order.
        let mut all = Vec::new();
        for row in 0..6 * 64 {
            for expert in 0..8 {
                all.extend(layers.iter().map(|layer| layer[row * 8 + expert]));
            }
        }
        (all, [6, 64, 8, 4])
    } else {
        (layers.concat(), [4, 6, 64, 8])
    };
    Handmade::new().f32("moe/x", &shape, &all).i64("pad_mask", &[6, 64], &mask).bytes()
}

fn golden(name: &str) -> Vec<f32> {
    common::tensor("traces/expected.safetensors", &format!("mean_gates.{name}"))
}

fn largest_difference(ours: &[f32], golden: &[f32]) -> f32 {
    assert_eq!(ours.len(), golden.len());
    ours.iter().zip(golden).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_stacked_batch_is_proposed_and_read_as_the_known_one() {
    for (name, role) in
        [("hf-batch", Role::Logits), ("hf-batch-left", Role::Logits), ("hf-batch-probs", Role::Probabilities)]
    {
        let bytes = renamed(&format!("{name}.safetensors"), false);
        let proposal = proposal(bytes.clone());
        assert_eq!(
            roles(&proposal),
            [
                ("moe/x", role, vec![Axis::Layers, Axis::Samples, Axis::Tokens, Axis::Experts]),
                ("pad_mask", Role::Mask, vec![Axis::Samples, Axis::Tokens]),
            ]
        );
        let trace = mapped(bytes, &proposal.mapping);
        assert_eq!((trace.info.layers, trace.info.experts, trace.info.step), (4, 8, Some(5)));
        let gates = block_on(trace.gates(0..6)).expect("gates");
        let off = largest_difference(&gates, &golden(name));
        assert!(off <= 2e-6, "{name}: {off}");
        // The bits are equal to those of the format's own reader.
        let known = as_trace(open_fixture(&format!("traces/{name}.safetensors")).expect("a trace"));
        let bits = |gates: &[f32]| gates.iter().map(|g| g.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&gates), bits(&block_on(known.gates(0..6)).expect("gates")));
        assert_eq!(trace.info.n_tokens, known.info.n_tokens);
    }
}

#[test]
fn axes_can_have_any_order() {
    let mapping = Mapping {
        tensors: vec![
            tensor("moe/x", Role::Logits, &[Axis::Samples, Axis::Tokens, Axis::Experts, Axis::Layers]),
            tensor("pad_mask", Role::Mask, &[Axis::Samples, Axis::Tokens]),
        ],
        experts: None,
    };
    let trace = mapped(renamed("hf-batch.safetensors", true), &mapping);
    let off = largest_difference(&block_on(trace.gates(0..6)).expect("gates"), &golden("hf-batch"));
    assert!(off <= 2e-6, "{off}");
}

#[test]
fn an_unknown_file_opens_with_a_proposal() {
    let opened = block_on(open(source(renamed("hf-batch.safetensors", false)))).expect("opened");
    let FileKind::Mappable(proposal) = opened.what else { panic!("{:?}", opened.what) };
    let sentence = proposal.sentence();
    for part in [
        "step-5/dump.safetensors",
        "`moe/x` [4,6,64,8] could be logits",
        "\"axes\":[\"layers\"",
        "`pad_mask` is mask",
    ] {
        assert!(sentence.contains(part), "{part} is not in {sentence}");
    }
    assert_eq!((proposal.tensors.len(), proposal.tensors[0].shape.as_slice()), (2, &[4, 6, 64, 8][..]));
    // The proposal can be stored and read again.
    assert_eq!(Mapping::parse("map.json", &proposal.mapping.json()).expect("a mapping"), proposal.mapping);
    // Tensors that cannot be routing give no proposal.
    let other = Handmade::new().f32("conv", &[3, 2], &[5.0, -1.0, 2.0, 3.0, 4.0, 0.5]).bytes();
    assert_eq!(block_on(propose(source(other))).expect("a file"), None);
    let many =
        (0..2001).fold(Handmade::new(), |file, at| file.f32(&format!("{at}.gate.x"), &[1, 2], &[0.5, 0.5]));
    assert_eq!(block_on(propose(source(many.bytes()))).expect("a file"), None);
}

#[test]
fn layers_with_a_tensor_each_and_ragged_rows() {
    let line = [0.5_f32, 0.25, 0.125, 0.125];
    let rows: Vec<f32> = (0..5).flat_map(|row| (0..4).map(move |e| line[(e + row) % 4])).collect();
    let bytes = Handmade::new()
        .f32("block10.router", &[5, 4], &rows)
        .f32("block9.router", &[5, 4], &rows)
        .f32("sample_loss", &[2], &[1.5, 2.5])
        .i64("lengths", &[2], &[2, 3])
        .bytes();
    let proposal = proposal(bytes.clone());
    assert_eq!(proposal.mapping.tensors[0].layer, Some(9));
    assert_eq!(proposal.mapping.tensors[1].layer, Some(10));
    assert_eq!(proposal.mapping.tensors[0].axes, [Axis::Rows, Axis::Experts]);
    let trace = mapped(bytes, &proposal.mapping);
    assert_eq!((trace.info.layers, trace.info.samples.len()), (2, 2));
    assert_eq!(
        (trace.info.n_tokens.as_deref(), trace.info.loss.as_deref()),
        (Some(&[2, 3][..]), Some(&[1.5, 2.5][..]))
    );
    let gates = block_on(trace.gates(0..2)).expect("gates");
    assert_eq!(gates[..4], [0.375, 0.1875, 0.125, 0.3125]);
}

#[test]
fn ids_become_selection_frequencies() {
    // [tokens, k, layers], the last token padding.
    let ids = [0, 3, 1, 2, 5, 3, 0, 1, -1, -1, -1, -1];
    let bytes = Handmade::new().i32("exp", &[3, 2, 2], &ids).bytes();
    let mut mapping = Mapping {
        tensors: vec![tensor("exp", Role::Ids, &[Axis::Rows, Axis::Rank, Axis::Layers])],
        experts: None,
    };
    let trace = mapped(bytes.clone(), &mapping);
    assert_eq!((trace.info.gate_kind, trace.info.experts), (GateKind::SelectionFrequency, 8));
    let topk = block_on(trace.topk(0..1)).expect("selections").expect("some");
    // Token 0: layer 0 has 0 and 1, layer 1 has 3 and 2.
    assert_eq!((topk.ids, topk.offsets), (vec![0, 1, 3, 2, 5, 0, 3, 1], vec![0, 2]));
    let frequencies = block_on(trace.gates(0..1)).expect("frequencies");
    assert_eq!(frequencies[..8], [0.5, 0.25, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0]);
    mapping.experts = Some(5);
    assert!(refused(bytes.clone(), &mapping).contains("ids below 5"));
    mapping.experts = Some(6);
    assert_eq!(mapped(bytes, &mapping).info.experts, 6);
}

#[test]
fn mappings_that_do_not_fit_are_explained() {
    let bytes = || {
        Handmade::new()
            .f32("a", &[2, 3], &[0.5, 0.25, 0.25, 0.25, 0.5, 0.25])
            .f32("b", &[4], &[1.0; 4])
            .bytes()
    };
    let said = |tensors: Vec<MappedTensor>| refused(bytes(), &Mapping { tensors, experts: None });
    let gates = tensor("a", Role::Gates, &[Axis::Samples, Axis::Experts]);
    let cases: Vec<(Vec<MappedTensor>, &str)> = vec![
        (vec![], "no tensor; expected gates"),
        (vec![tensor("c", Role::Gates, &[Axis::Experts])], "a tensor `c`; expected `a`, `b`"),
        (vec![tensor("a", Role::Gates, &[Axis::Experts])], "1 axes, as the mapping names"),
        (vec![tensor("a", Role::Gates, &[Axis::Experts, Axis::Experts])], "the axis experts once"),
        (vec![tensor("a", Role::Gates, &[Axis::Tokens, Axis::Experts])], "gates without an axis of tokens"),
        (vec![tensor("a", Role::Logits, &[Axis::Samples, Axis::Layers])], "logits with an axis of experts"),
        (vec![tensor("a", Role::Gates, &[Axis::Single, Axis::Experts])], "where the mapping says single"),
        (vec![tensor("a", Role::Ids, &[Axis::Rows, Axis::Rank])], "of a type that ids can have"),
        (vec![gates.clone(), tensor("b", Role::Gates, &[Axis::Experts])], "both with the routing"),
        (vec![gates.clone(), tensor("b", Role::Loss, &[Axis::Samples])], "2 losses, one per sample"),
        (
            vec![
                tensor("a", Role::Logits, &[Axis::Rows, Axis::Experts]),
                tensor("b", Role::TokenCounts, &[Axis::Samples]),
            ],
            "of a type that token-counts can have",
        ),
    ];
    for (tensors, words) in cases {
        let text = said(tensors);
        assert!(
            text.contains(words) && text.contains("step-5/dump.safetensors"),
            "{words:?} is not in {text:?}"
        );
    }
    assert_eq!(mapped(bytes(), &Mapping { tensors: vec![gates], experts: None }).info.samples.len(), 2);
}

#[test]
fn a_single_array_is_a_file_of_one_tensor() {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 2), }\n";
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header);
    bytes.extend([0.5_f32, 0.5, 0.25, 0.75].iter().flat_map(|v| v.to_le_bytes()));
    let array = |name: &str| -> Source { Rc::new(MemorySource::new(name, bytes.clone())) };
    let trace = as_trace(block_on(open(array("step-3/gates.npy"))).expect("a trace"));
    assert_eq!(block_on(trace.gates(1..2)).expect("gates"), [0.25, 0.75]);
    let proposal = block_on(propose(array("x/probs.npy"))).expect("a file").expect("a proposal");
    assert_eq!(proposal.mapping.tensors[0].role, Role::Gates);
    let cut: Source = Rc::new(MemorySource::new("gates.npy", bytes[..bytes.len() - 1].to_vec()));
    assert!(block_on(open(cut)).expect_err("cut off").to_string().contains("as many as <f4 [2,1,2] needs"));
}

/// All orders of the axes of a tensor of logits.
fn orders() -> impl Strategy<Value = Vec<usize>> {
    Just(vec![0_usize, 1, 2, 3]).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_order_of_axes_gives_the_same_trace(
        order in orders(),
        sizes in (1_usize..4, 1_usize..5, 1_usize..4, 2_usize..6),
        seed in any::<u32>(),
    ) {
        let sizes = [sizes.0, sizes.1, sizes.2, sizes.3];
        let axes = [Axis::Samples, Axis::Tokens, Axis::Layers, Axis::Experts];
        let value = |at: [usize; 4]| {
            let n = at.iter().zip(sizes).fold(0, |n, (&i, size)| n * size + i);
            ((n as u32).wrapping_mul(2_654_435_761).wrapping_add(seed) >> 20) as f32 / 512.0
        };
        let write = |order: &[usize]| {
            let shape: Vec<u64> = order.iter().map(|&axis| sizes[axis] as u64).collect();
            let total: usize = sizes.iter().product();
            let values: Vec<f32> = (0..total).map(|n| {
                let mut at = [0; 4];
                let mut rest = n;
                for &axis in order.iter().rev() {
                    at[axis] = rest % sizes[axis];
                    rest /= sizes[axis];
                }
                value(at)
            }).collect();
            let mapping = Mapping {
                tensors: vec![tensor("x", Role::Logits, &order.iter().map(|&axis| axes[axis]).collect::<Vec<_>>())],
                experts: None,
            };
            let trace = mapped(Handmade::new().f32("x", &shape, &values).bytes(), &mapping);
            block_on(trace.gates(0..sizes[0])).expect("gates")
        };
        let (usual, turned) = (write(&[0, 1, 2, 3]), write(&order));
        // Sums over tokens may have another order.
        for (a, b) in usual.iter().zip(&turned) {
            prop_assert!((a - b).abs() <= 1e-6);
        }
    }

    #[test]
    fn every_proposal_can_be_applied(
        shape in prop::collection::vec(0_u64..5, 1..5),
        integers: bool,
        name in 0_usize..4,
        value in any::<u8>(),
    ) {
        let total: u64 = shape.iter().product();
        let name = ["router", "x", "layer.3.gate", "mask"][name];
        let file = if integers {
            let values: Vec<i32> = (0..total).map(|i| (i as i32 + i32::from(value)) % 7).collect();
            Handmade::new().i32(name, &shape, &values)
        } else {
            Handmade::new().f32(name, &shape, &vec![f32::from(value); total as usize])
        };
        if let Ok(Some(proposal)) = block_on(propose(source(file.bytes()))) {
            prop_assert!(!proposal.reasons.is_empty());
            drop(block_on(open_mapped(source(file.bytes()), &proposal.mapping)));
        }
    }
}
