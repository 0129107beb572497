//! The binary is started with the inputs, gets the signals, and what it began is recovered in the end.

use std::{fs, os::unix::process::ExitStatusExt};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::runner::{Runner, declared, node, pairs, until, wait};

#[test]
fn inputs_reach_the_binary_and_its_status_is_kept() {
    if !node() {
        return;
    }
    let mut runner =
        Runner::new("echo \"$@\" > $FOLDER/arguments; env > $FOLDER/environment; exit 14");
    runner.input("service", "  advertisements ");
    runner.input("policy-ref", "main; touch $FOLDER/evil");
    runner.input("token", "t0ken");
    runner.set("SHIPGATE_BRANCH", "from-env");
    let (status, stderr) = runner.run("main.js");
    assert_eq!(status.code(), Some(14), "{stderr}");
    assert_eq!(runner.read("arguments").trim(), "ci");
    let environment = runner.read("environment");
    let has = |line: &str| environment.lines().any(|it| it == line);
    assert!(has("SHIPGATE_SERVICE=advertisements"), "{environment}");
    assert!(has("SHIPGATE_POLICY_REF=main; touch $FOLDER/evil"));
    assert!(has("SHIPGATE_TOKEN=t0ken") && has("SHIPGATE_COMMAND=deploy"));
    assert!(
        has("SHIPGATE_BRANCH=from-env"),
        "an empty input must not hide a variable"
    );
    assert!(!environment.contains("INPUT_") && !environment.contains("SHIPGATE_BUILD"));
    assert!(
        !environment.contains("SHIPGATE_VERSION"),
        "an empty input is an unset one"
    );
    assert!(!runner.path("evil").exists());
    assert_eq!(
        (runner.read("GITHUB_ENV"), runner.read("GITHUB_PATH")),
        (String::new(), String::new())
    );
    let state = pairs(&runner.read("GITHUB_STATE"));
    assert_eq!(
        (state["started"].as_str(), state["status"].as_str()),
        ("deploy", "14")
    );
}

#[test]
fn signals_reach_the_binary() {
    if !node() {
        return;
    }
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let runner = Runner::new(
            "trap 'echo INT > $FOLDER/seen; exit 130' INT\n\
             trap 'echo TERM > $FOLDER/seen; exit 143' TERM\n\
             echo $$ > $FOLDER/ready\nwhile :; do sleep 0.05; done",
        );
        let mut child = runner.start("main.js");
        let binary = until("the binary", || {
            runner.read("ready").trim().parse::<i32>().ok()
        });
        // As the runner does: to the step's own process alone, not to its group.
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        assert_eq!(wait(&mut child).code(), Some(code));
        assert_eq!(runner.read("seen").trim(), &signal.as_str()[3..]);
        assert!(
            kill(Pid::from_raw(binary), None).is_err(),
            "the binary lives on"
        );
    }
}

/// There the binary has Ctrl-C from the console, and what node calls a signal to it would end it at once.
#[test]
fn on_windows_nothing_is_passed_on() {
    if !node() {
        return;
    }
    let mut runner = Runner::new(
        "trap 'echo INT > $FOLDER/seen' INT\ntrap 'exit 130' USR1\n\
         echo $$ > $FOLDER/ready\nwhile :; do sleep 0.05; done",
    );
    let preload = runner.path("windows.js");
    let noticed = "() => setImmediate(() => require('fs').writeFileSync(process.env.FOLDER + '/noticed', 'x'))";
    let text = format!(
        "Object.defineProperty(process, 'platform', {{ value: 'win32' }});\n\
         process.on('SIGINT', {noticed});\n"
    );
    fs::write(&preload, text).unwrap();
    runner.set("NODE_OPTIONS", &format!("--require {}", preload.display()));
    let mut child = runner.start("main.js");
    let binary = until("the binary", || {
        runner.read("ready").trim().parse::<i32>().ok()
    });
    let step = Pid::from_raw(i32::try_from(child.id()).unwrap());
    kill(step, Signal::SIGINT).unwrap();
    until("node to notice", || {
        runner.path("noticed").exists().then_some(())
    });
    kill(Pid::from_raw(binary), Signal::SIGUSR1).unwrap();
    assert_eq!(wait(&mut child).code(), Some(130));
    assert!(!runner.path("seen").exists());
}

/// As a runner cancels (actions/runner, `ProcessInvoker.cs`): SIGINT and SIGTERM to the step's own process
/// alone, then the end of all of it; then the last step, which always runs.
#[test]
fn a_cancel_that_is_sat_out_ends_in_a_recovery() {
    if !node() {
        return;
    }
    let mut runner = Runner::new(
        "[ \"$SHIPGATE_COMMAND\" = recover ] && { echo $SHIPGATE_IF_UNFINISHED > $FOLDER/recovered; exit 0; }\n\
         trap 'echo INT >> $FOLDER/seen' INT\ntrap 'echo TERM >> $FOLDER/seen' TERM\n\
         echo $$ > $FOLDER/ready\nwhile :; do sleep 0.05; done",
    );
    let mut child = runner.start("main.js");
    let step = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let binary = until("the binary", || {
        runner.read("ready").trim().parse::<i32>().ok()
    });
    for (signal, seen) in [(Signal::SIGINT, "INT"), (Signal::SIGTERM, "INT TERM")] {
        kill(step, signal).unwrap();
        until(seen, || {
            let words = runner.read("seen");
            (words.split_whitespace().collect::<Vec<_>>().join(" ") == seen).then_some(())
        });
        assert!(
            child.try_wait().unwrap().is_none(),
            "the step waits for the binary"
        );
    }
    for process in [step, Pid::from_raw(binary)] {
        kill(process, Signal::SIGKILL).unwrap();
    }
    wait(&mut child);
    runner.pass_state();
    let (status, stderr) = runner.run("post.js");
    assert_eq!(
        (status.code(), runner.read("recovered").trim()),
        (Some(0), "true"),
        "{stderr}"
    );
}

#[test]
fn a_binary_that_is_killed_is_no_success() {
    if !node() {
        return;
    }
    let runner = Runner::new("kill -9 $$");
    let (status, _) = runner.run("main.js");
    assert_eq!((status.code(), status.signal()), (Some(137), None));
}

#[test]
fn without_a_binary_every_output_is_set_and_the_error_says_how() {
    if !node() {
        return;
    }
    let mut runner = Runner::new("exit 0");
    for (binary, words) in [
        ("", "names no released binary"),
        ("/no/such/file", "does not exist"),
    ] {
        runner.input("binary", binary);
        fs::write(runner.path("GITHUB_OUTPUT"), "").unwrap();
        let (status, stderr) = runner.run("main.js");
        assert_eq!(status.code(), Some(2));
        assert!(
            stderr.starts_with("::error title=shipgate::") && stderr.contains(words),
            "{stderr}"
        );
        let outputs = pairs(&runner.read("GITHUB_OUTPUT"));
        let mut wanted = declared("outputs");
        wanted.sort();
        assert_eq!(outputs.keys().cloned().collect::<Vec<_>>(), wanted);
        assert_eq!(
            (outputs["result"].as_str(), outputs["exit-code"].as_str()),
            ("error", "2")
        );
        assert_eq!(runner.read("GITHUB_STATE"), "", "nothing was started");
    }
}

#[test]
fn the_last_step_recovers_only_what_may_be_unfinished() {
    if !node() {
        return;
    }
    // (command, dry run, on cancel, how the binary ends, is recover called?)
    let rows = [
        ("deploy", "", "", "exit 0", false),
        ("deploy", "", "", "exit 40", false),
        ("deploy", "", "", "exit 42", false),
        ("deploy", "", "", "exit 130", false),
        ("deploy", "", "", "exit 1", true),
        ("deploy", "", "", "exit 44", true),
        ("deploy", "", "", "exit 52", true),
        ("deploy", "", "hold", "exit 52", false),
        ("rollback", "", "", "exit 41", true),
        ("deploy", "", "", "kill -9 $$", true),
        ("deploy", "true", "", "exit 1", false),
        ("check", "", "", "exit 1", false),
    ];
    for row in rows {
        let (command, dry_run, on_cancel, end, recovers) = row;
        let mut runner = Runner::new(&format!(
            "[ \"$SHIPGATE_COMMAND\" = recover ] || {{ {end}; }}\n\
             echo \"$@ $SHIPGATE_IF_UNFINISHED\" > $FOLDER/recovered; exit 52"
        ));
        runner.input("command", command);
        runner.input("dry-run", dry_run);
        runner.input("on-cancel", on_cancel);
        runner.run("main.js");
        runner.pass_state();
        let (status, stderr) = runner.run("post.js");
        assert_eq!(
            status.code(),
            Some(if recovers { 52 } else { 0 }),
            "{row:?} {stderr}"
        );
        let called = runner.read("recovered");
        assert_eq!(
            called.trim(),
            if recovers { "ci true" } else { "" },
            "{row:?}"
        );
    }
}

#[test]
fn a_main_step_that_was_killed_leaves_its_start_behind() {
    if !node() {
        return;
    }
    let mut runner = Runner::new(
        "[ \"$SHIPGATE_COMMAND\" = recover ] && { echo yes > $FOLDER/recovered; exit 0; }\n\
         echo $$ > $FOLDER/ready; while :; do sleep 0.05; done",
    );
    let mut child = runner.start("main.js");
    let binary = until("the binary", || {
        runner.read("ready").trim().parse::<i32>().ok()
    });
    child.kill().unwrap();
    wait(&mut child);
    kill(Pid::from_raw(binary), Signal::SIGKILL).unwrap();
    runner.pass_state();
    let (status, stderr) = runner.run("post.js");
    assert_eq!(
        (status.code(), runner.read("recovered").trim()),
        (Some(0), "yes"),
        "{stderr}"
    );
}
