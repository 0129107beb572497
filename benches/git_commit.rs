//! How long a commit takes, without fetch and push: `cargo bench --bench git_commit -- FOLDER LIST RUNS`
//! with a bare repository and a file that lists paths. Each run gives every file listed another
//! last line and commits that; the seconds of each run are printed, a line each. `benches/git.py` calls it.
//! Without arguments it only looks whether it runs.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a stopwatch with figures on the terminal; a surprise ends it"
)]

use std::{
    fs,
    time::{Duration, Instant},
};

use shipgate::{
    git::{Repository, RepositoryOptions},
    manifest::SourceFile,
};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let [folder, list, runs] = &arguments[..] else {
        println!("give FOLDER PATHS RUNS; benches/git.py does");
        return;
    };
    let listed = fs::read_to_string(list).unwrap();
    let paths: Vec<&str> = listed.lines().collect();
    let repository = open(folder.clone());
    let base = repository.fetch("main").await.unwrap();
    for run in 0..runs.parse::<u32>().unwrap() {
        // A fresh repository each time: what one run wrote must not help the next.
        let repository = open(folder.clone());
        assert_eq!(repository.fetch("main").await.unwrap(), base);
        let mut files = Vec::with_capacity(paths.len());
        for path in &paths {
            let mut bytes = repository.read(&base, path).await.unwrap().unwrap();
            bytes.extend_from_slice(format!("# run {run}\n").as_bytes());
            files.push(SourceFile {
                path: (*path).to_owned(),
                bytes,
            });
        }
        // The state in which `deploy` commits: nothing of the branch is in memory but what it read.
        let now = "2026-03-02T12:00:00Z".parse().unwrap();
        let begin = Instant::now();
        let commit = repository
            .commit(&base, files, "deploy", now)
            .await
            .unwrap();
        println!("{:.6} {commit}", begin.elapsed().as_secs_f64());
    }
}

fn open(url: String) -> Repository {
    Repository::open(RepositoryOptions {
        url,
        token: None,
        token_user: None,
        ca_file: None,
        checkout: None,
        author_name: "somebody".to_owned(),
        author_email: "somebody@example.com".to_owned(),
        author_is_given: false,
        signer: None,
        timeout: Duration::from_secs(60),
    })
    .unwrap()
}
