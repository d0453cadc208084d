//! Charts and tables for the page, of the report that it shows.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use figures::{Comparison, LayerMeasure, NamedTable, TimelineOptions};
use protocol::{Drawing, Drawn, ReportText};
use report::Report;

use crate::write::read;

/// The report that the page shows, which may come from a link or an export.
#[derive(Default)]
pub struct Drawings {
    held: RefCell<Option<Rc<Report>>>,
    /// The second report of a comparison.
    second: RefCell<Option<Rc<Report>>>,
    /// The matched experts of both reports, once they were compared.
    matched: RefCell<OnceCell<Option<NamedTable>>>,
}

impl Drawings {
    /// Keeps a report for later drawings. The page has read it before, so an error is not expected; then nothing is drawn.
    pub fn hold(&self, report: &ReportText, second: bool) {
        let place = if second { &self.second } else { &self.held };
        *place.borrow_mut() = read(report).ok().map(Rc::new);
        self.matched.take();
    }

    /// The report that is kept.
    pub fn held(&self) -> Option<Rc<Report>> {
        self.held.borrow().clone()
    }

    /// Draws what needs no traces.
    pub fn draw(&self, drawing: &Drawing) -> Drawn {
        if let Drawing::Runs { reports } = drawing {
            let found: Vec<Report> = reports.iter().filter_map(|report| read(report).ok()).collect();
            let mut table = figures::runs(&found);
            if found.len() < reports.len() {
                let missing = reports.len() - found.len();
                table.note += &format!(" Runs that cannot be read and are missing here: {missing}.");
            }
            return Drawn { tables: vec![table], ..Drawn::default() };
        }
        let Some(report) = self.held() else { return Drawn::default() };
        match (drawing, &*self.second.borrow()) {
            (Drawing::Compare { metric, options }, Some(second)) => {
                self.compare(&report, second, metric.as_deref(), options)
            }
            _ => draw(&report, drawing),
        }
    }

    fn compare(
        &self,
        report: &Report,
        second: &Report,
        metric: Option<&str>,
        options: &TimelineOptions,
    ) -> Drawn {
        let Comparison { figures, metrics, metric, notes, mut tables, differences } =
            figures::compare(report, second, metric, options);
        let matched = self.matched.borrow();
        tables.extend(matched.get_or_init(|| figures::matched_experts(report, second)).clone());
        Drawn { figures, tables, differences, metrics, metric, notes, ..Drawn::default() }
    }
}

fn draw(report: &Report, drawing: &Drawing) -> Drawn {
    let figures = match drawing {
        Drawing::Layers { domain, measure, options } => LayerMeasure::all()
            .find(|known| known.id() == *measure)
            .and_then(|measure| figures::layers(report, domain, measure, options))
            .into_iter()
            .collect(),
        Drawing::Experts { domain, checkpoint, layer, order, options } => {
            figures::experts(report, domain, *checkpoint, *layer, *order, options).into_iter().collect()
        }
        Drawing::Coactivation { domain, layer, options } => {
            figures::coactivation(report, domain, *layer, options).into_iter().collect()
        }
        Drawing::Delays { domain, options } => figures::delays(report, domain, options),
        Drawing::Sweep { domain, options } => figures::sweep(report, domain, options).into_iter().collect(),
        Drawing::Timeline { options } => figures::timeline(report, options),
        Drawing::Compare { .. } | Drawing::Flow { .. } | Drawing::Runs { .. } | Drawing::Tokens { .. } => {
            Vec::new()
        }
        Drawing::Tour { traces } => {
            return Drawn { tour: figures::tour(report, *traces), ..Drawn::default() };
        }
        Drawing::Tables => return Drawn { tables: figures::tables(report), ..Drawn::default() },
    };
    Drawn { figures, ..Drawn::default() }
}

#[cfg(test)]
mod tests {
    use figures::TimelineOptions;
    use protocol::{Drawing, ReportText};

    use super::Drawings;

    #[test]
    fn without_a_report_nothing_is_drawn() {
        let drawings = Drawings::default();
        drawings.hold(&ReportText::Json("no report".to_owned()), false);
        assert_eq!(drawings.draw(&Drawing::Tables).tables.len(), 0);
    }

    #[test]
    fn experts_are_matched_again_for_another_report() {
        let run_a = include_str!("../../../tests/fixtures/reports/run-a.json");
        let mut without = report::parse_json(run_a).unwrap();
        without.domains.iter_mut().for_each(|domain| domain.expert_selections.clear());
        let drawings = Drawings::default();
        let is_matched = || {
            let drawn =
                drawings.draw(&Drawing::Compare { metric: None, options: TimelineOptions::default() });
            assert!(drawn.tables.len() >= 2, "final values and onsets");
            drawn.tables.iter().any(|table| table.id == "compare-experts")
        };
        for second in [false, true] {
            drawings.hold(&ReportText::Json(run_a.to_owned()), second);
        }
        assert!(is_matched() && is_matched());
        drawings.hold(&ReportText::Json(report::json(&without)), true);
        assert!(!is_matched() && !is_matched());
        drawings.hold(&ReportText::Json(run_a.to_owned()), true);
        assert!(is_matched());
        drawings.hold(&ReportText::Json(report::json(&without)), false);
        assert!(!is_matched());
    }

    #[test]
    fn runs_that_cannot_be_read_are_counted() {
        let reports = vec![ReportText::Json(String::new()), ReportText::Json("{}".to_owned())];
        let drawn = Drawings::default().draw(&Drawing::Runs { reports });
        assert!(drawn.tables.iter().all(|table| table.note.ends_with("missing here: 2.")));
        assert_eq!(drawn.tables.len(), 1);
    }
}
