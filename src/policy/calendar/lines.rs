//! The lines of an iCalendar file: unfolded, with their names and parameters, each with its place.

use icalendar::parser;

use crate::policy::wording::shown;

use super::Problem;

/// One content line: `NAME;PARAMETER=VALUE:VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContentLine {
    /// In capitals.
    pub(super) name: String,
    /// Names in capitals.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) value: String,
    /// 1-based line of the file on which it begins.
    pub(super) line: usize,
}

impl ContentLine {
    /// Returns the value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Splits a file into its content lines. Folded lines are put together as bytes, for a fold may fall
/// inside a character (RFC 5545 section 3.1).
///
/// # Errors
/// The first line that is no content line.
pub(super) fn content_lines(bytes: &[u8]) -> Result<Vec<ContentLine>, Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut unfolded: Vec<(usize, Vec<u8>)> = Vec::new();
    for (index, physical) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let physical = physical.strip_suffix(b"\r").unwrap_or(physical);
        match (physical.first(), unfolded.last_mut()) {
            (Some(b' ' | b'\t'), Some((_, line))) => line.extend_from_slice(&physical[1..]),
            _ => unfolded.push((index + 1, physical.to_vec())),
        }
    }
    let written = unfolded.into_iter().filter(|(_, line)| !line.is_empty());
    written
        .map(|(number, line)| content_line(number, &line))
        .collect()
}

fn content_line(number: usize, bytes: &[u8]) -> Result<ContentLine, Problem> {
    let problem = |message: String| Problem::new(number, message);
    let text =
        std::str::from_utf8(bytes).map_err(|_| problem("it is not UTF-8 text".to_owned()))?;
    let wrong = || {
        problem(format!(
            "{} is no line of an iCalendar file; expected NAME:VALUE",
            shown(text)
        ))
    };
    // These two are not for the library, which wants to build the tree itself.
    for structure in ["BEGIN", "END"] {
        if let Some((name, value)) = text.split_once(':')
            && name.eq_ignore_ascii_case(structure)
        {
            return Ok(ContentLine {
                name: structure.to_owned(),
                parameters: Vec::new(),
                value: value.trim().to_ascii_uppercase(),
                line: number,
            });
        }
    }
    let property = parser::Property::try_from(text).map_err(|_| wrong())?;
    let name = property.name.as_str();
    // A line that the library cannot read becomes a name without parameters and value.
    let after = text.get(name.len()..).and_then(|rest| rest.chars().next());
    let lost = match after {
        Some(':') => false,
        Some(';') => property.params.is_empty(),
        _ => true,
    };
    if name.is_empty() || lost {
        return Err(wrong());
    }
    let parameter = |parameter: &parser::Parameter<'_>| {
        let value = parameter.val.as_ref().map_or("", |value| value.as_str());
        let name = parameter.key.as_str().to_ascii_uppercase();
        (name, value.trim_matches('"').to_owned())
    };
    Ok(ContentLine {
        name: name.to_ascii_uppercase(),
        parameters: property.params.iter().map(parameter).collect(),
        value: property.val.as_str().to_owned(),
        line: number,
    })
}
