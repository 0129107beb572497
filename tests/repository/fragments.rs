//! Every YAML example of the pages has only keys that there are, with values that they take.

use std::{fs, path::Path};

use assert_cmd::Command;
use serde_json::Value;

/// What marks an example that is another program's: it must only be YAML.
const FOREIGN: &[&str] = &["apiVersion", "jobs"];

/// Returns every YAML example, with the page that it is from.
fn examples() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for page in docs.chain([root.join("README.md")]) {
        if page.extension().is_none_or(|it| it != "md") {
            continue;
        }
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&page).unwrap();
        for block in text.split("```yaml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            found.push((name.clone(), block.to_owned()));
            // Where a part stands elsewhere than what the example is about, it is a comment in it.
            let other = block
                .lines()
                .filter_map(|line| line.strip_prefix("# live: "));
            found.extend(other.map(|it| (name.clone(), format!("live: {it}\n"))));
        }
    }
    found
}

/// Lets a schema take a part of what it wants.
fn relaxed(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            for key in ["required", "minProperties", "$schema"] {
                if keys.get(key).is_some_and(|it| !it.is_object()) {
                    keys.remove(key);
                }
            }
            keys.values_mut().for_each(relaxed);
        }
        Value::Array(values) => values.iter_mut().for_each(relaxed),
        _ => {}
    }
}

/// Returns the schemas of all that a page may show a part of, each with its keys.
fn schemas() -> Vec<(Vec<String>, jsonschema::Validator)> {
    let mut schemas = Vec::new();
    for kind in ["config", "policy", "cases"] {
        let mut command = Command::cargo_bin("shipgate").unwrap();
        let printed = command.args(["schema", kind]).output().unwrap().stdout;
        let mut schema: Value = serde_json::from_slice(&printed).unwrap();
        relaxed(&mut schema);
        let parts = schema["$defs"].as_object().unwrap().clone();
        let all = schema["$defs"].clone();
        for mut part in [schema]
            .into_iter()
            .chain(parts.into_iter().map(|(_, part)| part))
        {
            let Some(keys) = part["properties"].as_object() else {
                continue;
            };
            let keys = keys.keys().cloned().collect();
            part["$defs"] = all.clone();
            schemas.push((keys, jsonschema::validator_for(&part).unwrap()));
        }
    }
    schemas
}

#[test]
fn every_yaml_example_has_keys_and_values_that_there_are() {
    let schemas = schemas();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (page, text) in examples() {
        let value: Value = match serde_yaml::from_str(&text) {
            Ok(value) => value,
            Err(error) => {
                wrong.push(format!("{page}: {error}\n{text}"));
                continue;
            }
        };
        let Some(keys) = value.as_object() else {
            continue;
        };
        if FOREIGN.iter().any(|key| keys.contains_key(*key)) {
            continue;
        }
        count += 1;
        let whole = |known: &Vec<String>| keys.keys().all(|key| known.contains(key));
        let mut fitting = schemas.iter().filter(|(known, _)| whole(known)).peekable();
        if fitting.peek().is_none() {
            wrong.push(format!("{page}: nothing has these keys together\n{text}"));
            continue;
        }
        let mut errors = Vec::new();
        let fits = fitting.any(|(_, schema)| {
            errors.extend(
                schema
                    .iter_errors(&value)
                    .map(|it| format!("{} {it}", it.instance_path())),
            );
            schema.is_valid(&value)
        });
        if !fits {
            wrong.push(format!("{page}: {errors:#?}\n{text}"));
        }
    }
    assert!(count > 30, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
