//! Programs whose exit code is the answer: what each end means, and that nothing of them is left.

use std::{
    collections::BTreeMap,
    future::pending,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use shipgate::{
    clock::SystemClock,
    config::{query::Variables, verification::RawVerification},
    event::{Ending, Outcome},
    ops::{
        verify::{self, Extent},
        watch::{Endpoints, Watcher},
    },
    probe::{
        CheckReading,
        program::{Program, run},
    },
    secret::Secret,
    yaml::{Limits, read},
};

use crate::{
    faults::{TOKEN, client},
    server::{Server, answer},
    verification::{Memory, subject},
};

fn shell(script: &str) -> Program {
    Program {
        name: "smoke".to_owned(),
        path: PathBuf::from("/bin/sh"),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        surroundings: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        variables: BTreeMap::from([("SMOKE_TOKEN".to_owned(), Secret::new(TOKEN))]),
    }
}

async fn said(program: &Program, limit: Duration) -> String {
    let text = match run(program, &SystemClock, limit).await {
        CheckReading::Passed(text) => format!("passed: {text}"),
        CheckReading::Failed(text) => format!("failed: {text}"),
        CheckReading::Unanswered(text) => format!("unanswered: {text}"),
    };
    assert!(!text.contains(TOKEN), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(text.len() < 1000, "{text}");
    text
}

#[tokio::test]
async fn only_0_passes_and_what_is_said_is_one_harmless_line() {
    let rows = [
        ("nothing said", "exit 0"),
        ("said", "echo all 12 requests were answered"),
        ("failed", "echo starting; echo '3 of 12 failed' >&2; exit 7"),
        ("inconclusive", "echo 'no answer from the service'; exit 75"),
        ("killed", "kill -9 $$"),
        ("a secret", "echo \"with $SMOKE_TOKEN\"; exit 1"),
        (
            "control characters",
            "printf 'a\\033[31mb\\r\\n::error::c\\n'; exit 1",
        ),
        (
            "a lot",
            "head -c 300000 /dev/zero | tr '\\0' x; echo; echo last; exit 1",
        ),
        (
            "one long line",
            "echo \"$SMOKE_TOKEN\"; head -c 300000 /dev/zero | tr '\\0' x; exit 1",
        ),
        ("no input", "cat; exit 3"),
        (
            "no other variables",
            "env | cut -d= -f1 | grep -v '^_$\\|^PWD$\\|^SHLVL$' | sort | tr '\\n' ' '; exit 1",
        ),
    ];
    let mut lines = Vec::new();
    for (name, script) in rows {
        lines.push(format!(
            "{name}: {}",
            said(&shell(script), Duration::from_secs(20)).await
        ));
    }
    let missing = Program {
        path: Path::new("/nowhere/smoke").to_owned(),
        ..shell("")
    };
    lines.push(format!(
        "missing: {}",
        said(&missing, Duration::from_secs(20)).await
    ));
    let plain = Program {
        path: PathBuf::from("/bin/echo"),
        arguments: vec!["$(id)".to_owned(), "a b; exit 1".to_owned()],
        ..shell("")
    };
    lines.push(format!(
        "no shell: {}",
        said(&plain, Duration::from_secs(20)).await
    ));
    insta::assert_snapshot!(lines.join("\n"), @r"
    nothing said: passed: ended with 0
    said: passed: ended with 0: all 12 requests were answered
    failed: failed: ended with 7: 3 of 12 failed
    inconclusive: unanswered: smoke ended with 75: no answer from the service
    killed: unanswered: smoke was ended by a signal
    a secret: failed: ended with 1: with ***
    control characters: failed: ended with 1: ::error::c
    a lot: failed: ended with 1: last
    one long line: failed: ended with 1
    no input: failed: ended with 3
    no other variables: failed: ended with 1: PATH SMOKE_TOKEN
    missing: unanswered: smoke could not be started: entity not found
    no shell: passed: ended with 0: $(id) a b; exit 1
    ");
}

/// Does a process with this number still run? One that has ended and is not reaped does not.
fn is_running(number: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{number}/stat"));
    status.is_ok_and(|status| {
        let state = status.rsplit(") ").next().unwrap_or_default();
        !state.starts_with(['Z', 'X'])
    })
}

/// A program that writes its own number and that of what it started into a file, and then waits.
fn family(file: &Path) -> Program {
    shell(&format!(
        "sleep 600 & echo \"$$ $!\" > {0}.part; mv {0}.part {0}; wait",
        file.display()
    ))
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a real program takes is real time"
)]
async fn written(file: &Path) -> Vec<String> {
    let began = Instant::now();
    loop {
        if let Ok(text) = std::fs::read_to_string(file) {
            return text.split_whitespace().map(str::to_owned).collect();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "nothing written");
        tokio::task::yield_now().await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a real program takes is real time"
)]
async fn all_end(numbers: &[String]) {
    assert_eq!(numbers.len(), 2, "{numbers:?}");
    let began = Instant::now();
    while numbers.iter().any(|number| is_running(number)) {
        assert!(began.elapsed() < Duration::from_secs(20), "{numbers:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn its_time_is_up_for_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("numbers");
    let text = said(&family(&file), Duration::from_secs(1)).await;
    assert_eq!(text, "unanswered: smoke did not end within 1s");
    all_end(&written(&file).await).await;
}

#[tokio::test]
async fn nothing_is_left_of_a_program_that_nobody_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = Arc::new(folder.path().join("numbers"));
    let program = family(&file);
    let running =
        tokio::spawn(async move { run(&program, &SystemClock, Duration::from_secs(600)).await });
    let numbers = written(&file).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    all_end(&numbers).await;
}

/// Watches what `script` does, and beside it a health check every second.
async fn beside(server: &Server, script: &str) -> (Outcome, usize) {
    let section = format!(
        "
interval: 1s
checks: [{{name: smoke, job: {{command: [sh, -c, '{script}']}}, timeout: 10m}}]
health: [{{name: home, http: '{}'}}]",
        server.url
    );
    let (raw, _) = read::<RawVerification>(&section, &Limits::SETTINGS).unwrap();
    let endpoints = Endpoints {
        programs: BTreeMap::from([("smoke".to_owned(), shell(""))]),
        ..Endpoints::default()
    };
    let mut watcher = Watcher::new(
        &raw.validate().unwrap(),
        &endpoints,
        &subject(Variables::default()),
        client(),
        Arc::new(SystemClock),
    )
    .unwrap();
    let mut memory = Memory::default();
    let outcome = verify::run(&mut watcher, Extent::Polls(1), pending(), &mut memory).await;
    let homes = memory.measured.iter().filter(|it| it.name == "home");
    (outcome, homes.count())
}

#[tokio::test]
async fn everything_else_is_asked_while_a_program_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("asked-three-times");
    let asked = file.clone();
    let server = Server::with(move |number, _| {
        if number == 2 {
            std::fs::write(&asked, "").unwrap();
        }
        answer(200, "", "")
    });
    // It would never end if it kept the health check waiting.
    let script = format!(
        "until [ -e {} ]; do sleep 0.05; done; echo seen",
        file.display()
    );
    let (outcome, homes) = beside(&server, &script).await;
    assert_eq!(outcome.ending, Ending::Healthy, "{}", outcome.reason);
    let ended = "; smoke ended with 0: seen, wanted exit code 0";
    assert!(outcome.reason.ends_with(ended), "{}", outcome.reason);
    assert!(homes >= 3, "{homes}");
}

#[tokio::test]
async fn nobody_waits_for_a_program_once_something_else_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("numbers");
    let began = file.clone();
    // Well until the program has begun.
    let server = Server::with(move |_, _| match began.exists() {
        true => answer(500, "", ""),
        false => answer(200, "", ""),
    });
    let script = &family(&file).arguments[1];
    let (outcome, _) = beside(&server, script).await;
    assert_eq!(outcome.ending, Ending::Unhealthy);
    assert!(outcome.reason.starts_with("home "), "{}", outcome.reason);
    all_end(&written(&file).await).await;
}
