//! A canary that had users before the run began: no way back gives the bad version more of them than it
//! has, and in the end everything is as it was.

use std::{sync::Arc, time::Duration};

use shipgate::sim::{Arm, Scenario, Shape};

use crate::{
    runs::Start,
    stage::{CANARY, STABLE, Stage, all},
    trail::End,
    wire::{Call, Fate, When},
};

/// A world whose canary begins with users.
fn world(shape: Shape, scenario: Scenario, change: impl FnOnce(&str) -> String) -> Stage {
    let mut stage = Stage::shaped(shape, scenario, |text| {
        text.replace("      interval: 15s", "      interval: 1m")
    });
    // Its pods first: nobody is sent to nobody.
    stage.edit(CANARY, "replicas: 0", "replicas: 2");
    stage.clock.advance(Duration::from_secs(60));
    stage.begin_with(CANARY, |text| {
        change(&text.replace("replicas: 0", "replicas: 2"))
    });
    stage.clock.advance(Duration::from_secs(60));
    stage
}

/// 70 % and 30 %, as somebody left it.
fn at_thirty(text: &str) -> String {
    text.replace("weight: 100}", "weight: 70}")
        .replace("weight: 0}", "weight: 30}")
}

impl Stage {
    /// Asserts that the share of 1.1 only ever grows on the way forward, that nobody was sent to pods that
    /// are not there, and that everything is as it was. `started` is what it had already.
    #[track_caller]
    fn assert_never_worse(&self, what: &str) {
        self.clock.advance(Duration::from_secs(120));
        let bad = |state: &shipgate::sim::ClusterState| {
            let shares = [Arm::Stable, Arm::Canary].map(|arm| {
                let runs = state.workload(arm).version.as_deref() == Some("1.1");
                if runs { state.share(arm) } else { 0.0 }
            });
            shares[0] + shares[1]
        };
        let shares: Vec<f64> = self
            .world
            .history()
            .iter()
            .map(|it| bad(&it.state))
            .collect();
        let most = shares.iter().copied().fold(0.0, f64::max);
        let turn = shares.iter().rposition(|share| *share >= most).unwrap_or(0);
        let back = &shares[turn..];
        assert!(
            back.is_sorted_by(|one, other| one >= other),
            "{what}: {shares:?}"
        );
        assert_eq!(self.world.lost_requests(), 0, "{what}");
        assert_eq!(self.tree(), "as at first", "{what}");
    }

    fn told_of_users(&self, end: &End, what: &str) -> String {
        self.assert_never_worse(what);
        self.story(end)
    }
}

#[tokio::test]
async fn its_users_come_back_last() {
    let stage = world(Shape::HttpRoute, Scenario::Errors, at_thirty);
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(stage.told_of_users(&end, "70/30"), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    warning: HTTPRoute/advertisements gives the canary 30% before anything is deployed: a way back gives it that again
    plan: 12 steps, 6 back
    changes: 10
    1/12 canary weight 0%: passed (commit ID)
    2/12 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
    3/12 wait until canary runs 1.1: passed (live after 37s)
    4/12 canary weight 10%: passed (commit ID)
    5/12 watch canary for 3m: failed (errors: canary 8.19 % (181 of 2,210), stable 0.21 % (45 of 21,397), ratio 39× (95 % range 22–72×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse)
    way back: errors: canary 8.19 % (181 of 2,210), stable 0.21 % (45 of 21,397), ratio 39× (95 % range 22–72×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    1/5 back: canary weight 0%: passed (commit ID)
    2/5 back: version and replicas to what they were: passed (commit ID)
    3/5 back: wait until the canary runs 1.0 as before: passed
    4/5 back: canary to the 30% that it had before: passed (commit ID)
    5/5 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: canary 8.19 % (181 of 2,210), stable 0.21 % (45 of 21,397), ratio 39× (95 % range 22–72×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    log: advertisements 1.1: share of the canary back to 1.0 (production) | advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: traffic back to 1.0 (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production) | advertisements 1.1: canary weight 0% (production)
    journal: started started advanced rolling-back rolling-back rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary 1.0 with 30%
    ");
    let deployment = end.outcome.deployment.as_ref().unwrap();
    assert_eq!(deployment.weight.unwrap().percent(), 30);
}

#[tokio::test]
async fn backends_without_weights_are_half_and_half() {
    let stage = world(Shape::HttpRoute, Scenario::Errors, |text| {
        at_thirty(text)
            .replace(", weight: 70}", "}")
            .replace(", weight: 30}", "}")
    });
    assert_eq!(stage.live(), "stable 1.0, canary 1.0 with 50%");
    let end = stage.deploy("1.1").await;
    end.assert(40, "no weights");
    stage.assert_never_worse("no weights");
    let deployment = end.outcome.deployment.as_ref().unwrap();
    assert_eq!(deployment.weight.unwrap().percent(), 50);
    assert_eq!(stage.live(), "stable 1.0, canary 1.0 with 50%");
}

#[tokio::test]
async fn by_pods_it_is_the_same() {
    let stage = world(Shape::Replicas, Scenario::Errors, at_thirty);
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(stage.told_of_users(&end, "by pods"), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 6 back
    changes: 9
    1/11 canary to 0 replicas: passed (commit ID)
    2/11 Deployment/advertisements-canary to 1.1 with 1 pod of 4 (25%): passed (commit ID)
    3/11 wait until canary runs 1.1: passed (live after 37s)
    4/11 watch canary for 3m: failed (errors: canary 8.17 % (487 of 5,958), stable 0.22 % (39 of 17,658), ratio 37× (95 % range 21–71×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse)
    way back: errors: canary 8.17 % (487 of 5,958), stable 0.22 % (39 of 17,658), ratio 37× (95 % range 21–71×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    1/5 back: version and replicas to what they were: passed (commit ID)
    2/5 back: wait until the canary no longer runs the new version: passed
    3/5 back: canary to the 40% that it had before: passed (commit ID)
    4/5 back: wait until the canary runs 1.0 as before: passed
    5/5 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: canary 8.17 % (487 of 5,958), stable 0.22 % (39 of 17,658), ratio 37× (95 % range 21–71×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    log: advertisements 1.1: share of the canary back to 1.0 (production) | advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 pod of 4 (25%) (production) | advertisements 1.1: canary to 0 replicas (production)
    journal: started started rolling-back rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary 1.0 with 40%
    ");
    let deployment = end.outcome.deployment.as_ref().unwrap();
    assert_eq!(deployment.weight.unwrap().percent(), 40);
}

#[tokio::test]
async fn users_of_the_bad_version_itself_do_not_come_back() {
    let stage = world(Shape::HttpRoute, Scenario::Errors, |text| {
        at_thirty(text).replace("1.0", "1.1")
    });
    assert_eq!(stage.live(), "stable 1.0, canary 1.1 with 30%");
    let end = stage.deploy("1.1").await;
    stage.clock.advance(Duration::from_secs(60));
    insta::assert_snapshot!(stage.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    warning: HTTPRoute/advertisements gives the canary 30% before anything is deployed: a way back gives it that again
    plan: 12 steps, 5 back
    changes: 6
    1/12 canary weight 0%: passed (commit ID)
    2/12 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
    3/12 wait until canary runs 1.1: passed (live after 0s)
    4/12 canary weight 10%: passed (commit ID)
    5/12 watch canary for 3m: failed (errors: canary 8.16 % (244 of 2,992), stable 0.22 % (46 of 20,727), ratio 37× (95 % range 21–67×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse)
    way back: errors: canary 8.16 % (244 of 2,992), stable 0.22 % (46 of 20,727), ratio 37× (95 % range 21–67×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    1/4 back: canary weight 0%: passed (commit ID)
    2/4 back: version and replicas to what they were: passed (commit ID)
    3/4 back: the canary stays without the 30% that it had before, which were of the new version: passed
    4/4 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: canary 8.16 % (244 of 2,992), stable 0.22 % (46 of 20,727), ratio 37× (95 % range 21–67×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse; the canary stays without the 30% that it had before: they were of 1.1 already; still on branch `main`: Deployment/advertisements-canary has 1.1 with 2 replicas, weight 0%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
    log: advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: traffic back to 1.0 (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production) | advertisements 1.1: canary weight 0% (production)
    journal: started started advanced rolling-back rolling-back rolled-back
    tree: advertisements-canary.yaml: - {name: advertisements, port: 80, weight: 70} -> - {name: advertisements, port: 80, weight: 100}
    advertisements-canary.yaml: - {name: advertisements-canary, port: 80, weight: 30}   # percent of the requests -> - {name: advertisements-canary, port: 80, weight: 0}   # percent of the requests
    live: stable 1.0, canary 1.1 with 0%
    ");
    let deployment = end.outcome.deployment.as_ref().unwrap();
    assert_eq!(deployment.weight.unwrap().percent(), 0);
}

#[tokio::test]
async fn a_way_to_a_named_version_is_taken_back_to_the_share_as_well() {
    let stage = world(Shape::HttpRoute, Scenario::Healthy, at_thirty);
    stage.rollback(Some("0.9")).await.assert(0, "to 0.9");
    stage.clock.advance(Duration::from_secs(60));
    assert_eq!(stage.live(), "stable 0.9, canary nothing with 0%");
    let end = stage.rollback(None).await;
    insta::assert_snapshot!(stage.told_of_users(&end, "back from 0.9"), @r"
    gate: Allowed
    roll back advertisements in production
    way back: a test
    1/5 back: version and replicas to what they were: passed (commit ID)
    2/5 back: wait until stable runs the previous version: passed
    3/5 back: wait until the canary runs 1.0 as before: passed
    4/5 back: canary to the 30% that it had before: passed (commit ID)
    5/5 back: wait until the previous version is healthy: passed
    0 ok: advertisements 0.9 in production is taken back; 1.0 is live (a test)
    log: advertisements 0.9: share of the canary back to 1.0 (production) | advertisements 0.9: values back to 1.0 (production) | advertisements 0.9: canary to 0 replicas (production) | advertisements 0.9: Deployment/advertisements to 0.9 (production) | advertisements 0.9: canary weight 0% (production)
    journal: started started started verified rolling-back rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary 1.0 with 30%
    ");
}

#[tokio::test]
async fn a_promoted_version_that_fails_late_is_taken_back_to_the_share_as_well() {
    let stage = world(Shape::HttpRoute, Scenario::Healthy, at_thirty);
    stage.deploy("1.1").await.assert(0, "1.1");
    stage.clock.advance(Duration::from_secs(120));
    assert_eq!(stage.live(), "stable 1.1, canary 1.1 with 0%");
    let end = stage.rollback(None).await;
    end.assert(0, "back");
    stage.assert_never_worse("back");
    assert_eq!(stage.live(), "stable 1.0, canary 1.0 with 30%");
}

#[tokio::test]
async fn killed_on_the_way_back_it_is_finished_by_whoever_recovers() {
    // The commits forward are weight 0, version, weight 10; those back are weight 0, values, share.
    let points = (4..=6).flat_map(|nth| {
        [Call::Journal, Call::Branch]
            .into_iter()
            .flat_map(move |call| [(call, When::Before, nth), (call, When::After, nth)])
    });
    all(points.map(async |(call, when, nth)| {
        let what = format!("{call:?} {nth} {when:?}");
        let stage = world(Shape::HttpRoute, Scenario::Errors, at_thirty);
        let start = Start::new();
        let kill = start.kill.clone();
        stage.wire.at(call, when, nth, move || {
            kill.notify_one();
            Fate::Drop
        });
        let end = stage.deploy_with("1.1", start).await;
        assert_eq!(end.code, None, "{what}:\n{end}");
        stage.wire.rule(|_, _| Fate::Pass);
        stage.recover().await.assert(0, &what);
        stage.assert_never_worse(&what);
        let before = stage.references();
        stage.recover().await.assert(0, &what);
        assert_eq!(stage.references(), before, "{what}");
    }))
    .await;
}

#[tokio::test]
async fn where_only_the_last_record_is_missing_nothing_is_written_twice() {
    // By an object there are three commits forward and three back, by pods two and two.
    for (shape, commits) in [(Shape::HttpRoute, 6), (Shape::Replicas, 4)] {
        for (call, when, nth) in [
            (Call::Branch, When::After, commits),
            (Call::Journal, When::Before, commits + 1),
        ] {
            let what = format!("{shape:?}: {call:?} {nth} {when:?}");
            let stage = world(shape, Scenario::Errors, at_thirty);
            let start = Start::new();
            let kill = start.kill.clone();
            stage.wire.at(call, when, nth, move || {
                kill.notify_one();
                Fate::Drop
            });
            let end = stage.deploy_with("1.1", start).await;
            assert_eq!(end.code, None, "{what}:\n{end}");
            stage.wire.rule(|_, _| Fate::Pass);
            assert_eq!(stage.commits(), commits, "{what}");
            stage.recover().await.assert(0, &what);
            assert_eq!(stage.commits(), commits, "{what}: {:?}", stage.log());
            assert_eq!(stage.journal().last().unwrap(), "rolled-back", "{what}");
            stage.assert_never_worse(&what);
        }
    }
}

#[tokio::test]
async fn a_weight_of_somebody_else_stays() {
    let stage = world(Shape::HttpRoute, Scenario::Errors, at_thirty);
    let world = Arc::clone(&stage.world);
    let start = Start::new().hook(move |event| {
        if matches!(event, shipgate::event::Event::WayBack { .. }) {
            crate::stage::edit(&world, CANARY, "weight: 10}", "weight: 33}");
        }
    });
    let end = stage.deploy_with("1.1", start).await;
    end.assert(43, "theirs");
    assert!(stage.text(CANARY).contains("weight: 33}"));
    assert!(stage.text(STABLE).contains("advertisements:1.0"));
}
