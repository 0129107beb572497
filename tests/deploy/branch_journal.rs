//! A git server that takes branches alone: the journal is on the branch, and all else is as usual.

use std::sync::Arc;

use shipgate::{
    event::Event,
    sim::{Faults, Scenario},
};
use tokio::sync::Notify;

use crate::{
    runs::Start,
    stage::{Stage, WRITES, all, starts},
    third_party::ThirdParty,
    wire::{Call, Fate, Gate, When},
};

fn branches_only(scenario: Scenario) -> Stage {
    let stage = Stage::brief(scenario);
    stage.world.set_faults(Faults {
        refuse_journal: true,
        ..Faults::default()
    });
    stage
}

#[tokio::test]
async fn a_whole_deployment() {
    let stage = branches_only(Scenario::Healthy);
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(stage.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    warning: the git server refuses references under refs/shipgate/ (error: only branches are kept here, not refs/shipgate/production/advertisements | pre-receive hook declined), so the journal is kept as empty commits on `main`; its newest 1000 commits are searched for it
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
    2/11 wait until canary runs 1.1: passed (live after 37s)
    3/11 canary weight 10%: passed (commit ID)
    4/11 watch canary for 3m: passed (good after 3m)
    5/11 canary weight 50%: passed (commit ID)
    6/11 watch canary for 3m: passed (good after 3m)
    7/11 promote: Deployment/advertisements to 1.1: passed (commit ID)
    8/11 wait until stable runs 1.1: passed (live after 27s)
    9/11 watch stable for 2m: passed (good after 2m)
    10/11 canary weight 0%: passed (commit ID)
    11/11 canary to 0 replicas: passed (commit ID)
    0 ok: advertisements 1.1 in production is live and verified
    log: advertisements 1.1 in production: verified | advertisements 1.1: canary to 0 replicas (production) | advertisements 1.1 in production: promoted | advertisements 1.1: canary weight 0% (production) | advertisements 1.1 in production: promoted | advertisements 1.1: promote: Deployment/advertisements to 1.1 (production) | advertisements 1.1 in production: promoted | advertisements 1.1: canary weight 50% (production) | advertisements 1.1 in production: advanced | advertisements 1.1: canary weight 10% (production) | advertisements 1.1 in production: advanced | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production) | advertisements 1.1 in production: started
    journal: started advanced advanced promoted promoted promoted verified
    tree: advertisements-canary.yaml: 1.0 -> 1.1 in 4 places
    advertisements.yaml: 1.0 -> 1.1 in 4 places
    live: stable 1.1, canary nothing with 0%
    ");
    stage.assert_deployed("");
    assert_eq!(stage.commits(), WRITES.len());
    let references: Vec<String> = stage
        .references()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(references, ["refs/heads/main"]);
    let again = stage.deploy("1.1").await;
    insta::assert_snapshot!(again, @"
    deploy advertisements 1.1 to production
    gate: Allowed
    0 ok: advertisements 1.1 is in production already; nothing to do
    ");
    insta::assert_snapshot!(stage.history().await.join("\n"), @"canary verified (1.0 -> 1.1, by robot)");
}

#[tokio::test]
async fn back_and_forth_by_every_command() {
    let stage = branches_only(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "1.1");
    stage.deploy("1.2").await.assert(0, "1.2");
    stage.rollback(None).await.assert(0, "back to 1.1");
    assert_eq!(stage.live(), "stable 1.1, canary nothing with 0%");
    stage.rollback(Some("1.0")).await.assert(0, "back to 1.0");
    stage.recover().await.assert(0, "nothing to do");
    insta::assert_snapshot!(stage.history().await.join("\n"), @"
    direct verified (1.1 -> 1.0, by alex)
    canary rolled-back (1.1 -> 1.2, by alex)
    canary verified (1.1 -> 1.2, by robot)
    canary verified (1.0 -> 1.1, by robot)
    ");
    assert_eq!(stage.live(), "stable 1.0, canary nothing with 0%");
}

#[tokio::test]
async fn a_bad_version_goes_back() {
    let stage = branches_only(Scenario::Errors);
    let end = stage.deploy("1.1").await;
    end.assert(40, "bad");
    stage.assert_restored("");
    assert_eq!(
        stage.journal(),
        [
            "started",
            "advanced",
            "rolling-back",
            "rolling-back",
            "rolled-back"
        ]
    );
}

#[tokio::test]
async fn of_two_at_once_exactly_one_gets_the_lock() {
    let stage = branches_only(Scenario::Healthy);
    let (one, other) = tokio::join!(stage.deploy("1.1"), stage.deploy("1.2"));
    let mut codes = [one.code.unwrap(), other.code.unwrap()];
    codes.sort_unstable();
    assert!(matches!(codes, [0, 14 | 43]), "{codes:?}\n{one}\n\n{other}");
    assert_eq!(stage.run_ids().len(), 1, "{one}\n\n{other}");
    assert_eq!(stage.commits(), WRITES.len(), "{:?}", stage.log());
}

#[tokio::test]
async fn commits_of_others_come_in_between() {
    let stage = branches_only(Scenario::Healthy);
    stage.world.set_faults(Faults {
        refuse_journal: true,
        rivals: 9,
        ..Faults::default()
    });
    let end = stage.deploy("1.1").await;
    end.assert(0, "rivals");
    stage.assert_deployed("");
    assert_eq!(stage.commits(), WRITES.len());
}

#[tokio::test]
async fn what_comes_between_a_record_and_its_commit_is_no_gap() {
    // Pushes to the branch are records and commits in turn: behind the first and the third one.
    for nth in [1, 3] {
        let stage = branches_only(Scenario::Healthy);
        let folder = stage.folder.path().join("gitops.git");
        let at = stage.clock_now().timestamp();
        stage.wire.at(Call::Branch, When::After, nth, move || {
            let edits = [("notes.txt", Some("theirs\n"))];
            ThirdParty::at(&folder).commit(&edits, "robin: notes", at);
            Fate::Pass
        });
        stage.deploy("1.1").await.assert(0, "with another commit");
        stage.assert_deployed("with another commit");
        let (explained, gaps) = stage.audit().await;
        assert_eq!(gaps, Vec::<String>::new(), "behind push {nth}");
        assert!(explained > 0);
    }
}

#[tokio::test]
async fn a_recovery_in_the_middle_leaves_nothing_between() {
    all([3, 4, 7].map(async |step| {
        let what = format!("step {step}");
        let stage = branches_only(Scenario::Healthy);
        let begun = Arc::new(Notify::new());
        let told = Arc::clone(&begun);
        let start = Start::new().hook(move |event| {
            if starts(event, step) {
                told.notify_one();
            }
        });
        let (deployed, recovered) = tokio::join!(stage.deploy_with("1.1", start), async {
            begun.notified().await;
            stage.recover().await
        });
        let codes = [deployed.code.unwrap(), recovered.code.unwrap()];
        let told = format!("{what} {codes:?}:\n{deployed}\n\n{recovered}");
        match codes {
            [43, 0] => stage.assert_restored(&told),
            [0, 0 | 43] => stage.assert_deployed(&told),
            _ => panic!("{told}"),
        }
    }))
    .await;
}

#[tokio::test]
async fn a_journal_stays_where_it_is() {
    // Once on the branch, it is not left for a reference that the server takes later …
    let stage = branches_only(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "on the branch");
    stage.world.set_faults(Faults::default());
    stage.deploy("1.2").await.assert(0, "still on the branch");
    assert_eq!(stage.references().len(), 1);
    assert_eq!(stage.history().await.len(), 2);
    // … and a reference is not left for the branch.
    let stage = Stage::brief(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "as a reference");
    stage.world.set_faults(Faults {
        refuse_journal: true,
        ..Faults::default()
    });
    let end = stage.deploy("1.2").await;
    insta::assert_snapshot!(end.end(), @"
    32 push-denied: the git server refused the journal `refs/shipgate/production/advertisements`: error: only branches are kept here, not refs/shipgate/production/advertisements | pre-receive hook declined
      hint: allow the token to push references under refs/shipgate/
    ");
    stage.assert_deployed("nothing of 1.2");
}

#[tokio::test]
async fn what_only_looks_like_a_record_is_none() {
    let stage = branches_only(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "1.1");
    let message = {
        let remote = stage.remote();
        let mut walk = remote.revwalk().unwrap();
        walk.push_ref("refs/heads/main").unwrap();
        let started = walk
            .map(|id| remote.find_commit(id.unwrap()).unwrap())
            .find(|commit| {
                commit
                    .message()
                    .unwrap()
                    .contains("Shipgate-State: started\n")
            })
            .unwrap();
        started.message().unwrap().to_owned()
    };
    // Somebody gathers commits in one and keeps what they said.
    stage
        .world
        .write("notes/gathered.md", b"all in one\n", &message)
        .unwrap();
    stage.deploy("1.2").await.assert(0, "the next one is free");
}

#[tokio::test]
async fn a_weight_that_lands_while_it_is_recovered_goes_back_too() {
    for (on_branch, nth) in [(false, 2), (true, 4)] {
        let what = format!("on_branch={on_branch}");
        let stage = if on_branch {
            branches_only(Scenario::Healthy)
        } else {
            Stage::brief(Scenario::Healthy)
        };
        let (begun, gone_on) = (Arc::new(Notify::new()), Gate::default());
        let (told, closed) = (Arc::clone(&begun), gone_on.clone());
        stage.wire.at(Call::Branch, When::Before, nth, move || {
            told.notify_one();
            Fate::Wait(closed.clone())
        });
        let world = Arc::clone(&stage.world);
        let recovery = Start::by("alex").hook(move |event| {
            if matches!(event, Event::StepFinished { index: 1, .. }) {
                let tip = world.tip().unwrap();
                gone_on.open();
                while world.tip().unwrap() == tip {
                    std::thread::yield_now();
                }
            }
        });
        let (deployed, recovered) = tokio::join!(stage.deploy("1.1"), async {
            begun.notified().await;
            stage.recover_with(recovery).await
        });
        deployed.assert(43, &what);
        recovered.assert(0, &what);
        assert!(
            recovered.to_string().contains("passed (already so)"),
            "{recovered}"
        );
        stage.assert_restored(&what);
    }
}
