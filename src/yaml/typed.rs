//! A checked struct of a text: schema first, so that every problem is named with line and column.

use std::{
    any::TypeId,
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::{Limits, Located, Position, to_value, value::escape};

/// One problem in a text that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where it is.
    pub position: Position,
    /// What is wrong and what was expected, as a lower-case fragment.
    pub message: String,
}

impl Finding {
    /// Makes a finding. Its message is one line: control characters, which come from what somebody
    /// wrote, are escaped.
    pub fn new(position: Position, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            position,
            message: if message.contains(char::is_control) {
                message.chars().map(escaped).collect()
            } else {
                message
            },
        }
    }
}

fn escaped(character: char) -> String {
    if character.is_control() {
        character.escape_default().to_string()
    } else {
        character.into()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position;
        write!(formatter, "{line}:{column}: {}", self.message)
    }
}

/// Reads a text as a `T` whose schema says what is allowed.
///
/// # Errors
/// Everything that is wrong with it, in the order of the lines: YAML that does not parse, an empty
/// text, unknown keys (with the nearest known one), wrong types and values out of range.
pub fn read<T: DeserializeOwned + JsonSchema + 'static>(
    text: &str,
    limits: &Limits,
) -> Result<(T, Located), Vec<Finding>> {
    let located = to_value(text, limits).map_err(|error| {
        vec![Finding::new(
            Position {
                line: error.line,
                column: error.column,
            },
            error.message,
        )]
    })?;
    let value = check::<T>(&located)?;
    Ok((value, located))
}

/// Reads an already located value as a `T`; see [`read`].
///
/// # Errors
/// As [`read`].
pub fn check<T: DeserializeOwned + JsonSchema + 'static>(
    located: &Located,
) -> Result<T, Vec<Finding>> {
    let start = Position { line: 1, column: 1 };
    if located.value.is_null() {
        return Err(vec![Finding::new(start, "the file is empty")]);
    }
    let schema = CompiledSchema::of::<T>().map_err(|error| {
        vec![Finding::new(
            start,
            format!("the schema is broken: {error}"),
        )]
    })?;
    let mut findings: Vec<Finding> = schema
        .validator
        .iter_errors(&located.value)
        .flat_map(|error| describe(&error, located, &schema.text))
        .collect();
    findings.sort();
    findings.dedup();
    if !findings.is_empty() {
        return Err(findings);
    }
    // The schema has said yes, so this fails only where the types know more than the schema.
    serde_path_to_error::deserialize(&located.value).map_err(|error| {
        let position = located.position(&pointer(error.path()));
        vec![Finding::new(position, error.into_inner().to_string())]
    })
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let segments = path.iter().map_while(|segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", escape(key))),
        // A variant has no place of its own.
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    segments.collect()
}

/// The schema of a type, ready to check with.
struct CompiledSchema {
    text: Value,
    validator: Validator,
}

impl CompiledSchema {
    /// Compiles the schema of a type once in the life of the program: it costs more than reading a file does.
    fn of<T: JsonSchema + 'static>() -> Result<Arc<Self>, String> {
        static COMPILED: LazyLock<Mutex<HashMap<TypeId, Arc<CompiledSchema>>>> =
            LazyLock::new(Mutex::default);
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = compiled.get(&TypeId::of::<T>()) {
            return Ok(Arc::clone(known));
        }
        let text = schemars::schema_for!(T).to_value();
        let validator = jsonschema::validator_for(&text).map_err(|error| error.to_string())?;
        let schema = Arc::new(Self { text, validator });
        compiled.insert(TypeId::of::<T>(), Arc::clone(&schema));
        Ok(schema)
    }
}

fn describe(error: &ValidationError<'_>, located: &Located, schema: &Value) -> Vec<Finding> {
    let pointer = error.instance_path().to_string();
    let at = located.position(&pointer);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = known_keys(schema, &error.schema_path().to_string());
            unexpected
                .iter()
                .map(|key| {
                    let position = located.key_position(&format!("{pointer}/{}", escape(key)));
                    Finding::new(position, unknown("key", key, &known))
                })
                .collect()
        }
        ValidationErrorKind::Required { property } => {
            let key = property
                .as_str()
                .map_or_else(|| property.to_string(), str::to_owned);
            if is_misspelt(&key, error, schema) {
                return Vec::new();
            }
            let place = if pointer.is_empty() {
                "the file".to_owned()
            } else {
                format!("`{}`", dotted(&pointer))
            };
            vec![Finding::new(
                at,
                format!("the key `{key}` is missing in {place}"),
            )]
        }
        ValidationErrorKind::MaxItems { limit } => {
            let count = error.instance().as_array().map_or(0, Vec::len);
            let message = format!(
                "`{}` has {count} entries; at most {limit}",
                dotted(&pointer)
            );
            vec![Finding::new(at, message)]
        }
        ValidationErrorKind::Enum { options } => {
            let known: Vec<String> = options
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|option| option.as_str().map(str::to_owned))
                .collect();
            vec![unknown_value(error, at, &known)]
        }
        // An enum whose variants have descriptions is a choice of constants in the schema.
        ValidationErrorKind::OneOfNotValid { .. }
            if let Some(known) = constants(schema, &error.schema_path().to_string()) =>
        {
            vec![unknown_value(error, at, &known)]
        }
        _ => vec![Finding::new(
            at,
            format!("`{}`: {}", dotted(&pointer), shorten(&error.to_string())),
        )],
    }
}

fn unknown_value(error: &ValidationError<'_>, at: Position, known: &[String]) -> Finding {
    let found = error.instance();
    let found = found
        .as_str()
        .map_or_else(|| found.to_string(), str::to_owned);
    Finding::new(at, unknown("value", &found, known))
}

/// Is a missing key there under a name that is told as a slip of it? Then it is one mistake, not two.
fn is_misspelt(key: &str, error: &ValidationError<'_>, schema: &Value) -> bool {
    let schema_path = error.schema_path().to_string();
    let parent = schema_path
        .rsplit_once('/')
        .map_or("", |(parent, _)| parent);
    let extra = schema.pointer(&format!("{parent}/additionalProperties"));
    let known = known_keys(schema, &schema_path);
    let Some(found) = error.instance().as_object() else {
        return false;
    };
    extra == Some(&Value::Bool(false))
        && found
            .keys()
            .any(|it| !known.contains(it) && nearest(it, &known) == Some(key))
}

/// Returns the texts of a choice that consists of constant texts alone.
fn constants(schema: &Value, schema_path: &str) -> Option<Vec<String>> {
    schema
        .pointer(schema_path)?
        .as_array()?
        .iter()
        .map(|choice| Some(choice.get("const")?.as_str()?.to_owned()))
        .collect()
}

/// `unknown key `x`; did you mean `y`?` or a list of what is known.
pub fn unknown(what: &str, found: &str, known: &[String]) -> String {
    let found = shorten(found);
    match nearest(&found, known) {
        Some(near) => format!("unknown {what} `{found}`; did you mean `{near}`?"),
        None if known.is_empty() => format!("unknown {what} `{found}`"),
        None => format!("unknown {what} `{found}`; known: {}", known.join(", ")),
    }
}

/// Returns the known word that is most like `found`, if one is close enough to be a slip.
pub fn nearest<'a>(found: &str, known: &'a [String]) -> Option<&'a str> {
    known
        .iter()
        .map(|word| {
            (
                strsim::jaro_winkler(&found.to_lowercase(), &word.to_lowercase()),
                word,
            )
        })
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, word)| word.as_str())
}

fn known_keys(schema: &Value, schema_path: &str) -> Vec<String> {
    let parent = schema_path
        .rsplit_once('/')
        .map_or("", |(parent, _)| parent);
    schema
        .pointer(parent)
        .and_then(|object| object.get("properties"))
        .and_then(Value::as_object)
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default()
}

fn dotted(pointer: &str) -> String {
    pointer
        .trim_start_matches('/')
        .replace('/', ".")
        .replace("~1", "/")
        .replace("~0", "~")
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the reading is tested")]
    struct Shop {
        name: String,
        #[serde(default)]
        #[schemars(range(min = 1, max = 9))]
        floors: u8,
        #[serde(default)]
        rooms: Vec<Room>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the reading is tested")]
    struct Room {
        colour: Colour,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        Red,
        Green,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only the reading is tested")]
    struct Described {
        shade: Shade,
    }

    /// A choice whose variants have descriptions.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Shade {
        /// Below the middle.
        Dark,
        /// Above the middle.
        Light,
    }

    #[test]
    fn every_problem_is_named_with_its_place() {
        let text = "nme: x\nfloors: 12\nrooms:\n  - colour: gren\n  - color: red\n";
        let findings = read::<Shop>(text, &Limits::SETTINGS).unwrap_err();
        let text: Vec<String> = findings.iter().map(Finding::to_string).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        1:1: unknown key `nme`; did you mean `name`?
        2:9: `floors`: 12 is greater than the maximum of 9
        4:13: unknown value `gren`; did you mean `green`?
        5:5: unknown key `color`; did you mean `colour`?
        ");
        assert_eq!(
            read::<Shop>("", &Limits::SETTINGS).unwrap_err()[0].message,
            "the file is empty"
        );
        let steering = read::<Shop>("name: x\n\"a\\u001b[2J\\n\": 1\n", &Limits::SETTINGS);
        assert_eq!(
            steering.unwrap_err()[0].to_string(),
            "2:1: unknown key `a\\u{1b}[2J\\n`; known: name, floors, rooms"
        );
        let shade = read::<Described>("shade: lihgt", &Limits::SETTINGS).unwrap_err();
        assert_eq!(
            shade[0].message,
            "unknown value `lihgt`; did you mean `light`?"
        );
    }
}
