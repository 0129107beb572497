//! `shipgate demo`: the whole job on an embedded world, with nothing installed.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, NaiveDate, Utc};
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use tempfile::TempDir;

use super::{
    Session,
    repository::{Opened, options},
    signals,
};
use crate::{
    clock::{Clock, ScaledClock},
    event::{Ending, Failure, Outcome},
    git::{ConnectionOptions, RepositoryOptions},
    ops::{
        asker::Asker,
        case::Circumstances,
        deploy::{self, DeployRequest, Limits, OnCancel},
        gate::TrafficQuestion,
    },
    secret::Secret,
    sim::{FIRST_VERSION, NEW_VERSION, Scenario, World, WorldOptions},
    units::format_duration,
};

/// How often the demo's cluster looks at the branch.
const SYNC_DELAY: Duration = Duration::from_secs(15);

/// How long the demo's pods take until they answer.
const START_DELAY: Duration = Duration::from_secs(20);

const REQUESTS_PER_SECOND: f64 = 200.0;

/// Flags of `demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// What is wrong with the new version, the metrics or the day
    #[arg(long, default_value = "healthy", value_parser = scenario_parser())]
    scenario: Scenario,
    /// How many times as fast as yours the demo's time runs, 1 to 200
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=200))]
    speed: u16,
    /// Makes the noise in the metrics differ from another seed's
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Leave the folder with the git remote behind
    #[arg(long)]
    keep: bool,
}

fn scenario_parser() -> impl TypedValueParser<Value = Scenario> {
    PossibleValuesParser::new(Scenario::ALL.map(Scenario::name))
        .try_map(|name| name.parse::<Scenario>())
}

/// Runs `demo`.
///
/// # Errors
/// The world cannot be started, and every failure that a deployment can end with.
pub async fn run(arguments: DemoArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let folder = tempfile::Builder::new()
        .prefix("shipgate-demo-")
        .tempdir()
        .map_err(|error| cannot_start(&error))?;
    let clock: Arc<dyn Clock> = Arc::new(ScaledClock::new(
        start_of_story(),
        f64::from(arguments.speed),
    ));
    let world = World::start(WorldOptions {
        seed: arguments.seed,
        sync_delay: SYNC_DELAY,
        start_delay: START_DELAY,
        requests_per_second: REQUESTS_PER_SECOND,
        ..WorldOptions::new(
            arguments.scenario,
            Arc::clone(&clock),
            folder.path().to_owned(),
        )
    })
    .map_err(|error| cannot_start(&error))?;
    for line in introduction(&arguments, &world) {
        session.context.error_line(&line);
    }
    let result = Box::pin(deploy_into(&world, arguments.scenario, &clock, session)).await;
    session.make_way();
    for line in ending(&world) {
        session.context.error_line(&line);
    }
    drop(world);
    leave(folder, arguments.keep, session);
    result
}

/// Deploys the new version into the world, as `shipgate deploy` would in a pipeline.
async fn deploy_into(
    world: &World,
    scenario: Scenario,
    clock: &Arc<dyn Clock>,
    session: &mut Session,
) -> Result<Outcome, Failure> {
    let stop = signals::listen(&session.context);
    session.follow(clock.clone());
    let opened = Opened::connect(
        RepositoryOptions {
            token: Some(Secret::new(world.token())),
            ..options(world.git_url().to_owned())
        },
        ConnectionOptions::default(),
        clock.clone(),
        Box::new(|_| None),
    )?;
    let request = DeployRequest {
        service: None,
        environment: None,
        version: NEW_VERSION.parse().map_err(|error| cannot_start(&error))?,
        config: "shipgate.yaml".to_owned(),
        branch: None,
        policy: None,
        policy_ref: None,
        traffic: TrafficQuestion::default(),
        circumstances: Circumstances::default(),
        dry_run: false,
        limits: Limits {
            on_cancel: OnCancel::Rollback,
            timeout: None,
        },
        source: None,
        offline: false,
        planned: None,
        drill: scenario == Scenario::Drill,
        regions: None,
        accept: false,
        asker: Asker {
            actor: Some("demo".to_owned()),
            ..Asker::default()
        },
    };
    // Too large for the stack of whoever waits.
    Box::pin(deploy::deploy(&request, &opened.outside(), stop, session)).await
}

/// The Tuesday morning on which every demo begins: inside the policy's window, and the same for
/// everyone, so that two runs can be compared.
fn start_of_story() -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(2026, 3, 10)
        .and_then(|day| day.and_hms_opt(10, 0, 0))
        .map(|start| start.and_utc())
        .unwrap_or_default()
}

/// Returns what the new version will go through, and the ending that this calls for.
fn story(scenario: Scenario) -> (&'static str, Ending) {
    match scenario {
        Scenario::Healthy => (
            "it is as good as the old one and should go live",
            Ending::Deployed,
        ),
        Scenario::Errors => (
            "8% of its answers are errors; it should be taken back",
            Ending::RolledBack,
        ),
        Scenario::LateOnset => (
            "8% of its answers are errors after 4 minutes; it should be taken back",
            Ending::RolledBack,
        ),
        Scenario::Latency => (
            "its 95th percentile is 1.4 s; it should be taken back",
            Ending::RolledBack,
        ),
        Scenario::OutageBefore => (
            "the metrics API is down; nothing should be changed",
            Ending::Unavailable,
        ),
        Scenario::Outage => (
            "the metrics API goes down on the way; it should be held where it is",
            Ending::Held,
        ),
        Scenario::Blocked => (
            "the policy blocks this day; nothing should be changed",
            Ending::BlockedWindow,
        ),
        Scenario::BlueGreen => (
            "it goes into the colour that nobody uses, and everyone is switched over",
            Ending::Deployed,
        ),
        Scenario::BlueGreenPreview => (
            "its health check fails before anyone is switched over; it should be taken back",
            Ending::RolledBack,
        ),
        Scenario::BlueGreenErrors => (
            "8% of its answers are errors after the switch; everyone should be switched back",
            Ending::RolledBack,
        ),
        Scenario::Held => (
            "a person must decide at 10%; it should be held there",
            Ending::Held,
        ),
        Scenario::Drill => (
            "the way back is rehearsed; it should go to the first users and back",
            Ending::TakenBack,
        ),
        Scenario::Superseded => (
            "somebody else brings a hotfix meanwhile; theirs should stay",
            Ending::Superseded,
        ),
    }
}

fn introduction(arguments: &DemoArguments, world: &World) -> Vec<String> {
    let (story, ending) = story(arguments.scenario);
    let code = ending.code();
    let rows = [
        (
            "story",
            format!("advertisements {FIRST_VERSION} -> {NEW_VERSION}: {story}"),
        ),
        (
            "ending",
            format!("exit code {} ({})", code.number, code.name),
        ),
        (
            "git",
            format!(
                "{} (branch {}, with a token)",
                world.git_url(),
                world.branch()
            ),
        ),
        (
            "cluster",
            format!(
                "looks at the branch every {}; a pod takes {} to start",
                format_duration(SYNC_DELAY),
                format_duration(START_DELAY)
            ),
        ),
        (
            "traffic",
            format!(
                "{REQUESTS_PER_SECOND} requests/s; metrics at {}/api/v1/query",
                world.base_url()
            ),
        ),
        (
            "time",
            format!(
                "{} times as fast as yours, from {}",
                arguments.speed,
                start_of_story().format("%A %Y-%m-%d %H:%M UTC")
            ),
        ),
    ];
    let title = "shipgate demo: the whole job on a small world inside this process".to_owned();
    let rows = rows.map(|(name, text)| format!("  {name:<8} {text}"));
    std::iter::once(title)
        .chain(rows)
        .chain([String::new()])
        .collect()
}

/// Returns the history of the branch and what runs in the end.
fn ending(world: &World) -> Vec<String> {
    let mut lines = vec![String::new(), format!("git log {}", world.branch())];
    match world.log() {
        Ok(log) => lines.extend(log.iter().map(|line| {
            let marks: Vec<_> = line
                .references
                .iter()
                .map(|name| name.trim_start_matches("refs/heads/"))
                .collect();
            let marks = if marks.is_empty() {
                String::new()
            } else {
                format!("({}) ", marks.join(", "))
            };
            let commit = line.commit.get(..7).unwrap_or(&line.commit);
            format!(
                "* {commit} {} {marks}{} <{}>",
                line.at.format("%H:%M:%S"),
                line.subject,
                line.author
            )
        })),
        Err(error) => lines.push(format!("  cannot be read: {error}")),
    }
    let live = world.live();
    let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "nothing".into());
    let [first, second] = world.words();
    lines.push(format!(
        "now runs: {first} {}, {second} {} with {} of the requests; {} requests found no pod",
        version(&live.stable.version),
        version(&live.canary.version),
        live.weight,
        world.lost_requests()
    ));
    lines
}

fn leave(folder: TempDir, keep: bool, session: &mut Session) {
    if keep {
        let path = folder.keep();
        session
            .context
            .error_line(&format!("kept: {}", path.display()));
    } else if let Err(error) = folder.close() {
        session
            .context
            .error_line(&format!("warning: the demo's folder stays behind: {error}"));
    }
}

fn cannot_start(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        Ending::Internal,
        format!("the demo could not be started: {error}"),
    )
    .hint("it needs a writable folder for temporary files (TMPDIR) and a free port on 127.0.0.1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn the_stories_end_as_the_exit_codes_say() {
        let codes = Scenario::ALL.map(|scenario| story(scenario).1.code().number);
        assert_eq!(codes, [0, 40, 40, 40, 20, 42, 10, 42, 0, 43, 0, 40, 40]);
    }

    #[test]
    fn the_demo_says_what_it_is_made_of_and_what_came_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(start_of_story()));
        let world = World::start(WorldOptions::new(
            Scenario::Errors,
            clock,
            folder.path().to_owned(),
        ))
        .unwrap();
        let arguments = DemoArguments {
            scenario: Scenario::Errors,
            speed: 60,
            seed: 1,
            keep: false,
        };
        let first = world.tip().unwrap();
        world.write("notes.md", b"a note\n", "notes: one").unwrap();
        let second = world.tip().unwrap();
        let text = introduction(&arguments, &world)
            .into_iter()
            .chain(ending(&world))
            .collect::<Vec<_>>()
            .join("\n")
            .replace(world.base_url(), "http://WORLD")
            .replace(&first[..7], "FIRST")
            .replace(&second[..7], "SECOND");
        insta::assert_snapshot!(text, @r"
        shipgate demo: the whole job on a small world inside this process
          story    advertisements 1.0 -> 1.1: 8% of its answers are errors; it should be taken back
          ending   exit code 40 (rolled-back)
          git      http://WORLD/git/gitops.git (branch main, with a token)
          cluster  looks at the branch every 15s; a pod takes 20s to start
          traffic  200 requests/s; metrics at http://WORLD/api/v1/query
          time     60 times as fast as yours, from Tuesday 2026-03-10 10:00 UTC


        git log main
        * SECOND 10:00:00 (main) notes: one <Robin Rival>
        * FIRST 10:00:00 the shop as it runs today <Shop Platform Team>
        now runs: stable 1.0, canary nothing with 0% of the requests; 0 requests found no pod
        ");
    }
}
