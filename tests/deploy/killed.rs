//! SIGKILL at every step and around every push; then somebody recovers, or the pipeline runs again.

use shipgate::sim::Scenario;

use crate::{
    runs::Start,
    stage::{STEPS, Stage, WRITES, all, starts},
    wire::{Call, Fate, When},
};

/// Where a run dies.
#[derive(Debug, Clone, Copy)]
enum Point {
    /// As a step begins.
    Step(usize),
    /// Around the push that is the `nth` of its kind.
    Push(Call, When, usize),
}

impl Point {
    /// Every state in which a death can leave branch and journal, and every wait.
    fn every() -> impl Iterator<Item = Self> {
        let waits = (1..=STEPS).filter(|step| !WRITES.contains(step));
        let pushes = (1..=WRITES.len()).flat_map(|nth| {
            [
                Self::Push(Call::Journal, When::After, nth),
                Self::Push(Call::Branch, When::After, nth),
            ]
        });
        [Self::Push(Call::Journal, When::Before, 1)]
            .into_iter()
            .chain(waits.map(Self::Step))
            .chain(pushes)
    }

    /// How many commits the branch was told of by then.
    fn landed(self) -> usize {
        match self {
            Self::Step(step) => WRITES.iter().filter(|write| **write < step).count(),
            Self::Push(Call::Branch, When::After, nth) => nth,
            Self::Push(_, _, nth) => nth - 1,
        }
    }

    /// How many commits the journal was told of by then.
    fn announced(self) -> usize {
        match self {
            Self::Step(_) => self.landed(),
            Self::Push(Call::Journal, When::Before, nth) => nth - 1,
            Self::Push(_, _, nth) => nth,
        }
    }
}

/// A world in which a deployment of 1.1 was killed.
async fn killed(scenario: Scenario, point: Point) -> Stage {
    let stage = Stage::brief(scenario);
    let start = Start::new();
    let kill = start.kill.clone();
    let start = match point {
        Point::Step(step) => start.hook(move |event| {
            if starts(event, step) {
                kill.notify_one();
            }
        }),
        Point::Push(call, when, nth) => {
            stage.wire.at(call, when, nth, move || {
                kill.notify_one();
                Fate::Drop
            });
            start
        }
    };
    let end = stage.deploy_with("1.1", start).await;
    assert_eq!(end.code, None, "{point:?} was not reached:\n{end}");
    assert_eq!(stage.commits(), point.landed(), "{point:?}");
    stage.wire.rule(|_, _| Fate::Pass);
    stage
}

#[tokio::test]
async fn whoever_recovers_finds_the_way_out() {
    all(Point::every().map(async |point| {
        let what = format!("{point:?}");
        let stage = killed(Scenario::Healthy, point).await;
        let end = stage.recover().await;
        end.assert(0, &what);
        let tidies = point.announced() > 4;
        if tidies {
            stage.assert_deployed(&what);
        } else {
            stage.assert_restored(&what);
        }
        let journal = stage.journal();
        match (point.announced(), point.landed()) {
            (0, _) => assert!(journal.is_empty(), "{what}"),
            (_, 0) => assert_eq!(journal.last().unwrap(), "withdrawn", "{what}"),
            _ if tidies => assert_eq!(journal.last().unwrap(), "verified", "{what}"),
            _ => assert_eq!(journal.last().unwrap(), "rolled-back", "{what}"),
        }
        let before = stage.references();
        let again = stage.recover().await;
        again.assert(0, &what);
        assert_eq!(stage.references(), before, "{what}");
    }))
    .await;
}

#[tokio::test]
async fn the_same_deployment_again_goes_on_where_it_died() {
    all(Point::every().map(async |point| {
        let what = format!("{point:?}");
        let stage = killed(Scenario::Healthy, point).await;
        stage.deploy("1.1").await.assert(0, &what);
        stage.assert_deployed(&what);
        assert_eq!(stage.commits(), WRITES.len(), "{what}: {:?}", stage.log());
        assert_eq!(stage.run_ids().len(), 1, "{what}");
        assert_eq!(stage.history().await.len(), 1, "{what}");
    }))
    .await;
}

#[tokio::test]
async fn a_bad_version_is_taken_back_by_the_second_try_too() {
    let points = [
        Point::Step(4),
        Point::Push(Call::Branch, When::After, 2),
        Point::Push(Call::Branch, When::Before, 2),
    ];
    all(points.map(async |point| {
        let what = format!("{point:?}");
        let stage = killed(Scenario::Errors, point).await;
        stage.deploy("1.1").await.assert(40, &what);
        stage.assert_restored(&what);
    }))
    .await;
}

#[tokio::test]
async fn a_way_back_that_dies_is_finished_by_recover() {
    // Two commits forward, then two back.
    let points = (3..=4).flat_map(|nth| {
        [
            Point::Push(Call::Journal, When::Before, nth),
            Point::Push(Call::Journal, When::After, nth),
            Point::Push(Call::Branch, When::Before, nth),
            Point::Push(Call::Branch, When::After, nth),
        ]
    });
    let last = Point::Push(Call::Journal, When::Before, 5);
    all(points.chain([last]).map(async |point| {
        let what = format!("{point:?}");
        let stage = Stage::brief(Scenario::Errors);
        let start = Start::new();
        let kill = start.kill.clone();
        let Point::Push(call, when, nth) = point else {
            unreachable!("all points are pushes")
        };
        stage.wire.at(call, when, nth, move || {
            kill.notify_one();
            Fate::Drop
        });
        let end = stage.deploy_with("1.1", start).await;
        assert_eq!(end.code, None, "{what}:\n{end}");
        stage.wire.rule(|_, _| Fate::Pass);
        // Once it has said that it goes back, nobody goes forward again.
        if nth > 3 || when == When::After || call == Call::Branch {
            stage.deploy("1.1").await.assert(14, &what);
        }
        stage.recover().await.assert(0, &what);
        stage.assert_restored(&what);
        let before = stage.references();
        stage.recover().await.assert(0, &what);
        assert_eq!(stage.references(), before, "{what}");
    }))
    .await;
}
