//! Reports to draw: a small one built by hand, and ragged ones that no analysis would make.

use report::*;

/// Names that a page or a specification might act on.
pub const NASTY: [&str; 8] = [
    "<script>alert(1)</script>",
    "a.b[0]",
    "it's \"quoted\"",
    "image",
    "title",
    "",
    "datum['x']",
    "{\"signal\":\"1\"}",
];

/// Two domains, five checkpoints, two layers of four experts, three values missing, a pairing in the first domain.
#[expect(clippy::too_many_lines, reason = "a report is long")]
pub fn small() -> Report {
    let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Series>();
    let steps = [0_u64, 1000, 2000, 3000, 4000];
    let domain = |name: &str, shift: f64| Domain {
        name: name.into(),
        samples: 200,
        items: 100,
        memorization: Memorization {
            eps: Some(1.1),
            eps_set_by_user: false,
            t_star: vec![0, 30, 16, 4, 2],
            memorized: 50,
            never: 148,
        },
        loss: some(&[3.2, 1.5 + shift, 1.1, 1.0, 1.0]),
        loss_moving_average: some(&[3.2, 2.35, 1.93, 1.2, 1.03]),
        validation_loss: None,
        accuracy: Some(some(&[0.2, 0.21, 0.4, 0.8, 0.93])),
        generalization: Some(Generalization { t_sharp: vec![0, 1, 10, 50, 12], never: 27 }),
        distance: [Group::All, Group::Memorized]
            .into_iter()
            .map(|group| Distance {
                group,
                samples: if group == Group::All { 200 } else { 50 },
                pairs: 1225,
                all_pairs: 1225,
                mean: some(&[10.0, 12.0, 11.0, 10.5 + shift, 10.0 + shift]),
                se: some(&[0.1, 0.1, 0.1, 0.1, 0.1]),
                ci: some(&[0.2, 0.2, 0.2, 0.2, 0.2]),
                normalised: some(&[0.5, 0.6, 0.55, 0.52, 0.5]),
                normalised_se: some(&[0.01; 5]),
                length: some(&[20.0; 5]),
            })
            .collect(),
        null_distance: some(&[15.0; 5]),
        structure: some(&[0.33, 0.2, 0.27, 0.3, 0.33]),
        sweep: [0.5, 0.7]
            .into_iter()
            .flat_map(|tau| [Group::All, Group::Memorized].map(|group| (tau, group)))
            .map(|(tau, group)| Sweep {
                tau,
                group,
                pairs: 1225,
                mean: some(&[10.0, 12.0, 11.0, 10.5, 10.0]),
                se: some(&[0.1; 5]),
            })
            .collect(),
        distance_by_layer: (0..5).map(|at| vec![Some(4.0 - 0.25 * f64::from(at)), Some(5.0)]).collect(),
        distance_by_t_star: vec![TStarDistance {
            checkpoint: 1,
            samples: 30,
            mean: some(&[10.0, 12.0, 11.0, 10.5, 10.0]),
        }],
        consistency: vec![Consistency {
            group: Group::Memorized,
            median: vec![Some(0.5), Some(0.6), None, Some(0.7), Some(0.8)],
            lower: vec![Some(0.48), Some(0.55), None, Some(0.65), Some(0.75)],
            upper: vec![Some(0.52), Some(0.65), None, Some(0.75), Some(0.85)],
            mean: some(&[0.5, 0.6, 0.6, 0.7, 0.8]),
            mean_c: some(&[0.5, 0.4, 0.4, 0.3, 0.2]),
            smoothness: some(&[0.1, 0.2, 0.3, 0.35, 0.4]),
            undefined: some(&[0.0; 5]),
        }],
        spectrum: vec![Spectrum {
            group: Group::Memorized,
            samples: 50,
            mean: some(&[3.5, 3.0, 2.9, 2.5, 2.2]),
            by_layer: vec![vec![Some(3.5), Some(3.5)]; 5],
        }],
        entropy: some(&[1.38, 1.3, 1.2, 1.1, 1.0]),
        entropy_by_layer: vec![vec![Some(1.3), None]; 5],
        token_entropy: vec![None; 5],
        load: vec![
            Some(Load {
                layers: vec![
                    LayerLoad {
                        counts: vec![1, 2, 0, 5],
                        max_over_mean: Some(2.5),
                        cv: Some(0.9),
                        never_used: 1
                    };
                    2
                ],
            });
            5
        ],
        saturation: vec![
            Some(Saturation {
                k: 0.7,
                k_by_layer: vec![0.6, 0.8],
                top1: Some(0.5),
                top1_by_layer: Some(vec![0.4, 0.6])
            });
            5
        ],
        coactivation: vec![vec![TopCoactivation { first: 3, second: 1, probability: 0.8 }], Vec::new()],
        delays: (shift == 0.0).then(|| Delays {
            from_gates: true,
            train: vec![Matched { checkpoint: 1, count: 30 }, Matched { checkpoint: 2, count: 16 }],
            test: vec![
                Matched { checkpoint: 2, count: 10 },
                Matched { checkpoint: 3, count: 50 },
                Matched { checkpoint: 4, count: 12 },
            ],
            scores: vec![vec![0.91, 0.95, 0.9], vec![0.9, 0.92, 0.94]],
            pairs: vec![
                Pair { train: 0, test: 1, delay: 2000, score: 0.95 },
                Pair { train: 1, test: 2, delay: 2000, score: 0.94 },
            ],
            total: 1.89,
            second_best_total: Some(1.83),
        }),
        correlations: vec![
            correlation("distance", if shift == 0.0 { -0.9 } else { 0.1 }),
            correlation("consistency", 0.95),
        ],
    };
    Report {
        format: FORMAT.into(),
        version: VERSION,
        made_by: "a test".into(),
        title: "Small".into(),
        rounded_to_bits: None,
        run: Run {
            model: Some("small".into()),
            samples: 400,
            items: 200,
            layers: 2,
            experts: 4,
            top_k: Some(2),
            gate_kind: GateKind::SoftmaxMean,
            half_precision: false,
        },
        settings: Settings::default(),
        checkpoints: steps.map(|step| Checkpoint { step, tokens: Some(step * 4_194_304) }).to_vec(),
        domains: vec![domain("math", 0.0), domain("code", 2.0)],
        cross: vec![CrossDomain {
            first: "math".into(),
            second: "code".into(),
            group: Group::All,
            pairs: 400,
            mean: some(&[14.0; 5]),
            se: some(&[0.1; 5]),
        }],
        notes: Vec::new(),
    }
}

fn correlation(metric: &str, r: f64) -> Correlation {
    Correlation {
        metric: metric.into(),
        group: Group::Memorized,
        n: 5,
        pearson: Some(r),
        pearson_p: Some(if r.abs() > 0.5 { 0.025 } else { 0.8 }),
        spearman: Some(r),
        spearman_p: Some(if r.abs() > 0.5 { 0.033 } else { 0.8 }),
        orders: 120,
        exact: true,
        undefined: None,
    }
}

/// A source of small decisions.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        // The finaliser of splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % sides.max(1)
    }

    fn number(&mut self) -> f64 {
        match self.roll(16) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => -f64::MAX,
            3 => f64::MIN_POSITIVE,
            4 => 0.0,
            5 => f64::MAX,
            _ => self.roll(2000) as f64 / 100.0 - 5.0,
        }
    }

    fn option<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.roll(4) > 0).then(|| make(self))
    }

    fn list<T>(&mut self, most: u64, make: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.roll(most + 1)).map(|_| make(self)).collect()
    }

    fn series(&mut self) -> Series {
        self.list(9, |dice| dice.option(Self::number))
    }

    fn rows(&mut self) -> Vec<Series> {
        self.list(9, |dice| dice.list(4, |dice| dice.option(Self::number)))
    }

    fn index(&mut self) -> usize {
        if self.roll(12) == 0 { usize::MAX } else { self.roll(9) as usize }
    }

    fn big(&mut self) -> u64 {
        if self.roll(6) == 0 { u64::MAX } else { self.roll(5000) }
    }

    fn group(&mut self) -> Group {
        if self.roll(2) == 0 { Group::All } else { Group::Memorized }
    }

    fn text(&mut self) -> String {
        NASTY[self.roll(NASTY.len() as u64) as usize].to_owned()
    }

    #[expect(clippy::too_many_lines, reason = "a domain is long")]
    fn domain(&mut self) -> Domain {
        Domain {
            name: self.text(),
            samples: self.index(),
            items: self.index(),
            memorization: Memorization {
                eps: self.option(Self::number),
                eps_set_by_user: self.roll(2) == 0,
                t_star: self.list(9, Self::index),
                memorized: self.index(),
                never: self.index(),
            },
            loss: self.series(),
            loss_moving_average: self.series(),
            validation_loss: self.option(Self::series),
            accuracy: self.option(Self::series),
            generalization: self
                .option(|dice| Generalization { t_sharp: dice.list(9, Self::index), never: dice.index() }),
            distance: self.list(3, |dice| Distance {
                group: dice.group(),
                samples: dice.index(),
                pairs: dice.big(),
                all_pairs: dice.big(),
                mean: dice.series(),
                se: dice.series(),
                ci: dice.series(),
                normalised: dice.series(),
                normalised_se: dice.series(),
                length: dice.series(),
            }),
            null_distance: self.series(),
            structure: self.series(),
            sweep: self.list(4, |dice| Sweep {
                tau: dice.number(),
                group: dice.group(),
                pairs: dice.big(),
                mean: dice.series(),
                se: dice.series(),
            }),
            distance_by_layer: self.rows(),
            distance_by_t_star: self.list(3, |dice| TStarDistance {
                checkpoint: dice.index(),
                samples: dice.index(),
                mean: dice.series(),
            }),
            consistency: self.list(2, |dice| Consistency {
                group: dice.group(),
                median: dice.series(),
                lower: dice.series(),
                upper: dice.series(),
                mean: dice.series(),
                mean_c: dice.series(),
                smoothness: dice.series(),
                undefined: dice.series(),
            }),
            spectrum: self.list(2, |dice| Spectrum {
                group: dice.group(),
                samples: dice.index(),
                mean: dice.series(),
                by_layer: dice.rows(),
            }),
            entropy: self.series(),
            entropy_by_layer: self.rows(),
            token_entropy: self.series(),
            load: self.list(9, |dice| {
                dice.option(|dice| Load {
                    layers: dice.list(3, |dice| LayerLoad {
                        counts: dice.list(5, Self::big),
                        max_over_mean: dice.option(Self::number),
                        cv: dice.option(Self::number),
                        never_used: dice.index(),
                    }),
                })
            }),
            saturation: self.list(9, |dice| {
                dice.option(|dice| Saturation {
                    k: dice.number(),
                    k_by_layer: dice.list(3, Self::number),
                    top1: dice.option(Self::number),
                    top1_by_layer: dice.option(|dice| dice.list(3, Self::number)),
                })
            }),
            coactivation: self.list(3, |dice| {
                dice.list(3, |dice| TopCoactivation {
                    first: dice.index(),
                    second: dice.index(),
                    probability: dice.number(),
                })
            }),
            delays: self.option(|dice| Delays {
                from_gates: dice.roll(2) == 0,
                train: dice.list(4, |dice| Matched { checkpoint: dice.index(), count: dice.index() }),
                test: dice.list(4, |dice| Matched { checkpoint: dice.index(), count: dice.index() }),
                scores: dice.list(4, |dice| dice.list(4, Self::number)),
                pairs: dice.list(4, |dice| Pair {
                    train: dice.index(),
                    test: dice.index(),
                    delay: if dice.roll(5) == 0 { i64::MIN } else { dice.roll(9000).cast_signed() - 3000 },
                    score: dice.number(),
                }),
                total: dice.number(),
                second_best_total: dice.option(Self::number),
            }),
            correlations: self.list(6, |dice| Correlation {
                metric: ["distance", "consistency", "loss", "<b>"][dice.roll(4) as usize].into(),
                group: dice.group(),
                n: dice.index(),
                pearson: dice.option(Self::number),
                pearson_p: dice.option(Self::number),
                spearman: dice.option(Self::number),
                spearman_p: dice.option(Self::number),
                orders: dice.big(),
                exact: dice.roll(2) == 0,
                undefined: dice.option(Self::text),
            }),
        }
    }

    /// A report in which nothing fits anything.
    pub fn report(&mut self) -> Report {
        let mut report = small();
        let told = self.roll(2) == 0;
        report.checkpoints =
            self.list(8, |dice| Checkpoint { step: dice.big(), tokens: told.then(|| dice.big()) });
        if self.roll(2) == 0 {
            report.checkpoints.sort_by_key(|checkpoint| checkpoint.step);
        }
        report.domains = self.list(10, Self::domain);
        report.run.layers = self.index();
        report.run.experts = self.index();
        report.run.gate_kind =
            if self.roll(2) == 0 { GateKind::SoftmaxMean } else { GateKind::SelectionFrequency };
        report.settings.tau = self.number();
        report.settings.window = self.option(|dice| Window { first: dice.big(), last: dice.big() });
        report.cross = self.list(3, |dice| CrossDomain {
            first: dice.text(),
            second: dice.text(),
            group: dice.group(),
            pairs: dice.big(),
            mean: dice.series(),
            se: dice.series(),
        });
        report
    }
}
