//! Short definitions of the metrics that the page shows; `docs/metrics.md` has the exact ones.

/// A metric in a few sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Name of the metric.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// Anchor of its section in `docs/metrics.md`.
    pub section: &'static str,
    /// Its formula.
    pub formula: &'static str,
    /// What raises it.
    pub raises: &'static str,
    /// What lowers it.
    pub lowers: &'static str,
    /// What it does not prove.
    pub limits: &'static str,
}

/// Metric, formula, what raises and lowers it, what it does not prove.
const TEXTS: [[&str; 5]; 14] = [
    [
        "loss",
        "mean over samples of −(1/T) Σ ln p(token), in nats per token",
        "Harder or unseen text.",
        "Fitting the training text, by rule or by heart.",
        "A low loss does not tell memorization from generalization.",
    ],
    [
        MEMORIZED,
        "samples with t° (or t*) up to this checkpoint / all samples",
        "Losses that stay below the threshold.",
        "A stricter threshold eps; it never falls over training.",
        "Losses that were low from the start count too: the verdict says whether they have fallen.",
    ],
    [
        "accuracy",
        "correct items / items with a result",
        "Better answers; guessing among few choices.",
        "Wrong or unparsed answers.",
        "Above chance is not yet generalization, and few items give a wide interval.",
    ],
    [
        "distance",
        "mean over pairs of Levenshtein(pathway i, pathway j)",
        "Samples that take different experts; longer pathways.",
        "Samples that share experts; shorter pathways.",
        "A fall can come from shorter pathways or popular experts: compare the nulls.",
    ],
    [
        "structure",
        "1 − distance / null distance",
        "Pathways more alike than random ones.",
        "Pathways like random ones of the same lengths.",
        "Popular experts alone raise it: see structure beyond load.",
    ],
    [
        "structure_load",
        "1 − distance / load-matched null distance",
        "Likeness that expert popularity does not explain.",
        "Samples of one domain that use different experts; it can be negative.",
        "It does not tell what the shared experts compute.",
    ],
    [
        "consistency",
        "1 − C, C = 1 − mean(c_l) / (max(c_l) + 1e−8), c_l = cos(r_l, r_l+1)",
        "Equally similar routing in all pairs of adjacent layers.",
        "One pair of layers far more alike than the others.",
        "Where max(c_l) is near 0 it explodes: read it with smoothness.",
    ],
    [
        "smoothness",
        "mean over adjacent layers of cos(r_l, r_l+1)",
        "Routing embeddings that keep their direction from layer to layer.",
        "Layers that route by different directions.",
        "Similar routers of adjacent layers raise it for any input.",
    ],
    [
        "effective_dimension",
        "Tr(H (H + λI)⁻¹), H = G Gᵀ, λ = α Tr(H) / S; mean over layers",
        "More samples; more varied routing.",
        "Samples that are routed alike.",
        "Groups of different size cannot be compared.",
    ],
    [
        "entropy",
        "−Σ G ln G over experts, mean over samples and layers",
        "Weight spread over many experts, also by different tokens of a sample.",
        "Few experts with most of the weight.",
        "Spread over a sample’s tokens is not indecision at one token: see token entropy.",
    ],
    [
        "commitment_overlap",
        "|top-k now ∩ top-k before| / k",
        "Settled routing; checkpoints close together; uneven load.",
        "Tokens that change experts; checkpoints far apart.",
        "Uneven load alone gives the overlap by chance.",
    ],
    [
        "load_cv",
        "standard deviation / mean of selections per expert, mean over layers",
        "Few busy experts.",
        "Even use, as balancing losses enforce.",
        "It does not tell whether experts specialize.",
    ],
    [
        "expert_information",
        "H(mean gates of all domains) − mean H(mean gates of a domain)",
        "Domains that use different experts.",
        "Domains that use experts alike.",
        "It is above 0 by chance: compare its null. Different words alone raise it.",
    ],
    [
        "signature_separation",
        "(mean cosine within domains − between domains) / pooled standard deviation",
        "Gates alike within domains and different between them.",
        "Gates that do not depend on the domain.",
        "Separate domains need not be solved better.",
    ],
];

/// Id of the share of memorized samples, which is no row of [`report::METRICS`].
const MEMORIZED: &str = "memorized";

/// The definition of a metric; none for metrics that only tables show.
#[must_use]
pub fn definition(metric: &str) -> Option<Definition> {
    let &[_, formula, raises, lowers, limits] = TEXTS.iter().find(|[id, ..]| *id == metric)?;
    let (name, summary, section) = if metric == MEMORIZED {
        (
            "Memorized share",
            "Share of samples that have reached their memorization step.",
            "causal-memorization-step",
        )
    } else {
        let metric = report::metric(metric)?;
        (metric.name, metric.summary, metric.section)
    };
    Some(Definition { name, summary, section, formula, raises, lowers, limits })
}

#[cfg(test)]
mod tests {
    use report::{METRICS, Shown};

    use super::{MEMORIZED, TEXTS, definition};

    #[test]
    fn every_shown_metric_has_a_definition() {
        for metric in METRICS.iter().filter(|metric| metric.shown != Shown::Tables) {
            assert!(definition(metric.id).is_some(), "{}", metric.id);
        }
        assert!(definition(MEMORIZED).is_some());
        assert!(definition("distance_ci").is_none());
    }

    #[test]
    fn every_text_belongs_to_a_shown_metric_and_is_complete() {
        for [id, texts @ ..] in TEXTS {
            let shown = report::metric(id).is_some_and(|metric| metric.shown != Shown::Tables);
            assert!(shown || id == MEMORIZED, "{id}");
            assert!(texts.iter().all(|text| !text.is_empty() && text.len() < 110), "{id}");
        }
    }
}
