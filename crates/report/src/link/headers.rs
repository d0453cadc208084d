//! Courses without their figures: those of a domain are mostly the same as those of the first domain.

use super::{coder::AdaptiveModel, tree::Codec};
use crate::{Course, Error, Report};

/// Cost of a course that is not carried, in the limit of values per link.
const WEIGHT: u64 = 10;

/// Courses of a domain that do not name another domain.
fn of<'r>(report: &'r Report, domain: &'r str) -> impl Iterator<Item = &'r Course> {
    report.courses.iter().filter(move |course| course.domain == domain && course.other_domain.is_none())
}

/// Removes the courses of the domains that have the same courses as the first one, figures aside;
/// returns which domains these are. The courses must be sorted.
pub(super) fn take(report: &mut Report) -> Vec<bool> {
    let Some((first, others)) = report.domains.split_first() else { return Vec::new() };
    let alike = |name: &str| {
        let mut both = of(report, &first.name).zip(of(report, name));
        of(report, &first.name).count() == of(report, name).count()
            && both.all(|(course, other)| under(course, name) == *other)
    };
    let found: Vec<bool> =
        others.iter().map(|domain| domain.name != first.name && alike(&domain.name)).collect();
    let names = others.iter().zip(&found).filter(|(_, alike)| **alike).map(|(domain, _)| &domain.name);
    let names: Vec<String> = names.cloned().collect();
    report.courses.retain(|course| course.other_domain.is_some() || !names.contains(&course.domain));
    found
}

/// Codes which domains have the courses of the first one, from `given` or for a reader, and adds
/// these courses.
pub(super) fn code(codec: &mut Codec<'_>, report: &mut Report, given: Option<&[bool]>) -> Result<(), Error> {
    let mut model = AdaptiveModel::expecting(0.05, 6);
    let Some((first, others)) = report.domains.split_first() else { return Ok(()) };
    let courses: Vec<Course> = of(report, &first.name).cloned().collect();
    let mut added: Vec<Course> = Vec::new();
    for (at, domain) in others.iter().enumerate() {
        let alike = given.and_then(|given| given.get(at)).copied().unwrap_or(false);
        if codec.coder.bit(&mut model, alike)? {
            codec.spend(WEIGHT * (1 + courses.len() as u64))?;
            added.extend(courses.iter().map(|course| under(course, &domain.name)));
        }
    }
    report.courses.extend(added);
    report.sort_courses();
    Ok(())
}

/// The course under another domain's name.
fn under(course: &Course, domain: &str) -> Course {
    Course { domain: domain.to_owned(), ..course.clone() }
}
