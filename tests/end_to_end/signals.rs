//! Signals and the death of the starter: nothing begins any more, and what has begun is cared for.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    cancel::{A_LINE, Form, looked, step},
    process::Running,
    side_by_side,
    stage::{POLICY, Pace, QUIET, Stage},
    support::git_server::Fault,
    until,
};

const SERVICE: &str = "advertisements";
/// How fast a run must end that has changed nothing: sooner than any question is given up.
const PROMPT: Duration = Duration::from_secs(8);

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

/// Lets every push to a ref wait for [`go`], and writes down each in the order in which they come.
fn hold(stage: &Stage, pushed: &str) {
    let hook = format!(
        "read -r old new name
echo \"$name\" >> pushed
case \"$name\" in
  {pushed})
    touch waiting
    while [ ! -e go ]; do sleep 0.02; done;;
esac"
    );
    stage.server().hook("pre-receive", &hook);
}

/// Lets them go on, and forgets what was pushed.
fn go(stage: &Stage) {
    fs::write(stage.path().join("go"), "").unwrap();
}

/// What was pushed since, first the ref that was held; the next one is held again.
fn pushed(stage: &Stage) -> Vec<String> {
    let at = stage.path();
    let pushed = fs::read_to_string(at.join("pushed")).unwrap();
    for name in ["waiting", "go", "pushed"] {
        fs::remove_file(at.join(name)).unwrap();
    }
    pushed.lines().map(str::to_owned).collect()
}

const JOURNAL: &str = "refs/shipgate/production/discounts";
const BRANCH: &str = "refs/heads/main";

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
        // The record is taken back; the branch is never written.
        (
            JOURNAL,
            130,
            &["withdrawn", "started"][..],
            &[JOURNAL, JOURNAL][..],
        ),
        (
            BRANCH,
            51,
            &["rolled-back", "rolling-back", "started"][..],
            &[JOURNAL, BRANCH, JOURNAL, BRANCH, JOURNAL][..],
        ),
    ];
    for (held, code, journal, pushes) in rows {
        hold(&stage, held);
        let run = Running::start(stage.deploy(service, "2.0"));
        until("the push", || at.join("waiting").exists().then_some(()));
        let naps = run.naps();
        run.signal(Signal::SIGINT);
        until("the signal to be seen", || {
            (run.naps() > naps).then_some(())
        });
        go(&stage);
        let ran = run.wait().expect(code);
        stage.assert_clean(&ran);
        stage.assert_as_at_first();
        assert_eq!(stage.journal(service)[..journal.len()], *journal);
        assert_eq!(pushed(&stage), pushes);
    }
    fs::remove_file(at.join("hooks/pre-receive")).unwrap();
    stage.run(stage.deploy(service, "2.1")).expect(0);
}

/// The step was killed in the moment in which it started the program: it has nobody from the beginning.
#[test]
fn nothing_is_pushed_where_the_starter_was_gone_before() {
    let Some(mut stage) = Stage::start(36, &[], Pace::QUICK) else {
        return;
    };
    stage.rewrite(POLICY, QUIET);
    let before = stage.references();
    let late = Form {
        script: "step=$$
(
    while kill -0 $step 2> gone; do sleep 0.02; done
    read -r _ _ _ parent _ < /proc/self/stat
    echo $parent > parent
    exec TOOL
) &",
        // Where all processes share the session of the first one, an orphan looks like its child.
        runs: &["setsid", "bash", "-e", "step"],
        ..A_LINE
    };
    let deploy = stage.deploy("discounts", "2.0");
    let mut run = Running::start(step(&late, &stage, &deploy));
    until("the step to end", || run.has_ended().then_some(()));
    let said = run.silent().join(" ");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    // A session's own keeper of orphans cannot be told from a starter.
    let parent = fs::read_to_string(stage.home().join("parent")).unwrap();
    if parent.trim() == "1" {
        assert!(
            said.contains("the process that started this run is gone"),
            "{said}"
        );
        assert_eq!(stage.references(), before, "{said}");
    }
}

/// Whoever started it dies during a push: that one is the last.
#[test]
fn nothing_follows_the_push_during_which_the_starter_dies() {
    let Some(mut stage) = Stage::start(35, &[], Pace::QUICK) else {
        return;
    };
    stage.rewrite(POLICY, QUIET);
    let at = stage.path();
    for (held, before) in [(JOURNAL, &[][..]), (BRANCH, &[JOURNAL][..])] {
        hold(&stage, held);
        let run = Running::start(step(&A_LINE, &stage, &stage.deploy("discounts", "2.0")));
        until("the push", || at.join("waiting").exists().then_some(()));
        run.signal(Signal::SIGKILL);
        looked(&stage);
        go(&stage);
        let [_, progress] = run.silent();
        assert!(
            progress.contains("the process that started this run is gone"),
            "{progress}"
        );
        assert_eq!(pushed(&stage), [before, &[held]].concat());
        fs::remove_file(at.join("hooks/pre-receive")).unwrap();
        stage.sweep();
        stage.run(stage.recover("discounts")).expect(0);
        stage.assert_as_at_first();
    }
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
    let shell = step(&A_LINE, &stage, &stage.deploy(SERVICE, "1.1"));
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
