//! What a git server refuses: told in its words, nothing changed, nobody blocked afterwards.

use std::fs;

use crate::{
    stage::{POLICY, Pace, QUIET, Remote, Stage, TOKEN},
    support::git_server::git,
};

/// The service that is deployed fastest.
const SERVICE: &str = "discounts";

const PROTECTS_MAIN: &str = "while read -r old new name; do
  if [ \"$name\" = refs/heads/main ]; then
    echo 'GH006: Protected branch update failed for refs/heads/main.' >&2
    echo 'At least 1 approving review is required.' >&2
    exit 1
  fi
done";

const REFUSES_ALL: &str = "cat > /dev/null
echo 'the repository is archived' >&2
exit 1";

fn unhook(stage: &Stage) {
    fs::remove_file(stage.path().join("hooks/pre-receive")).unwrap();
}

#[test]
fn a_protected_branch_stays_as_it_is_and_blocks_nobody_later() {
    let Some(mut stage) = Stage::start(21, &[], Pace::QUICK) else {
        return;
    };
    stage.rewrite(POLICY, QUIET);
    stage.server().hook("pre-receive", REFUSES_ALL);
    let before = stage.references();
    let all = stage.run(stage.deploy(SERVICE, "2.0")).expect(32);
    assert!(
        all.said().starts_with(
            "PUSH DENIED the git server refused the journal `refs/shipgate/production/discounts`: \
             the repository is archived | pre-receive hook declined; and as a commit on `main`: "
        ),
        "{}",
        all.stdout
    );
    assert_eq!(stage.references(), before);

    stage.server().hook("pre-receive", PROTECTS_MAIN);
    let main = stage.run(stage.deploy(SERVICE, "2.0")).expect(32);
    insta::assert_snapshot!(timeless(&main.stdout), @"
    PUSH DENIED the git server refused the push to `main`: GH006: Protected branch update failed for
    refs/heads/main. | At least 1 approving review is required. | pre-receive hook declined

    because allows there are no allowed windows, so any time that is not blocked is open
    (allowed_windows)
    judged at DAY DATE TIME UTC
    policy policies/production.yaml @ ID, sha256 ID
    service discounts in production, 1.9 -> 2.0, rolling
    run ID
    took LENGTH
    exit code 32 push-denied

    steps
    state # step weight began (UTC) took
    failed 1 Deployment/discounts to 2.0 TIME LENGTH
    not begun 2 wait until stable runs 2.0
    not begun 3 watch stable for LENGTH

    next: check the token's rights and the protection of the branch
    ");
    insta::assert_snapshot!(timeless(&main.stderr), @"
    TIME start deploy discounts 2.0 to production
    TIME gate allowed: there are no allowed windows, so any time that is not blocked is open
    TIME plan 3 steps, about LENGTH
    TIME 1. Deployment/discounts to 2.0
    TIME 2. wait until stable runs 2.0
    TIME 3. watch stable for LENGTH
    TIME change clusters/prod/discounts/deployment.yaml:8:14 1.9 -> 2.0
    TIME change clusters/prod/discounts/deployment.yaml:11:33 1.9 -> 2.0
    TIME change clusters/prod/discounts/deployment.yaml:21:18 1.9 -> 2.0
    TIME change clusters/prod/discounts/deployment.yaml:24:37 1.9 -> 2.0
    TIME change clusters/prod/discounts/deployment.yaml:28:16 registry.example/shop/discounts:1.9 -> registry.example/shop/discounts:2.0
    TIME step 1/3 Deployment/discounts to 2.0
    TIME failed 1/3 the git server refused the push to `main`: GH006: Protected branch update failed for refs/heads/main. | At least 1 approving review is required. | pre-receive hook declined
    ");
    stage.assert_as_at_first();
    assert_eq!(stage.git(&["rev-parse", "main"]), stage.first);
    assert_eq!(stage.journal(SERVICE), ["withdrawn", "started"]);

    unhook(&stage);
    stage.run(stage.deploy(SERVICE, "2.1")).expect(0);
    assert_eq!(stage.cluster.runs(SERVICE).unwrap(), "2.1");
}

/// The text without what differs from run to run: times, lengths of time, ids, widths of columns.
fn timeless(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let words: Vec<String> = line.split_whitespace().map(timeless_word).collect();
        words.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn timeless_word(word: &str) -> String {
    let bare = word.trim_end_matches([',', ':']);
    let rest = &word[bare.len()..];
    let only = |also: &str| {
        bare.starts_with(|first: char| first.is_ascii_digit())
            && bare
                .chars()
                .all(|one| one.is_ascii_digit() || also.contains(one))
    };
    let is_id = bare.len() >= 8 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_day = bare.len() > 5 && bare.ends_with("day");
    let neutral = if is_id {
        "ID"
    } else if is_day {
        "DAY"
    } else if only(":") && bare.contains(':') {
        "TIME"
    } else if only("-") && bare.len() == 10 {
        "DATE"
    } else if only("ms") && bare.ends_with('s') {
        "LENGTH"
    } else {
        bare
    };
    format!("{neutral}{rest}")
}

#[test]
fn what_is_wrong_with_the_repository_is_told() {
    let Some(stage) = Stage::start(22, &[], Pace::QUICK) else {
        return;
    };
    let deploy = ["deploy", "--service", SERVICE, "--version", "2.0"];
    let with = |more: &[&str]| stage.command(&[&deploy[..], more].concat());
    let before = stage.references();
    let bare = Remote::folder();
    let Remote::Folder(folder) = &bare else {
        unreachable!("a folder was asked for");
    };
    let work = folder.path().join("work");
    git(
        folder.path(),
        &["clone", "--quiet", "shop.git", work.to_str().unwrap()],
    );
    let missing = stage.server().url().replace("shop.git", "none.git");
    let nowhere = folder.path().join("none.git");

    let mut wrong_token = with(&[]);
    wrong_token.env("SHIPGATE_TOKEN", "ghs_wrongToken00");
    let mut no_token = with(&[]);
    no_token.env_remove("SHIPGATE_TOKEN");
    let mut no_repository = with(&[]);
    no_repository.env_remove("SHIPGATE_REPOSITORY");
    let rows = [
        ("wrong token", wrong_token, 32),
        ("no token", no_token, 32),
        ("branch missing", with(&["--branch", "mian"]), 3),
        (
            "not bare",
            with(&["--repository", work.to_str().unwrap()]),
            3,
        ),
        (
            "no folder",
            with(&["--repository", nowhere.to_str().unwrap()]),
            3,
        ),
        ("no repository there", with(&["--repository", &missing]), 3),
        ("no repository named", no_repository, 2),
        ("service missing", stage.deploy("dicsounts", "2.0"), 3),
    ];
    let mut told = String::new();
    for (what, command, code) in rows {
        let said = stage.run(command).expect(code).said();
        let said = stage
            .neutral(&said)
            .replace(&folder.path().display().to_string(), "FOLDER");
        told.push_str(&format!("{what}: {said}\n"));
    }
    assert_eq!(stage.references(), before);
    insta::assert_snapshot!(told, @r#"
    wrong token: PUSH DENIED SERVER/shop.git refuses the credentials (HTTP 401) exit code 32 push-denied next: check that the token is valid, not expired, and meant for this server; it was tried once (the token given is used)
    no token: PUSH DENIED SERVER/shop.git asks for credentials and there are none exit code 32 push-denied next: give a token that may push to the repository in SHIPGATE_TOKEN (no token was given, HOME is in no git checkout, the address holds none, credential helpers are asked at a terminal only)
    branch missing: CONFIG INVALID SERVER/shop.git has no branch "mian" exit code 3 config-invalid next: branches there: main
    not bare: CONFIG INVALID FOLDER/work is a work tree; changing its branch would leave its files behind exit code 3 config-invalid next: name a bare repository, or the address that the work tree was cloned from
    no folder: CONFIG INVALID can not read the repository at FOLDER/none.git: No such file or directory (os error 2) exit code 3 config-invalid next: check the path; an address on a server begins with https:// or ssh://
    no repository there: CONFIG INVALID no repository at SERVER/none.git (HTTP 404) exit code 3 config-invalid next: check the address, and that the token may see the repository (the token given is used)
    no repository named: ERROR no GitOps repository is named exit code 2 usage next: give --repository URL or set SHIPGATE_REPOSITORY
    service missing: UNKNOWN NAME shipgate.yaml: unknown service `dicsounts`; did you mean `discounts`? exit code 3 unknown-name next: --service takes one of: advertisements, discounts, storefront
    "#);
}

#[test]
fn a_command_that_a_message_names_leads_to_the_same_repository_and_holds_no_secret() {
    let Some(stage) = Stage::start(24, &[], Pace::QUICK) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("a b.git");
    git(
        &stage.path(),
        &["clone", "--quiet", "--bare", ".", other.to_str().unwrap()],
    );
    let secret = format!("robot:{TOKEN}@");
    let url = stage.server().url().replace("://", &format!("://{secret}"));
    let by_flag = |url: &str| {
        let mut command = stage.command(&["rollback", "--service", SERVICE, "--repository", url]);
        command.env_remove("SHIPGATE_REPOSITORY");
        command
    };
    let by_variable = stage.command(&["rollback", "--service", SERVICE, "--branch", "main"]);
    let rows = [
        ("address with a token", by_flag(&url)),
        ("folder", by_flag(other.to_str().unwrap())),
        ("variable", by_variable),
    ];
    let told = rows.map(|(what, command)| {
        let ran = stage.run(command).expect(14);
        let next = ran.stdout.lines().find(|line| line.contains("shipgate "));
        let next = stage.neutral(next.unwrap().trim_start());
        let next = next.replace(&folder.path().display().to_string(), "FOLDER");
        format!("{what}: {next}")
    });
    insta::assert_snapshot!(told.join("\n"), @r"
    address with a token: shipgate rollback --repository SERVER/shop.git --service discounts --environment production --to VERSION
    folder: shipgate rollback --repository 'FOLDER/a b.git' --service discounts --environment production --to VERSION
    variable: shipgate rollback --repository SERVER/shop.git --branch main --service discounts --environment production --to VERSION
    ");
}
