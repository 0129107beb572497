//! Trees that try to be judged by another policy than the base branch's, each in two places: on the
//! head alone, and on the base branch itself, as if nobody had looked.

use super::{
    repository::{CONFIG, Changes, Entry, LAX, POLICY, STRICT, Stage},
    run::{Ran, shipgate},
};

/// Rows that weaken nothing on a base branch: they say in plain words what the policy is.
const MEANT: [&str; 2] = [
    "configuration names another environment's policy",
    "configuration names a policy of its own",
];

/// A way to weaken the policy, as changes to the base branch's tree.
type Trick = (&'static str, Changes);

fn link(target: &'static str) -> Changes {
    vec![(POLICY, Entry::Link(target))]
}

fn instead(text: &str) -> Changes {
    vec![(POLICY, text.into())]
}

fn bytes(bytes: impl Into<Vec<u8>>) -> Changes {
    vec![(POLICY, Entry::File(bytes.into()))]
}

fn appended(text: &str) -> Changes {
    instead(&format!("{STRICT}{text}"))
}

fn config(from: &str, to: &str) -> Changes {
    let text = CONFIG.replace(from, to);
    assert_ne!(text, CONFIG, "{from}");
    vec![("shipgate.yaml", text.as_str().into())]
}

fn utf_16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Other kinds of things at the policy's path.
fn kinds() -> Vec<Trick> {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n";
    let below = ("policies/production.yaml/index.yaml", LAX.into());
    let beside = |path, target| vec![(path, LAX.into()), (POLICY, Entry::Link(target))];
    vec![
        ("link to a file beside it", link("staging.yaml")),
        (
            "link to a file elsewhere in the repository",
            beside("lax/production.yaml", "../lax/production.yaml"),
        ),
        ("link out of the repository", link("../../../lax.yaml")),
        ("link to an absolute path", link("/dev/stdin")),
        ("dangling link", link("nowhere.yaml")),
        ("link to itself", link("production.yaml")),
        (
            "chain of links",
            vec![
                ("policies/one.yaml", Entry::Link("staging.yaml")),
                (POLICY, Entry::Link("one.yaml")),
            ],
        ),
        (
            "folder is a link",
            vec![
                ("lax/production.yaml", LAX.into()),
                ("policies", Entry::Gone),
                ("policies", Entry::Link("lax")),
            ],
        ),
        (
            "submodule in place of the file",
            vec![(POLICY, Entry::Submodule)],
        ),
        (
            "submodule in place of the folder",
            vec![("policies", Entry::Gone), ("policies", Entry::Submodule)],
        ),
        (
            "folder in place of the file",
            vec![(POLICY, Entry::Gone), below],
        ),
        ("file in place of the folder", {
            vec![("policies", Entry::Gone), ("policies", LAX.into())]
        }),
        (
            "executable",
            vec![(POLICY, Entry::Executable(STRICT.into()))],
        ),
        ("Git LFS pointer", instead(pointer)),
        ("removed", vec![(POLICY, Entry::Gone)]),
        ("empty", instead("")),
    ]
}

/// Other names for it, and names like it.
fn names() -> Vec<Trick> {
    let beside = |path| vec![(path, LAX.into())];
    let moved = |path| vec![(POLICY, Entry::Gone), (path, LAX.into())];
    vec![
        ("renamed", moved("policies/prod.yaml")),
        ("renamed to .yml", moved("policies/production.yml")),
        ("other case, beside it", beside("policies/Production.yaml")),
        (
            "other case, in place of it",
            moved("policies/PRODUCTION.YAML"),
        ),
        (
            "folder in other case, beside it",
            beside("Policies/production.yaml"),
        ),
        ("folder in other case, in place of it", {
            vec![
                ("policies", Entry::Gone),
                ("POLICIES/production.yaml", LAX.into()),
            ]
        }),
        (
            "dotless i in the folder",
            beside("pol\u{131}cies/production.yaml"),
        ),
        (
            "Cyrillic o beside it",
            beside("policies/pr\u{43e}duction.yaml"),
        ),
        (
            "Cyrillic o in place of it",
            moved("policies/pr\u{43e}duction.yaml"),
        ),
        (
            "full-width letters",
            beside("policies/\u{ff50}roduction.yaml"),
        ),
        (
            "combining mark (NFD)",
            beside("policies/product\u{131}\u{307}on.yaml"),
        ),
        (
            "zero-width joiner",
            beside("policies/production\u{200d}.yaml"),
        ),
        (
            "text that runs backwards",
            beside("policies/\u{202e}lmay.noitcudorp"),
        ),
        ("dot at the end", beside("policies/production.yaml.")),
        ("space at the end", beside("policies/production.yaml ")),
        (
            "stream of a Windows file",
            beside("policies/production.yaml::$DATA"),
        ),
        ("short name of Windows", beside("POLICI~1/PRODUC~1.YAM")),
        ("backslash for a slash", beside("policies\\production.yaml")),
        ("a second one at the root", beside("production.yaml")),
    ]
}

/// Other encodings and line ends of it.
fn encodings() -> Vec<Trick> {
    let marked = [b"\xff\xfe".to_vec(), utf_16(LAX)].concat();
    vec![
        ("byte order mark", instead(&format!("\u{feff}{STRICT}"))),
        (
            "two byte order marks",
            instead(&format!("\u{feff}\u{feff}{STRICT}")),
        ),
        ("UTF-16 with a mark", bytes(marked)),
        ("UTF-16 without a mark", bytes(utf_16(LAX))),
        ("UTF-7", instead("+AHYAZQByAHMAaQBvAG4AOgAg-1\n")),
        (
            "not UTF-8",
            bytes([LAX.as_bytes(), b"# caf\xe9\n"].concat()),
        ),
        ("NUL at the end", appended("\0allowed_windows: [{}]\n")),
        ("CRLF", instead(&STRICT.replace('\n', "\r\n"))),
        ("CR alone", instead(&STRICT.replace('\n', "\r"))),
        (
            "end of file by Control-Z",
            instead(&format!("{LAX}\u{1a}{STRICT}")),
        ),
        (
            "next line (NEL) in a comment",
            appended("# x\u{85}actions: [rollback]\n"),
        ),
        (
            "line separator in a comment",
            appended("# x\u{2028}actions: [rollback]\n"),
        ),
        (
            "keys that look alike",
            instead(&STRICT.replace("allowed", "\u{430}llowed")),
        ),
        ("full-width colon", appended("actions\u{ff1a} [rollback]\n")),
    ]
}

/// Words of YAML and of other tools that bring something in from elsewhere, or say it twice.
fn words() -> Vec<Trick> {
    let rules = "allowed_windows: [{}]\n";
    vec![
        ("second document", appended(&format!("---\n{LAX}"))),
        ("second document after the end of the first", {
            appended(&format!("...\n---\n{LAX}"))
        }),
        ("first document empty", instead(&format!("---\n---\n{LAX}"))),
        ("key given twice", appended(rules)),
        (
            "key given twice, once in quotes",
            appended("'allowed_windows': [{}]\n"),
        ),
        ("key given twice, once with an escape", {
            appended("\"allowed\\u005fwindows\": [{}]\n")
        }),
        ("key given twice, once as a complex key", {
            appended("? allowed_windows\n: [{}]\n")
        }),
        (
            "key given twice, once with a tag",
            appended("!!str allowed_windows: [{}]\n"),
        ),
        ("include", appended("include: staging.yaml\n")),
        ("extends", appended("extends: ./staging.yaml\n")),
        ("$ref", appended("$ref: staging.yaml\n")),
        ("!include of the whole", instead("!include staging.yaml\n")),
        ("!include of a part", {
            instead("version: 1\ntimezone: UTC\nallowed_windows: !include lax.yaml\n")
        }),
        ("!!python/object/apply", {
            instead("!!python/object/apply:os.system ['true']\n")
        }),
        ("!!python in a value", {
            instead("version: 1\ntimezone: !!python/name:os.name\nallowed_windows: [{}]\n")
        }),
        (
            "!!null for the rules",
            appended("blocked_windows: !!null [{}]\n"),
        ),
        (
            "merge key",
            instead(&format!("x: &x {{{}}}\n<<: *x\n{STRICT}", rules.trim())),
        ),
        ("merge key in a window", {
            instead(
                "version: 1\ntimezone: UTC\nallowed_windows: [{days: [Sat], <<: {days: [Tue]}}]\n",
            )
        }),
        ("alias of itself", appended("blocked_windows: &x [*x]\n")),
        ("directive", instead(&format!("%YAML 1.1\n---\n{STRICT}"))),
        (
            "tag directive",
            instead(&format!("%TAG ! !include\n---\n{STRICT}")),
        ),
        (
            "environment variable",
            instead(&STRICT.replace("Sat", "${DAY:-Tue}")),
        ),
        (
            "template",
            instead(&STRICT.replace("Sat", "{{ now | day }}")),
        ),
        ("ConfigMap with two policies", {
            instead(
                "kind: ConfigMap\ndata:\n  a: '{\"allowed_windows\": [{}], \"timezone\": \"UTC\"}'\n  b: '{\"allowed_windows\": []}'\n",
            )
        }),
        ("another kind of object", instead("kind: List\nitems: []\n")),
    ]
}

/// Files that steer git, and the configuration.
fn steering() -> Vec<Trick> {
    let attributes = "* filter=lfs diff=lfs merge=lfs text eol=crlf ident export-subst working-tree-encoding=UTF-16\n";
    let modules =
        "[submodule \"policies\"]\n\tpath = policies\n\turl = ../lax.git\n\tupdate = !true\n";
    let named = |path: &str| {
        let production = format!("production: {{root: clusters/prod, policy: '{path}'}}");
        config("production: {root: clusters/prod}", &production)
    };
    let mut elsewhere = named("policies/lax.yaml");
    elsewhere.push(("policies/lax.yaml", LAX.into()));
    vec![
        (
            ".gitattributes",
            vec![(".gitattributes", attributes.into())],
        ),
        (".gitmodules", vec![(".gitmodules", modules.into())]),
        (
            "configuration names another environment's policy",
            named("policies/staging.yaml"),
        ),
        ("configuration names a policy of its own", elsewhere),
        ("configuration names a path outside", named("../lax.yaml")),
        (
            "configuration names an absolute path",
            named("/tmp/lax.yaml"),
        ),
        (
            "configuration names a path with a backslash",
            named("policies\\staging.yaml"),
        ),
        (
            "configuration names a path in other case",
            named("policies/Staging.yaml"),
        ),
        ("configuration names itself", named("shipgate.yaml")),
        (
            "configuration is a link",
            vec![("shipgate.yaml", Entry::Link("policies/staging.yaml"))],
        ),
        (
            "configuration renames the environment",
            config(
                "  production: {root: clusters/prod}",
                "  staging: {root: clusters/prod}",
            ),
        ),
        (
            "configuration removed",
            vec![("shipgate.yaml", Entry::Gone)],
        ),
    ]
}

/// Says which policy decided, or why none did. Nothing else may happen.
fn told(ran: &Ran, stage: &Stage, branch: &str) -> String {
    match ran.code {
        10 => {
            assert_eq!(ran.policy().unwrap(), stage.policy_on(branch), "{ran:?}");
            "judged".to_owned()
        }
        // Which keys there are is no business of these tests.
        3 => ran.reason().split("; known:").next().unwrap().to_owned(),
        _ => panic!("{branch}: {ran:?}"),
    }
}

/// Tries every trick by `command` on a head that nobody trusts, and by `check` on a base branch that
/// has the same tree. Returns what came of it.
fn tried(command: &[&str], tricks: &[Trick]) -> String {
    let stage = Stage::new();
    let branch = |index: usize| format!("trick-{index}");
    let commits: Vec<_> = tricks
        .iter()
        .enumerate()
        .map(|(index, (_, changes))| (branch(index), Some("main"), changes.clone()))
        .collect();
    stage.import(&commits);
    let before = stage.references();
    let address = stage.address();
    let folder = tempfile::tempdir().unwrap();
    let mut table = String::new();
    for (index, (name, _)) in tricks.iter().enumerate() {
        let branch = &branch(index);
        let run = |command: &[&str], reference: [&str; 2]| {
            let rest = ["--repository", &address, "--environment", "production"];
            let output = ["--output", "json"];
            shipgate(
                folder.path(),
                &[],
                &[command, &rest, &reference, &output].concat(),
            )
        };
        let head = told(&run(command, ["--branch", branch]), &stage, "main");
        // What a configuration on the base branch names in plain words is the policy.
        let base = if MEANT.contains(name) {
            "judged by what it names".to_owned()
        } else {
            told(&run(&["check"], ["--policy-ref", branch]), &stage, branch)
        };
        let commit = &stage.tip(branch)[..8];
        let row = format!("{name}\n  head: {head}\n  base: {base}\n");
        table += &row.replace(commit, "COMMIT").replace(branch, "BRANCH");
    }
    assert_eq!(stage.references(), before, "something was written");
    println!("tricks tried: {}", tricks.len());
    table
}

#[test]
fn another_kind_of_thing_is_no_policy() {
    insta::assert_snapshot!(tried(&["check"], &kinds()), @r"
    link to a file beside it
      head: judged
      base: policies/production.yaml is or lies behind a symbolic link, expected a file
    link to a file elsewhere in the repository
      head: judged
      base: policies/production.yaml is or lies behind a symbolic link, expected a file
    link out of the repository
      head: judged
      base: policies/production.yaml is or lies behind a symbolic link, expected a file
    link to an absolute path
      head: judged
      base: policies/production.yaml is or lies behind a symbolic link, expected a file
    dangling link
      head: judged
      base: policies/production.yaml is or lies behind a symbolic link, expected a file
    link to itself
      head: judged
      base: policies/production.yaml is or lies behind a symbolic link, expected a file
    chain of links
      head: judged
      base: policies/production.yaml is or lies behind a symbolic link, expected a file
    folder is a link
      head: judged
      base: policies/production.yaml is or lies behind a symbolic link, expected a file
    submodule in place of the file
      head: judged
      base: policies/production.yaml is or lies in a submodule, expected a file
    submodule in place of the folder
      head: judged
      base: policies/production.yaml is or lies in a submodule, expected a file
    folder in place of the file
      head: judged
      base: policies/production.yaml is a folder, expected a file
    file in place of the folder
      head: judged
      base: policies/production.yaml lies below a file, expected a file
    executable
      head: judged
      base: judged
    Git LFS pointer
      head: judged
      base: policies/production.yaml is kept in Git LFS
    removed
      head: judged
      base: there is no policy `policies/production.yaml` on branch `BRANCH` (commit COMMIT)
    empty
      head: judged
      base: policies/production.yaml:1:1: the file is empty
    ");
}

#[test]
fn a_name_like_the_policys_is_another_name() {
    insta::assert_snapshot!(tried(&["check"], &names()), @r#"
    renamed
      head: judged
      base: there is no policy `policies/production.yaml` on branch `BRANCH` (commit COMMIT)
    renamed to .yml
      head: judged
      base: there is no policy `policies/production.yaml` on branch `BRANCH` (commit COMMIT)
    other case, beside it
      head: judged
      base: policies/production.yaml: there is "policies/Production.yaml", which differs in upper and lower case only
    other case, in place of it
      head: judged
      base: policies/production.yaml: there is "policies/PRODUCTION.YAML", which differs in upper and lower case only
    folder in other case, beside it
      head: judged
      base: policies/production.yaml: there is "Policies", which differs in upper and lower case only
    folder in other case, in place of it
      head: judged
      base: policies/production.yaml: there is "POLICIES", which differs in upper and lower case only
    dotless i in the folder
      head: judged
      base: judged
    Cyrillic o beside it
      head: judged
      base: judged
    Cyrillic o in place of it
      head: judged
      base: there is no policy `policies/production.yaml` on branch `BRANCH` (commit COMMIT)
    full-width letters
      head: judged
      base: judged
    combining mark (NFD)
      head: judged
      base: judged
    zero-width joiner
      head: judged
      base: judged
    text that runs backwards
      head: judged
      base: judged
    dot at the end
      head: judged
      base: judged
    space at the end
      head: judged
      base: judged
    stream of a Windows file
      head: judged
      base: judged
    short name of Windows
      head: judged
      base: judged
    backslash for a slash
      head: judged
      base: judged
    a second one at the root
      head: judged
      base: judged
    "#);
}

#[test]
fn bytes_are_read_as_utf_8_or_not_at_all() {
    insta::assert_snapshot!(tried(&["check"], &encodings()), @r"
    byte order mark
      head: judged
      base: judged
    two byte order marks
      head: judged
      base: judged
    UTF-16 with a mark
      head: judged
      base: policies/production.yaml: byte 0 is not UTF-8
    UTF-16 without a mark
      head: judged
      base: policies/production.yaml:1:2: unexpected character: `\u{0}'
    UTF-7
      head: judged
      base: policies/production.yaml:1:1: this is no policy; expected a mapping that begins with `version: 1`
    not UTF-8
      head: judged
      base: policies/production.yaml: byte 52 is not UTF-8
    NUL at the end
      head: judged
      base: policies/production.yaml:4:1: unexpected character: `\u{0}'
    CRLF
      head: judged
      base: judged
    CR alone
      head: judged
      base: judged
    end of file by Control-Z
      head: judged
      base: policies/production.yaml:4:1: unexpected character: `\u{1a}'
    next line (NEL) in a comment
      head: judged
      base: judged
    line separator in a comment
      head: judged
      base: judged
    keys that look alike
      head: judged
      base: policies/production.yaml:3:1: unknown key `аllowed_windows`; did you mean `allowed_windows`?
    full-width colon
      head: judged
      base: policies/production.yaml:4:1: simple key expected ':'
    ");
}

#[test]
fn a_policy_brings_nothing_in_from_elsewhere_and_says_nothing_twice() {
    insta::assert_snapshot!(tried(&["check"], &words()), @r#"
    second document
      head: judged
      base: policies/production.yaml:5:1: a second document begins here, expected one document
    second document after the end of the first
      head: judged
      base: policies/production.yaml:6:1: a second document begins here, expected one document
    first document empty
      head: judged
      base: policies/production.yaml:3:1: a second document begins here, expected one document
    key given twice
      head: judged
      base: policies/production.yaml:4:1: the key `allowed_windows` is already in this mapping, on line 3
    key given twice, once in quotes
      head: judged
      base: policies/production.yaml:4:1: the key `allowed_windows` is already in this mapping, on line 3
    key given twice, once with an escape
      head: judged
      base: policies/production.yaml:4:1: the key `allowed_windows` is already in this mapping, on line 3
    key given twice, once as a complex key
      head: judged
      base: policies/production.yaml:4:3: the key `allowed_windows` is already in this mapping, on line 3
    key given twice, once with a tag
      head: judged
      base: policies/production.yaml:4:7: the key `allowed_windows` is already in this mapping, on line 3
    include
      head: judged
      base: policies/production.yaml:4:1: unknown key `include`
    extends
      head: judged
      base: policies/production.yaml:4:1: unknown key `extends`
    $ref
      head: judged
      base: policies/production.yaml:4:1: unknown key `$ref`
    !include of the whole
      head: judged
      base: policies/production.yaml:1:10: this is no policy; expected a mapping that begins with `version: 1`
    !include of a part
      head: judged
      base: policies/production.yaml:3:27: `allowed_windows`: "lax.yaml" is not of type "array"
    !!python/object/apply
      head: judged
      base: policies/production.yaml:1:33: this is no policy; expected a mapping that begins with `version: 1`
    !!python in a value
      head: judged
      base: policies/production.yaml:2:32: `timezone`: null is not of type "string"
    !!null for the rules
      head: judged
      base: judged
    merge key
      head: judged
      base: policies/production.yaml:1:1: unknown key `x`
    merge key in a window
      head: judged
      base: judged
    alias of itself
      head: judged
      base: policies/production.yaml:4:22: this alias stands for the collection it is in
    directive
      head: judged
      base: judged
    tag directive
      head: judged
      base: judged
    environment variable
      head: judged
      base: policies/production.yaml:3:28: while parsing a flow sequence, expected ',' or ']'
    template
      head: judged
      base: policies/production.yaml:3:28: expected a text as key
    ConfigMap with two policies
      head: judged
      base: policies/production.yaml:4:3: `b` and `a` both hold a policy; keep one
    another kind of object
      head: judged
      base: policies/production.yaml:1:7: an object of kind `List` is not a policy; expected `version: 1` and rules, `kind: ConfigMap` or `kind: AppProject`
    "#);
}

#[test]
fn neither_gits_own_files_nor_the_configuration_choose_the_policy() {
    let deploy = ["deploy", "--version", "1.4.2"];
    insta::assert_snapshot!(tried(&deploy, &steering()), @r#"
    .gitattributes
      head: judged
      base: judged
    .gitmodules
      head: judged
      base: judged
    configuration names another environment's policy
      head: judged
      base: judged by what it names
    configuration names a policy of its own
      head: judged
      base: judged by what it names
    configuration names a path outside
      head: shipgate.yaml:3:45: found `../lax.yaml`, expected a path inside the repository
      base: shipgate.yaml:3:45: found `../lax.yaml`, expected a path inside the repository
    configuration names an absolute path
      head: shipgate.yaml:3:45: found `/tmp/lax.yaml`, expected a path inside the repository
      base: shipgate.yaml:3:45: found `/tmp/lax.yaml`, expected a path inside the repository
    configuration names a path with a backslash
      head: judged
      base: found "policies\\staging.yaml", expected a path that stays inside its folder
    configuration names a path in other case
      head: judged
      base: policies/Staging.yaml: there is "policies/staging.yaml", which differs in upper and lower case only
    configuration names itself
      head: judged
      base: shipgate.yaml:3:3: `environments`: {"production":{"root":"clusters/prod","policy":"shipgate.yaml"}} is not of type "array"
    configuration is a link
      head: shipgate.yaml is or lies behind a symbolic link, expected a file
      base: shipgate.yaml is or lies behind a symbolic link, expected a file
    configuration renames the environment
      head: shipgate.yaml: unknown environment `production`
      base: judged
    configuration removed
      head: there is no `shipgate.yaml` at commit COMMIT of the repository
      base: judged
    "#);
}
