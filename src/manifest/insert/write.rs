//! A tree written out: in block style as lines, in flow style on one line or over several.

use super::{Tree, style::BlockStyle};
use crate::{
    manifest::{
        ScalarType,
        scalar::{Quote, Surroundings, render},
    },
    yaml::ScalarStyle,
};

/// Longest key that readers accept on the line of its colon (YAML 1.2.2, 7.4.3), in characters.
const LONGEST_KEY: usize = 1024;

/// Writes lines in block style.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockWriter {
    pub style: BlockStyle,
    pub line_break: &'static str,
}

impl BlockWriter {
    /// Returns the lines of an entry, without a break at the end.
    pub(super) fn entry(&self, indent: &str, key: &str, value: &Tree) -> Result<String, String> {
        let mut lines = Vec::new();
        self.entry_lines(indent, key, value, &mut lines)?;
        Ok(lines.join(self.line_break))
    }

    /// Returns the lines of an item whose dash has `width` blanks behind it, without a break at the
    /// end.
    pub(super) fn item(&self, indent: &str, width: usize, item: &Tree) -> Result<String, String> {
        let mut lines = Vec::new();
        self.item_lines(indent, width, item, &mut lines)?;
        Ok(lines.join(self.line_break))
    }

    fn entry_lines(
        &self,
        indent: &str,
        key: &str,
        value: &Tree,
        lines: &mut Vec<String>,
    ) -> Result<(), String> {
        let key = checked_key(scalar_as(
            key,
            self.style.quote,
            Look::Key { in_flow: false },
        ))?;
        match value {
            Tree::Mapping(entries) if !entries.is_empty() => {
                lines.push(format!("{indent}{key}:"));
                let deeper = format!("{indent}{}", " ".repeat(self.style.unit));
                for (key, value) in entries {
                    self.entry_lines(&deeper, key, value, lines)?;
                }
            }
            Tree::Sequence(items) if !items.is_empty() => {
                lines.push(format!("{indent}{key}:"));
                let deeper = format!("{indent}{}", " ".repeat(self.style.list_indent));
                for item in items {
                    self.item_lines(&deeper, self.style.dash_width, item, lines)?;
                }
            }
            _ => lines.push(format!("{indent}{key}: {}", self.leaf(value))),
        }
        Ok(())
    }

    fn item_lines(
        &self,
        indent: &str,
        width: usize,
        item: &Tree,
        lines: &mut Vec<String>,
    ) -> Result<(), String> {
        let dash = format!("{indent}-{}", " ".repeat(width));
        let deeper = " ".repeat(dash.len());
        let first = lines.len();
        match item {
            Tree::Mapping(entries) if !entries.is_empty() => {
                for (key, value) in entries {
                    self.entry_lines(&deeper, key, value, lines)?;
                }
            }
            Tree::Sequence(items) if !items.is_empty() => {
                for item in items {
                    self.item_lines(&deeper, self.style.dash_width, item, lines)?;
                }
            }
            _ => lines.push(format!("{deeper}{}", self.leaf(item))),
        }
        if let Some(line) = lines.get_mut(first) {
            line.replace_range(..dash.len(), &dash);
        }
        Ok(())
    }

    /// Returns a scalar, or a collection without children.
    fn leaf(&self, tree: &Tree) -> String {
        match tree {
            Tree::Scalar { value, kind } => scalar_as(
                value,
                self.style.quote,
                Look::Value {
                    kind: *kind,
                    in_flow: false,
                },
            ),
            Tree::Mapping(_) => "{}".to_owned(),
            Tree::Sequence(_) => "[]".to_owned(),
        }
    }
}

/// Writes in flow style.
#[derive(Debug, Clone)]
pub(super) struct FlowWriter {
    pub quote: Quote,
    /// Quote keys and texts always, as JSON wants it?
    pub is_json: bool,
    /// `,` or `, `.
    pub comma: &'static str,
    /// `:` or `: `.
    pub colon: &'static str,
    pub line_break: &'static str,
    /// What each level is indented by, where children stand on lines of their own.
    pub unit: Option<String>,
}

impl FlowWriter {
    /// Returns an entry; `indent` stands in front of its line.
    pub(super) fn entry(&self, indent: &str, key: &str, value: &Tree) -> Result<String, String> {
        let look = Look::Key { in_flow: true };
        let key = checked_key(scalar_as(key, self.quote, self.strict(look)))?;
        Ok(format!("{key}{}{}", self.colon, self.value(indent, value)?))
    }

    /// Returns an item or a value.
    pub(super) fn value(&self, indent: &str, tree: &Tree) -> Result<String, String> {
        let unit = self.unit.as_deref().unwrap_or_default();
        let deeper = format!("{indent}{unit}");
        match tree {
            Tree::Scalar { value, kind } => {
                let look = Look::Value {
                    kind: *kind,
                    in_flow: true,
                };
                Ok(scalar_as(value, self.quote, self.strict(look)))
            }
            Tree::Mapping(entries) => {
                let written = entries
                    .iter()
                    .map(|(key, value)| self.entry(&deeper, key, value));
                let written = written.collect::<Result<Vec<_>, _>>()?;
                Ok(self.enclosed(('{', '}'), &written, indent, &deeper))
            }
            Tree::Sequence(items) => {
                let written = items.iter().map(|item| self.value(&deeper, item));
                let written = written.collect::<Result<Vec<_>, _>>()?;
                Ok(self.enclosed(('[', ']'), &written, indent, &deeper))
            }
        }
    }

    fn strict(&self, look: Look) -> Look {
        match look {
            Look::Key { .. } if self.is_json => Look::Quoted,
            Look::Value {
                kind: ScalarType::Text,
                ..
            } if self.is_json => Look::Quoted,
            look => look,
        }
    }

    fn enclosed(
        &self,
        (open, close): (char, char),
        children: &[String],
        indent: &str,
        deeper: &str,
    ) -> String {
        if children.is_empty() || self.unit.is_none() {
            return format!("{open}{}{close}", children.join(self.comma));
        }
        let line_break = self.line_break;
        let children = children.join(&format!(",{line_break}{deeper}"));
        format!("{open}{line_break}{deeper}{children}{line_break}{indent}{close}")
    }
}

/// What a scalar is written as.
#[derive(Debug, Clone, Copy)]
enum Look {
    Key {
        in_flow: bool,
    },
    Value {
        kind: ScalarType,
        in_flow: bool,
    },
    /// In quotes, whatever it is.
    Quoted,
}

fn scalar_as(value: &str, quote: Quote, look: Look) -> String {
    let quoted = match quote {
        Quote::Single => ScalarStyle::SingleQuoted,
        Quote::Double => ScalarStyle::DoubleQuoted,
    };
    let (style, kind, in_flow) = match look {
        Look::Quoted => (quoted, ScalarType::Text, true),
        Look::Key { in_flow } => (ScalarStyle::Plain, ScalarType::Text, in_flow),
        Look::Value { kind, in_flow } => {
            let is_text = kind == ScalarType::Text;
            let style = if is_text && looks_like_version(value) {
                quoted
            } else {
                ScalarStyle::Plain
            };
            (style, kind, in_flow)
        }
    };
    let surroundings = Surroundings {
        style,
        in_flow,
        quote,
    };
    render(value, kind, surroundings)
}

/// Versions and commit ids are quoted from the start, so that a later `1.10` or `1234e56` does not
/// change how they are written.
fn looks_like_version(value: &str) -> bool {
    let number = value.strip_prefix(['v', 'V']).unwrap_or(value);
    number.starts_with(|first: char| first.is_ascii_digit())
        || (!value.is_empty() && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn checked_key(written: String) -> Result<String, String> {
    let length = written.chars().count();
    if length > LONGEST_KEY {
        return Err(format!(
            "the new key is {length} characters long, expected at most {LONGEST_KEY}"
        ));
    }
    Ok(written)
}
