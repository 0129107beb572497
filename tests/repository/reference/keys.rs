//! The references of keys: everything that a policy, its cases and `shipgate.yaml` may say, from their JSON Schemas.

use std::fs;

use serde_json::Value;

use super::{docs, prose, sentence, shipgate, wrapped};

/// Where a part of the configuration is told of at length.
const MORE: &[(&str, &str)] = &[
    ("environments.NAME.pull_request", "pull-requests.md"),
    ("environments.NAME.regions[]", "regions.md"),
    ("git", "git.md"),
    ("providers", "providers.md"),
    ("providers.prometheus", "providers.md#prometheus"),
    ("providers.alertmanager", "providers.md#alertmanager"),
    ("providers.cloudwatch", "providers.md#cloudwatch"),
    ("providers.registry", "providers.md#registry"),
    ("providers.web", "providers.md#web"),
    ("providers.datadog", "providers.md#datadog"),
    ("providers.newrelic", "providers.md#newrelic"),
    ("providers.argocd", "providers.md#argocd"),
    ("providers.kubernetes", "providers.md#kubernetes"),
    ("providers.flux", "providers.md#flux"),
    ("notifications", "notifications.md"),
    ("services", "strategies.md"),
    (
        "services.NAME.helm",
        "strategies.md#workloads-that-a-helm-chart-writes",
    ),
    (
        "services.NAME.traffic",
        "strategies.md#what-splits-the-traffic",
    ),
    ("services.NAME.live", "providers.md#live"),
    ("services.NAME.strategy", "strategies.md"),
    ("services.NAME.strategy.canary", "strategies.md#canary"),
    ("services.NAME.strategy.rolling", "strategies.md#rolling"),
    (
        "services.NAME.strategy.blue_green",
        "strategies.md#bluegreen",
    ),
    (
        "services.NAME.strategy.argo_rollouts",
        "strategies.md#argo-rollouts",
    ),
    ("services.NAME.verification", "providers.md#criteria"),
    (
        "services.NAME.verification.checks[].job",
        "providers.md#job",
    ),
    (
        "services.NAME.verification.checks[].alerts",
        "providers.md#alertmanager",
    ),
    (
        "services.NAME.verification.checks[].web",
        "providers.md#web",
    ),
    ("services.NAME.verification.judge", "judge.md"),
];

const RULES: &str = "A key that is not **required** may be left out; where no default is named, there is none of what it describes then. \
    Unknown keys are errors. A length of time is written as `30s`, `10m`, `1h30m` or `90d`. ";

/// Makes the page of the policy; its examples are those of docs/policy.md.
pub fn policy() -> String {
    let text = fs::read_to_string(docs().join("policy.md")).unwrap();
    let (_, block) = text.split_once("```yaml\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let head = format!(
        "{RULES}[policy.md](policy.md) has all of it in one example, and what decides. `shipgate validate` checks a policy, `shipgate schema policy` \
         prints the JSON Schema that this page is made from."
    );
    page("policy", "Every key of a policy", &head, block)
}

/// Makes the page of the cases of a policy.
pub fn cases() -> String {
    let head = format!(
        "{RULES}`policies/production.test.yaml` beside `policies/production.yaml` says what that policy must decide; `shipgate test` \
         ([commands/test.md](commands/test.md)) judges every case. `shipgate schema cases` prints the JSON Schema that this page is made from."
    );
    page("cases", "Every key of a policy's test cases", &head, "")
}

/// Makes the page of `shipgate.yaml`.
pub fn configuration() -> String {
    let head = format!(
        "{RULES}`shipgate init` writes a first one, `shipgate validate` checks it, `shipgate schema config` prints the JSON Schema that this page is made \
         from. `NAME` is a name of your own, `[]` an entry of a list."
    );
    page("config", "Every key of shipgate.yaml", &head, "")
}

/// A part of the schema that is an object: where it is found first.
struct Part {
    /// Its name in the schema.
    name: String,
    /// Path of the object, such as `services.NAME.verification.metrics[]`.
    path: String,
}

struct Keys {
    schema: Value,
    parts: Vec<Part>,
}

fn page(kind: &str, title: &str, head: &str, example: &str) -> String {
    let schema: Value = serde_json::from_str(&shipgate(&["schema", kind])).unwrap();
    let parts = Vec::new();
    let mut keys = Keys { schema, parts };
    let (top, required) = keys.keys(&keys.schema);
    let mut text = format!("# {title}\n\n{}", wrapped(head, 0));
    let mut sections = Vec::new();
    for (key, value) in &top {
        let first = keys.parts.len();
        keys.find(value, key);
        sections.push(first..keys.parts.len());
    }
    for ((key, value), section) in top.iter().zip(sections) {
        text += &format!("\n## {key}\n\n");
        text += &wrapped(&keys.said(value, required.contains(key)), 0);
        let words = keys.words(value);
        if !words.is_empty() {
            text += "\n";
        }
        text.extend(words.iter().map(|word| wrapped(&format!("- {word}"), 2)));
        let example = lines_of(example, key);
        if !example.is_empty() {
            text += &format!("\n```yaml\n{example}```\n");
        }
        for part in &keys.parts[section] {
            text += &keys.section(part, key);
        }
    }
    text
}

impl Keys {
    /// Returns the keys of an object, and which of them must be there.
    fn keys(&self, object: &Value) -> (Vec<(String, Value)>, Vec<String>) {
        let keys = object["properties"].as_object().into_iter().flatten();
        let required = object["required"].as_array().into_iter().flatten();
        (
            keys.map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            required
                .map(|key| key.as_str().unwrap().to_owned())
                .collect(),
        )
    }

    fn definition(&self, name: &str) -> &Value {
        &self.schema["$defs"][name]
    }

    /// Finds the objects that a key takes, and those inside of them.
    fn find(&mut self, value: &Value, path: &str) {
        let Some((suffix, name)) = reference(value) else {
            return;
        };
        let is_known = self.parts.iter().any(|part| part.name == name);
        let part = self.definition(name);
        if is_known || part["type"] != "object" && part["properties"].is_null() {
            return;
        }
        let path = format!("{path}{suffix}");
        let (keys, _) = self.keys(self.definition(name));
        self.parts.push(Part {
            name: name.to_owned(),
            path: path.clone(),
        });
        for (key, value) in keys {
            self.find(&value, &format!("{path}.{key}"));
        }
    }

    /// Tells of one object, key by key.
    fn section(&self, part: &Part, top: &str) -> String {
        let mut text = String::new();
        if part.path != top {
            text += &format!("\n### {}\n", part.path);
        }
        if let Some((_, link)) = MORE.iter().find(|(path, _)| *path == part.path) {
            text += &format!("\nMore: [{link}]({link}).\n");
        }
        let (keys, required) = self.keys(self.definition(&part.name));
        if !keys.is_empty() {
            text += "\n";
        }
        for (key, value) in keys {
            let said = self.said(&value, required.contains(&key));
            text += &wrapped(&format!("- **`{key}`**: {said}"), 2);
            for word in self.words(&value) {
                text += &format!("  - {}", wrapped(&word, 4));
            }
        }
        text
    }

    /// Says what a key takes and what it is for.
    fn said(&self, value: &Value, required: bool) -> String {
        let about = value["description"].as_str().unwrap();
        let mut text = format!("{} *({}", sentence(&prose(about)), self.kind(value));
        if required {
            text += ", **required**";
        }
        let default = &value["default"];
        if about.contains("Default:") {
            // It is said already.
        } else if default.is_boolean() || default.is_number() {
            text += &format!(", default `{default}`");
        } else if let Some(default) = default.as_str() {
            text += &format!(", default `{default}`");
        }
        text + ")*"
    }

    /// Names what a key takes.
    fn kind(&self, value: &Value) -> String {
        if let Some((suffix, name)) = reference(value) {
            let one = match self.parts.iter().find(|part| part.name == name) {
                Some(Part { path, .. }) => {
                    let is_text = self.definition(name)["type"][0] == "string";
                    let or = if is_text { "text or " } else { "" };
                    format!("{or}[`{path}`](#{})", anchor(path))
                }
                None if self.definition(name)["oneOf"].is_array() => "one of these".to_owned(),
                None => self.kind(self.definition(name)),
            };
            return match suffix {
                "[]" => format!("list of {one}"),
                ".NAME" => format!("by name, {one}"),
                _ => one,
            };
        }
        let types = match &value["type"] {
            Value::Array(types) => types.iter().collect(),
            one => vec![one],
        };
        let kinds = types.into_iter().map(|kind| match kind.as_str().unwrap() {
            "string" => "text".to_owned(),
            "boolean" => "true or false".to_owned(),
            "integer" => format!("whole number{}", bounds(value)),
            "number" => format!("number{}", bounds(value)),
            "array" => format!("list of {}", self.kind(&value["items"])),
            "object" => format!("by name, {}", self.kind(&value["additionalProperties"])),
            other => panic!("{other}: {value}"),
        });
        kinds.collect::<Vec<_>>().join(" or ")
    }

    /// The words of which a key takes one, with their meaning.
    fn words(&self, value: &Value) -> Vec<String> {
        let name = reference(value).map_or("", |(_, name)| name);
        let words = self.definition(name)["oneOf"].as_array().into_iter();
        let told = words.flatten().map(|word| {
            let about = word["description"].as_str().unwrap();
            let name = word["const"].as_str().unwrap();
            format!("`{name}`: {}", sentence(&prose(about)))
        });
        told.collect()
    }
}

/// The definition that a value names, and what its path has behind the key's own.
fn reference(value: &Value) -> Option<(&'static str, &str)> {
    let places = [
        ("", value),
        ("[]", &value["items"]),
        (".NAME", &value["additionalProperties"]),
    ];
    places.into_iter().find_map(|(suffix, at)| {
        let name = at.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?;
        Some((suffix, name))
    })
}

fn bounds(value: &Value) -> String {
    match (&value["minimum"], &value["maximum"]) {
        (Value::Number(least), Value::Number(most)) if least == most => format!(" {least}"),
        (Value::Number(least), Value::Number(most)) => format!(" from {least} to {most}"),
        (Value::Number(least), _) if *least != 0.into() => format!(" from {least}"),
        _ => String::new(),
    }
}

/// The anchor of a heading, as GitHub and GitLab make it.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|it| it.is_alphanumeric() || "-_".contains(*it));
    kept.collect::<String>().to_lowercase()
}

/// The lines of a key of an example that has many, with what is below it.
fn lines_of(example: &str, key: &str) -> String {
    let start = format!("{key}:");
    let lines = example.lines().skip_while(|line| !line.starts_with(&start));
    let inside = |line: &&str| line.starts_with(' ');
    let mut lines = lines.peekable();
    let first = lines.next().into_iter();
    let kept = first.chain(lines.take_while(inside));
    kept.map(|line| format!("{line}\n")).collect()
}
