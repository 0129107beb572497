//! What somebody else commits between a deployment and its rollback survives byte for byte, whatever
//! it is: random commits, and beside them the files as they would be had nobody ever deployed.
//!
//! `SHIPGATE_PROVE=1` tries 1,000 of them, otherwise a sample.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use shipgate::sim::Scenario;

use crate::{
    is_proof,
    random::Random,
    stage::{CANARY, STABLE, Stage},
    support::git_server::GitServer,
    third_party::{Edit, ThirdParty},
    wire::{Call, Fate, When, Wire},
};

const SAMPLE: u64 = 24;
const PROOF: u64 = 1_000;
const OVER_GIT: u64 = 3;
const PROOF_OVER_GIT: u64 = 40;
/// Most commits of somebody else in one interleaving.
const COMMITS: u64 = 6;
const RENAMED: &str = "clusters/prod/advertisements-web.yaml";
const CONFIG_MAP: &str = "clusters/prod/advertisements-texts.yaml";

type Files = BTreeMap<String, String>;

/// The branch as it is, and as it would be had nobody deployed. Every change is made to both.
#[derive(Clone)]
struct Two {
    real: Files,
    shadow: Files,
    /// Values of ours that have a third text now: file and text.
    thirds: Vec<(String, String)>,
    told: String,
    number: u64,
}

/// What is to be committed: paths with their new texts, none = gone.
type Wanted = Vec<(String, Option<String>)>;

impl Two {
    /// Makes one random change; returns what is to be committed, and about what.
    fn change(&mut self, random: &mut Random) -> (Wanted, String) {
        self.number += 1;
        let before = self.real.clone();
        let what = self.make(random);
        let _ = write!(self.told, "{what}; ");
        let mut wanted = Wanted::new();
        for (path, text) in &self.real {
            if before.get(path) != Some(text) {
                wanted.push((path.clone(), Some(text.clone())));
            }
        }
        let gone = before.keys().filter(|path| !self.real.contains_key(*path));
        wanted.extend(gone.map(|path| (path.clone(), None)));
        (wanted, format!("robin: {what}"))
    }

    fn make(&mut self, random: &mut Random) -> String {
        let number = self.number;
        let file = random.one_of(&[STABLE, STABLE, CANARY]);
        match random.below(14) {
            0 => self.replace(file, "replicas: 3", &format!("replicas: {}", 3 + number)),
            1 => self.replace(
                file,
                "containerPort: 8080",
                &format!("containerPort: 8{number}80"),
            ),
            2 => self.both(file, &format!("a label in {file}"), |old| {
                let (before, after) = old.split_once("  labels:").unwrap();
                let next = after.split('\n').nth(1).unwrap_or_default();
                let end = if next.ends_with('\r') { "\r" } else { "" };
                let depth = 2 + before.len() - before.trim_end_matches(' ').len() + 2;
                let indent = " ".repeat(depth);
                let label = format!("{end}\n{indent}team/number-{number}: \"{number}\"");
                let after = after.strip_prefix(end).unwrap();
                format!("{before}  labels:{label}{end}{after}")
            }),
            3 => {
                let text = format!("# {number}: version 1.0 and 1.1 are only words here\n");
                self.both(file, &format!("a comment on top of {file}"), |old| {
                    text.clone() + old
                })
            }
            4 => self.lines(file, random, "a comment before", |line| {
                let indent = &line[..line.len() - line.trim_start().len()];
                format!("{indent}# {number}\n{line}")
            }),
            5 => self.lines(file, random, "spaces behind", |line| format!("{line}   ")),
            6 => self.lines(file, random, "an empty line before", |line| {
                format!("\n{line}")
            }),
            7 => self.both(file, &format!("{file} is indented wider"), |old| {
                let wider = |line: &str| match line.starts_with("  ") {
                    true => format!("  {line}"),
                    false => line.to_owned(),
                };
                old.split('\n').map(wider).collect::<Vec<_>>().join("\n")
            }),
            8 => self.both(file, &format!("line ends of {file}"), |old| {
                if old.contains('\r') {
                    old.replace("\r\n", "\n")
                } else {
                    old.replace('\n', "\r\n")
                }
            }),
            9 => self.both(file, &format!("quotes in {file}"), |old| {
                let other = |line: &str| match line.contains("version: \"1.") {
                    true => line.replace('"', "'"),
                    false => line.to_owned(),
                };
                old.split('\n').map(other).collect::<Vec<_>>().join("\n")
            }),
            10 => {
                let path = random.one_of(&["notes.txt", "clusters/prod/other.yaml", CONFIG_MAP]);
                let text = format!("kind: ConfigMap\nmetadata: {{name: n{number}}}\n");
                for files in [&mut self.real, &mut self.shadow] {
                    files.insert(path.to_owned(), text.clone());
                }
                format!("{path} written")
            }
            11 => self.third(file, random),
            12 => self.revert(file, random),
            _ => self.rename(random),
        }
    }

    /// Changes a file in both in the same way.
    fn both(&mut self, file: &str, what: &str, change: impl Fn(&str) -> String) -> String {
        for files in [&mut self.real, &mut self.shadow] {
            if let Some(text) = files.get_mut(file) {
                *text = change(text);
            }
        }
        what.to_owned()
    }

    fn replace(&mut self, file: &str, old: &str, new: &str) -> String {
        let what = format!("{} in {file}", new.trim());
        self.both(file, &what, |text| text.replacen(old, new, 1))
    }

    /// Changes a random line: the same one in both, because both have the same lines.
    fn lines(
        &mut self,
        file: &str,
        random: &mut Random,
        what: &str,
        change: impl Fn(&str) -> String,
    ) -> String {
        let count = self.real.get(file).map_or(0, |text| text.lines().count());
        if count == 0 {
            return "nothing".to_owned();
        }
        // Half of them near a value of ours.
        let text = &self.real[file];
        let near: Vec<usize> = text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains("1.1"))
            .map(|(index, _)| index)
            .collect();
        let any = usize::try_from(random.below(count as u64)).unwrap();
        let chosen = usize::try_from(random.below(2 * near.len().max(1) as u64)).unwrap();
        let chosen = near.get(chosen).copied().unwrap_or(any);
        let what = format!("{what} line {} of {file}", chosen + 1);
        self.both(file, &what, |text| {
            let ends = if text.contains('\r') { "\r\n" } else { "\n" };
            let line = |(index, line): (usize, &str)| {
                let (bare, end) = line.strip_suffix('\r').map_or((line, ""), |it| (it, "\r"));
                match index == chosen {
                    true => change(bare).replace('\n', ends) + end,
                    false => line.to_owned(),
                }
            };
            let lines: Vec<String> = text.split('\n').enumerate().map(line).collect();
            lines.join("\n")
        })
    }

    /// Sets one of our values to a third text, or sets all of those back to ours.
    fn third(&mut self, file: &str, random: &mut Random) -> String {
        if !self.thirds.is_empty() && random.below(2) == 0 {
            for (file, text) in std::mem::take(&mut self.thirds) {
                let file = self.real.get_mut(&file).unwrap();
                *file = file.replace(&text, "advertisements:1.1");
            }
            return "third texts back to ours".to_owned();
        }
        let theirs = format!("advertisements:9.{}", self.number);
        let text = self.real.get_mut(file);
        match text.filter(|text| text.contains("advertisements:1.1")) {
            Some(text) => {
                *text = text.replace("advertisements:1.1", &theirs);
                self.thirds.push((file.to_owned(), theirs));
                format!("a third text in {file}")
            }
            None => "nothing".to_owned(),
        }
    }

    /// Takes ours back by hand, all of it or a part.
    fn revert(&mut self, file: &str, random: &mut Random) -> String {
        let old = random.one_of(&["advertisements:1.1", "version: \"1.1\"", "value: '1.1'"]);
        let Some(text) = self.real.get_mut(file) else {
            return "nothing".to_owned();
        };
        *text = text.replace(old, &old.replace("1.1", "1.0"));
        format!("{old} of {file} reverted")
    }

    fn rename(&mut self, random: &mut Random) -> String {
        let (from, to) = match self.real.contains_key(RENAMED) {
            true => (RENAMED, STABLE),
            // Moved files make most of what follows pointless, so it is rare.
            false if random.below(3) == 0 => (STABLE, RENAMED),
            false => return "nothing".to_owned(),
        };
        for files in [&mut self.real, &mut self.shadow] {
            let text = files.remove(from).unwrap();
            files.insert(to.to_owned(), text);
        }
        for (file, _) in &mut self.thirds {
            if file == from {
                to.clone_into(file);
            }
        }
        format!("{from} renamed to {to}")
    }
}

fn commit(others: &ThirdParty, wanted: &Wanted, message: &str, at: i64) {
    let edits: Vec<Edit<'_>> = wanted
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_deref()))
        .collect();
    others.commit(&edits, message, at);
}

/// How one interleaving ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Restored,
    Superseded,
}

async fn interleave(seed: u64, over_git: bool) -> Ended {
    let mut random = Random::new(seed);
    let mut stage = if random.below(4) == 0 {
        Stage::brief(Scenario::Healthy)
    } else {
        Stage::edited(Scenario::Healthy, rolling)
    };
    // Kept for its end: dropping it stops the server.
    let _server = over_git.then(|| serve(&mut stage));
    let folder = stage.folder.path().join("gitops.git");
    let others = ThirdParty::at(&folder);
    let before: Files = others.files(others.tip()).into_iter().collect();
    stage.deploy("1.1").await.assert(0, "deploy");
    let real: Files = others.files(others.tip()).into_iter().collect();
    let mut two = Two {
        shadow: before,
        real,
        thirds: Vec::new(),
        told: format!("seed {seed}: "),
        number: 0,
    };
    let mut last = None;
    let count = 1 + random.below(COMMITS);
    for index in 0..count {
        let without = two.clone();
        let (wanted, message) = two.change(&mut random);
        if index + 1 == count && random.below(3) == 0 {
            last = Some((wanted, message, without));
        } else {
            commit(&others, &wanted, &message, stage.clock_now().timestamp());
        }
    }
    // The last one may come while the rollback pushes; it never does where nothing is pushed.
    let came = Arc::new(AtomicBool::new(last.is_none()));
    let mut without = None;
    if let Some((wanted, message, two)) = last {
        without = Some(two);
        let (at, came) = (stage.clock_now().timestamp(), Arc::clone(&came));
        stage.wire.at(Call::Branch, When::Before, 1, move || {
            commit(&ThirdParty::at(&folder), &wanted, &message, at);
            came.store(true, Ordering::SeqCst);
            Fate::Pass
        });
    }
    let end = stage.rollback(None).await;
    let during = without.is_some() && came.load(Ordering::SeqCst);
    let two = without.filter(|_| !during).unwrap_or(two);
    let what = format!("{}during the push: {during}\n{end}", two.told);
    let now: Files = others.files(others.tip()).into_iter().collect();
    let moved = two.real.contains_key(RENAMED);
    match end.code {
        Some(0) => {
            assert!(two.thirds.is_empty() && !moved, "{what}");
            compare(&now, &two.shadow, &what);
            Ended::Restored
        }
        Some(43) => {
            let mut places: Vec<&str> = two.thirds.iter().map(|(file, _)| file.as_str()).collect();
            places.extend(moved.then_some(STABLE));
            let reason = &end.outcome.reason;
            assert!(places.iter().any(|place| reason.contains(place)), "{what}");
            compare(&now, &two.real, &what);
            Ended::Superseded
        }
        _ => panic!("{what}"),
    }
}

#[track_caller]
fn compare(found: &Files, wanted: &Files, what: &str) {
    for (path, text) in wanted {
        assert_eq!(found.get(path), Some(text), "{path}: {what}");
    }
    assert_eq!(found.len(), wanted.len(), "{what}");
}

/// Everything at once instead of a canary: one commit.
fn rolling(config: String) -> String {
    let (head, rest) = config.split_once("      canary:\n").unwrap();
    let (_, tail) = rest.split_once("    on_unavailable_after").unwrap();
    let head = head.replace(", canary: Deployment/advertisements-canary", "");
    let about_canaries = |line: &&str| line.contains("canary:") || line.contains("traffic:");
    let head: Vec<&str> = head.lines().filter(|line| !about_canaries(line)).collect();
    let head = head.join("\n");
    format!("{head}\n      rolling: {{bake_time: 1m}}\n    on_unavailable_after{tail}")
        .replace("      interval: 15s", "      interval: 20s")
}

/// Puts git's own server in the place of the embedded one, in front of the same repository.
fn serve(stage: &mut Stage) -> GitServer {
    let server = GitServer::start(stage.world.token());
    let folder = stage.folder.path().join("gitops.git");
    let remote = stage.remote();
    let mut config = remote.config().unwrap();
    config.set_bool("http.receivepack", true).unwrap();
    let link = server.repository.parent().unwrap().join("gitops.git");
    std::os::unix::fs::symlink(folder, link).unwrap();
    stage.wire = Wire::before(&format!("{}/gitops.git", server.origin()));
    server
}

#[expect(clippy::print_stdout, reason = "benches/prove.py reads the figures")]
async fn prove(seeds: impl Iterator<Item = u64>, over_git: bool) {
    let (mut restored, mut superseded) = (0, 0);
    for seed in seeds {
        match Box::pin(interleave(seed, over_git)).await {
            Ended::Restored => restored += 1,
            Ended::Superseded => superseded += 1,
        }
    }
    let over = if over_git {
        "git's own server"
    } else {
        "the embedded server"
    };
    println!("interleavings over {over}: {restored} restored, {superseded} superseded");
    assert!(restored > 0);
}

#[tokio::test]
async fn what_others_commit_before_a_rollback_survives() {
    let count = if is_proof() { PROOF } else { SAMPLE };
    prove(1..=count, false).await;
}

#[tokio::test]
async fn what_others_commit_before_a_rollback_survives_over_gits_own_server() {
    let count = if is_proof() { PROOF_OVER_GIT } else { OVER_GIT };
    prove(10_001..10_001 + count, true).await;
}
