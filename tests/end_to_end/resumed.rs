//! SIGKILL as each step begins, of every sample plan; then the pipeline runs again. It goes on where the
//! first one died, and writes nothing twice.
//!
//! A few of the steps are tried, one or two of each plan; with `SHIPGATE_PROVE=1` all of them are.

use nix::sys::signal::Signal;
use shipgate::sim::Shape;

use crate::{
    blue_green, is_proof,
    process::Running,
    shapes::assert_everywhere,
    side_by_side,
    stage::{Pace, Remote, Stage},
    until,
};

/// A plan, and what is known of it.
#[derive(Debug, Clone, Copy)]
struct Course {
    shape: Shape,
    steps: usize,
    /// How many commits it makes.
    commits: usize,
    /// The steps that are tried where not all are.
    some: &'static [usize],
}

const COURSES: [Course; 4] = [
    Course {
        shape: Shape::Ingress,
        steps: 11,
        commits: 6,
        some: &[4],
    },
    Course {
        shape: Shape::HttpRoute,
        steps: 11,
        commits: 6,
        some: &[7],
    },
    Course {
        shape: Shape::Replicas,
        steps: 10,
        commits: 4,
        some: &[4, 8],
    },
    Course {
        shape: Shape::BlueGreen,
        steps: 6,
        commits: 2,
        some: &[4],
    },
];

impl Course {
    fn service(self) -> &'static str {
        match self.shape {
            Shape::BlueGreen => blue_green::SERVICE,
            _ => "advertisements",
        }
    }

    fn stage(self, seed: u64) -> Option<Stage> {
        match self.shape {
            Shape::BlueGreen => blue_green::stage(seed, &[]),
            shape => Stage::start_shaped(Remote::http(), shape, (seed, &[]), Pace::QUICK),
        }
    }

    fn assert_deployed(self, stage: &Stage) {
        match self.shape {
            Shape::BlueGreen => {
                blue_green::wait_for(stage, "checkout-green");
                blue_green::assert_serves(stage, "checkout-green", "1.1");
            }
            _ => assert_everywhere(stage, "1.1"),
        }
    }
}

#[test]
fn a_run_that_was_killed_at_any_step_goes_on() {
    let jobs: Vec<(Course, usize)> = COURSES
        .iter()
        .flat_map(|course| {
            let steps = if is_proof() {
                (1..=course.steps).collect()
            } else {
                course.some.to_vec()
            };
            steps.into_iter().map(|step| (*course, step))
        })
        .collect();
    let tried = jobs.clone();
    let done = side_by_side(jobs, |(course, step)| killed(course, step));
    if done.iter().all(Option::is_some) {
        report(&tried);
    }
}

fn killed(course: Course, step: usize) -> Option<()> {
    let told = format!("{:?} killed at step {step}", course.shape);
    let stage = course.stage(u64::try_from(step).unwrap())?;
    let mut run = Running::start(stage.deploy(course.service(), "1.1"));
    until(&told, || {
        (run.has_begun(step) || run.has_ended()).then_some(())
    });
    run.signal(Signal::SIGKILL);
    let ran = run.wait();
    assert!(matches!(ran.code, -9 | 0), "{told}: {ran:?}");
    assert!(
        ran.stderr.contains(&format!("{step}/{} ", course.steps)),
        "{told}: {ran:?}"
    );
    stage.sweep();
    until("the server to rest", || {
        stage.server().is_idle().then_some(())
    });
    stage.run(stage.deploy(course.service(), "1.1")).expect(0);
    course.assert_deployed(&stage);
    let range = format!("{}..main", stage.first);
    let commits = stage.git(&["rev-list", "--count", &range]);
    assert_eq!(
        commits,
        course.commits.to_string(),
        "{told}: no step is written twice"
    );
    stage.assert_sound();
    Some(())
}

#[expect(clippy::print_stderr, reason = "the figures are for people")]
fn report(tried: &[(Course, usize)]) {
    for Course { shape, .. } in COURSES {
        let count = tried.iter().filter(|(it, _)| it.shape == shape).count();
        eprintln!("{shape:?}: {count} deaths, resumed against real servers");
    }
}
