//! Details of the JSON Schema that the configuration is checked against.

use schemars::Schema;
use serde_json::Value;

/// Takes `null` out of what the properties of an object accept: a key without a value is a slip, and
/// reading it as "not given" would drop a limit that someone meant to set.
pub(super) fn without_null(schema: &mut Schema) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for property in properties.values_mut().filter_map(Value::as_object_mut) {
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|kind| kind != "null");
        }
        let Some(Value::Array(mut choices)) = property.remove("anyOf") else {
            continue;
        };
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        match choices.as_slice() {
            [Value::Object(only)] => property.extend(only.clone()),
            _ => {
                property.insert("anyOf".to_owned(), Value::Array(choices));
            }
        }
    }
}
