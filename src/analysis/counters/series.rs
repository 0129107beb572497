//! Labels in one text, the name of a series, and one label out of it.

/// Writes labels as the name of their series: `le="0.5",pod="web-1"`. A value may hold anything, so
/// quotes, backslashes and line breaks are written with a backslash, as in PromQL.
pub fn series_name<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut name = String::new();
    for (label, value) in labels {
        if !name.is_empty() {
            name.push(',');
        }
        name.push_str(label);
        name.push_str("=\"");
        for character in value.chars() {
            match character {
                '"' | '\\' => name.extend(['\\', character]),
                '\n' => name.push_str("\\n"),
                _ => name.push(character),
            }
        }
        name.push('"');
    }
    name
}

/// Returns a label's value as it stands in a series' name, with its backslashes; none where the
/// series has no such label.
pub fn label_of<'a>(name: &'a str, label: &str) -> Option<&'a str> {
    pairs(name).find_map(|(found, value)| (found == label).then_some(value))
}

/// Returns the name that a series has but for one label.
pub fn without_label(name: &str, label: &str) -> String {
    let mut rest = String::with_capacity(name.len());
    for (found, value) in pairs(name).filter(|(found, _)| *found != label) {
        if !rest.is_empty() {
            rest.push(',');
        }
        rest.extend([found, "=\"", value, "\""]);
    }
    rest
}

/// Goes through the labels of a series' name, values as they are written.
fn pairs(name: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let (label, after) = rest.split_once("=\"")?;
        let end = end_of_value(after)?;
        let (value, after) = after.split_at(end);
        rest = after.strip_prefix("\",").unwrap_or_default();
        Some((label, value))
    })
}

fn end_of_value(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_may_hold_anything() {
        let rows: [&[(&str, &str)]; 4] = [
            &[("le", "0.5"), ("pod", "web-1")],
            &[("path", "a\"b\\"), ("le", "+Inf")],
            &[("le", "1"), ("path", "x=\"1\",le=\"9\""), ("z", "")],
            &[("path", "é\n\u{202e}"), ("pod", "\\\"")],
        ];
        assert_eq!(series_name(std::iter::empty()), "");
        let mut lines = Vec::new();
        for labels in rows {
            let name = series_name(labels.iter().copied());
            let le = labels.iter().find(|(label, _)| *label == "le");
            assert_eq!(label_of(&name, "le"), le.map(|(_, value)| *value));
            let others = labels.iter().filter(|(label, _)| *label != "le").copied();
            assert_eq!(without_label(&name, "le"), series_name(others));
            lines.push(name.escape_default().to_string());
        }
        insta::assert_snapshot!(lines.join("\n"), @r#"
        le=\"0.5\",pod=\"web-1\"
        path=\"a\\\"b\\\\\",le=\"+Inf\"
        le=\"1\",path=\"x=\\\"1\\\",le=\\\"9\\\"\",z=\"\"
        path=\"\u{e9}\\n\u{202e}\",pod=\"\\\\\\\"\"
        "#);
    }
}
