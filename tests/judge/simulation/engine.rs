//! Runs a setting many times and counts how each rule ended it.

use std::{num::NonZero, thread};

use rand::SeedableRng;
use serde_json::{Map, Value, json};
use shipgate::analysis::judge::ComparisonVerdict;

use super::{
    rules::Rule,
    traffic::{POLLS, Random, Traffic},
};

/// The seed of everything; each run has its own numbers, whatever runs beside it.
pub const SEED: u64 = 20_261_121;
const DEVIATIONS: f64 = 4.5;
/// A slow rule judges one run of so many.
const SLOW: u64 = 5;

/// One row of a table: what is simulated, and who judges it.
#[derive(Debug, Clone)]
pub struct Setting {
    pub table: &'static str,
    /// What the row is, by the heads of its columns.
    pub labels: Vec<(&'static str, String)>,
    pub traffic: Traffic,
    pub rules: Vec<(&'static str, Rule)>,
}

/// How one rule ended the runs of a setting.
#[derive(Debug, Clone)]
pub struct Tally {
    pub runs: u64,
    pub good: u64,
    pub hold: u64,
    /// Runs called worse, by the poll at which they were.
    worse_at: Vec<u64>,
    /// Bad requests of the canary until it was called worse.
    bad: Vec<f64>,
}

impl Tally {
    fn new() -> Self {
        let polls = usize::try_from(POLLS).unwrap();
        Self {
            runs: 0,
            good: 0,
            hold: 0,
            worse_at: vec![0; polls + 1],
            bad: Vec::new(),
        }
    }

    pub fn worse(&self) -> u64 {
        self.worse_at.iter().sum()
    }

    /// Returns how many runs were called worse within so many polls.
    pub fn worse_within(&self, polls: usize) -> u64 {
        self.worse_at.iter().take(polls + 1).sum()
    }

    pub fn share(&self, count: u64) -> f64 {
        number(count) / number(self.runs)
    }

    /// Returns the polls until this share of all runs was called worse, if it ever was.
    pub fn polls_until(&self, share: f64) -> Option<usize> {
        (0..self.worse_at.len()).find(|polls| self.share(self.worse_within(*polls)) >= share)
    }

    fn add(&mut self, rule: Rule, polls: &[shipgate::analysis::judge::Poll]) {
        let ending = rule.ending(polls);
        self.runs += 1;
        match ending.verdict {
            ComparisonVerdict::Worse => {
                self.worse_at[ending.polls] += 1;
                self.bad.push(ending.bad);
            }
            ComparisonVerdict::Good => self.good += 1,
            ComparisonVerdict::Hold => self.hold += 1,
            ComparisonVerdict::NotYet => {}
        }
    }

    fn join(&mut self, other: Self) {
        self.runs += other.runs;
        self.good += other.good;
        self.hold += other.hold;
        for (sum, more) in self.worse_at.iter_mut().zip(other.worse_at) {
            *sum += more;
        }
        self.bad.extend(other.bad);
    }

    fn json(&self) -> Value {
        let minutes = |share| self.polls_until(share).map(|polls| number(polls) / 2.0);
        let mut bad = self.bad.clone();
        bad.sort_unstable_by(f64::total_cmp);
        json!({
            "runs": self.runs,
            "worse": self.worse(),
            "worse_at_poll": self.worse_at,
            "good": self.good,
            "hold": self.hold,
            "median_minutes": minutes(0.5),
            "ninety_percent_minutes": minutes(0.9),
            "median_bad": bad.get(bad.len() / 2),
        })
    }
}

impl Setting {
    pub fn label(&self) -> String {
        let labels = self
            .labels
            .iter()
            .map(|(head, value)| format!("{head} {value}"));
        format!("{}: {}", self.table, labels.collect::<Vec<_>>().join(", "))
    }

    /// Runs it so many times; where `is_wide`, on every core.
    pub fn simulate(&self, runs: u64, is_wide: bool) -> Simulated {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = u64::try_from(if is_wide { cores } else { 1 }).unwrap();
        let parts: Vec<Vec<Tally>> = thread::scope(|scope| {
            let parts: Vec<_> = (0..threads)
                .map(|part| scope.spawn(move || self.part(part, threads, runs)))
                .collect();
            parts.into_iter().map(|part| part.join().unwrap()).collect()
        });
        let mut tallies = vec![Tally::new(); self.rules.len()];
        for part in parts {
            for (tally, more) in tallies.iter_mut().zip(part) {
                tally.join(more);
            }
        }
        Simulated {
            label: self.label(),
            tallies: self.rules.iter().map(|rule| rule.0).zip(tallies).collect(),
        }
    }

    fn part(&self, part: u64, threads: u64, runs: u64) -> Vec<Tally> {
        let own = seed_of(&self.label());
        let mut tallies = vec![Tally::new(); self.rules.len()];
        for run in (part..runs).step_by(usize::try_from(threads).unwrap()) {
            let mut random = Random::seed_from_u64(own.wrapping_add(run));
            let polls = self.traffic.draw(&mut random);
            for (tally, (_, rule)) in tallies.iter_mut().zip(&self.rules) {
                if run % SLOW == 0 || !rule.is_slow() {
                    tally.add(*rule, &polls);
                }
            }
        }
        tallies
    }
}

/// What came of a setting.
#[derive(Debug)]
pub struct Simulated {
    label: String,
    tallies: Vec<(&'static str, Tally)>,
}

impl Simulated {
    pub fn of(&self, rule: &str) -> &Tally {
        let found = self.tallies.iter().find(|(name, _)| *name == rule);
        &found
            .unwrap_or_else(|| panic!("{} has no rule {rule}", self.label))
            .1
    }

    /// Asserts that a rule called no more than this share of the runs worse.
    #[track_caller]
    pub fn assert_worse_at_most(&self, rule: &str, most: f64) {
        let tally = self.of(rule);
        let (worse, runs) = (tally.worse(), tally.runs);
        assert!(
            tally.share(worse) <= most,
            "{}: {rule} took back {worse} of {runs}",
            self.label
        );
    }

    /// Asserts that a share of the runs is what another simulation found, as far as chance allows
    /// (Bernstein's inequality at 4.5 standard deviations: less than once in 10,000) and the digits
    /// that it gives.
    #[track_caller]
    pub fn assert_near(&self, what: &str, found: f64, runs: u64, other: Other) {
        let (ours, theirs) = (number(runs), number(other.runs));
        let both = (found * ours + other.share * theirs) / (ours + theirs);
        let deviation = (both * (1.0 - both) * (1.0 / ours + 1.0 / theirs)).sqrt();
        let few = DEVIATIONS * DEVIATIONS / 3.0 / ours.min(theirs);
        let allowed = DEVIATIONS * deviation + few + other.digit / 2.0;
        assert!(
            (found - other.share).abs() <= allowed,
            "{}: {what} {found:.4} of {runs} runs instead of {:.4}, allowed are {allowed:.4}",
            self.label,
            other.share
        );
    }

    /// One line for whoever writes the tables.
    pub fn line(&self, setting: &Setting) -> String {
        let object =
            |pairs: Vec<(String, Value)>| Value::Object(pairs.into_iter().collect::<Map<_, _>>());
        let labels = setting
            .labels
            .iter()
            .map(|(head, value)| ((*head).to_owned(), json!(value)));
        let rules = self
            .tallies
            .iter()
            .map(|(name, tally)| ((*name).to_owned(), tally.json()));
        let row = json!({
            "table": setting.table,
            "seed": SEED,
            "labels": object(labels.collect()),
            "rules": object(rules.collect()),
        });
        format!("simulated: {row}")
    }
}

/// A share that another simulation found.
#[derive(Debug, Clone, Copy)]
pub struct Other {
    pub share: f64,
    pub runs: u64,
    /// The last digit of it that is given.
    pub digit: f64,
}

/// Numbers of their own for each row, whatever other rows there are (FNV-1a).
fn seed_of(label: &str) -> u64 {
    let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash ^ SEED
}

/// A count as a number with fractions.
pub fn number(count: impl TryInto<u32>) -> f64 {
    count.try_into().map_or(f64::INFINITY, f64::from)
}
