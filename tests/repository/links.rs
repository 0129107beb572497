//! Every link of a page to another page, and to a heading of one, leads somewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Folders whose Markdown is not ours.
const FOREIGN: &[&str] = &["target", ".git", "fixtures", "node_modules"];

/// Returns every page of the repository with its text.
fn pages() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.canonicalize().unwrap()];
    let mut pages = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_dir() {
                if !FOREIGN.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if name.ends_with(".md") {
                let text = fs::read_to_string(&path).unwrap();
                pages.insert(path, text);
            }
        }
    }
    pages
}

/// Takes code out of a text: what looks like a link or a heading in it is none.
fn without_code(text: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// Returns the anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen = BTreeMap::new();
    let text = without_code(text);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchors = headings.map(|line| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading
            .chars()
            .filter(|it| it.is_alphanumeric() || " -_".contains(*it));
        let anchor = kept.collect::<String>().replace(' ', "-");
        let count = seen.entry(anchor.clone()).or_insert(0);
        *count += 1;
        match *count {
            1 => anchor,
            count => format!("{anchor}-{}", count - 1),
        }
    });
    anchors.collect()
}

/// Returns where the links of a page lead that stay in the repository.
fn links(text: &str) -> Vec<String> {
    let text = without_code(text);
    let targets = text.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split_once(')'));
    let inside =
        targets.filter(|(target, _)| !target.contains("://") && !target.starts_with("mailto:"));
    inside.map(|(target, _)| target.to_owned()).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (path, text) in &pages {
        for link in links(text) {
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => Ok(path.clone()),
                file => path.parent().unwrap().join(file).canonicalize(),
            };
            let leads = target.is_ok_and(|target| {
                let page = pages.get(&target);
                anchor.is_empty() || page.is_some_and(|page| anchors(page).contains(anchor))
            });
            if !leads {
                wrong.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(count > 200, "{count}");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Whoever begins at the README comes to every page of `docs/` by links.
#[test]
fn every_page_is_found_from_the_readme() {
    let pages = pages();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .canonicalize()
        .unwrap();
    let mut open = vec![root.join("README.md")];
    let mut found = BTreeSet::new();
    while let Some(path) = open.pop() {
        let Some(text) = pages.get(&path) else {
            continue;
        };
        if !found.insert(path.clone()) {
            continue;
        }
        for link in links(text) {
            let file = link.split('#').next().unwrap();
            open.extend(path.parent().unwrap().join(file).canonicalize());
        }
    }
    let docs = pages
        .keys()
        .filter(|path| path.starts_with(root.join("docs")));
    let lost: Vec<_> = docs
        .filter(|path| !found.contains(*path) && !path.starts_with(root.join("docs/adr")))
        .collect();
    assert!(lost.is_empty(), "no link leads to {lost:#?}");
}
