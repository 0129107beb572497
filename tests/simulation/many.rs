//! Many worlds side by side, one after the other where they must be counted, and the bugs planted.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use crate::{
    planted::Bug,
    script::Script,
    story::{self, Told},
};

/// How many worlds there are at a time: a lost push waits for its proof in the machine's time.
const AT_A_TIME: usize = 24;
/// How many worlds are tried in the usual test run, of them over git's own server.
const SAMPLE: u64 = 24;
const SAMPLE_OVER_GIT: u64 = 2;
/// How many deployments there are at length, of them over git's own server.
const ROLLOUTS: usize = 10_000;
const ROLLOUTS_OVER_GIT: usize = 200;
/// Seeds that a planted bug may take.
const SEEDS_FOR_A_BUG: u64 = 480;

#[expect(
    clippy::disallowed_methods,
    reason = "a test reads its own environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Lives one world through, on this thread.
fn live(seed: u64, bug: Option<Bug>, over_git: bool) -> Told {
    // Only the first one of the process installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(Box::pin(story::live(seed, bug, over_git)))
}

/// Lives the worlds of some seeds through; returns how they ended, by seed. With a bug in them none is
/// begun any more once it is found.
fn all(seeds: std::ops::Range<u64>, bug: Option<Bug>, over_git: bool) -> BTreeMap<u64, Told> {
    let (next, told) = (AtomicU64::new(seeds.start), Mutex::new(BTreeMap::new()));
    let is_found = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while !is_found.load(Ordering::SeqCst) {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds.end {
                        return;
                    }
                    let mut ended = live(seed, bug, over_git);
                    if ended.broken.is_empty() {
                        ended.trail.clear();
                    } else if bug.is_some() {
                        is_found.store(true, Ordering::SeqCst);
                    }
                    told.lock().unwrap().insert(seed, ended);
                }
            });
        }
    });
    told.into_inner().unwrap()
}

/// Returns the seeds that have so many deployments, beginning with one.
fn seeds(first: u64, rollouts: usize) -> std::ops::Range<u64> {
    let (mut end, mut found) = (first, 0);
    while found < rollouts {
        found += Script::of(end).rollouts();
        end += 1;
    }
    first..end
}

#[expect(clippy::print_stdout, reason = "benches/prove.py reads the figures")]
fn prove(seeds: std::ops::Range<u64>, over_git: bool) {
    let rollouts: usize = seeds.clone().map(|seed| Script::of(seed).rollouts()).sum();
    let told = all(seeds.clone(), None, over_git);
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    for code in told.values().flat_map(|told| &told.codes) {
        let code = code.map_or_else(|| "killed".to_owned(), |code| code.to_string());
        *codes.entry(code).or_default() += 1;
    }
    let server = if over_git {
        "git's own server"
    } else {
        "the embedded server"
    };
    println!(
        "worlds over {server}: {} with {rollouts} rollouts; ends {codes:?}",
        told.len()
    );
    let broken: Vec<(&u64, &Told)> = told
        .iter()
        .filter(|(_, told)| !told.broken.is_empty())
        .collect();
    for (seed, told) in &broken {
        println!("seed {seed}: {}", told.broken.join("; "));
    }
    if let Some((seed, told)) = broken.first() {
        panic!(
            "{} of {} worlds; seed {seed}:\n{}\n{}",
            broken.len(),
            told_count(&seeds),
            told.trail,
            told.broken.join("\n")
        );
    }
    // A few worlds need not have every end.
    let is_many = told.len() >= 20;
    let ends = ["0", "40", "43", "killed"];
    assert!(
        !is_many || ends.iter().all(|code| codes.contains_key(*code)),
        "{codes:?}"
    );
}

fn told_count(seeds: &std::ops::Range<u64>) -> u64 {
    seeds.end - seeds.start
}

#[test]
fn whatever_happens_it_ends_as_promised() {
    if let Some(seed) = variable("SHIPGATE_SEED") {
        let seed = seed.parse().unwrap();
        let told = live(seed, None, variable("SHIPGATE_OVER_GIT").is_some());
        panic!("{}\n{:?}", told.trail, told.broken);
    }
    let count = variable("SHIPGATE_WORLDS").and_then(|count| count.parse().ok());
    let seeds = match count {
        Some(count) => 0..count,
        None if variable("SHIPGATE_PROVE").is_some() => seeds(0, ROLLOUTS),
        None => 0..SAMPLE,
    };
    prove(seeds, false);
}

#[test]
fn the_same_over_gits_own_server() {
    let seeds = match variable("SHIPGATE_PROVE") {
        Some(_) => seeds(1_000_000, ROLLOUTS_OVER_GIT),
        None => 1_000_000..1_000_000 + SAMPLE_OVER_GIT,
    };
    prove(seeds, true);
}

#[test]
fn a_seed_tells_the_same_story_again() {
    let count = if variable("SHIPGATE_PROVE").is_some() {
        60
    } else {
        3
    };
    let (one, other) = (stories(0..count), stories(0..count));
    for (seed, story) in one {
        assert_eq!(Some(&story), other.get(&seed), "seed {seed}");
    }
}

/// Tells the stories of some seeds, side by side.
fn stories(seeds: std::ops::Range<u64>) -> BTreeMap<u64, String> {
    std::thread::scope(|scope| {
        let told = seeds.map(|seed| {
            (
                seed,
                scope.spawn(move || plain(&live(seed, None, false).trail)),
            )
        });
        let told: Vec<_> = told.collect();
        told.into_iter()
            .map(|(seed, story)| (seed, story.join().unwrap()))
            .collect()
    })
}

/// Leaves out what is never the same: ids of commits and runs, and the server's port.
fn plain(trail: &str) -> String {
    let is_id = |word: &str| word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = trail.split_inclusive(|character: char| !character.is_ascii_alphanumeric());
    let shown = words.map(|word| {
        let bare = word.trim_end_matches(|character: char| !character.is_ascii_alphanumeric());
        if is_id(bare) { "ID " } else { word }
    });
    let text: String = shown.collect();
    let lines = text
        .lines()
        .map(|line| match line.split_once("127.0.0.1:") {
            Some((head, tail)) => format!(
                "{head}{}",
                tail.trim_start_matches(|it: char| it.is_ascii_digit())
            ),
            None => line.to_owned(),
        });
    lines.collect::<Vec<_>>().join("\n")
}

/// Looks for a seed that finds a bug; says whether there is one.
#[expect(clippy::print_stdout, reason = "benches/prove.py reads the figures")]
fn find(bug: Bug, seeds: std::ops::Range<u64>) -> bool {
    let told = all(seeds, Some(bug), false);
    let found = told.iter().find(|(_, told)| !told.broken.is_empty());
    let Some((seed, told)) = found else {
        println!("planted {bug:?}: not found");
        return false;
    };
    println!(
        "planted {bug:?}: found with seed {seed}: {}",
        told.broken[0]
    );
    let without = live(*seed, None, false).broken;
    assert!(without.is_empty(), "{bug:?}: without it, too: {without:?}");
    true
}

#[test]
fn every_planted_bug_is_found() {
    if variable("SHIPGATE_PROVE").is_some() {
        for (bug, seed) in Bug::ALL {
            let found = find(bug, 0..SEEDS_FOR_A_BUG);
            assert!(found || seed.is_none(), "{bug:?} is not found");
        }
        return;
    }
    std::thread::scope(|scope| {
        for (bug, seed) in Bug::ALL {
            if let Some(seed) = seed {
                scope.spawn(move || assert!(find(bug, seed..seed + 1), "{bug:?} is not found"));
            }
        }
    });
}
