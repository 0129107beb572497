//! Two at the same time: the same deployment twice, and a deployment with a recovery in its middle.

use std::{path::Path, sync::Arc, time::Duration};

use shipgate::sim::Scenario;
use tokio::sync::Notify;

use crate::{
    runs::Start,
    stage::{CANARY, STABLE, Stage, WRITES, all, starts},
    third_party::ThirdParty,
    trail::End,
    wire::{Call, Fate, Gate, When},
};

/// Every kind of step: the first and the last push, pushes in between, waits and watches.
const SOME_STEPS: [usize; 7] = [1, 2, 3, 4, 7, 10, 11];

/// Starts a deployment that tells when it begins a step.
fn telling(step: usize) -> (Start, Arc<Notify>) {
    let begun = Arc::new(Notify::new());
    let told = Arc::clone(&begun);
    let start = Start::new().hook(move |event| {
        if starts(event, step) {
            told.notify_one();
        }
    });
    (start, begun)
}

#[tokio::test]
async fn the_same_deployment_twice_at_once_is_one() {
    let stage = Stage::brief(Scenario::Healthy);
    let (one, other) = tokio::join!(stage.deploy("1.1"), stage.deploy("1.1"));
    let mut codes = [one.code.unwrap(), other.code.unwrap()];
    codes.sort_unstable();
    assert_eq!(codes, [0, 43], "{one}\n\n{other}");
    assert_eq!(stage.commits(), WRITES.len(), "{:?}", stage.log());
    stage.assert_deployed("");
}

#[tokio::test]
async fn the_second_of_two_takes_over() {
    let codes = all(SOME_STEPS.into_iter().map(async |step| {
        let what = format!("step {step}");
        let stage = Stage::brief(Scenario::Healthy);
        let (start, begun) = telling(step);
        let (first, second) = tokio::join!(stage.deploy_with("1.1", start), async {
            begun.notified().await;
            stage.deploy("1.1").await
        });
        let codes = [first.code.unwrap(), second.code.unwrap()];
        assert!(
            matches!(codes, [43, 0] | [0, 43] | [0, 0]),
            "{what} {codes:?}:\n{first}\n\n{second}"
        );
        assert_eq!(stage.commits(), WRITES.len(), "{what}: {:?}", stage.log());
        stage.assert_deployed(&what);
        codes
    }))
    .await;
    // Somebody was fenced out somewhere, or this has tested nothing.
    assert!(codes.iter().any(|codes| codes.contains(&43)), "{codes:?}");
}

#[tokio::test]
async fn a_recovery_fences_a_deployment_out() {
    let codes = all(SOME_STEPS.into_iter().map(async |step| {
        let what = format!("step {step}");
        let stage = Stage::brief(Scenario::Healthy);
        let (start, begun) = telling(step);
        let (deployed, recovered) = tokio::join!(stage.deploy_with("1.1", start), async {
            begun.notified().await;
            stage.recover().await
        });
        let codes = [deployed.code.unwrap(), recovered.code.unwrap()];
        let told = format!("{what} {codes:?}:\n{deployed}\n\n{recovered}");
        let journal = stage.journal();
        match codes {
            // Whoever was fenced out has left everything to the other.
            [43, 0] => match journal.last().unwrap().as_str() {
                // The push was under way when it was found that nothing had landed.
                "withdrawn" => {
                    stage.recover().await.assert(0, &told);
                    stage.assert_restored(&told);
                }
                "rolled-back" => stage.assert_restored(&told),
                "verified" => stage.assert_deployed(&told),
                other => panic!("the journal ends with {other}: {told}"),
            },
            [0, 0 | 43] => stage.assert_deployed(&told),
            _ => panic!("{told}"),
        }
        stage.recover().await.assert(0, &told);
        codes
    }))
    .await;
    // Somebody was fenced out somewhere, or this has tested nothing.
    assert!(codes.iter().any(|codes| codes.contains(&43)), "{codes:?}");
}

#[tokio::test]
async fn a_push_under_way_is_found_by_the_next_recovery() {
    let stage = Stage::brief(Scenario::Healthy);
    let (begun, gate) = (Arc::new(Notify::new()), Gate::default());
    let (told, closed) = (Arc::clone(&begun), gate.clone());
    stage.wire.at(Call::Branch, When::Before, 1, move || {
        told.notify_one();
        Fate::Wait(closed.clone())
    });
    let (deployed, recovered) = tokio::join!(stage.deploy("1.1"), async {
        begun.notified().await;
        let recovered = stage.recover().await;
        gate.open();
        recovered
    });
    recovered.assert(0, "nothing had landed");
    assert_eq!(stage.journal(), ["started", "withdrawn"]);
    deployed.assert(43, "fenced out");
    assert_eq!(stage.commits(), 1);
    insta::assert_snapshot!(deployed.end(), @r"
    43 superseded: advertisements 1.1 in production: another run (by alex) has closed it: nothing of it was on the branch; this one writes nothing more
      hint: whoever took over goes on with what is on the branch; when in doubt run `shipgate recover --service advertisements --environment production`
    ");
    let again = stage.recover().await;
    insta::assert_snapshot!(again, @r"
    recover advertisements in production
    way back: run ID was interrupted (withdrawn)
    1/4 back: canary weight to what it was: passed (already so)
    2/4 back: version and replicas to what they were: passed (commit ID)
    3/4 back: wait until the canary no longer runs the new version: passed
    4/4 back: wait until the previous version is healthy: passed
    0 ok: advertisements 1.1 in production is taken back; 1.0 is live (run ID was interrupted (withdrawn))
    ");
    stage.assert_restored("recovered");
    let before = stage.references();
    stage.recover().await.assert(0, "once more");
    assert_eq!(stage.references(), before);
}

#[tokio::test]
async fn many_recover_at_once() {
    let stage = Stage::brief(Scenario::Healthy);
    let start = Start::new();
    let kill = start.kill.clone();
    let start = start.hook(move |event| {
        if starts(event, 6) {
            kill.notify_one();
        }
    });
    assert_eq!(stage.deploy_with("1.1", start).await.code, None);
    let ends = all((0..4).map(|_| stage.recover())).await;
    for end in &ends {
        assert!(matches!(end.code, Some(0 | 43)), "{end}");
    }
    assert!(ends.iter().any(|end| end.code == Some(0)));
    stage.assert_restored("many");
    let backs = stage
        .log()
        .iter()
        .filter(|line| line.contains("back to"))
        .count();
    assert_eq!(backs, 2, "{:?}", stage.log());
}

/// Kills a run at a step; two recover it then, and the first one waits at a call until the other one
/// is at its end, or at its own first push to the branch.
async fn two_recover(is_done: bool) -> (End, End) {
    let stage = Stage::brief(Scenario::Healthy);
    let start = Start::new();
    let kill = start.kill.clone();
    let start = start.hook(move |event| {
        if starts(event, 6) {
            kill.notify_one();
        }
    });
    assert_eq!(stage.deploy_with("1.1", start).await.code, None);
    let (slow_is_there, fast_is_there) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (slow, fast) = (Gate::default(), Gate::default());
    let (told_slow, told_fast) = (Arc::clone(&slow_is_there), Arc::clone(&fast_is_there));
    let (slow_gate, fast_gate) = (slow.clone(), fast.clone());
    let (mut journals, mut branches) = (0, 0);
    stage.wire.rule(move |call, when| match (call, when) {
        (Call::Journal, When::Before) => {
            journals += 1;
            if journals == 1 {
                told_slow.notify_one();
                Fate::Wait(slow_gate.clone())
            } else {
                Fate::Pass
            }
        }
        (Call::Branch, When::Before) => {
            branches += 1;
            if branches == 1 && !is_done {
                told_fast.notify_one();
                Fate::Wait(fast_gate.clone())
            } else {
                Fate::Pass
            }
        }
        _ => Fate::Pass,
    });
    let (loser, winner) = tokio::join!(
        async {
            let ended = stage.recover().await;
            fast.open();
            ended
        },
        async {
            slow_is_there.notified().await;
            let winner = async {
                let ended = stage.recover().await;
                slow.open();
                ended
            };
            let opener = async {
                if !is_done {
                    fast_is_there.notified().await;
                    slow.open();
                }
            };
            tokio::join!(winner, opener).0
        }
    );
    winner.assert(0, "the faster one");
    stage.assert_restored("recovered");
    (loser, winner)
}

#[tokio::test]
async fn whoever_recovers_too_late_has_what_it_wanted_once_it_is_done() {
    let (done, _) = two_recover(true).await;
    insta::assert_snapshot!(done.end(), @"0 ok: advertisements 1.1 in production: another run (by alex) has taken it back; this one has pushed nothing");
    let (under_way, _) = two_recover(false).await;
    insta::assert_snapshot!(under_way.end(), @r"
    43 superseded: advertisements 1.1 in production: another run (by alex) is taking it back; this one has pushed nothing
      hint: run `shipgate recover --service advertisements --environment production` again: it says what became of it
    ");
}

#[tokio::test]
async fn whoever_loses_every_race_for_the_branch_says_so() {
    let stage = Stage::brief(Scenario::Healthy);
    let folder = stage.folder.path().join("gitops.git");
    let (at, mut number) = (stage.clock_now().timestamp(), 0);
    let clock = Arc::clone(&stage.clock);
    stage.wire.rule(move |call, when| {
        if (call, when) == (Call::Branch, When::Before) {
            number += 1;
            clock.advance(Duration::from_secs(9));
            let text = number.to_string();
            let edits = [("notes.txt", Some(text.as_str()))];
            ThirdParty::at(&folder).commit(&edits, "robin: notes", at);
        }
        Fate::Pass
    });
    let end = stage.deploy("1.1").await;
    end.assert(31, "always too late");
    let told = end.end();
    let races = told.split("won ").nth(1).unwrap();
    let races = races.split(' ').next().unwrap();
    assert!(races.parse::<u32>().unwrap() > 3, "{told}");
    insta::assert_snapshot!(told.replace(races, "N"), @r"
    31 push-conflict: other writers won N races for branch `main` in 2m
    ");
    assert_eq!(stage.commits(), 0);
    assert_eq!(stage.journal().last().unwrap(), "withdrawn");
    stage.wire.rule(|_, _| Fate::Pass);
    stage
        .deploy("1.1")
        .await
        .assert(0, "the branch is quiet again");
}

/// Returns the manifests after each commit of a deployment that nothing happens to.
async fn manifests_after_each_commit() -> Vec<[(&'static str, String); 2]> {
    let stage = Stage::brief(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "alone");
    let remote = stage.remote();
    let mut commit = remote.head().unwrap().peel_to_commit().unwrap();
    let mut after = Vec::new();
    for _ in WRITES {
        let tree = commit.tree().unwrap();
        after.push([STABLE, CANARY].map(|path| {
            let entry = tree.get_path(Path::new(path)).unwrap();
            let blob = remote.find_blob(entry.id()).unwrap();
            (path, String::from_utf8(blob.content().to_vec()).unwrap())
        }));
        commit = commit.parent(0).unwrap();
    }
    after.reverse();
    after
}

#[tokio::test]
async fn the_same_values_from_somebody_else_are_no_missing_commit() {
    let after = manifests_after_each_commit().await;
    for (nth, manifests) in (1..).zip(after) {
        for is_killed in [false, true] {
            let what = format!("push {nth}, killed: {is_killed}");
            let stage = Stage::brief(Scenario::Healthy);
            let folder = stage.folder.path().join("gitops.git");
            let at = stage.clock_now().timestamp();
            let start = Start::new();
            let kill = start.kill.clone();
            let manifests = manifests.clone();
            stage.wire.at(Call::Branch, When::Before, nth, move || {
                let edits = [0, 1].map(|it| (manifests[it].0, Some(manifests[it].1.as_str())));
                ThirdParty::at(&folder).commit(&edits, "robin: the same", at);
                if is_killed {
                    kill.notify_one();
                    return Fate::Drop;
                }
                Fate::Pass
            });
            let end = stage.deploy_with("1.1", start).await;
            if is_killed {
                assert_eq!(end.code, None, "{what}: {end}");
                stage.wire.rule(|_, _| Fate::Pass);
                let end = stage.deploy("1.1").await;
                assert!(end.code.is_some(), "{what}: {end}");
            } else {
                end.assert(0, &what);
            }
            let (_, gaps) = stage.audit().await;
            let is_theirs = |gap: &String| gap.starts_with("Unexplained ");
            assert!(
                !gaps.is_empty() && gaps.iter().all(is_theirs),
                "{what}: {gaps:#?}\n{end}"
            );
        }
    }
}

#[tokio::test]
async fn whoever_was_taken_over_says_by_whom() {
    // At which call, and what the other one does meanwhile.
    let mut told = Vec::new();
    for (call, nth, version) in [
        (Call::Journal, 1, "1.1"),
        (Call::Journal, 1, "1.2"),
        (Call::Journal, 2, "1.1"),
        (Call::Branch, 2, "1.1"),
    ] {
        let stage = Stage::brief(Scenario::Healthy);
        let (begun, gate) = (Arc::new(Notify::new()), Gate::default());
        let (tell, closed) = (Arc::clone(&begun), gate.clone());
        stage.wire.at(call, When::Before, nth, move || {
            tell.notify_one();
            Fate::Wait(closed.clone())
        });
        let (slow, other) = tokio::join!(stage.deploy("1.1"), async {
            begun.notified().await;
            let other = stage.deploy_with(version, Start::by("alex")).await;
            gate.open();
            other
        });
        told.push(format!(
            "{call:?} {nth}, deploy {version} meanwhile ends with {}:\n{}",
            other.code.unwrap(),
            slow.end()
        ));
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    Journal 1, deploy 1.1 meanwhile ends with 0:
    43 superseded: advertisements 1.1 in production: another run (by alex, https://ci.example/alex) of the same deployment has finished it: it is live and verified; this one has pushed nothing
    Journal 1, deploy 1.2 meanwhile ends with 0:
    43 superseded: advertisements 1.1 in production: another run (by alex, https://ci.example/alex) with 1.2, run ID, took over the journal; this one has pushed nothing
    Journal 2, deploy 1.1 meanwhile ends with 0:
    43 superseded: advertisements 1.1 in production: another run (by alex, https://ci.example/alex) of the same deployment has finished it: it is live and verified; this one writes nothing more
      hint: whoever took over goes on with what is on the branch; when in doubt run `shipgate recover --service advertisements --environment production`
    Branch 2, deploy 1.1 meanwhile ends with 0:
    43 superseded: advertisements 1.1 in production: another run (by alex, https://ci.example/alex) of the same deployment has finished it: it is live and verified; this one writes nothing more; here it was to be taken back: other writers won 1 race for branch `main` in 2m
      hint: whoever took over goes on with what is on the branch; when in doubt run `shipgate recover --service advertisements --environment production`
    ");
}
