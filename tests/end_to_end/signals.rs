//! Signals and the death of the starter: nothing begins any more, and what has begun is cared for.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    process::Running,
    side_by_side,
    stage::{POLICY, Pace, QUIET, Stage},
    support::git_server::Fault,
    until,
};

const SERVICE: &str = "advertisements";
/// How fast a run must end that has changed nothing.
const PROMPT: Duration = Duration::from_secs(2);

/// Starts `deploy` and waits until the canary has traffic.
fn under_way(stage: &Stage, command: Command) -> Running {
    let run = Running::start(command);
    until("the first weight", || {
        let subject = stage.git(&["log", "-1", "--format=%s", "main"]);
        subject.contains("canary weight 10%").then_some(())
    });
    run
}

#[test]
fn a_signal_before_any_push_ends_it_at_once() {
    let Some(stage) = Stage::start(31, &[], Pace::QUICK) else {
        return;
    };
    let before = stage.references();
    let rows = [
        ("git-upload-pack", Signal::SIGINT, 130),
        ("service=git-receive-pack", Signal::SIGTERM, 143),
        ("health", Signal::SIGINT, 130),
    ];
    for (silent, signal, code) in rows {
        let seen = stage.server().log().len();
        if silent == "health" {
            stage.cluster.silence();
        } else {
            stage.server().fault(silent, Fault::Silence);
        }
        let run = Running::start(stage.deploy(SERVICE, "1.1"));
        until("the question without an answer", || {
            let log = stage.server().log();
            let at_git = log[seen..].iter().any(|line| line.status == 0);
            (at_git || stage.cluster.held() > 0).then_some(())
        });
        run.signal(signal);
        let signalled = Instant::now();
        let ran = run.wait_for(Duration::from_secs(20)).expect(code);
        let took = signalled.elapsed();
        assert!(took < PROMPT, "{silent}: {took:?}");
        assert!(
            ran.said().contains("nothing was changed"),
            "{silent}: {}",
            ran.stdout
        );
        stage.assert_clean(&ran);
        assert_eq!(stage.references(), before, "{silent}");
        stage.cluster.speak();
        stage.server().heal();
    }
}

/// A push that has begun is not broken off, and nothing but the way back follows it.
#[test]
fn a_signal_during_a_push_is_answered_after_it() {
    let Some(mut stage) = Stage::start(32, &[], Pace::QUICK) else {
        return;
    };
    stage.rewrite(POLICY, QUIET);
    let at = stage.path();
    let service = "discounts";
    let rows = [
        ("refs/shipgate/*", 130, &["withdrawn", "started"][..]),
        (
            "refs/heads/main",
            51,
            &["rolled-back", "rolling-back", "started"][..],
        ),
    ];
    for (pushed, code, journal) in rows {
        let hook = format!(
            "read -r old new name
case \"$name\" in
  {pushed})
    touch waiting
    while [ ! -e go ]; do sleep 0.02; done;;
esac"
        );
        stage.server().hook("pre-receive", &hook);
        let run = Running::start(stage.deploy(service, "2.0"));
        until("the push", || at.join("waiting").exists().then_some(()));
        let naps = run.naps();
        run.signal(Signal::SIGINT);
        until("the signal to be seen", || {
            (run.naps() > naps).then_some(())
        });
        fs::write(at.join("go"), "").unwrap();
        let ran = run.wait().expect(code);
        stage.assert_clean(&ran);
        stage.assert_as_at_first();
        assert_eq!(stage.journal(service)[..journal.len()], *journal);
        for name in ["waiting", "go"] {
            fs::remove_file(at.join(name)).unwrap();
        }
    }
    fs::remove_file(at.join("hooks/pre-receive")).unwrap();
    stage.run(stage.deploy(service, "2.1")).expect(0);
}

#[test]
fn a_signal_after_a_push_rolls_back_or_holds_as_asked() {
    let jobs = vec![
        (Signal::SIGINT, "rollback"),
        (Signal::SIGTERM, "rollback"),
        (Signal::SIGINT, "hold"),
    ];
    side_by_side(jobs, |(signal, choice)| {
        let Some(stage) = Stage::start(33, &[], Pace::CAREFUL) else {
            return;
        };
        let mut command = stage.deploy(SERVICE, "1.1");
        command.args(["--on-cancel", choice]);
        let run = under_way(&stage, command);
        run.signal(signal);
        if choice == "rollback" {
            let ran = run.wait().expect(51);
            stage.assert_clean(&ran);
            stage.assert_as_at_first();
            assert_eq!(stage.journal(SERVICE)[0], "rolled-back");
        } else {
            let ran = run.wait_for(Duration::from_secs(20)).expect(52);
            assert!(ran.said().contains("shipgate recover"), "{}", ran.stdout);
            assert_ne!(stage.tree("main"), stage.tree(&stage.first));
            assert_blocks_others(&stage);
            assert_recovered(&stage);
        }
        stage.run(stage.deploy("discounts", "2.0")).expect(0);
    });
}

/// Another version is not deployed over a run that is not finished.
fn assert_blocks_others(stage: &Stage) {
    let before = stage.references();
    let other = stage.run(stage.deploy(SERVICE, "1.2")).expect(14);
    assert!(
        other.said().contains("shipgate recover"),
        "{}",
        other.stdout
    );
    assert_eq!(stage.references(), before);
}

/// `recover` takes it back; once more changes nothing.
fn assert_recovered(stage: &Stage) {
    stage.run(stage.recover(SERVICE)).expect(0);
    stage.assert_as_at_first();
    let before = stage.references();
    let again = stage.run(stage.recover(SERVICE)).expect(0);
    assert!(
        again.said().contains("nothing is unfinished"),
        "{}",
        again.stdout
    );
    assert_eq!(stage.references(), before);
    stage.assert_sound();
}

/// A runner that cancels kills the shell of the step; the program under it must not go on.
#[test]
fn nothing_is_pushed_once_the_starter_is_gone() {
    let Some(stage) = Stage::start(34, &[], Pace::CAREFUL) else {
        return;
    };
    let deploy = stage.deploy(SERVICE, "1.1");
    let mut shell = Command::new("bash");
    let words: Vec<String> = std::iter::once(deploy.get_program())
        .chain(deploy.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    // With something after it, so that bash does not put the program into its own place.
    shell
        .arg("-c")
        .arg(format!("{}; true", words.join(" ")))
        .current_dir(stage.home())
        .env_clear()
        .envs(
            deploy
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("CI", "true");
    let run = under_way(&stage, shell);
    // The record of a push comes before it and nothing comes after it until the watch ends.
    until("the server to rest", || {
        stage.server().is_idle().then_some(())
    });
    let pushed = stage.references();
    let [_, progress] = run.kill();
    assert_eq!(stage.references(), pushed, "{progress}");
    assert!(
        progress.contains("the process that started this run is gone"),
        "{progress}"
    );
    stage.sweep();
    assert_recovered(&stage);
}
