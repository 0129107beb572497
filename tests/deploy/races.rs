//! Two at the same time: the same deployment twice, and a deployment with a recovery in its middle.

use std::sync::Arc;

use shipgate::sim::Scenario;
use tokio::sync::Notify;

use crate::{
    runs::Start,
    stage::{Stage, WRITES, all, starts},
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
      hint: whoever took over goes on with what is on the branch; when in doubt run `shipgate recover`
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
