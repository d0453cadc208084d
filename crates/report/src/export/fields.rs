//! The fields of a report, for reading it. What is listed here and what `serde` writes is the same; the compiler holds the
//! lists against the model, and a test the names of variants.

use wire::{Read, Reader, Wrong, object, words};

use crate::{
    Checkpoint, Consistency, Correlation, CrossDomain, Delays, Distance, Domain, GateKind, Generalization,
    Group, LayerLoad, Load, Matched, Memorization, Note, NoteLevel, Pair, PairBudget, Report, Run,
    Saturation, Settings, Spectrum, Sweep, TStarDistance, TopCoactivation, Unit, Window,
};

object!(Report {
    format,
    version,
    made_by,
    title,
    rounded_to_bits,
    run,
    settings,
    checkpoints,
    domains,
    cross,
    notes
});
object!(Run { model, samples, items, layers, experts, top_k, gate_kind, half_precision });
words!(GateKind { "softmax-mean" => SoftmaxMean, "selection-frequency" => SelectionFrequency });
object!(Checkpoint { step, tokens });
words!(Group { "all" => All, "memorized" => Memorized });
object!(Domain {
    name,
    samples,
    items,
    memorization,
    loss,
    loss_moving_average,
    validation_loss,
    accuracy,
    generalization,
    distance,
    null_distance,
    structure,
    sweep,
    distance_by_layer,
    distance_by_t_star,
    consistency,
    spectrum,
    entropy,
    entropy_by_layer,
    token_entropy,
    load,
    saturation,
    coactivation,
    delays,
    correlations
});
object!(Memorization { eps, eps_set_by_user, t_star, memorized, never });
object!(Generalization { t_sharp, never });
object!(Distance { group, samples, pairs, all_pairs, mean, se, ci, normalised, normalised_se, length });
object!(Sweep { tau, group, pairs, mean, se });
object!(TStarDistance { checkpoint, samples, mean });
object!(Consistency { group, median, lower, upper, mean, mean_c, smoothness, undefined });
object!(Spectrum { group, samples, mean, by_layer });
object!(Load { layers });
object!(LayerLoad { counts, max_over_mean, cv, never_used });
object!(Saturation { k, k_by_layer, top1, top1_by_layer });
object!(TopCoactivation { first, second, probability });
object!(Delays { from_gates, train, test, scores, pairs, total, second_best_total });
object!(Matched { checkpoint, count });
object!(Pair { train, test, delay, score });
object!(Correlation { metric, group, n, pearson, pearson_p, spearman, spearman_p, orders, exact, undefined });
object!(CrossDomain { first, second, group, pairs, mean, se });
object!(Note { level, text });
words!(NoteLevel { "info" => Info, "warning" => Warning });
object!(Settings { tau, sweep, unit, pairs, seed, eps, delta, window, alpha, unconfirmed } or Settings::default());
words!(Unit { "symbol" => Symbol, "character" => Character });
object!(Window { first, last });

/// `"exact"`, or `{ "sampled": { "per_checkpoint": 100000 } }`.
impl Read for PairBudget {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Wrong> {
        struct Sampled {
            per_checkpoint: u64,
        }
        object!(Sampled { per_checkpoint });
        if reader.peek() == b'"' {
            return reader.word(&["exact"]).map(|_| Self::Exact);
        }
        let mut sampled = None::<Sampled>;
        reader.object(&mut [("sampled", &mut sampled)], true)?;
        let Some(Sampled { per_checkpoint }) = sampled else {
            return Err(reader.wrong("expected `sampled`"));
        };
        Ok(Self::Sampled { per_checkpoint })
    }
}
