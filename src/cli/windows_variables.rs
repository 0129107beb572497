//! The variables that Windows sets, under the names that they have everywhere else.

use std::collections::BTreeMap;

/// What Windows calls by another name.
const OTHER_NAMES: [(&str, &str); 2] = [("HOME", "USERPROFILE"), ("USER", "USERNAME")];

/// Adds each variable under its name in capitals, as `PATH` for `Path`: Windows does not tell them apart. Adds
/// those that have another name there. What is set already stays.
pub(super) fn with_usual_names(
    mut environment: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    for (name, value) in environment.clone() {
        environment.entry(name.to_uppercase()).or_insert(value);
    }
    for (name, theirs) in OTHER_NAMES {
        if let Some(value) = environment.get(theirs).cloned() {
            environment.entry(name.to_owned()).or_insert(value);
        }
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_already_stays() {
        let given = [
            ("Path", "C:\\bin"),
            ("USERNAME", "ann"),
            ("HOME", "D:\\home"),
            ("UserProfile", "C:\\Users\\ann"),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let found = with_usual_names(given.into());
        let lines: Vec<String> = found
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        HOME=D:\home
        PATH=C:\bin
        Path=C:\bin
        USER=ann
        USERNAME=ann
        USERPROFILE=C:\Users\ann
        UserProfile=C:\Users\ann
        ");
    }
}
