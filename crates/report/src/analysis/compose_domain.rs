//! The part of a report that is about one domain.

use std::rc::Rc;

use super::{digest::Digest, fingerprint::Fingerprint, job::Job, measure::Measured};
use crate::model::{
    Consistency, Correlation, Delays, Distance, Domain, Generalization, Group, LayerLoad, Load, Matched,
    Memorization, Pair, Saturation, Series, Spectrum, Sweep, TStarDistance, TopCoactivation,
};

/// Co-activations listed a layer.
const STRONGEST: usize = 8;

/// An expert selected less often says nothing about its company.
const LEAST_SELECTED: u64 = 10;

/// One domain, as far as it is known, without its [`conclude`]sions.
pub fn domain(job: &Job<'_>, index: usize) -> Domain {
    let one = One::new(job, index);
    let mut domain = Domain {
        name: job.run.domains[index].name.clone(),
        samples: job.run.domains[index].samples.len(),
        items: job.run.domains[index].items.len(),
        memorization: one.memorization(),
        loss: one.loss(),
        loss_moving_average: Vec::new(),
        validation_loss: one.validation_loss(),
        accuracy: one.accuracy(),
        generalization: one.generalization(),
        distance: [Group::All, Group::Memorized]
            .into_iter()
            .filter_map(|group| one.distance(group))
            .collect(),
        null_distance: one.null_distance(),
        structure: Vec::new(),
        sweep: one.sweep(),
        distance_by_layer: one.distance_by_layer(),
        distance_by_t_star: one.distance_by_t_star(),
        consistency: one.consistency(),
        spectrum: one.spectrum(),
        entropy: Vec::new(),
        entropy_by_layer: one.entropy_by_layer(),
        token_entropy: one.token_entropy(),
        load: one.load(),
        saturation: one.saturation(),
        coactivation: one.coactivation(),
        delays: None,
        correlations: Vec::new(),
    };
    domain.loss_moving_average = pathway::moving_average(&domain.loss);
    domain.entropy = domain.entropy_by_layer.iter().map(|layers| mean(layers)).collect();
    domain.structure = one.structure();
    domain
}

/// Adds what is drawn from all of a domain's figures together: delays and correlations. They cost the most, and mean
/// little before everything is measured.
pub fn conclude(job: &Job<'_>, index: usize, domain: &mut Domain) {
    let one = One::new(job, index);
    domain.delays = one.delays();
    domain.correlations = one.correlations(domain);
}

/// Mean of the values if all are defined.
fn mean(values: &[Option<f64>]) -> Option<f64> {
    let sum = values.iter().copied().sum::<Option<f64>>()?;
    (!values.is_empty()).then(|| sum / values.len() as f64)
}

/// A domain of a job.
struct One<'a> {
    job: &'a Job<'a>,
    index: usize,
    checkpoints: usize,
    digests: Vec<Option<Rc<Digest>>>,
}

impl<'a> One<'a> {
    fn new(job: &'a Job<'a>, index: usize) -> Self {
        let checkpoints = job.run.checkpoints.len();
        Self { job, index, checkpoints, digests: (0..checkpoints).map(|c| job.digest(c)).collect() }
    }

    fn samples(&self) -> &[u32] {
        &self.job.run.domains[self.index].samples
    }

    fn memorization(&self) -> Memorization {
        let plan = &self.job.plan.domains[self.index];
        let mut t_star = vec![0; self.checkpoints];
        for &at in plan.t_star.iter().flatten() {
            t_star[at] += 1;
        }
        let unconfirmed = t_star.last().copied().unwrap_or(0);
        let settled: usize = t_star.iter().sum();
        Memorization {
            eps: plan.eps,
            eps_set_by_user: plan.eps_set_by_user,
            memorized: settled - unconfirmed,
            never: plan.t_star.len() - settled,
            t_star,
        }
    }

    fn loss(&self) -> Series {
        let checkpoints = self.job.run.checkpoints.iter();
        checkpoints
            .map(|at| {
                let finite = self
                    .samples()
                    .iter()
                    .map(|&sample| at.loss[sample as usize])
                    .filter(|loss| loss.is_finite());
                let (sum, count) = finite.fold((0.0, 0_u32), |(sum, n), loss| (sum + f64::from(loss), n + 1));
                (count > 0).then(|| sum / f64::from(count))
            })
            .collect()
    }

    fn validation_loss(&self) -> Option<Series> {
        let results = self.job.run.results.as_ref()?;
        let name = &self.job.run.domains[self.index].name;
        let of_step = |step: u64| {
            let mut rows = results.validation_loss.iter();
            rows.find(|row| row.domain == *name && row.step == step).map(|row| row.loss)
        };
        let series: Series = self.job.run.checkpoints.iter().map(|at| of_step(at.step)).collect();
        series.iter().any(Option::is_some).then_some(series)
    }

    /// For each checkpoint the column of the results that is of its step.
    fn result_columns(&self) -> Vec<Option<usize>> {
        let steps = self.job.run.results.as_ref().map_or(&[][..], |results| &results.steps);
        let checkpoints = self.job.run.checkpoints.iter();
        checkpoints.map(|at| steps.iter().position(|&step| step == at.step)).collect()
    }

    /// Whether each item of the domain is right at each checkpoint, `[item][C]`.
    fn correct(&self) -> Vec<Vec<Option<bool>>> {
        let Some(results) = &self.job.run.results else { return Vec::new() };
        let columns = self.result_columns();
        let items = self.job.run.domains[self.index].items.iter();
        items
            .map(|&item| {
                let correct = &results.items[item].correct;
                columns
                    .iter()
                    .map(|column| column.and_then(|at| correct.get(at).copied().flatten()))
                    .collect()
            })
            .collect()
    }

    fn accuracy(&self) -> Option<Series> {
        let results = self.job.run.results.as_ref()?;
        let correct = self.correct();
        let name = &self.job.run.domains[self.index].name;
        let series: Series = (0..self.checkpoints)
            .map(|c| {
                let known: Vec<bool> = correct.iter().filter_map(|item| item[c]).collect();
                if !known.is_empty() {
                    return Some(known.iter().filter(|&&right| right).count() as f64 / known.len() as f64);
                }
                let step = self.job.run.checkpoints[c].step;
                let mut rows = results.accuracy.iter();
                rows.find(|row| row.domain == *name && row.step == step).map(|row| row.accuracy)
            })
            .collect();
        series.iter().any(Option::is_some).then_some(series)
    }

    /// `t#` of each item of the domain, as index of a checkpoint.
    fn t_sharp(&self) -> Vec<Option<usize>> {
        self.correct().iter().map(|item| pathway::t_sharp(item)).collect()
    }

    fn generalization(&self) -> Option<Generalization> {
        let t_sharp = self.t_sharp();
        if t_sharp.is_empty() {
            return None;
        }
        let mut counts = vec![0; self.checkpoints];
        for &at in t_sharp.iter().flatten() {
            counts[at] += 1;
        }
        Some(Generalization { never: t_sharp.iter().filter(|at| at.is_none()).count(), t_sharp: counts })
    }

    fn distance(&self, group: Group) -> Option<Distance> {
        let (at, members) =
            self.job.plan.domains[self.index].groups.iter().enumerate().find(|(_, m)| m.group == group)?;
        let groups: usize =
            self.job.plan.domains[..self.index].iter().map(|domain| domain.groups.len()).sum::<usize>() + at;
        let known: Vec<Option<Rc<Measured>>> = (0..self.checkpoints)
            .map(|c| {
                self.job.main_measurements(c).get(groups).and_then(|measurement| self.job.known(measurement))
            })
            .collect();
        let series = |of: &dyn Fn(&pathway::GroupDistance) -> Option<f64>| -> Series {
            known.iter().map(|known| of(known.as_ref()?.group()?)).collect()
        };
        Some(Distance {
            group,
            samples: members.samples.len(),
            pairs: members.main.pairs.len() as u64,
            all_pairs: pathway::pair_count(members.samples.len()),
            mean: series(&|found| found.mean),
            se: series(&|found| found.se),
            ci: series(&|found| found.ci),
            normalised: series(&|found| found.normalised),
            normalised_se: series(&|found| found.normalised_se),
            length: series(&|found| found.length),
        })
    }

    fn null_at(&self, checkpoint: usize) -> Option<f64> {
        let replicates = self.job.null_measurements(checkpoint, self.index);
        let means: Vec<Option<f64>> =
            replicates.iter().map(|measurement| self.job.known(measurement)?.group()?.mean).collect();
        mean(&means)
    }

    fn null_distance(&self) -> Series {
        (0..self.checkpoints).map(|c| self.null_at(c)).collect()
    }

    /// How much closer the pathways of all samples are than unrelated ones.
    fn structure(&self) -> Series {
        let Some(all) = self.distance(Group::All) else { return vec![None; self.checkpoints] };
        let null = self.null_distance();
        all.mean.iter().zip(&null).map(|(mean, null)| pathway::structure((*mean)?, (*null)?)).collect()
    }

    fn sweep(&self) -> Vec<Sweep> {
        let mut sweep = Vec::new();
        for &tau in &self.job.settings.sweep {
            for group in [Group::All, Group::Memorized] {
                let known: Vec<Option<Rc<Measured>>> = (0..self.checkpoints)
                    .map(|c| self.job.known(&self.job.sweep_measurement(c, self.index, group, tau)?))
                    .collect();
                let pairs = self.job.sweep_measurement(0, self.index, group, tau);
                let series = |of: &dyn Fn(&pathway::GroupDistance) -> Option<f64>| -> Series {
                    known.iter().map(|known| of(known.as_ref()?.group()?)).collect()
                };
                sweep.push(Sweep {
                    tau,
                    group,
                    pairs: pairs.map_or(0, |measurement| measurement.pairs.pairs.len() as u64),
                    mean: series(&|found| found.mean),
                    se: series(&|found| found.se),
                });
            }
        }
        sweep
    }

    fn distance_by_layer(&self) -> Vec<Vec<Option<f64>>> {
        (0..self.checkpoints)
            .map(|c| {
                (0..self.job.run.layers)
                    .map(|layer| {
                        let measurement = self.job.layer_measurement(c, self.index, layer);
                        self.job.known(&measurement)?.group()?.mean
                    })
                    .collect()
            })
            .collect()
    }

    fn distance_by_t_star(&self) -> Vec<TStarDistance> {
        let known: Vec<Option<Rc<Measured>>> = (0..self.checkpoints)
            .map(|c| self.job.known(&self.job.t_star_measurement(c, self.index)))
            .collect();
        let groups = self.job.plan.domains[self.index].by_t_star.groups.iter().enumerate();
        groups
            .map(|(at, &(checkpoint, samples))| TStarDistance {
                checkpoint,
                samples,
                mean: known.iter().map(|known| known.as_ref()?.mean_of(at)).collect(),
            })
            .collect()
    }

    fn consistency(&self) -> Vec<Consistency> {
        let groups = self.job.plan.domains[self.index].groups.iter();
        groups
            .filter_map(|members| {
                let digests = self.digests.iter();
                let found: Vec<Option<pathway::ConsistencySummary>> =
                    digests.map(|digest| digest.as_ref()?.consistency(&members.samples)).collect();
                if found.iter().all(Option::is_none) {
                    return None;
                }
                let series = |of: &dyn Fn(&pathway::ConsistencySummary) -> Option<f64>| -> Series {
                    found.iter().map(|found| found.as_ref().and_then(of)).collect()
                };
                Some(Consistency {
                    group: members.group,
                    median: series(&|found| found.median),
                    lower: series(&|found| found.lower),
                    upper: series(&|found| found.upper),
                    mean: series(&|found| found.mean),
                    mean_c: series(&|found| found.mean_c),
                    smoothness: series(&|found| found.smoothness),
                    undefined: series(&|found| found.undefined),
                })
            })
            .collect()
    }

    fn spectrum(&self) -> Vec<Spectrum> {
        let groups = self.job.plan.domains[self.index].groups.iter();
        groups
            .map(|members| {
                let print = self.job.spectrum_fingerprint(&members.samples);
                let found: Vec<_> = self
                    .job
                    .run
                    .checkpoints
                    .iter()
                    .map(|at| self.job.cache.borrow().spectrum(at.file, print))
                    .collect();
                Spectrum {
                    group: members.group,
                    samples: members.samples.len(),
                    mean: found.iter().map(|found| found.as_ref()?.mean).collect(),
                    by_layer: found
                        .iter()
                        .map(|found| match found {
                            Some(found) => found.d_eff.clone(),
                            None => vec![None; self.job.run.layers],
                        })
                        .collect(),
                }
            })
            .collect()
    }

    fn entropy_by_layer(&self) -> Vec<Vec<Option<f64>>> {
        let digests = self.digests.iter();
        digests
            .map(|digest| match digest {
                Some(digest) => digest.entropy(self.samples()),
                None => vec![None; self.job.run.layers],
            })
            .collect()
    }

    /// Mean over the domain's tokens, which lie in the order of the samples.
    fn token_entropy(&self) -> Series {
        let checkpoints = self.job.run.checkpoints.iter();
        checkpoints
            .map(|at| {
                let found = self.job.run.token_entropy.iter().find(|found| found.step == Some(at.step))?;
                let tokens = at.trace.info.n_tokens.as_ref()?;
                let mut starts = vec![0_usize];
                for &count in tokens {
                    starts.push(starts.last().copied().unwrap_or(0) + count as usize);
                }
                let mut sum = 0.0;
                let mut count = 0_u64;
                for &sample in self.samples() {
                    let row = at.row_of[sample as usize] as usize;
                    let values = found.values.get(*starts.get(row)?..*starts.get(row + 1)?)?;
                    for &value in values {
                        sum += value;
                        count += 1;
                    }
                }
                (count > 0).then(|| sum / count as f64)
            })
            .collect()
    }

    fn selections<T>(&self, of: impl Fn(&super::digest::Selections) -> Option<T>) -> Vec<Option<T>> {
        let print = self.job.selections_fingerprint();
        let checkpoints = self.job.run.checkpoints.iter();
        checkpoints
            .map(|at| {
                let found = self.job.cache.borrow().selections(at.file, print)?;
                found.get(self.index).and_then(&of)
            })
            .collect()
    }

    fn load(&self) -> Vec<Option<Load>> {
        self.selections(|found| {
            let layers = found.load.layers();
            let layer = |layer: pathway::LayerLoad| LayerLoad {
                counts: layer.counts,
                max_over_mean: layer.max_over_mean,
                cv: layer.cv,
                never_used: layer.never_used,
            };
            Some(Load { layers: layers.into_iter().map(layer).collect() })
        })
    }

    fn saturation(&self) -> Vec<Option<Saturation>> {
        self.selections(|found| {
            let result = found.saturation.as_ref()?.result()?;
            Some(Saturation {
                k: result.k,
                k_by_layer: result.k_by_layer,
                top1: result.top1,
                top1_by_layer: result.top1_by_layer,
            })
        })
    }

    fn coactivation(&self) -> Vec<Vec<TopCoactivation>> {
        let found = self.selections(|found| {
            let coactivation = found.coactivation.as_ref()?;
            let strongest = |layer| {
                let listed = coactivation.strongest(layer, STRONGEST, LEAST_SELECTED).into_iter();
                listed
                    .map(|pathway::Together { first, second, probability }| TopCoactivation {
                        first,
                        second,
                        probability,
                    })
                    .collect()
            };
            Some((0..self.job.run.layers).map(strongest).collect())
        });
        found.into_iter().flatten().next_back().unwrap_or_default()
    }

    /// The pairing of METRICS 6: from text embeddings, or from mean gates where item gates are given.
    fn delays(&self) -> Option<Delays> {
        let job = self.job;
        let last = job.run.checkpoints.last()?;
        let items = &job.run.domains[self.index].items;
        let t_sharp = self.t_sharp();
        let train = job.t_star_groups(self.index);
        let test: Vec<(usize, Vec<usize>)> = (0..self.checkpoints)
            .map(|at| {
                let of_step = items.iter().zip(&t_sharp).filter(|&(_, &t_sharp)| t_sharp == Some(at));
                (at, of_step.map(|(&item, _)| item).collect::<Vec<usize>>())
            })
            .filter(|(_, items)| !items.is_empty())
            .collect();
        if train.is_empty() || test.is_empty() {
            return None;
        }
        let (train_sums, test_sums, from_gates) = match (&job.run.embeddings, &job.run.item_gates) {
            (Some(embeddings), _) => {
                let of_samples = train.iter().map(|(_, samples)| {
                    pathway::UnitSum::of(
                        samples.iter().map(|&sample| &embeddings.samples[sample as usize][..]),
                    )
                    .ok()
                });
                let of_items = test.iter().map(|(_, items)| {
                    pathway::UnitSum::of(items.iter().map(|&item| &embeddings.items[item][..])).ok()
                });
                (of_samples.collect::<Option<Vec<_>>>()?, of_items.collect::<Option<Vec<_>>>()?, false)
            }
            (None, Some(gates)) => {
                let of_samples = train.iter().map(|(_, samples)| {
                    let print = job.unit_sum_fingerprint(samples);
                    job.cache.borrow().unit_sum(last.file, print).map(|sum| (*sum).clone())
                });
                let of_items = test
                    .iter()
                    .map(|(_, items)| pathway::UnitSum::of(items.iter().map(|&item| &gates[item][..])).ok());
                (of_samples.collect::<Option<Vec<_>>>()?, of_items.collect::<Option<Vec<_>>>()?, true)
            }
            (None, None) => return None,
        };
        let scores = pathway::score_matrix(&train_sums, &test_sums);
        let assignment = pathway::assign(&scores).ok()?;
        let step = |at: usize| job.run.checkpoints[at].step as i64;
        Some(Delays {
            from_gates,
            pairs: assignment
                .pairs
                .iter()
                .map(|&(a, b)| Pair {
                    train: a,
                    test: b,
                    delay: step(test[b].0) - step(train[a].0),
                    score: scores[a][b],
                })
                .collect(),
            total: assignment.total,
            second_best_total: assignment.second_best_total,
            train: train
                .iter()
                .map(|(at, samples)| Matched { checkpoint: *at, count: samples.len() })
                .collect(),
            test: test.iter().map(|(at, items)| Matched { checkpoint: *at, count: items.len() }).collect(),
            scores,
        })
    }

    /// Every course against accuracy, over the window of the settings.
    fn correlations(&self, domain: &Domain) -> Vec<Correlation> {
        let Some(accuracy) = &domain.accuracy else { return Vec::new() };
        let window = self.job.settings.window;
        let inside = |c: &usize| {
            let step = self.job.run.checkpoints[*c].step;
            window.is_none_or(|window| (window.first..=window.last).contains(&step))
        };
        let chosen: Vec<usize> = (0..self.checkpoints).filter(inside).collect();
        let cut = |course: &Series| -> Series { chosen.iter().map(|&c| course[c]).collect() };
        let mut named: Vec<(&str, Group, Series)> = Vec::new();
        for group in [Group::Memorized, Group::All] {
            let mut add = |metric: &'static str, course: Option<&Series>| {
                if let Some(course) = course {
                    named.push((metric, group, cut(course)));
                }
            };
            let distance = domain.distance_of(group);
            let consistency = domain.consistency_of(group);
            add("distance", distance.map(|distance| &distance.mean));
            add("distance_normalised", distance.map(|distance| &distance.normalised));
            add("consistency", consistency.map(|consistency| &consistency.median));
            add("consistency_mean", consistency.map(|consistency| &consistency.mean));
            add("smoothness", consistency.map(|consistency| &consistency.smoothness));
            add("effective_dimension", domain.spectrum_of(group).map(|spectrum| &spectrum.mean));
            if group == Group::All {
                add("entropy", Some(&domain.entropy));
                add("loss", Some(&domain.loss));
                add("loss_moving_average", Some(&domain.loss_moving_average));
                add("validation_loss", domain.validation_loss.as_ref());
            }
        }
        let courses: Vec<&Series> = named.iter().map(|(_, _, course)| course).collect();
        let found = self.correlate(&courses, &cut(accuracy));
        let results = named.iter().zip(found);
        results
            .map(|((metric, group, _), found)| Correlation {
                metric: (*metric).into(),
                group: *group,
                n: found.n,
                pearson: found.pearson,
                pearson_p: found.pearson_p,
                spearman: found.spearman,
                spearman_p: found.spearman_p,
                orders: found.orders,
                exact: found.exact,
                undefined: found.undefined.map(|reason| reason.to_string()),
            })
            .collect()
    }

    /// Results for each course; those that are not remembered are computed together.
    fn correlate(&self, courses: &[&Series], accuracy: &Series) -> Vec<Rc<pathway::CorrelationResult>> {
        let seed = self.job.settings.seed;
        let print = |course: &[Option<f64>]| {
            let mut print = Fingerprint::new();
            print.add(seed);
            for value in course.iter().chain(accuracy) {
                print.add(value.map_or(u64::MAX, f64::to_bits));
            }
            print.value()
        };
        let mut cache = self.job.cache.borrow_mut();
        let missing: Vec<&[Option<f64>]> = courses
            .iter()
            .filter(|course| cache.correlation(print(course)).is_none())
            .map(|course| &course[..])
            .collect();
        let found = pathway::correlate_all(&missing, accuracy, pathway::RANDOM_ORDERS, seed);
        for (course, found) in missing.iter().zip(found) {
            cache.put_correlation(print(course), found);
        }
        courses.iter().filter_map(|course| cache.correlation(print(course))).collect()
    }
}
