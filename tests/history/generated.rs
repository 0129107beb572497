//! Histories made up at random: deployments, ways back and what people do beside them. An audit has to
//! explain every change of a managed value, and to find each gap that was planted, and no other.
//!
//! `SHIPGATE_PROVE_AUDIT` says how many, otherwise it is a sample.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use git2::Oid;
use shipgate::sim::{Faults, Scenario};

use crate::{BY, CANARY, Past, STABLE, random::Random, shop::Ran};

/// Half of them have gaps.
const SAMPLE: u64 = 6;

/// How many?
#[expect(
    clippy::disallowed_methods,
    reason = "the one question that the environment of a test answers"
)]
fn count() -> u64 {
    let asked = std::env::var("SHIPGATE_PROVE_AUDIT").ok();
    asked.map_or(SAMPLE, |asked| asked.parse().unwrap())
}

/// A gap that was planted: its kind, and the commit where there is one.
type Planted = BTreeSet<(String, Option<String>)>;

/// What came of one history.
#[derive(Default)]
struct Counted {
    explained: u64,
    gaps: usize,
}

struct Generated {
    past: Past,
    random: Random,
    /// Then a forced push takes records away as well.
    journal_is_on_branch: bool,
    planted: Planted,
    /// The newest commit of a run on the branch.
    of_a_run: Option<Oid>,
    number: u64,
    told: String,
}

impl Generated {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let bad = random.below(2) == 0;
        let past = Past::new(if bad {
            Scenario::Errors
        } else {
            Scenario::Healthy
        });
        let journal_is_on_branch = random.below(4) == 0;
        past.shop.world.set_faults(Faults {
            refuse_journal: journal_is_on_branch,
            ..Faults::default()
        });
        let told =
            format!("seed {seed}, bad 1.1: {bad}, journal on the branch: {journal_is_on_branch}");
        Self {
            past,
            random,
            journal_is_on_branch,
            planted: Planted::new(),
            of_a_run: None,
            number: 0,
            told,
        }
    }

    fn tell(&mut self, what: &str) {
        self.number += 1;
        self.told.push_str(&format!("\n{}. {what}", self.number));
    }

    /// Runs a command that may write, an hour later.
    fn command(&mut self, arguments: &[&str]) -> Ran {
        self.past.later(3600);
        let before = self.past.others.tip();
        let ran = self.past.shop.run(arguments, &BY);
        self.tell(&format!("{}: {}", arguments.join(" "), ran.line()));
        let tip = self.past.others.tip();
        if tip != before {
            self.of_a_run = Some(tip);
        }
        ran
    }

    /// What shipgate may do, and people as well.
    fn innocent(&mut self) {
        let number = self.number;
        match self.random.below(9) {
            0..=3 => {
                let version = format!("1.{}", 1 + self.random.below(4));
                self.command(&["deploy", "--version", &version]);
            }
            4 => drop(self.command(&["rollback"])),
            5 => {
                let version = format!("1.{}", 2 + self.random.below(3));
                self.command(&["rollback", "--to", &version]);
            }
            6 => {
                let path = self.random.one_of(&[STABLE, CANARY]).to_owned();
                let text = self.past.shop.text(&path);
                let text = format!("# {number}: 1.1 is only a word here\n{text}");
                self.by_somebody(&path, &text, "robin: words");
            }
            7 => {
                let text = self.past.shop.text(STABLE);
                let text = text.replacen("replicas: 3", &format!("replicas: 3   # {number}"), 1);
                self.by_somebody(STABLE, &text, "robin: replicas");
            }
            _ => self.merge(),
        }
    }

    fn by_somebody(&mut self, path: &str, text: &str, message: &str) -> Oid {
        self.past.later(60);
        self.tell(message.lines().next().unwrap_or_default());
        let now = self.past.now();
        self.past.others.commit(&[(path, Some(text))], message, now)
    }

    /// Somebody merges a branch of their own that changes nothing of ours.
    fn merge(&mut self) {
        self.tell("robin: a merge");
        self.past.later(60);
        let (tip, name) = (self.past.others.tip(), format!("notes-{}.txt", self.number));
        let edits = [(name.as_str(), Some("x"))];
        let now = self.past.now();
        let side = self.past.others.commit_on(&[tip], &edits, "notes", now);
        let merge = self
            .past
            .others
            .commit_on(&[tip, side], &edits, "Merge notes", now + 1);
        self.past.others.move_to(merge);
    }

    /// A value of ours that nobody has yet.
    fn other_value(&mut self) -> (&'static str, String) {
        let number = self.number;
        let (path, before, value) = if self.random.below(3) == 0 {
            (CANARY, "canary-weight: \"", format!("{}", 51 + number % 40))
        } else {
            (STABLE, "shop/advertisements:", format!("9.{number}"))
        };
        let text = self.past.shop.text(path);
        let at = text.find(before).unwrap() + before.len();
        let rest = &text[at..];
        let end = rest.find(['"', '\n', ' ', '\r']).unwrap();
        (path, format!("{}{value}{}", &text[..at], &rest[end..]))
    }

    fn plant(&mut self) {
        let (path, text) = self.other_value();
        let run = "0123456789abcdef0123";
        let forged = format!(
            "advertisements 9\n\nShipgate-Run: {run}\nShipgate-Service: advertisements\nShipgate-Environment: production\n"
        );
        let copied = self.of_a_run.map(|id| self.past.others.message(id));
        let (kind, commit) = match (self.random.below(6), copied) {
            (0, _) => ("unknown-run", self.by_somebody(path, &text, &forged)),
            (1, Some(copied)) => ("not-announced", self.by_somebody(path, &text, &copied)),
            (2, _) => {
                // By a branch that is merged: it is the one beside that did it.
                let tip = self.past.others.tip();
                self.past.later(60);
                let (now, edits) = (self.past.now(), [(path, Some(text.as_str()))]);
                let side = self.past.others.commit_on(&[tip], &edits, "hotfix", now);
                let merge = self
                    .past
                    .others
                    .commit_on(&[tip, side], &edits, "Merge", now + 1);
                self.past.others.move_to(merge);
                self.tell("planted beside, and merged");
                ("unexplained", side)
            }
            (3, _) if !self.journal_is_on_branch => {
                let before = self.past.others.tip();
                let version = format!("2.{}", self.number);
                let ran = self.command(&["deploy", "--version", &version]);
                if ran.code != 0 {
                    return;
                }
                self.past.others.move_to(before);
                self.of_a_run = None;
                self.tell("planted: the branch is forced back");
                self.planted.insert(("missing-commit".to_owned(), None));
                return;
            }
            _ => ("unexplained", self.by_somebody(path, &text, "hotfix")),
        };
        self.tell(&format!("planted: {kind} {commit}"));
        self.planted
            .insert((kind.to_owned(), Some(commit.to_string())));
    }

    /// Compares an audit with what was planted; returns how many changes it explained.
    fn audit(&self) -> u64 {
        let ran = self.past.audit();
        let gaps = ran.result["audit"]["gaps"].as_array().unwrap();
        let found: Planted = gaps
            .iter()
            .map(|gap| {
                let text = |key: &str| gap[key].as_str().map(str::to_owned);
                (text("kind").unwrap(), text("commit"))
            })
            .collect();
        let told = || format!("{}\n{}", self.told, crate::told(&ran));
        assert_eq!(found, self.planted, "{}", told());
        let code = if self.planted.is_empty() { 0 } else { 4 };
        assert_eq!(ran.code, code, "{}", told());
        ran.result["audit"]["explained"].as_u64().unwrap()
    }

    /// Sees without shipgate that every commit which changes a value of ours says of which run it is,
    /// who asked for it, and which policy let it through; or was planted.
    fn is_told_by_trailers(&self) {
        let managed = |id: Oid| {
            let text = |path| self.past.others.text(id, path).unwrap_or_default();
            let texts = [text(STABLE), text(CANARY)];
            let lines = texts.iter().flat_map(|text| text.lines());
            let ours = lines.filter(|line| {
                line.contains("shop/advertisements:") || line.contains("canary-weight:")
            });
            ours.map(|line| line.trim().to_owned()).collect::<Vec<_>>()
        };
        let mut commit = self.past.others.tip();
        while let Some(parent) = self.past.others.parents(commit).first().copied() {
            let message = self.past.others.message(commit);
            let id = Some(commit.to_string());
            let is_merge = self.past.others.parents(commit).len() > 1;
            let is_planted = self.planted.iter().any(|(_, planted)| *planted == id);
            if managed(commit) != managed(parent) && !is_merge && !is_planted {
                for key in ["Run", "Actor", "Policy", "Environment", "Service", "Step"] {
                    let trailer = format!("\nShipgate-{key}: ");
                    assert!(message.contains(&trailer), "{}\n{message}", self.told);
                }
            }
            commit = parent;
        }
    }
}

fn one(seed: u64) -> Counted {
    let mut history = Generated::new(seed);
    let gaps = if seed.is_multiple_of(2) {
        0
    } else {
        1 + history.random.below(3)
    };
    let steps = 3 + history.random.below(4);
    let at: BTreeSet<u64> = (0..gaps).map(|_| history.random.below(steps)).collect();
    history.command(&["deploy", "--version", "1.2"]);
    for step in 0..steps {
        history.innocent();
        if at.contains(&step) {
            history.plant();
        }
    }
    let explained = history.audit();
    history.is_told_by_trailers();
    Counted {
        explained,
        gaps: history.planted.len(),
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "benches/prove.py reads the figures")]
fn every_state_is_explained_and_every_planted_gap_is_found() {
    let (count, next) = (count(), AtomicUsize::new(0));
    let work = || {
        let mut counted = Counted::default();
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst) as u64;
            if seed >= count {
                return counted;
            }
            let one = one(seed);
            counted.explained += one.explained;
            counted.gaps += one.gaps;
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let all: Vec<Counted> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let explained: u64 = all.iter().map(|one| one.explained).sum();
    let gaps: usize = all.iter().map(|one| one.gaps).sum();
    assert!(explained > 0 && gaps > 0);
    println!(
        "histories: {count} audited, {explained} changes explained, {gaps} planted gaps found"
    );
}
