//! What training achieved: losses and benchmark results.

use super::presets::{LOSS, MAIN, ROW};
use crate::metrics::{Better, Bounds, Metric, MetricUnit, Need, Shown, derived};

/// Metrics of losses and benchmark results.
pub const ROWS: &[Metric] = &[
    Metric {
        id: "loss",
        name: "Training loss",
        summary: "Mean training loss over all samples with a finite loss.",
        unit: MetricUnit::Nats,
        section: "training-loss",
        better: Better::Lower,
        correlates: true,
        link: LOSS,
        needs: &[Need::Losses],
        shown: Shown::Chart,
        reference: Some("validation_loss"),
        bounds: Bounds::From(0.0),
        ..ROW
    },
    Metric {
        id: "loss_moving_average",
        name: "Training loss, moving average",
        summary: "Mean of the training loss at up to three checkpoints, the last of them this one.",
        unit: MetricUnit::Nats,
        section: "training-loss",
        better: Better::Lower,
        correlates: true,
        link: LOSS,
        needs: &[Need::Losses],
        derived: Some(derived::loss_moving_average),
        bounds: Bounds::From(0.0),
        ..ROW
    },
    Metric {
        id: "validation_loss",
        name: "Validation loss",
        summary: "Validation loss as the results give it.",
        unit: MetricUnit::Nats,
        section: "validation-loss",
        better: Better::Lower,
        correlates: true,
        link: LOSS,
        needs: &[Need::Results],
        bounds: Bounds::From(0.0),
        ..ROW
    },
    Metric {
        id: "accuracy",
        name: "Accuracy",
        summary: "Share of benchmark items answered correctly.",
        unit: MetricUnit::Share,
        section: "accuracy",
        better: Better::Higher,
        link: MAIN,
        needs: &[Need::Results],
        shown: Shown::Chart,
        bounds: Bounds::Between(0.0, 1.0),
        ..ROW
    },
];
