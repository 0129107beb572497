//! How the runs of several services ended, for people: one line each.

use anstyle::Style;

use super::{
    page::Page,
    phrases, sanitise,
    style::{self, BOLD, DIM, Line},
};
use crate::event::ServiceEnd;

/// The columns of a row.
pub(super) const COLUMNS: [&str; 5] = ["code", "result", "service", "version", "why"];

/// Returns the row of one among several, with words for people.
pub(super) fn row(end: &ServiceEnd, among: &[ServiceEnd]) -> [String; 5] {
    let outcome = &end.outcome;
    let deployment = outcome.deployment.as_ref();
    let version = deployment.and_then(|it| it.version.as_ref());
    let version = version.map(ToString::to_string);
    [
        outcome.ending.code().number.to_string(),
        outcome.ending.result().to_owned(),
        end.name(among),
        version.or_else(|| end.version.clone()).unwrap_or_default(),
        sanitise::line(&outcome.reason),
    ]
}

/// Adds the services. There may be thousands, so that a line is put together without a table that
/// looks at all cells to fit them to the screen, and can be found with `grep`.
pub(super) fn lines(ends: &[ServiceEnd], lines: &mut Page) {
    if ends.is_empty() {
        return;
    }
    let rows: Vec<[String; 5]> = ends.iter().map(|end| row(end, ends)).collect();
    let mut widths = COLUMNS.map(|name| name.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let [code, result, service, version, _] = widths;
    let put = |[a, b, c, d, e]: [&str; 5]| {
        let left = format!("  {a:>code$}  {b:result$}");
        let right = format!("  {c:service$}  {d:version$}  {e}");
        (left, right.trim_end().to_owned())
    };
    lines.push(Line::default());
    let is_region = |end: &ServiceEnd| end.region.as_deref() == Some(&*end.name(ends));
    let are_regions = ends.iter().any(is_region);
    let (title, column) = match are_regions {
        true => ("regions", "region"),
        false => ("services", "service"),
    };
    lines.push(Line::styled(BOLD, title));
    let (left, right) = put(COLUMNS.map(|name| if name == "service" { column } else { name }));
    lines.push(Line::styled(DIM, &format!("{left}{right}")));
    for (row, end) in rows.iter().zip(ends) {
        let (left, right) = put(row.each_ref().map(String::as_str));
        let tone = style::of(phrases::tone(&end.outcome));
        lines.push(Line::styled(tone, &left).and(Style::new(), &right));
    }
}
