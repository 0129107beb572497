//! SIGKILL at every step and around every push; then somebody recovers, or the pipeline runs again.
//!
//! Where the numbers of pods split the traffic, a sample of the points is tried; with
//! `SHIPGATE_PROVE=1` all of them are.

use shipgate::{
    event::Event,
    sim::{Scenario, Shape},
};

use crate::{
    is_proof,
    runs::Start,
    stage::{STEPS, Stage, WRITES, all},
    wire::{Call, Fate, When},
};

/// A plan that is killed everywhere.
#[derive(Debug, Clone, Copy)]
struct Course {
    shape: Shape,
    /// How many steps it has.
    steps: usize,
    /// Those of them that push.
    writes: &'static [usize],
    /// How many pushes there are until the version is judged good.
    judged: usize,
    /// Every how many points one is tried.
    every: usize,
}

impl Course {
    /// Points at which it is killed.
    fn points(self) -> impl Iterator<Item = Point> {
        let every = if is_proof() { 1 } else { self.every };
        Point::every(self).step_by(every)
    }
}

/// An object splits the traffic.
const BY_INGRESS: Course = Course {
    shape: Shape::Ingress,
    steps: STEPS,
    writes: &WRITES,
    judged: 4,
    every: 1,
};
/// The numbers of pods do.
const BY_PODS: Course = Course {
    shape: Shape::Replicas,
    steps: 10,
    writes: &[1, 4, 7, 10],
    judged: 3,
    every: 3,
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
    fn every(course: Course) -> impl Iterator<Item = Self> {
        let waits = (1..=course.steps).filter(move |step| !course.writes.contains(step));
        let pushes = (1..=course.writes.len()).flat_map(|nth| {
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
    fn landed(self, course: Course) -> usize {
        match self {
            Self::Step(step) => course.writes.iter().filter(|write| **write < step).count(),
            Self::Push(Call::Branch, When::After, nth) => nth,
            Self::Push(_, _, nth) => nth - 1,
        }
    }

    /// How many commits the journal was told of by then.
    fn announced(self, course: Course) -> usize {
        match self {
            Self::Step(_) => self.landed(course),
            Self::Push(Call::Journal, When::Before, nth) => nth - 1,
            Self::Push(_, _, nth) => nth,
        }
    }
}

/// A world in which a deployment of 1.1 was killed.
async fn killed(course: Course, scenario: Scenario, point: Point) -> Stage {
    let stage = Stage::shaped(course.shape, scenario, |text| {
        text.replace("      interval: 15s", "      interval: 1m")
    });
    let start = Start::new();
    let kill = start.kill.clone();
    let start = match point {
        Point::Step(step) => start.hook(move |event| {
            let is_it = matches!(
                event,
                Event::StepStarted { index, total, .. } if *index == step && *total == course.steps
            );
            if is_it {
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
    assert_eq!(stage.commits(), point.landed(course), "{point:?}");
    stage.wire.rule(|_, _| Fate::Pass);
    stage
}

#[tokio::test]
async fn whoever_recovers_finds_the_way_out() {
    for course in [BY_INGRESS, BY_PODS] {
        recovers(course).await;
    }
}

async fn recovers(course: Course) {
    report(course, "recovered");
    all(course.points().map(async |point| {
        let what = format!("{:?} {point:?}", course.shape);
        let stage = killed(course, Scenario::Healthy, point).await;
        let end = stage.recover().await;
        end.assert(0, &what);
        let tidies = point.announced(course) > course.judged;
        if tidies {
            stage.assert_deployed(&what);
        } else {
            stage.assert_restored(&what);
        }
        let journal = stage.journal();
        match (point.announced(course), point.landed(course)) {
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
    for course in [BY_INGRESS, BY_PODS] {
        goes_on(course).await;
    }
}

async fn goes_on(course: Course) {
    report(course, "deployed again");
    all(course.points().map(async |point| {
        let what = format!("{:?} {point:?}", course.shape);
        let stage = killed(course, Scenario::Healthy, point).await;
        stage.deploy("1.1").await.assert(0, &what);
        stage.assert_deployed(&what);
        let commits = course.writes.len();
        assert_eq!(stage.commits(), commits, "{what}: {:?}", stage.log());
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
        let stage = killed(BY_INGRESS, Scenario::Errors, point).await;
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

#[expect(clippy::print_stderr, reason = "the figures are for people")]
fn report(course: Course, what: &str) {
    let Course { shape, .. } = course;
    eprintln!("{shape:?}: {} deaths, {what}", course.points().count());
}
