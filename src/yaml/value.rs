//! A document as a JSON value, with the line and column of every part of it.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::{Document, Limits, NodeId, NodeKind, ScalarStyle, YamlError, documents};

/// Where something is written: 1-based line and column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// 1-based line.
    pub line: usize,
    /// 1-based column, in characters.
    pub column: usize,
}

impl Position {
    /// Returns where a node begins.
    pub fn of(document: &Document, id: NodeId) -> Self {
        Self {
            line: document.line(id),
            column: document.column(id),
        }
    }
}

/// A value and where each part of it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// The whole document.
    pub value: Value,
    /// JSON pointer of a value -> where the value is written.
    values: BTreeMap<String, Position>,
    /// JSON pointer of a value -> where its key is written.
    keys: BTreeMap<String, Position>,
}

impl Located {
    /// Returns where the value at a JSON pointer is written; for a pointer that is not there, the
    /// nearest enclosing value.
    pub fn position(&self, pointer: &str) -> Position {
        let mut pointer = pointer;
        loop {
            if let Some(position) = self.values.get(pointer) {
                return *position;
            }
            match pointer.rfind('/') {
                Some(end) => pointer = &pointer[..end],
                None => return Position { line: 1, column: 1 },
            }
        }
    }

    /// Returns where the key of the value at a JSON pointer is written, else the value itself.
    pub fn key_position(&self, pointer: &str) -> Position {
        self.keys
            .get(pointer)
            .copied()
            .unwrap_or_else(|| self.position(pointer))
    }
}

/// Reads a text that holds one document as a JSON value.
///
/// Plain scalars follow the YAML 1.2 core schema, except that numbers with a leading zero, dates and
/// `yes`/`no` stay texts, which is what people mean in a policy. Merge keys (`<<`) are applied.
/// An empty text is `null`.
///
/// # Errors
/// Not YAML, more than one document, a duplicate key, a key that is not a text, or over a limit.
pub fn to_value(text: &str, limits: &Limits) -> Result<Located, YamlError> {
    let found = documents(text, limits)?;
    let mut located = Located {
        value: Value::Null,
        values: BTreeMap::new(),
        keys: BTreeMap::new(),
    };
    if let Some(second) = found.get(1) {
        let Position { line, column } = Position::of(second, second.root());
        return Err(YamlError {
            line,
            column,
            message: "a second document begins here, expected one document".to_owned(),
        });
    }
    if let Some(document) = found.first() {
        let mut walk = Walk {
            document,
            limits,
            located: &mut located,
            aliases: 0,
            expanded_bytes: 0,
        };
        let value = walk.node(document.root(), "", false)?;
        located.value = value;
    }
    Ok(located)
}

struct Walk<'a> {
    document: &'a Document,
    limits: &'a Limits,
    located: &'a mut Located,
    aliases: usize,
    expanded_bytes: usize,
}

impl Walk<'_> {
    /// Builds the value of a node. `copied` is true below an alias, where bytes are counted again.
    fn node(&mut self, id: NodeId, pointer: &str, copied: bool) -> Result<Value, YamlError> {
        let document = self.document;
        let position = Position::of(document, id);
        self.located.values.insert(pointer.to_owned(), position);
        match document.kind(id) {
            NodeKind::Scalar { style } => {
                let value = document.value(id).unwrap_or_default();
                if copied {
                    self.expanded_bytes += value.len() + 16;
                    if self.expanded_bytes > self.limits.expanded_bytes {
                        return Err(self.error(id, "aliases expand to too much text"));
                    }
                }
                Ok(scalar(value, style, document.tag(id)))
            }
            NodeKind::Alias { target } => {
                self.aliases += 1;
                if self.aliases > self.limits.aliases {
                    let limit = self.limits.aliases;
                    return Err(self.error(id, &format!("more than {limit} aliases are followed")));
                }
                self.node(target, pointer, true)
            }
            NodeKind::Sequence { .. } => {
                let mut list = Vec::new();
                for (index, item) in document.items(id).enumerate() {
                    list.push(self.node(item, &format!("{pointer}/{index}"), copied)?);
                }
                Ok(Value::Array(list))
            }
            NodeKind::Mapping { .. } => self.mapping(id, pointer, copied),
        }
    }

    fn mapping(&mut self, id: NodeId, pointer: &str, copied: bool) -> Result<Value, YamlError> {
        let mut map = Map::new();
        let mut merged = Vec::new();
        for (key, value) in self.document.entries(id) {
            let Some(name) = self.document.text(key) else {
                return Err(self.error(key, "expected a text as key"));
            };
            if name == "<<" {
                merged.push(value);
                continue;
            }
            let below = format!("{pointer}/{}", escape(name));
            if map.contains_key(name) {
                let first = self.located.key_position(&below).line;
                return Err(self.error(
                    key,
                    &format!("the key `{name}` is already in this mapping, on line {first}"),
                ));
            }
            let position = Position::of(self.document, key);
            self.located.keys.insert(below.clone(), position);
            let name = name.to_owned();
            let value = self.node(value, &below, copied)?;
            map.insert(name, value);
        }
        for id in merged {
            let target = self.document.resolve(id);
            let sources = match self.document.kind(target) {
                NodeKind::Sequence { .. } => self.document.items(target).collect(),
                _ => vec![id],
            };
            for source in sources {
                self.merge(source, pointer, &mut map)?;
            }
        }
        Ok(Value::Object(map))
    }

    fn merge(
        &mut self,
        source: NodeId,
        pointer: &str,
        map: &mut Map<String, Value>,
    ) -> Result<(), YamlError> {
        // A merged mapping is built at a place of its own: its positions must not replace those
        // of the keys that the mapping itself writes.
        let Value::Object(more) = self.node(source, &format!("{pointer}/<<"), true)? else {
            return Err(self.error(source, "expected a mapping to merge"));
        };
        for (name, value) in more {
            if !map.contains_key(&name) {
                map.insert(name, value);
            }
        }
        Ok(())
    }

    fn error(&self, id: NodeId, message: &str) -> YamlError {
        let Position { line, column } = Position::of(self.document, id);
        YamlError {
            line,
            column,
            message: message.to_owned(),
        }
    }
}

/// Escapes one segment of a JSON pointer (RFC 6901).
pub fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&str>) -> Value {
    if style != ScalarStyle::Plain || tag == Some("!!str") {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// Returns the number that every YAML reader agrees on, else nothing.
fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    if leading_zero || !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if let Ok(integer) = text.parse::<i64>() {
        return Some(integer.into());
    }
    let plain = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let value = text.parse::<f64>().ok().filter(|_| plain)?;
    Number::from_f64(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_read_as_people_mean_them() {
        let located = to_value(
            "a: 1\nb: 1.5\nc: 2025-12-25\nd: no\ne: \"1\"\nf: 02:00\ng: 007\nh: !!str 5\ni:\nj: 1e3\n",
            &Limits::SETTINGS,
        )
        .unwrap();
        insta::assert_snapshot!(located.value, @r#"{"a":1,"b":1.5,"c":"2025-12-25","d":"no","e":"1","f":"02:00","g":"007","h":"5","i":null,"j":1000.0}"#);
        assert_eq!(located.key_position("/c"), Position { line: 3, column: 1 });
        assert_eq!(located.position("/c"), Position { line: 3, column: 4 });
    }

    #[test]
    fn hostile_and_ambiguous_texts_are_refused() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let line = vec![format!("*a{}", level - 1); 9].join(",");
            bomb += &format!("a{level}: &a{level} [{line}]\n");
        }
        let amplified = format!(
            "a: &a \"{}\"\nb: [{}]\n",
            "x".repeat(100_000),
            vec!["*a"; 90].join(",")
        );
        let cases = [
            (
                "a: 1\na: 2\n",
                "2:1: the key `a` is already in this mapping, on line 1",
            ),
            (
                "a: 1\n---\nb: 1\n",
                "3:1: a second document begins here, expected one document",
            ),
            ("? [a]\n: 1\n", "1:3: expected a text as key"),
            (
                "a: &a [*a]\n",
                "1:8: this alias stands for the collection it is in",
            ),
            (bomb.as_str(), "3:10: more than 100 aliases are followed"),
            (amplified.as_str(), "1:7: aliases expand to too much text"),
        ];
        for (text, expected) in cases {
            let error = to_value(text, &Limits::SETTINGS).unwrap_err();
            assert_eq!(error.to_string().split(" (").next().unwrap(), expected);
        }
        let deep = format!("{}1", "- ".repeat(500));
        assert!(to_value(&deep, &Limits::SETTINGS).is_err());
        assert!(to_value("a: [1", &Limits::SETTINGS).is_err());
    }

    #[test]
    fn merged_keys_do_not_replace_written_ones() {
        let located = to_value(
            "base: &base {a: 1, b: 2}\nuse:\n  <<: *base\n  b: 3\n",
            &Limits::SETTINGS,
        )
        .unwrap();
        assert_eq!(located.value["use"], serde_json::json!({"b": 3, "a": 1}));
        assert_eq!(located.position("/use/b").line, 4);
    }
}
