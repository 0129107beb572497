//! From a key to a verdict: approvals signed with stock OpenSSH, found in files and refs, judged.

use crate::bare;
use crate::ssh_keygen;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use shipgate::{
    clock::{Clock, ManualClock},
    event::Ending,
    git::{JournalOutcome, Proof, Repository, RepositoryOptions},
    ops::{
        approvals::{self, Search},
        beside::Beside,
    },
    policy::{Action, Facts, Identity, Policy, PolicySource, Presented, Request, evaluate},
    sim::{Scenario, World, WorldOptions},
};
use ssh_keygen::Keys;

const POLICY: &str = "\
version: 1
timezone: UTC
allowed_windows: [{days: [Fri], hours: 09:00-11:00, approval_required: true}]
people:
  - {principal: alice@example.com, github: alice}
  - {principal: bob@example.com, github: bob}
override: {ticket: 'INC-[0-9]+', rules: [blocked-window]}
";

const STATEMENT: &str = "{\"shipgate\":1,\"kind\":\"approval\",\"service\":\"shop\",\
\"environment\":\"production\",\"version\":\"1.1\",\"not_before\":\"2025-11-07T09:00:00Z\",\
\"expires\":\"2025-11-07T11:00:00Z\"}\n";

const OVERRIDE: &str = "{\"shipgate\":1,\"kind\":\"override\",\"service\":\"shop\",\
\"environment\":\"production\",\"version\":\"1.1\",\"not_before\":\"2025-11-08T09:00:00Z\",\
\"expires\":\"2025-11-08T11:00:00Z\",\"rules\":[\"blocked-window\"],\"ticket\":\"INC-42\",\
\"reason\":\"checkout is down\"}\n";

const FRIDAY: &str = "2025-11-07T10:00:00Z";
const SATURDAY: &str = "2025-11-08T10:00:00Z";

fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// A folder with the keys of three people, one of them with two, and a policy beside their list.
struct Stage {
    keys: Keys,
}

impl Stage {
    fn new() -> Option<Self> {
        let keys = Keys::new()?;
        let line = |key: &str| format!("{key}@example.com {}\n", keys.key(key));
        let mut list: String = ["alice", "bob", "carol"].map(line).concat();
        list.push_str(&format!("carol@example.com {}\n", keys.key("carol-too")));
        keys.key("stranger");
        fs::write(keys.path("allowed_signers"), list).unwrap();
        Some(Self { keys })
    }

    fn signed(&self, key: &str, statement: &str) -> String {
        let signature = self.keys.sign(key, "shipgate", statement, &[]);
        format!("{statement}{signature}")
    }

    fn list(&self) -> String {
        fs::read_to_string(self.keys.path("allowed_signers")).unwrap()
    }

    /// Finds what is given, as bob wants to deploy shop 1.1.
    fn found(&self, policy: &str, given: &[String], at: &str) -> Vec<Presented> {
        let policy = Policy::parse(policy, "policies/p.yaml").unwrap();
        let source = PolicySource {
            path: "policies/p.yaml".to_owned(),
            ..PolicySource::default()
        };
        let beside = Beside::on_disk(&self.keys.path("p.yaml"), &source);
        let search = Search {
            policy: &policy,
            request: &request(),
            beside: &beside,
            given,
            repository: None,
            counts_again: true,
        };
        block_on(approvals::gather(&search, instant(at))).unwrap()
    }

    /// Exit code and deciding reason, without what is the same in all.
    fn judged(&self, policy: &str, given: &[String], deployer: &str, at: &str) -> String {
        judged(policy, deployer, self.found(policy, given, at), at)
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

fn request() -> Request {
    Request {
        service: Some("shop".to_owned()),
        environment: Some("production".to_owned()),
        version: Some("1.1".parse().unwrap()),
        ..Request::new(Action::Deploy)
    }
}

fn judged(policy: &str, deployer: &str, presented: Vec<Presented>, at: &str) -> String {
    let policy = Policy::parse(policy, "p.yaml").unwrap();
    let facts = Facts {
        deployer: Some(Identity::GitHub(deployer.to_owned())),
        presented,
        ..Facts::default()
    };
    let verdict = evaluate(&policy, &request(), &facts, instant(at));
    let code = Ending::from(&verdict).code().number;
    let message = &verdict.deciding().unwrap().message;
    let (_, told) = message.split_once(')').unwrap_or(("", message));
    let told = told.trim_start_matches("; ").trim_start_matches(": ");
    // Ids change with the statement's text alone, but lines are easier to read without.
    let words = told.split(' ').map(|word| {
        let is_id = word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id { "ID" } else { word }
    });
    let words: Vec<&str> = words.collect();
    format!("{code} {}", words.join(" "))
}

#[test]
fn an_approval_by_ssh_keygen_lets_through_and_nothing_less_does() {
    let Some(stage) = Stage::new() else { return };
    let list = stage.list();
    let alice = stage.signed("alice", STATEMENT);
    let friday = |given: &str| stage.judged(POLICY, &[given.to_owned()], "bob", FRIDAY);
    let with = |from: &str, to: &str| friday(&stage.signed("alice", &STATEMENT.replace(from, to)));
    let with_list = |list: &str| {
        fs::write(stage.keys.path("allowed_signers"), list).unwrap();
        friday(&alice)
    };
    let other_namespace = stage.keys.sign("alice", "git", STATEMENT, &[]);
    let rows = [
        ("good", friday(&alice)),
        ("not signed", friday(STATEMENT)),
        (
            "wrong namespace",
            friday(&format!("{STATEMENT}{other_namespace}")),
        ),
        ("wrong key", friday(&stage.signed("stranger", STATEMENT))),
        ("changed byte", friday(&alice.replacen("1.1", "1.2", 1))),
        ("one space more", friday(&format!(" {alice}"))),
        ("not JSON", friday(&alice.replacen('}', "", 1))),
        (
            "expired",
            stage.judged(
                POLICY,
                std::slice::from_ref(&alice),
                "bob",
                "2025-11-14T10:00:00Z",
            ),
        ),
        (
            "not yet valid",
            with("2025-11-07T09:00", "2025-11-07T10:30"),
        ),
        ("not yet valid in time", with("09:00:00Z", "10:00:01Z")),
        ("other version", with("1.1", "1.0")),
        ("other service", with("shop", "cart")),
        ("other environment", with("production", "staging")),
        (
            "approver is deployer",
            stage.judged(POLICY, std::slice::from_ref(&alice), "alice", FRIDAY),
        ),
        (
            "unmapped deployer",
            stage.judged(POLICY, std::slice::from_ref(&alice), "mallory", FRIDAY),
        ),
        ("too large", friday(&" ".repeat(20_000))),
        (
            "certificate authority",
            with_list(&format!(
                "{list}*@example.com cert-authority {}\n",
                stage.keys.public("stranger")
            )),
        ),
        (
            "valid-before passed",
            with_list(&list.replace(
                "alice@example.com ",
                "alice@example.com valid-before=\"20251101\" ",
            )),
        ),
        (
            "two owners",
            with_list(&format!(
                "{list}bob@example.com {}\n",
                stage.keys.public("alice")
            )),
        ),
        ("no list", {
            fs::remove_file(stage.keys.path("allowed_signers")).unwrap();
            friday(&alice)
        }),
    ];
    let text: Vec<String> = rows.map(|(name, row)| format!("{name}: {row}")).into();
    insta::assert_snapshot!(text.join("\n"), @r"
    good: 0 approved by alice@example.com
    not signed: 11 approval ID does not count: it is not signed; sign it with `ssh-keygen -Y sign -n shipgate -f KEY FILE`
    wrong namespace: 11 approval ID does not count: the signature is for the namespace `git`; expected `shipgate`: sign with `ssh-keygen -Y sign -n shipgate`
    wrong key: 11 approval ID does not count: policies/allowed_signers has no line with the key of the signature (ssh-ed25519)
    changed byte: 11 approval ID does not count: the signature does not fit the statement: it was changed, or signed with another key
    one space more: 11 approval ID does not count: the signature does not fit the statement: it was changed, or signed with another key
    not JSON: 11 approval ID does not count: the statement cannot be read: EOF while parsing an object at line 2 column 0
    expired: 11 approval ID (alice@example.com) expired Friday 2025-11-07 11:00 UTC
    not yet valid: 11 approval ID (alice@example.com) is not valid before Friday 2025-11-07 10:30 UTC
    not yet valid in time: 11 approval ID (alice@example.com) is not valid before Friday 2025-11-07 10:00 UTC
    other version: 11 approval ID (alice@example.com) is for the version `1.0`, not `1.1`
    other service: 11 approval ID (alice@example.com) is for the service `cart`, not `shop`
    other environment: 11 approval ID (alice@example.com) is for the environment `staging`, not `production`
    approver is deployer: 11 approval ID (alice@example.com) is from whoever deploys
    unmapped deployer: 11 approval ID (alice@example.com) cannot count: `alice@example.com` could be the same person as `github:mallory`; add `github:mallory` to `people`
    too large: 11 approval ID does not count: is larger than the limit of 16384 bytes
    certificate authority: 11 approval ID does not count: policies/allowed_signers:5: certificate authorities (cert-authority) are not accepted; list each person's own key
    valid-before passed: 11 approval ID does not count: policies/allowed_signers:1: the key was valid before 2025-11-01T00:00:00Z only
    two owners: 11 approval ID does not count: its key belongs to two people: `alice@example.com` and `bob@example.com`
    no list: 11 approval ID does not count: there is no list of keys policies/allowed_signers beside the policy
    ");
}

#[test]
fn two_signatures_of_one_person_are_one() {
    let Some(stage) = Stage::new() else { return };
    let policy = format!("{POLICY}approvals: {{minimum: 2}}\n");
    let judged = |signers: &[&str]| {
        let given: Vec<String> = signers
            .iter()
            .map(|key| stage.signed(key, STATEMENT))
            .collect();
        stage.judged(&policy, &given, "bob", FRIDAY)
    };
    let longer = STATEMENT.replace("11:00:00Z", "12:00:00Z");
    let twice = [
        stage.signed("alice", STATEMENT),
        stage.signed("alice", &longer),
    ];
    let in_one_text = [
        stage.signed("alice", STATEMENT),
        stage.signed("carol", STATEMENT),
    ]
    .concat();
    let rows = [
        ("one", judged(&["alice"])),
        ("the same text twice", judged(&["alice", "alice"])),
        (
            "one key, two statements",
            stage.judged(&policy, &twice, "bob", FRIDAY),
        ),
        ("two keys of one person", judged(&["carol", "carol-too"])),
        ("one is the deployer", judged(&["alice", "bob"])),
        ("two people", judged(&["alice", "carol"])),
        (
            "two people in one text",
            stage.judged(&policy, &[in_one_text], "bob", FRIDAY),
        ),
    ];
    let text: Vec<String> = rows.map(|(name, row)| format!("{name}: {row}")).into();
    insta::assert_snapshot!(text.join("\n"), @r"
    one: 11 1 of 2 (alice@example.com)
    the same text twice: 11 1 of 2 (alice@example.com)
    one key, two statements: 11 1 of 2 (alice@example.com); approval ID (alice@example.com) is from the same person as another (`alice@example.com`)
    two keys of one person: 11 1 of 2 (carol@example.com); approval ID (carol@example.com) is from the same person as another (`carol@example.com`)
    one is the deployer: 11 1 of 2 (alice@example.com); approval ID (bob@example.com) is from whoever deploys
    two people: 0 approved by alice@example.com, carol@example.com
    two people in one text: 0 approved by alice@example.com, carol@example.com
    ");
}

#[test]
fn a_file_is_one_text_or_two() {
    let Some(stage) = Stage::new() else { return };
    let path = |name: &str| stage.keys.path(name);
    let signature = stage.keys.sign("alice", "shipgate", STATEMENT, &[]);
    fs::write(path("s.json"), STATEMENT).unwrap();
    fs::write(path("s.json.sig"), &signature).unwrap();
    fs::write(path("one.json"), format!("{STATEMENT}{signature}")).unwrap();
    fs::write(path("large"), " ".repeat(20_000)).unwrap();
    fs::write(path("binary"), [0xff]).unwrap();
    let read = |name: &str| approvals::read_file(&path(name), name);
    let one = read("one.json").unwrap();
    assert_eq!(read("s.json").unwrap(), one);
    assert_eq!(
        stage.judged(POLICY, &[one], "bob", FRIDAY),
        "0 approved by alice@example.com"
    );
    let failures = ["nothing", "large", "binary"].map(|name| {
        let failure = read(name).unwrap_err();
        format!("{} {failure}", failure.0.ending.code().number)
    });
    insta::assert_snapshot!(failures.join("\n"), @r"
    2 --approval nothing: there is no such file
    2 --approval large: is larger than the limit of 16384 bytes
    2 --approval binary: is not UTF-8 text
    ");
}

fn open(url: &str) -> Repository {
    Repository::open(RepositoryOptions {
        url: url.to_owned(),
        token: None,
        token_user: None,
        ca_file: None,
        checkout: None,
        author_name: "shipgate".to_owned(),
        author_email: "shipgate@example.com".to_owned(),
        author_is_given: false,
        signer: None,
        timeout: Duration::from_secs(30),
    })
    .unwrap()
}

/// A bare repository behind the `git` program, and one behind HTTP.
fn repositories(folder: &Path) -> Vec<(&'static str, Repository, Option<World>)> {
    let bare: PathBuf = folder.join("bare.git");
    bare::seed(&bare);
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(instant(FRIDAY)));
    let remote = folder.join("world");
    fs::create_dir(&remote).unwrap();
    let world = World::start(WorldOptions::new(Scenario::Healthy, clock, remote)).unwrap();
    let url = world.git_url();
    let with_token = url.replace("://", &format!("://x:{}@", world.token()));
    vec![
        ("path", open(bare.to_str().unwrap()), None),
        ("http", open(&with_token), Some(world)),
    ]
}

#[test]
fn refs_are_found_and_used_up() {
    let Some(stage) = Stage::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let policy = Policy::parse(POLICY, "p.yaml").unwrap();
    let source = PolicySource::default();
    let beside = Beside::on_disk(&stage.keys.path("p.yaml"), &source);
    let mut shown = Vec::new();
    for (name, repository, _world) in repositories(folder.path()) {
        let store = |service: &'static str, text: &str| {
            let stored = repository.store_approval("production", service, text, instant(FRIDAY));
            block_on(stored).unwrap().1
        };
        let record = |run: &str, state: &str, version: &str, line: &str| {
            let journal = block_on(repository.journal("production", "shop")).unwrap();
            let message = format!(
                "record\n\nShipgate-Run: {run}\nShipgate-State: {state}\nShipgate-Version: {version}\n{line}\n"
            );
            let at = instant(FRIDAY);
            let appended = repository.append_journal(
                "production",
                "shop",
                journal.tip.as_ref(),
                &message,
                at,
                Proof::ReadBack,
            );
            assert!(matches!(
                block_on(appended).unwrap(),
                JournalOutcome::Appended(_)
            ));
        };
        let judge = |given: &[String], at: &str| {
            let search = Search {
                policy: &policy,
                request: &request(),
                beside: &beside,
                given,
                repository: Some(&repository),
                counts_again: true,
            };
            let found = block_on(approvals::gather(&search, instant(at))).unwrap();
            let count = found.len();
            let told = judged(POLICY, "bob", found, at);
            // Refs come in the order of their names, digests of signatures that differ each time.
            let (code, why) = told.split_once(' ').unwrap();
            let mut why: Vec<&str> = why.split("; ").collect();
            why.sort_unstable();
            format!("{count} found, {code} {}", why.join("; "))
        };
        let mut row = |what: &str, told: String| shown.push(format!("{name}, {what}: {told}"));
        row("empty", judge(&[], FRIDAY));
        store("shop-other", &stage.signed("alice", STATEMENT));
        store("shop", "no approval at all");
        row("broken", judge(&[], FRIDAY));
        store(
            "shop",
            &stage.signed("alice", &STATEMENT.replace("1.1", "1.0")),
        );
        row("other version", judge(&[], FRIDAY));
        let good = stage.signed("alice", STATEMENT);
        let stored = store("shop", &good);
        assert!(matches!(stored, JournalOutcome::Appended(_)), "{stored:?}");
        let again = store("shop", &good);
        let is_there = matches!(
            again,
            JournalOutcome::Lost { tip: Some(_) } | JournalOutcome::Appended(_)
        );
        assert!(is_there, "{again:?}");
        row("good", judge(&[], FRIDAY));
        row("the same given", judge(&[good], FRIDAY));
        let id = shipgate::sign::id(STATEMENT);
        record(
            "run-1",
            "started",
            "1.1",
            &format!("Shipgate-Approval: other {id}"),
        );
        row("by the run that is at it", judge(&[], FRIDAY));
        record("run-1", "verified", "1.1", "");
        row("by a run that is over", judge(&[], FRIDAY));
        // Signed again, by another person too, it is still the same statement.
        store("shop", &stage.signed("carol", STATEMENT));
        row("signed again", judge(&[], FRIDAY));

        row("no override", judge(&[], SATURDAY));
        store("shop", &stage.signed("alice", OVERRIDE));
        row("override", judge(&[], SATURDAY));
        row("override of last week", judge(&[], "2025-11-15T10:00:00Z"));
        let id = shipgate::sign::id(OVERRIDE);
        record(
            "run-2",
            "withdrawn",
            "1.1",
            &format!("Shipgate-Override: {id} INC-42"),
        );
        // Nothing of that run was ever on the branch.
        row("by a run that was withdrawn", judge(&[], SATURDAY));
        record(
            "run-3",
            "rolled-back",
            "1.1",
            &format!("Shipgate-Override: {id} INC-42"),
        );
        row("override used", judge(&[], SATURDAY));
        row(
            "override used, given",
            judge(&[stage.signed("alice", OVERRIDE)], SATURDAY),
        );
    }
    insta::assert_snapshot!(shown.join("\n"), @r"
    path, empty: 0 found, 11 
    path, broken: 1 found, 11 approval ID does not count: the statement cannot be read: expected ident at line 1 column 2
    path, other version: 1 found, 11 approval ID does not count: the statement cannot be read: expected ident at line 1 column 2
    path, good: 2 found, 0 approved by alice@example.com
    path, the same given: 2 found, 0 approved by alice@example.com
    path, by the run that is at it: 2 found, 0 approved by alice@example.com
    path, by a run that is over: 2 found, 11 approval ID (alice@example.com) was used up by run `run-1`; approval ID does not count: the statement cannot be read: expected ident at line 1 column 2
    path, signed again: 3 found, 11 approval ID (alice@example.com) was used up by run `run-1`; approval ID (carol@example.com) was used up by run `run-1`; approval ID does not count: the statement cannot be read: expected ident at line 1 column 2
    path, no override: 3 found, 10 
    path, override: 4 found, 0 overridden by alice@example.com (INC-42)
    path, override of last week: 3 found, 10 
    path, by a run that was withdrawn: 4 found, 0 overridden by alice@example.com (INC-42)
    path, override used: 3 found, 10 
    path, override used, given: 4 found, 13  was used up by run `run-3`
    http, empty: 0 found, 11 
    http, broken: 1 found, 11 approval ID does not count: the statement cannot be read: expected ident at line 1 column 2
    http, other version: 1 found, 11 approval ID does not count: the statement cannot be read: expected ident at line 1 column 2
    http, good: 2 found, 0 approved by alice@example.com
    http, the same given: 2 found, 0 approved by alice@example.com
    http, by the run that is at it: 2 found, 0 approved by alice@example.com
    http, by a run that is over: 2 found, 11 approval ID (alice@example.com) was used up by run `run-1`; approval ID does not count: the statement cannot be read: expected ident at line 1 column 2
    http, signed again: 3 found, 11 approval ID (alice@example.com) was used up by run `run-1`; approval ID (carol@example.com) was used up by run `run-1`; approval ID does not count: the statement cannot be read: expected ident at line 1 column 2
    http, no override: 3 found, 10 
    http, override: 4 found, 0 overridden by alice@example.com (INC-42)
    http, override of last week: 3 found, 10 
    http, by a run that was withdrawn: 4 found, 0 overridden by alice@example.com (INC-42)
    http, override used: 3 found, 10 
    http, override used, given: 4 found, 13  was used up by run `run-3`
    ");
}
