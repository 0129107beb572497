//! Many writers on one branch, as processes of their own: each value lands once or its run says why
//! not, and nothing is forced.
//!
//! With `SHIPGATE_PROVE=1` there are 32 of them for 20 rounds, else 12 for one.

use std::process::Command;

use super::{
    estate::{Ended, Estate, Member, run, run_all},
    is_proof,
};

/// Half of the writers have a file of their own; a quarter share one file, each with an object of
/// its own; a quarter are pairs that want another version of the same object each.
fn estate(writers: usize) -> (Estate, Vec<Kind>) {
    let mut members = Vec::new();
    let mut kinds = Vec::new();
    for number in 0..writers {
        let name = format!("service-{number}");
        let (file, workload, kind) = match number % 4 {
            0 | 1 => (name.clone(), name.clone(), Kind::OwnFile),
            2 => ("shared".to_owned(), name.clone(), Kind::SharedFile),
            _ => {
                let pair = format!("pair-{}", number / 8);
                (pair.clone(), pair, Kind::SharedValue)
            }
        };
        members.push(Member::new(&name, &file, &workload));
        kinds.push(kind);
    }
    (Estate::start(members), kinds)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    OwnFile,
    SharedFile,
    SharedValue,
}

#[test]
#[expect(clippy::print_stderr, reason = "the figures are for people")]
fn every_writer_lands_or_says_why_not() {
    let (writers, rounds) = if is_proof() { (32, 20) } else { (12, 1) };
    let (estate, kinds) = estate(writers);
    let (mut landed, mut superseded) = (0, 0);
    for round in 1..=rounds {
        let versions: Vec<String> = (0..writers)
            .map(|number| format!("1.{round}.{number}"))
            .collect();
        let commands: Vec<Command> = estate
            .members
            .iter()
            .zip(&versions)
            .map(|(member, version)| estate.deploy(&member.service, version))
            .collect();
        let before = estate.commits();
        let ends = run_all(commands);
        let mut pushed = 0;
        for (number, ended) in ends.iter().enumerate() {
            let (member, kind) = (&estate.members[number], kinds[number]);
            let text = estate.text(&member.path);
            let is_there = text.contains(&member.image(&versions[number]));
            let told = format!("round {round}, {kind:?}: {ended:?}");
            match (ended.code, kind) {
                (0, Kind::OwnFile | Kind::SharedFile) => assert!(is_there, "{told}"),
                // The other one of the pair may have landed on top of it.
                (0, Kind::SharedValue) => {
                    let log = estate.server.git(&["log", "--format=%b", "main"]);
                    assert!(log.contains(&versions[number]), "{told}");
                }
                (43, Kind::SharedValue) => {
                    assert!(
                        !is_there && ended.said.contains("someone else changed it"),
                        "{told}"
                    );
                }
                _ => panic!("{told}"),
            }
            if ended.code == 0 {
                pushed += 1;
            } else {
                superseded += 1;
            }
        }
        assert_eq!(estate.commits() - before, pushed, "round {round}");
        landed += pushed;
    }
    estate.assert_never_forced();
    eprintln!("writers: {writers} for {rounds} rounds: {landed} landed, {superseded} superseded");
}

/// The ends of two processes that were given the same to do at the same time.
fn codes(ends: &[Ended]) -> Vec<i32> {
    let mut codes: Vec<i32> = ends.iter().map(|ended| ended.code).collect();
    codes.sort_unstable();
    codes
}

#[test]
fn the_same_deployment_is_one_commit_however_often_it_is_asked_for() {
    let estate = Estate::of(1);
    let member = &estate.members[0];
    let deploy = |version: &str| estate.deploy(&member.service, version);
    // At the same time, from several processes.
    let ends = run_all((0..3).map(|_| deploy("1.1")).collect());
    let codes = codes(&ends);
    assert!(codes.contains(&0), "{ends:?}");
    // Whoever was fenced out says so; whoever came late found it there.
    assert!(codes.iter().all(|code| [0, 43].contains(code)), "{ends:?}");
    assert_eq!(estate.commits(), 1);
    // One after the other.
    let again = run(deploy("1.1")).expect(0);
    assert!(again.said.contains("already"), "{}", again.said);
    assert_eq!(estate.commits(), 1);
    // There, back and there again are three runs.
    for (number, version) in ["1.2", "1.1", "1.2"].into_iter().enumerate() {
        run(deploy(version)).expect(0);
        assert_eq!(estate.commits(), 2 + number);
        assert!(estate.text(&member.path).contains(&member.image(version)));
    }
    let runs = estate.server.git(&[
        "log",
        "--format=%(trailers:key=Shipgate-Run,valueonly)",
        "main",
    ]);
    let mut runs: Vec<&str> = runs.lines().filter(|line| !line.is_empty()).collect();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), 4, "{runs:?}");
    estate.assert_never_forced();
}
