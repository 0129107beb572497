//! How fast manifests are parsed into nodes, against the parser's own collected events:
//! `cargo bench --bench editor -- FOLDER` with the corpus of `benches/corpus.py`. Each row is the best
//! of nine runs, and the two take turns. Without a folder it takes `fixtures`.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a stopwatch with a table on the terminal; a surprise ends it"
)]

use std::{
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use granit_parser::{Event, Options, Parser, Span};
use shipgate::yaml::{Limits, documents};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let named = arguments.iter().find(|argument| !argument.starts_with('-'));
    let folder = named.map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"),
        PathBuf::from,
    );
    // `cargo bench` says so; anything else only looks whether it runs.
    let measured = arguments.iter().any(|argument| argument == "--bench");
    let runs = if measured { 9 } else { 1 };
    let texts = texts(&folder);
    let bytes: usize = texts.iter().map(String::len).sum();
    let (mut plain, mut nodes) = (Duration::MAX, Duration::MAX);
    for _ in 0..runs {
        plain = plain.min(time(&texts, |text| events(text).map(|events| events.len())));
        nodes = nodes.min(time(&texts, |text| {
            let found = documents(text, &Limits::MANIFEST).ok()?;
            Some(found.len())
        }));
    }
    println!(
        "{} files, {:.1} MB",
        texts.len(),
        megabytes(bytes, Duration::from_secs(1))
    );
    println!(
        "{:>8.1} MB/s  events of the parser, collected",
        megabytes(bytes, plain)
    );
    println!(
        "{:>8.1} MB/s  shipgate::yaml::documents",
        megabytes(bytes, nodes)
    );
    let ratio = plain.as_secs_f64() / nodes.as_secs_f64();
    println!("{ratio:>8.2}       of the events' speed   target: at least 0.8");
}

/// Reads the manifests of a folder that both accept: templates and broken files are left out.
fn texts(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let ending = path.extension().and_then(|ending| ending.to_str());
            if path.is_dir() {
                folders.push(path);
            } else if matches!(ending, Some("yaml" | "yml" | "json")) {
                found.extend(fs::read_to_string(&path).ok());
            }
        }
    }
    found.retain(|text| events(text).is_some() && documents(text, &Limits::MANIFEST).is_ok());
    assert!(!found.is_empty(), "no manifests in {}", folder.display());
    found
}

/// What the parser alone gives, with the options and limits that the nodes are made with.
fn events(text: &str) -> Option<Vec<(Event<'_>, Span)>> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = Limits::MANIFEST.depth;
    options.block_nesting_limit = Limits::MANIFEST.depth;
    Parser::new_from_str_with_options(text, options)
        .collect::<Result<_, _>>()
        .ok()
}

fn time(texts: &[String], parse: impl Fn(&str) -> Option<usize>) -> Duration {
    let begin = Instant::now();
    for text in texts {
        black_box(parse(black_box(text))).unwrap();
    }
    begin.elapsed()
}

fn megabytes(bytes: usize, took: Duration) -> f64 {
    // A figure for people: beyond 4 PB it would be rounded.
    bytes as f64 / 1e6 / took.as_secs_f64()
}
