//! A runner cancels a step: whatever form it was started in, no push begins once the program has looked
//! for what the runner started, which it does every tenth of a second.
//!
//! A GitHub runner sends SIGINT to the step's own process alone, SIGTERM 7.5 s later, and kills the
//! tree 2.5 s after that (actions/runner, `ProcessInvoker.cs`). Most forms never pass the first one on.

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    LIMIT,
    cluster::Random,
    process::{Running, is_idle},
    prometheus::until as wait,
    side_by_side,
    stage::{Pace, Stage},
};

const SERVICE: &str = "advertisements";

/// How often the program looks for whoever started it, as docs/reliability.md says.
const LOOK_OUT: Duration = Duration::from_millis(100);
/// How much later than due a timer may be by itself: they count in whole milliseconds.
const ROUNDING: Duration = Duration::from_millis(10);

/// A form in which a step starts the program.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// What it is called.
    pub name: &'static str,
    /// What must be there.
    pub needs: &'static str,
    /// What the step's file says; `TOOL` is the program with its arguments.
    pub script: &'static str,
    /// What runs the file.
    pub runs: &'static [&'static str],
}

const fn shell(name: &'static str, needs: &'static str, script: &'static str) -> Form {
    Form {
        name,
        needs,
        script,
        runs: &["bash", "-e", "step"],
    }
}

/// The program has a shell above it that knows nothing of signals.
pub const A_LINE: Form = shell("a line of a script", "bash", "TOOL; rc=$?\nexit $rc");

const FORMS: &[Form] = &[
    shell("the last line of a script", "bash", "TOOL"),
    A_LINE,
    shell("a pipe", "bash", "TOOL | tee log"),
    shell("exec", "bash", "exec TOOL"),
    Form {
        name: "sh -c",
        needs: "sh",
        script: "TOOL; exit $?",
        runs: &["sh", "-c", "sh ./step; exit $?"],
    },
    Form {
        name: "node",
        needs: "node",
        script: "require('child_process').spawn('sh', ['-c', `exec TOOL`], {stdio: 'inherit'}).on('exit', code => process.exit(code ?? 1));",
        runs: &["node", "step"],
    },
    Form {
        name: "node that passes signals on",
        needs: "node",
        script: "const child = require('child_process').spawn('sh', ['-c', `exec TOOL`], {stdio: 'inherit'}).on('exit', code => process.exit(code ?? 1));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));",
        runs: &["node", "step"],
    },
    Form {
        name: "npm run",
        needs: "npm",
        script: "TOOL",
        runs: &["npm", "run", "--silent", "deploy"],
    },
    shell("timeout", "timeout", "timeout 600 TOOL; exit $?"),
    shell("setsid", "setsid", "setsid TOOL; exit $?"),
    shell(
        "the first process of a container",
        "unshare",
        "exec unshare --user --map-root-user --pid --fork --kill-child TOOL",
    ),
];

/// Is what a form needs there? In a pipeline it must be, but for what the kernel may forbid.
fn is_there(form: &Form) -> bool {
    let arguments: &[&str] = match form.needs {
        "unshare" => &["--user", "--map-root-user", "--pid", "--fork", "true"],
        "bash" | "sh" => &["-c", "true"],
        _ => &["--version"],
    };
    let ran = Command::new(form.needs)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let is_there = ran.is_ok_and(|status| status.success());
    assert!(
        is_there || form.needs == "unshare" || std::env::var_os("CI").is_none(),
        "`{}` is not installed",
        form.needs
    );
    is_there
}

/// The step of a form that runs a command.
pub fn step(form: &Form, stage: &Stage, deploy: &Command) -> Command {
    let words: Vec<String> = std::iter::once(deploy.get_program())
        .chain(deploy.get_args())
        .map(|word| word.to_str().unwrap().to_owned())
        .collect();
    let script = form.script.replace("TOOL", &words.join(" "));
    if form.needs == "npm" {
        let package =
            serde_json::json!({"name": "step", "version": "1.0.0", "scripts": {"deploy": script}});
        fs::write(stage.home().join("package.json"), package.to_string()).unwrap();
    } else {
        fs::write(stage.home().join("step"), script + "\n").unwrap();
    }
    let mut command = Command::new(form.runs[0]);
    command
        .args(&form.runs[1..])
        .current_dir(stage.home())
        .env_clear()
        .envs(
            deploy
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("npm_config_update_notifier", "false")
        .env("CI", "true");
    command
}

/// Cancels as a runner does, and returns once the step's own process is gone.
fn cancel(run: &mut Running, [first, second]: [Duration; 2]) {
    run.signal(Signal::SIGINT);
    if wait(first, || run.has_ended().then_some(())).is_some() {
        return;
    }
    run.signal(Signal::SIGTERM);
    if wait(second, || run.has_ended().then_some(())).is_some() {
        return;
    }
    for process in tree(run.id()) {
        let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
    }
    wait(Duration::from_secs(10), || run.has_ended().then_some(())).unwrap();
}

/// A process with everything below it.
fn tree(root: i32) -> Vec<i32> {
    let parents: Vec<(i32, i32)> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|process| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            let (_, rest) = stat.rsplit_once(") ")?;
            Some((process, rest.split(' ').nth(1)?.parse().ok()?))
        })
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(process, _)| process),
        );
        next += 1;
    }
    found
}

/// Waits until every run of a stage that is still there has looked for its starter at least once from
/// now on, however busy the machine is: by then the look-out is due, so the kernel has woken whoever
/// slept, and whoever sleeps again has come to it.
pub fn looked(stage: &Stage) {
    let since = Instant::now();
    let due = LOOK_OUT + ROUNDING;
    let _ = wait(LIMIT, || (since.elapsed() > due).then_some(()));
    for process in stage.processes() {
        let sleeps = wait(LIMIT, || is_idle(process).then_some(()));
        assert!(sleeps.is_some(), "{process} never sleeps");
    }
}

/// How many pushes have begun, and whether one is in the middle: the server was asked for its
/// references and has not been sent anything yet.
fn pushes(stage: &Stage) -> (usize, bool) {
    let begun = stage.server().begun();
    let asked: Vec<bool> = begun
        .iter()
        .filter(|(_, target)| target.contains("git-receive-pack"))
        .map(|(method, _)| method == "POST")
        .collect();
    let sent = asked.iter().filter(|is_sent| **is_sent).count();
    (sent, asked.last() == Some(&false))
}

/// What became of the runs of a form.
#[derive(Debug, Default)]
struct Figures {
    runs: usize,
    before_any_push: usize,
    after_the_end: usize,
}

fn cancelled(form: &Form, seed: u64, times: usize) -> Option<Figures> {
    let stage = Stage::start(seed, &[], Pace::QUICK)?;
    let mut random = Random(seed);
    let mut figures = Figures::default();
    for number in 1..=times {
        // A new version each time: one that did not come up in time once is known to be bad.
        let version = format!("1.{number}");
        let seen = stage.server().log().len();
        let (before, _) = pushes(&stage);
        let mut run = Running::start(step(form, &stage, &stage.deploy(SERVICE, &version)));
        // A whole run makes 31 requests.
        let asked = usize::try_from(random.below(27)).unwrap();
        wait(Duration::from_secs(60), || {
            let has_come = stage.server().log().len() - seen >= asked;
            (has_come || run.has_ended()).then_some(())
        });
        let rest = Duration::from_millis(random.below(800));
        let since = Instant::now();
        wait(Duration::from_secs(10), || {
            (since.elapsed() >= rest || run.has_ended()).then_some(())
        });
        figures.runs += 1;
        if run.has_ended() {
            figures.after_the_end += 1;
        } else {
            let delays = [300, 200].map(Duration::from_millis);
            cancel(&mut run, delays);
        }
        looked(&stage);
        // A push that has begun by then is not broken off.
        let (begun, is_in_the_middle) = pushes(&stage);
        let said = run.silent();
        let (sent, _) = pushes(&stage);
        // A deployment that was done by then writes down that it is: else its version would be taken back.
        let is_done = said[0].contains("is live and verified");
        assert!(
            sent - begun <= usize::from(is_in_the_middle) + usize::from(is_done),
            "{}: {} pushes began after the step was gone\n{}\n{}",
            form.name,
            sent - begun,
            said[0],
            said[1]
        );
        if begun == before {
            figures.before_any_push += 1;
        }
        stage.sweep();
        let recovered = stage.run(stage.recover(SERVICE));
        assert!(recovered.code == 0, "{}: {recovered:?}", form.name);
        if stage.tree("main") != stage.tree(&stage.first) {
            stage
                .run(stage.command(&["rollback", "--service", SERVICE]))
                .expect(0);
        }
        stage.assert_as_at_first();
    }
    Some(figures)
}

/// How many runs of each form.
fn times() -> usize {
    let given = std::env::var("SHIPGATE_PROVE_CANCELS").ok();
    given.map_or(1, |text| text.parse().unwrap())
}

#[test]
#[expect(clippy::print_stderr, reason = "the figures are for people")]
fn no_push_begins_once_the_step_is_gone() {
    let jobs = FORMS
        .iter()
        .zip(71..)
        .filter(|(form, _)| is_there(form))
        .collect();
    side_by_side(jobs, |(form, seed): (&Form, u64)| {
        let Figures {
            runs,
            before_any_push,
            after_the_end,
        } = cancelled(form, seed, times())?;
        eprintln!(
            "cancels of {}: {runs}, of which {before_any_push} before any push and {after_the_end} after the end",
            form.name
        );
        Some(())
    });
}
