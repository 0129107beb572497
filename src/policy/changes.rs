//! Which files a version changes: a list as `git diff` prints it.

use super::wording::shown;

/// Reads a list of changed files: one path a line, or each ended by a NUL (`git diff -z`). Lines of
/// `git diff --name-status` are read too; of a renamed file both names count. None for a list
/// without any path: it says no more than no list, for a `git diff` that failed prints the same.
///
/// # Errors
/// A path that is not written from the repository's root with `/`, or that git has put in quotes:
/// it would be matched by other globs than the file's own name.
pub fn changed_paths(list: &[u8]) -> Result<Option<Vec<String>>, String> {
    let text = String::from_utf8_lossy(list);
    let text = text.trim_start_matches('\u{feff}');
    let mut paths = Vec::new();
    if text.contains('\0') {
        for (index, path) in text.split('\0').enumerate() {
            // A list that was put together by hand may end with a line break.
            let path = path.trim_start_matches('\n');
            paths.extend(changed_path(path, index + 1)?);
        }
        return Ok(some(paths));
    }
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let names = match line.split_once('\t') {
            Some((status, names)) if is_status(status) => names,
            _ => line,
        };
        for name in names.split('\t') {
            not_a_diff(name, index + 1)?;
            paths.extend(changed_path(name, index + 1)?);
        }
    }
    Ok(some(paths))
}

fn some(paths: Vec<String>) -> Option<Vec<String>> {
    Some(paths).filter(|paths| !paths.is_empty())
}

/// What `git diff` prints without `--name-only` would be read as paths that no rule is about.
fn not_a_diff(line: &str, entry: usize) -> Result<(), String> {
    let marks = ["diff --git ", "+++ ", "--- ", "@@ "];
    let blank = !line.trim().is_empty() && line.trim() != line;
    if blank || marks.iter().any(|mark| line.starts_with(mark)) {
        return Err(format!(
            "entry {entry}: found {}, expected a path; list the files with `git diff --name-only \
             --no-renames`",
            shown(line)
        ));
    }
    Ok(())
}

/// The letter of `git diff --name-status`, with how much of a renamed file is the same.
fn is_status(text: &str) -> bool {
    let mut characters = text.chars();
    characters
        .next()
        .is_some_and(|letter| "ACDMRTUXB".contains(letter))
        && characters.all(|digit| digit.is_ascii_digit())
}

fn changed_path(written: &str, entry: usize) -> Result<Option<String>, String> {
    let mut path = written;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest;
    }
    if path.trim().is_empty() && !written.starts_with("./") {
        return Ok(None);
    }
    if path.starts_with('"') {
        return Err(format!(
            "entry {entry}: {} is in quotes, expected the name itself; list the files with \
             `git diff --name-only -z`",
            shown(written)
        ));
    }
    let leads_out = path.split('/').any(|part| matches!(part, "" | "." | ".."));
    if leads_out || path.contains('\\') {
        return Err(format!(
            "entry {entry}: found {}, expected a path from the repository's root with /, without . \
             and ..",
            shown(written)
        ));
    }
    Ok(Some(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_git_writes_them() {
        let rows: &[(&str, &str)] = &[
            ("", "no list"),
            ("\n\n", "no list"),
            ("\u{feff}migrations/1.sql\n", "migrations/1.sql"),
            (
                " a.rs | 2 +-\n",
                "entry 1: found ` a.rs | 2 +-`, expected a path; list the files with `git diff --name-only --no-renames`",
            ),
            (
                "diff --git a/a.rs b/a.rs\n",
                "entry 1: found `diff --git a/a.rs b/a.rs`, expected a path; list the files with `git diff --name-only --no-renames`",
            ),
            ("a.rs\nmigrations/1.sql\n", "a.rs|migrations/1.sql"),
            ("a.rs\r\n./b.rs\r\n././c.rs", "a.rs|b.rs|c.rs"),
            ("a b.rs\n", "a b.rs"),
            ("a.rs\0migrations/1.sql\0", "a.rs|migrations/1.sql"),
            ("a\nb\0c\td\0", "a\nb|c\td"),
            ("M\ta.rs\nD\tb.rs\n", "a.rs|b.rs"),
            (
                "R087\tmigrations/1.sql\told/1.sql\nC100\ta\tb",
                "migrations/1.sql|old/1.sql|a|b",
            ),
            ("Makefile\n", "Makefile"),
            (
                "../a\n",
                "entry 1: found `../a`, expected a path from the repository's root with /, without . and ..",
            ),
            (
                "a\nb/../c\n",
                "entry 2: found `b/../c`, expected a path from the repository's root with /, without . and ..",
            ),
            (
                "/etc/a",
                "entry 1: found `/etc/a`, expected a path from the repository's root with /, without . and ..",
            ),
            (
                "migrations\\1.sql",
                "entry 1: found `migrations\\\\1.sql`, expected a path from the repository's root with /, without . and ..",
            ),
            (
                "./",
                "entry 1: found `./`, expected a path from the repository's root with /, without . and ..",
            ),
            (
                "\"migrations/\\303\\244.sql\"\n",
                "entry 1: `\\\"migrations/\\\\303\\\\244.sql\\\"` is in quotes, expected the name itself; list the files with `git diff --name-only -z`",
            ),
        ];
        for (list, wanted) in rows {
            let found = changed_paths(list.as_bytes());
            let found = found.map_or_else(
                |error| error,
                |paths| paths.map_or("no list".to_owned(), |paths| paths.join("|")),
            );
            assert_eq!(found, *wanted, "{list:?}");
        }
    }
}
