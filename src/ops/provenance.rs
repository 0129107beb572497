//! What a version was built from, as the trailer `Source` says it.

use chrono::{DateTime, Utc};

/// Takes the trailer apart: repository and commit, and when that was written, where it says so.
pub fn source(trailer: &str) -> (String, Option<DateTime<Utc>>) {
    let apart = trailer.rsplit_once(' ').and_then(|(source, at)| {
        let at = DateTime::parse_from_rfc3339(at).ok()?;
        Some((source.to_owned(), Some(at.to_utc())))
    });
    apart.unwrap_or_else(|| (trailer.to_owned(), None))
}
