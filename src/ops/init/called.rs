//! What folders and files are called that hold an environment, and what that environment is called by them.

/// What folders are called that hold an environment.
const ENVIRONMENTS: [&str; 17] = [
    "production",
    "prod",
    "prd",
    "live",
    "staging",
    "stage",
    "stg",
    "preprod",
    "pre-production",
    "uat",
    "qa",
    "integration",
    "test",
    "testing",
    "development",
    "develop",
    "dev",
];

/// Those of them that mean production.
const PRODUCTION: [&str; 4] = ["production", "prod", "prd", "live"];

/// Is an environment one of production, by its name?
pub(super) fn is_production(name: &str) -> bool {
    name == "production" || name.starts_with("production-")
}

/// Is an environment called as environments are, and not by whatever its folder is called?
pub(super) fn is_usual(name: &str) -> bool {
    let mut words = ENVIRONMENTS.iter();
    is_production(name) || words.any(|word| name == *word || name.starts_with(&format!("{word}-")))
}

/// Returns which environment another one is a part of by its name: `production` of `production-eu`.
pub(super) fn whole(name: &str) -> Option<&'static str> {
    let is_whole = |word: &&str| {
        name.strip_prefix(word)
            .is_some_and(|it| it.starts_with('-'))
    };
    let words = ENVIRONMENTS.into_iter().filter(is_whole);
    words
        .max_by_key(|word| word.len())
        .filter(|_| !is_word(name))
}

/// Returns what an environment is called by its folder: `production-eu` by `production/apps/eu`.
pub(super) fn called(root: &str) -> String {
    let parts: Vec<&str> = root.split('/').collect();
    match (word_in(&parts), last(root)) {
        (_, "") => "production".to_owned(),
        (Some(at), last) if !is_word(last) => {
            format!("{}-{}", environment(parts[at]), environment(last))
        }
        (_, last) => environment(last),
    }
}

/// Returns the last part of a path.
pub(super) fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Parts the folder of an environment into what is around it and what it is called by: its last folder, with the one
/// before it where that is called as environments are, as in `production/eu`.
pub(super) fn end(root: &str) -> (&str, &str) {
    let (around, last) = root.rsplit_once('/').unwrap_or(("", root));
    let (further, before) = around.rsplit_once('/').unwrap_or(("", around));
    if is_word(last) || !is_word(before) {
        return (around, last);
    }
    let length = before.len() + 1 + last.len();
    (further, &root[root.len() - length..])
}

/// Is a folder called as environments are?
pub(super) fn is_word(part: &str) -> bool {
    ENVIRONMENTS.contains(&part.to_lowercase().as_str())
}

/// Is a file called by an environment, as `values-prod.yaml` is, or one of the folders that it is in?
pub(super) fn is_called_by_one(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let file = parts.last().copied().unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let last = stem.rsplit(['-', '.', '_']).next();
    word_in(&parts).is_some() || last.is_some_and(is_word)
}

/// Returns what a service is called by the name of its values file: `shop` by `values-shop-prod.yaml`; none where it
/// says no more than that it holds values, or of which environment.
pub(super) fn service(path: &str) -> Option<&str> {
    let file = last(path);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let separators = ['-', '.', '_'];
    let word = stem.rsplit(separators).next().filter(|word| is_word(word));
    let stem = word
        .and_then(|word| stem.strip_suffix(word))
        .unwrap_or(stem);
    let stem = stem.trim_matches(separators);
    let rest = stem.strip_prefix("values").unwrap_or(stem);
    // `valuestore` is a name of its own.
    let rest = if rest.is_empty() || rest.starts_with(separators) {
        rest
    } else {
        stem
    };
    Some(rest.trim_matches(separators)).filter(|rest| !rest.is_empty())
}

/// Returns which folder of a file's path is called as environments are, the innermost.
pub(super) fn word_in(path: &[&str]) -> Option<usize> {
    let (_, folders) = path.split_last()?;
    folders.iter().rposition(|part| is_word(part))
}

/// Returns the name of an environment by a word for it.
pub(super) fn environment(word: &str) -> String {
    let word = word.to_lowercase();
    if PRODUCTION.contains(&word.as_str()) {
        return "production".to_owned();
    }
    let is_usual = |character: char| character.is_ascii_alphanumeric() || character == '-';
    let word = word.replace(|character| !is_usual(character), "-");
    word.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_values_file_is_called_by_its_service() {
        let rows = [
            ("values/prod/shop.yaml", Some("shop")),
            ("values-shop.yaml", Some("shop")),
            ("shop-values.prod.yaml", Some("shop-values")),
            ("a/values.shop-prod.yaml", Some("shop")),
            ("a/valuestore.yaml", Some("valuestore")),
            ("a/values.yaml", None),
            ("shop/values-prod.yaml", None),
            ("shop/prod.yaml", None),
        ];
        for (path, name) in rows {
            assert_eq!(service(path), name, "{path}");
        }
    }
}
