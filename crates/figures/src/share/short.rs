//! Links short enough for a QR code that an audience can scan.

use report::{
    Error, LinkOptions, Parts, Report,
    link::{self, Cut, Link, Order},
};

use super::{rounding::with_rounded_changes, says_no_other};

/// Bits of a main figure that are tried first; fewer are visible as steps.
const GOOD_BITS: u8 = 8;

/// A link of limited length.
#[derive(Clone, Debug)]
pub struct Short {
    /// The link.
    pub link: Link,
    /// What it has of the report, in a phrase: `21 of 61 checkpoints, …, values rounded to 8 bits`.
    pub content: String,
}

/// Encodes a report as a link whose data after `#r=` have at most `most` characters. It has the main courses of as many
/// domains and checkpoints as fit, with a precision at which the verdict makes the same claims with the same figures; if
/// there is none, [`Short::content`] says so.
///
/// # Errors
/// Not even one domain at the checkpoints of its onsets fits; or as [`link::write`].
pub fn short(report: &Report, most: usize) -> Result<Short, Error> {
    let search = Search { report, most: most + link::FRAGMENT.len() };
    if let Some(whole) = search.whole()? {
        return Ok(search.described(whole));
    }
    let domains = report.domains.len();
    let mut fallback = None;
    let fewer = (1..=domains).rev().flat_map(|domains| [(domains, false, true), (domains, false, false)]);
    for (domains, title, loss) in std::iter::once((domains, true, true)).chain(fewer) {
        match search.most_checkpoints(domains, title, loss)? {
            (Some(found), true) => return Ok(search.described(found)),
            (found, _) => fallback = fallback.or(found),
        }
    }
    if let Some(found) = fallback {
        return Ok(search.described(found));
    }
    let smallest = search.write(&search.needed(1.min(domains)), false, link::FEWEST_BITS)?;
    let found = smallest.text.len().saturating_sub(link::FRAGMENT.len()) as u64;
    Err(Error::LinkTooLarge { what: "characters in a QR code", found, most: most as u64 })
}

struct Search<'r> {
    report: &'r Report,
    /// Most characters of the fragment.
    most: usize,
}

impl Search<'_> {
    fn fits(&self, link: &Link) -> bool {
        link.text.len() <= self.most
    }

    /// The link with all metrics but without single layers; none if it does not fit. Like other links, it has a
    /// precision at which the verdict prints the same figures, if one fits.
    fn whole(&self) -> Result<Option<Link>, Error> {
        let parts = Parts { title: true, ..Parts::NONE };
        let mut fallback = None;
        for bits in (GOOD_BITS..=link::BITS).rev().chain(link::BITS + 1..=link::MOST_BITS) {
            let found = link::write(self.report, &LinkOptions { parts, bits: Some(bits) })?;
            // A bit less saves about a tenth.
            if found.text.len() > 2 * self.most {
                break;
            }
            if !self.fits(&found) {
                continue;
            }
            if says_no_other(self.report, &found.seen) {
                return Ok(Some(found));
            }
            fallback.get_or_insert(found);
        }
        Ok(fallback)
    }

    /// The smallest cut that keeps some domains.
    fn needed(&self, domains: usize) -> Cut {
        let order = Order::of(self.report, domains);
        Cut { checkpoints: order.first(order.needed), domains, loss: false }
    }

    fn write(&self, cut: &Cut, title: bool, bits: u8) -> Result<Link, Error> {
        let parts = Parts { title, ..Parts::NONE };
        let shorter = with_rounded_changes(link::shorten(self.report, cut));
        link::write(&shorter, &LinkOptions { parts, bits: Some(bits) })
    }

    /// The link with the most checkpoints of the first domains. Precision matters less than checkpoints, except that
    /// the verdict should print the same figures: also returns whether it does.
    fn most_checkpoints(
        &self,
        domains: usize,
        title: bool,
        loss: bool,
    ) -> Result<(Option<Link>, bool), Error> {
        let order = Order::of(self.report, domains);
        let cut = |number: usize| Cut { checkpoints: order.first(number), domains, loss };
        // Fewer bits give shorter links: nothing fits if the fewest do not.
        if !self.fits(&self.write(&cut(order.needed), title, link::FEWEST_BITS)?) {
            return Ok((None, false));
        }
        let mut fallback = None;
        for bits in (GOOD_BITS..=link::MOST_BITS).chain((link::FEWEST_BITS..GOOD_BITS).rev()) {
            let mut found = self.write(&cut(order.needed), title, bits)?;
            if !self.fits(&found) {
                continue;
            }
            let (mut fits, mut too_many) = (order.needed, order.checkpoints.len() + 1);
            while too_many - fits > 1 {
                let middle = fits.midpoint(too_many);
                let link = self.write(&cut(middle), title, bits)?;
                if self.fits(&link) {
                    (fits, found) = (middle, link);
                } else {
                    too_many = middle;
                }
            }
            if says_no_other(self.report, &found.seen) {
                return Ok((Some(found), true));
            }
            fallback.get_or_insert(found);
        }
        Ok((fallback, false))
    }

    fn described(&self, link: Link) -> Short {
        let part = |kept: usize, of: usize, what: &str| match of {
            _ if kept < of => format!("{kept} of {of} {what}s"),
            1 => format!("its only {what}"),
            _ => format!("all {of} {what}s"),
        };
        let (seen, report) = (&link.seen, self.report);
        let mut parts = vec![
            part(seen.checkpoints.len(), report.checkpoints.len(), "checkpoint"),
            part(seen.domains.len(), report.domains.len(), "domain"),
        ];
        if seen.shortened.is_some() {
            let loss = seen.courses.iter().any(|course| course.metric == "loss");
            let metrics =
                if loss { "loss, accuracy and pathway distance" } else { "accuracy and pathway distance" };
            parts.push(format!("only {metrics}"));
        }
        let changed = if says_no_other(report, seen) { "" } else { ", which changes the verdict" };
        let content = format!("{}, values rounded to {} bits{changed}", parts.join(", "), link.bits);
        Short { link, content }
    }
}
