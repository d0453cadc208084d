//! Reports as a real run gives them: smooth courses under noise that domains, groups and figures partly share.

use report::{
    Checkpoint, Consistency, Correlation, CrossDomain, Delays, Distance, Domain, FORMAT, GateKind,
    Generalization, Group, LayerLoad, Load, Matched, Memorization, Note, NoteLevel, Pair, Report, Run,
    Saturation, Series, Settings, Spectrum, Sweep, TStarDistance, TopCoactivation, VERSION,
};

/// Small seeded generator.
pub struct Draw {
    state: u64,
    noise: f64,
}

impl Draw {
    pub fn new(seed: u64, noise: f64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, noise }
    }

    /// In `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// About normal, mean 0, deviation `noise`.
    pub fn normal(&mut self) -> f64 {
        ((0..12).map(|_| self.unit()).sum::<f64>() - 6.0) * self.noise
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.unit() * limit as f64) as usize
    }
}

/// Size of a run.
#[derive(Clone, Copy)]
pub struct Size {
    /// How noisy the courses are: 1 for checkpoints far apart, less for those that follow closely.
    pub noise: f64,
    pub samples: usize,
    pub items: usize,
    pub layers: usize,
    pub experts: usize,
}

pub const OLMOE: Size = Size { samples: 10_000, items: 1_000, layers: 16, experts: 64, noise: 1.0 };
/// The same, followed closely.
pub const OLMOE_CLOSELY: Size = Size { noise: 0.5, ..OLMOE };

pub const SMALL: Size = Size { samples: 370, items: 159, layers: 4, experts: 8, noise: 1.0 };

pub const PAPER_STEPS: [u64; 10] =
    [5_000, 125_000, 245_000, 370_000, 490_000, 615_000, 735_000, 855_000, 980_000, 1_100_000];

pub const DEMO_STEPS: [u64; 33] = [
    0, 25, 50, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500, 4_000, 4_500,
    5_000, 5_500, 6_000, 6_500, 7_000, 7_500, 8_000, 8_500, 9_000, 9_500, 10_000, 10_500, 11_000, 11_500,
    12_000,
];

pub const DOMAINS: [&str; 4] = ["math", "code", "commonsense", "domain"];

/// Every 5,000 steps.
pub fn many_steps(count: u64) -> Vec<u64> {
    (1..=count).map(|index| 5_000 * index).collect()
}

fn course(checkpoints: usize, mut figure: impl FnMut(usize) -> f64) -> Series {
    (0..checkpoints).map(|place| Some(figure(place))).collect()
}

/// How far the training has come, and noise that all figures of a checkpoint share.
struct Training {
    done: Vec<f64>,
    shared: Vec<f64>,
}

/// A report of that size; `full` adds everything that is not in every link.
pub fn report(steps: &[u64], size: Size, domains: &[&str], seed: u64, full: bool) -> Report {
    let mut draw = Draw::new(seed, size.noise);
    let last = steps.last().copied().unwrap_or(1).max(1) as f64;
    let training = Training {
        done: steps.iter().map(|step| *step as f64 / last).collect(),
        shared: steps.iter().map(|_| draw.normal()).collect(),
    };
    let domains: Vec<Domain> =
        domains.iter().map(|name| domain(name, steps, &training, size, &mut draw, full)).collect();
    let cross = cross(&domains, steps.len(), &mut draw);
    Report {
        format: FORMAT.to_owned(),
        version: VERSION,
        made_by: "grokscope 0.1.0".to_owned(),
        title: "OLMoE, the paper's ten checkpoints".to_owned(),
        rounded_to_bits: None,
        run: Run {
            model: Some("OLMoE-1B-7B-0924".to_owned()),
            samples: size.samples * domains.len(),
            items: size.items * domains.len(),
            layers: size.layers,
            experts: size.experts,
            top_k: Some(8),
            gate_kind: GateKind::SoftmaxMean,
            half_precision: true,
        },
        settings: Settings::default(),
        checkpoints: steps
            .iter()
            .map(|step| Checkpoint { step: *step, tokens: Some(step * 4_194_304) })
            .collect(),
        domains,
        cross,
        notes: vec![Note {
            level: NoteLevel::Warning,
            text:
                "Samples whose loss only settles at the last checkpoint are unconfirmed (their drift is 0 by \
                   construction) and take no part in the pairing."
                    .to_owned(),
        }],
    }
}

fn counts(total: usize, places: usize, draw: &mut Draw, early: f64) -> Vec<usize> {
    let mut counts = vec![0; places];
    for _ in 0..total {
        let place = draw.unit() * draw.unit() * early;
        let place = (place * places as f64) as usize;
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
    }
    counts
}

#[expect(clippy::too_many_lines, reason = "one figure after the other, as the model lists them")]
fn domain(name: &str, steps: &[u64], training: &Training, size: Size, draw: &mut Draw, full: bool) -> Domain {
    let checkpoints = steps.len();
    let Size { samples, items, layers, experts, noise: _ } = size;
    let Training { done, shared } = training;
    let level = draw.unit();
    let loss = course(checkpoints, |c| {
        1.6 + level + 8.0 / (1.0 + 60.0 * done[c]) + 0.012 * shared[c] + 0.006 * draw.normal()
    });
    let validation_loss =
        course(checkpoints, |c| loss[c].unwrap_or(0.0) + 0.05 + 0.2 * done[c] + 0.008 * draw.normal());
    let accuracy: Series = course(checkpoints, |c| {
        let sure = 0.25 + 0.5 * done[c] / (done[c] + 0.3);
        let right =
            (sure * items as f64 + (sure * (1.0 - sure) * items as f64).sqrt() * draw.normal()).round();
        (right.clamp(0.0, items as f64)) / items as f64
    });
    let t_star = counts(samples / 4, checkpoints, draw, 1.3);
    let t_sharp = counts(items / 2, checkpoints, draw, 1.5);
    let memorized = t_star.iter().rev().skip(1).sum::<usize>();
    let generalization =
        Generalization { never: items - t_sharp.iter().sum::<usize>(), t_sharp: t_sharp.clone() };

    let scale = (layers * experts) as f64 / 1_024.0;
    let length = course(checkpoints, |c| {
        scale
            * (590.0 + 20.0 * level - 30.0 * done[c]
                + 15.0 / (1.0 + 90.0 * done[c])
                + 0.8 * shared[c]
                + 0.6 * draw.normal())
    });
    let mean = course(checkpoints, |c| {
        let rise = 60.0 * done[c] / (done[c] + 0.05) - 75.0 * done[c] / (done[c] + 0.5);
        scale * (500.0 + 25.0 * level + rise + 1.1 * shared[c] + 0.9 * draw.normal())
    });
    let null_distance = course(checkpoints, |c| 0.955 * length[c].unwrap_or(0.0) + 0.05 * draw.normal());
    let distances: Vec<Distance> = [Group::All, Group::Memorized]
        .into_iter()
        .map(|group| {
            let samples = if group == Group::All { samples } else { memorized };
            let error = 60.0 * scale / (samples.max(3) as f64).sqrt();
            let shift = if group == Group::All { 0.0 } else { 1.0 };
            let mean = course(checkpoints, |c| {
                mean[c].unwrap_or(0.0) - shift * scale * (9.0 + 6.0 * done[c] + 0.8 * draw.normal())
            });
            let length = course(checkpoints, |c| {
                length[c].unwrap_or(0.0) - shift * scale * (5.0 + 0.5 * draw.normal())
            });
            let se = course(checkpoints, |c| error * (1.0 + 0.2 * done[c] + 0.02 * draw.normal()));
            let normalised = course(checkpoints, |c| {
                0.965 * mean[c].unwrap_or(0.0) / length[c].unwrap_or(1.0) + 0.000_4 * draw.normal()
            });
            let normalised_se = course(checkpoints, |c| {
                1.08 * se[c].unwrap_or(0.0) / length[c].unwrap_or(1.0) * (1.0 + 0.01 * draw.normal())
            });
            Distance {
                group,
                samples,
                pairs: 12_500,
                all_pairs: (samples * samples.saturating_sub(1) / 2) as u64,
                ci: se.iter().map(|se| se.map(|se| se * quantile(samples))).collect(),
                mean,
                se,
                normalised,
                normalised_se,
                length,
            }
        })
        .collect();
    let all = &distances[0].mean;
    let structure = all
        .iter()
        .zip(&null_distance)
        .map(|(mean, null)| Some(1.0 - mean.unwrap_or(0.0) / null.unwrap_or(1.0)))
        .collect();

    let base = course(checkpoints, |c| {
        0.62 + 0.1 * done[c] / (done[c] + 0.2) + 0.003 * shared[c] + 0.002 * draw.normal()
    });
    let consistency: Vec<Consistency> = [Group::All, Group::Memorized]
        .into_iter()
        .map(|group| {
            let shift = if group == Group::All { 0.0 } else { 0.01 };
            let median = course(checkpoints, |c| base[c].unwrap_or(0.0) + shift + 0.001 * draw.normal());
            let around = |offset: f64, draw: &mut Draw| {
                course(checkpoints, |c| {
                    median[c].unwrap_or(0.0) + offset * (1.0 - 0.2 * done[c]) + 0.001 * draw.normal()
                })
            };
            let mean = around(-0.006, draw);
            Consistency {
                group,
                lower: around(-0.05, draw),
                upper: around(0.05, draw),
                mean_c: mean.iter().map(|mean| mean.map(|mean| 1.0 - mean)).collect(),
                mean,
                smoothness: course(checkpoints, |c| {
                    0.9 * median[c].unwrap_or(0.0) - 0.2 + 0.001 * draw.normal()
                }),
                undefined: course(checkpoints, |_| 0.0),
                median,
            }
        })
        .collect();

    let matrix = |from: f64, spread: f64, draw: &mut Draw| -> Vec<Vec<Option<f64>>> {
        if !full {
            return Vec::new();
        }
        (0..checkpoints)
            .map(|c| {
                (0..layers)
                    .map(|l| {
                        Some(
                            from * (1.0 + 0.02 * l as f64 - 0.1 * done[c])
                                + spread * (shared[c] + draw.normal()),
                        )
                    })
                    .collect()
            })
            .collect()
    };
    let spectrum: Vec<Spectrum> = [Group::All, Group::Memorized]
        .into_iter()
        .map(|group| Spectrum {
            group,
            samples: if group == Group::All { samples } else { memorized },
            mean: course(checkpoints, |c| {
                18.0 + 14.0 * done[c] / (done[c] + 0.1) + 0.1 * shared[c] + 0.06 * draw.normal()
            }),
            by_layer: matrix(24.0, 0.1, draw),
        })
        .collect();
    let entropy = course(checkpoints, |c| 3.9 - 0.3 * done[c] + 0.001_5 * shared[c] + 0.001 * draw.normal());
    let token_entropy = if full {
        course(checkpoints, |c| entropy[c].unwrap_or(0.0) - 0.8 + 0.002 * draw.normal())
    } else {
        vec![None; checkpoints]
    };

    let mut domain = Domain {
        name: name.to_owned(),
        samples,
        items,
        memorization: Memorization {
            eps: Some(((2.2 + level) * 10.0).round() / 10.0),
            eps_set_by_user: false,
            never: samples - t_star.iter().sum::<usize>(),
            memorized,
            t_star: t_star.clone(),
        },
        loss_moving_average: (0..checkpoints)
            .map(|c| {
                let window = &loss[c.saturating_sub(2)..=c];
                Some(window.iter().flatten().sum::<f64>() / window.len() as f64)
            })
            .collect(),
        loss,
        validation_loss: Some(validation_loss),
        accuracy: Some(accuracy),
        generalization: Some(generalization),
        sweep: if full { sweep(&distances, draw) } else { Vec::new() },
        distance: distances,
        null_distance,
        structure,
        distance_by_layer: matrix(32.0, 0.1, draw),
        distance_by_t_star: if full { by_t_star(&t_star, checkpoints, draw) } else { Vec::new() },
        consistency,
        spectrum,
        entropy,
        entropy_by_layer: matrix(3.8, 0.002, draw),
        token_entropy,
        load: if full { (0..checkpoints).map(|_| Some(load(size, draw))).collect() } else { Vec::new() },
        saturation: if full {
            (0..checkpoints).map(|c| Some(saturation(layers, done[c], draw))).collect()
        } else {
            Vec::new()
        },
        coactivation: if full {
            (0..layers).map(|_| coactivation(experts, draw)).collect()
        } else {
            Vec::new()
        },
        delays: Some(delays(steps, &t_star, &t_sharp, draw)),
        correlations: Vec::new(),
    };
    domain.correlations = correlations(&domain, draw);
    domain
}

/// About the t quantile, as an analysis multiplies it in.
fn quantile(samples: usize) -> f64 {
    let n = samples.max(4) as f64 - 1.0;
    1.959_963_984_540_054 + 2.372_271_23 / n + 2.822_5 / (n * n)
}

fn sweep(distances: &[Distance], draw: &mut Draw) -> Vec<Sweep> {
    let mut all = Vec::new();
    for tau in [0.5, 0.6, 0.8] {
        for distance in distances {
            let factor = tau / 0.7;
            all.push(Sweep {
                tau,
                group: distance.group,
                pairs: distance.pairs,
                mean: distance
                    .mean
                    .iter()
                    .map(|mean| mean.map(|mean| mean * factor + 0.4 * draw.normal()))
                    .collect(),
                se: distance
                    .se
                    .iter()
                    .map(|se| se.map(|se| se * factor * (1.0 + 0.01 * draw.normal())))
                    .collect(),
            });
        }
    }
    all
}

fn by_t_star(t_star: &[usize], checkpoints: usize, draw: &mut Draw) -> Vec<TStarDistance> {
    t_star
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(checkpoint, count)| TStarDistance {
            checkpoint,
            samples: *count,
            mean: if *count > 1 {
                course(checkpoints, |_| 500.0 + 3.0 * draw.normal())
            } else {
                vec![None; checkpoints]
            },
        })
        .collect()
}

fn load(size: Size, draw: &mut Draw) -> Load {
    let layer = |draw: &mut Draw| {
        let counts: Vec<u64> = (0..size.experts).map(|_| 1_000 + draw.below(500) as u64).collect();
        let mean = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
        let most = counts.iter().max().copied().unwrap_or(0) as f64;
        let spread = counts.iter().map(|count| (*count as f64 - mean) * (*count as f64 - mean)).sum::<f64>()
            / counts.len() as f64;
        LayerLoad {
            max_over_mean: Some(most / mean),
            cv: Some(spread.sqrt() / mean),
            never_used: counts.iter().filter(|count| **count == 0).count(),
            counts,
        }
    };
    Load { layers: (0..size.layers).map(|_| layer(draw)).collect() }
}

fn saturation(layers: usize, done: f64, draw: &mut Draw) -> Saturation {
    let mut by_layer = |level: f64| -> Vec<f64> {
        (0..layers).map(|_| (level * done / (done + 0.05) + 0.01 * draw.normal()).clamp(0.0, 1.0)).collect()
    };
    let (k, top1) = (by_layer(0.95), by_layer(0.9));
    let mean = |list: &[f64]| list.iter().sum::<f64>() / list.len() as f64;
    Saturation { k: mean(&k), top1: Some(mean(&top1)), k_by_layer: k, top1_by_layer: Some(top1) }
}

fn coactivation(experts: usize, draw: &mut Draw) -> Vec<TopCoactivation> {
    (0..8.min(experts))
        .map(|_| TopCoactivation {
            first: draw.below(experts),
            second: draw.below(experts),
            probability: 0.3 + 0.4 * draw.unit(),
        })
        .collect()
}

fn delays(steps: &[u64], t_star: &[usize], t_sharp: &[usize], draw: &mut Draw) -> Delays {
    let groups = |counts: &[usize]| -> Vec<Matched> {
        let confirmed = counts.len().saturating_sub(1);
        let used = counts.iter().take(confirmed).enumerate().filter(|(_, count)| **count > 0);
        used.map(|(checkpoint, count)| Matched { checkpoint, count: *count }).collect()
    };
    let (train, test) = (groups(t_star), groups(t_sharp));
    let scores: Vec<Vec<f64>> =
        train.iter().map(|_| test.iter().map(|_| 0.3 + 0.2 * draw.unit()).collect()).collect();
    let pairs: Vec<Pair> = (0..train.len().min(test.len()))
        .map(|index| Pair {
            train: index,
            test: index,
            delay: steps[test[index].checkpoint].cast_signed() - steps[train[index].checkpoint].cast_signed(),
            score: scores[index][index],
        })
        .collect();
    let total = pairs.iter().map(|pair| pair.score).sum();
    Delays {
        from_gates: true,
        train,
        test,
        scores,
        pairs,
        total,
        second_best_total: Some(total - 0.01 * draw.unit()),
    }
}

fn correlations(domain: &Domain, draw: &mut Draw) -> Vec<Correlation> {
    let accuracy = domain.accuracy.as_deref().unwrap_or(&[]);
    let mut all = Vec::new();
    let mut push = |metric: &str, group: Group, course: &[Option<f64>], sign: f64| {
        let x: Vec<f64> = course.iter().flatten().copied().collect();
        let y: Vec<f64> = accuracy.iter().flatten().copied().collect();
        let n = x.len();
        let r = (n >= 3).then(|| sign * pearson(&x, &y));
        let rho = (n >= 3).then(|| sign * pearson(&ranks(&x), &ranks(&y)));
        // Permutation p values come in steps of 1 / orders; these have about the size of real ones.
        let p = |r: Option<f64>, draw: &mut Draw| {
            r.map(|r| {
                let z = r.abs() * (n as f64).sqrt() * (1.0 + 0.1 * draw.normal());
                ((1.0 / (1.0 + z * z * z)) * 100_000.0).round() / 100_001.0
            })
        };
        all.push(Correlation {
            metric: metric.to_owned(),
            group,
            n,
            pearson_p: p(r, draw),
            pearson: r,
            spearman_p: p(rho, draw),
            spearman: rho,
            orders: 100_000,
            exact: false,
            undefined: (n < 3).then(|| "Fewer than three checkpoints.".to_owned()),
        });
    };
    for group in [Group::Memorized, Group::All] {
        if let (Some(distance), Some(consistency)) = (domain.distance_of(group), domain.consistency_of(group))
        {
            push("distance", group, &distance.mean, 1.0);
            push("distance_normalised", group, &distance.normalised, 1.0);
            push("consistency", group, &consistency.median, 1.0);
            push("smoothness", group, &consistency.smoothness, 1.0);
        }
    }
    push("loss", Group::All, &domain.loss, 1.0);
    push("loss_moving_average", Group::All, &domain.loss_moving_average, 1.0);
    push("validation_loss", Group::All, domain.validation_loss.as_deref().unwrap_or(&[]), 1.0);
    push("entropy", Group::All, &domain.entropy, 1.0);
    all
}

fn pearson(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let (a, b) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let cov: f64 = x.iter().zip(y).map(|(x, y)| (x - a) * (y - b)).sum();
    let of = |v: &[f64], m: f64| v.iter().map(|v| (v - m) * (v - m)).sum::<f64>();
    let r = cov / (of(x, a) * of(y, b)).sqrt();
    if r.is_finite() { r } else { 0.0 }
}

fn ranks(values: &[f64]) -> Vec<f64> {
    values
        .iter()
        .map(|value| {
            let below = values.iter().filter(|other| *other < value).count();
            let same = values.iter().filter(|other| *other <= value).count();
            (below + same) as f64 / 2.0
        })
        .collect()
}

fn cross(domains: &[Domain], checkpoints: usize, draw: &mut Draw) -> Vec<CrossDomain> {
    let mut all = Vec::new();
    for (index, first) in domains.iter().enumerate() {
        for second in domains.iter().skip(index + 1) {
            let (Some(a), Some(b)) = (first.distance.first(), second.distance.first()) else { continue };
            all.push(CrossDomain {
                first: first.name.clone(),
                second: second.name.clone(),
                group: Group::All,
                pairs: 8_333,
                mean: course(checkpoints, |c| {
                    0.5 * (a.mean[c].unwrap_or(0.0) + b.mean[c].unwrap_or(0.0)) + 14.0 + 0.7 * draw.normal()
                }),
                se: course(checkpoints, |_| 0.9 * (1.0 + 0.02 * draw.normal())),
            });
        }
    }
    all
}
