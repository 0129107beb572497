//! Several services taken back in one run.

use crate::stage::Stage;

const TOGETHER: [&str; 3] = ["rollback", "--all", "--one-commit"];

fn deployed() -> Stage {
    let stage = Stage::start();
    let deploy = ["deploy", "--all", "--version", "2.0", "--one-commit"];
    stage.report(&deploy).expect(0);
    stage
}

fn gaps(stage: &Stage) -> usize {
    let audit = stage.report(&["history", "--audit"]).expect(0);
    audit.json()["audit"]["gaps"].as_array().unwrap().len()
}

#[test]
fn those_that_depend_on_others_go_back_first_and_each_to_its_own_version() {
    let stage = deployed();
    let first = stage.git.tip("main");
    let shown = stage.report(&["rollback", "--all", "--dry-run"]).expect(0);
    assert_eq!(shown.json()["services"].as_array().unwrap().len(), 3);
    assert_eq!(stage.git.tip("main"), first);
    let ran = stage.report(&["rollback", "--all"]).expect(0);
    assert_eq!(stage.versions(), ["1.0", "1.0", "1.0"]);
    assert_eq!(ran.json()["result"], "rolled-back");
    insta::assert_snapshot!(ran.ends(), @r"
    0 ok api: api 2.0 in production is taken back; 1.0 is live (asked for by hand)
    0 ok cart: cart 2.0 in production is taken back; 1.0 is live (asked for by hand)
    0 ok web: web 2.0 in production is taken back; 1.0 is live (asked for by hand)
    ");
    insta::assert_snapshot!(stage.subjects(&first).join("\n"), @r"
    web 2.0: values back to 1.0 (production)
    cart 2.0: values back to 1.0 (production)
    api 2.0: values back to 1.0 (production)
    ");
    let again = stage.report(&["rollback", "--all"]).expect(0);
    assert_eq!(
        again.json()["reason"],
        "all 3 services ended well, 3 of them had nothing to do"
    );
    let named = stage.report(&["rollback", "--service", "web=2.0,cart=3.0"]);
    insta::assert_snapshot!(named.expect(0).ends(), @r"
    0 ok web: web 2.0 in production is live and verified
    0 ok cart: cart 3.0 in production is live and verified
    ");
    assert_eq!(stage.versions(), ["2.0", "3.0", "1.0"]);
    assert_eq!(gaps(&stage), 0);
}

#[test]
fn all_of_them_go_back_in_one_commit() {
    let stage = deployed();
    let first = stage.git.tip("main");
    stage.report(&TOGETHER).expect(0);
    assert_eq!(stage.versions(), ["1.0", "1.0", "1.0"]);
    assert_eq!(
        stage.subjects(&first),
        ["api back to 1.0, cart back to 1.0 and 1 more (production)"]
    );
    assert_eq!(gaps(&stage), 0);
}

#[test]
fn one_that_cannot_go_back_keeps_all_of_them() {
    let stage = deployed();
    let path = "clusters/prod/cart.yaml";
    let text = stage.git.git(&["show", &format!("main:{path}")]);
    stage
        .git
        .others_commit(path, &format!("{}\n", text.replace(":2.0", ":9.9")));
    let first = stage.git.tip("main");
    let ran = stage.report(&TOGETHER).expect(43);
    insta::assert_snapshot!(ran.ends(), @r"
    14 not-begun api: api 2.0 in production could not be taken back: nothing was pushed: all services go in one commit, and `cart` ended as 43 superseded
    43 superseded cart: clusters/prod/cart.yaml:11: spec.template.spec.containers[name=app].image of Deployment/cart is `registry.example/cart:9.9` now, not `registry.example/cart:1.0` or `registry.example/cart:2.0`; someone else changed it; no workload with pods or users has 2.0 on branch `main`
    14 not-begun web: web 2.0 in production could not be taken back: nothing was pushed: all services go in one commit, and `cart` ended as 43 superseded
    ");
    assert_eq!(stage.git.tip("main"), first);
    // Where the others are to go back all the same, they do.
    stage
        .report(&[&TOGETHER[..], &["--keep-going"]].concat())
        .expect(14);
    assert_eq!(
        stage.subjects(&first),
        ["api back to 1.0, web back to 1.0 (production)"]
    );
    assert_eq!(stage.versions(), ["1.0", "9.9", "1.0"]);
}

/// Takes its time for the branch.
const SLOW: &str =
    r#"case "$1" in refs/heads/main) touch "$GIT_DIR/begun"; sleep 1;; esac; exit 0"#;

#[test]
fn after_a_kill_in_the_one_push_recover_ends_all_of_them() {
    let stage = deployed();
    stage.git.hook("update", SLOW);
    let mut child = stage
        .command(&TOGETHER)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !stage.git.repository.join("begun").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    stage.git.hook("update", "exit 0");
    stage.report(&["recover", "--all"]).expect(0);
    assert_eq!(stage.versions(), ["1.0", "1.0", "1.0"]);
    assert_eq!(gaps(&stage), 0);
}

#[test]
fn what_makes_no_sense_is_refused_before_anything() {
    let stage = Stage::start();
    let first = stage.git.tip("main");
    stage.file("changed.txt", "# what was changed\nweb\nshop=1.0\n");
    let rows: &[(&[&str], i32)] = &[
        (&["--all", "--progressive", "--one-commit"], 2),
        (&["--service", "web=1.0", "--progressive"], 2),
        (&["--service", "web=1.0,web"], 2),
        (&["--service-list", "changed.txt"], 3),
    ];
    let mut said = String::new();
    for (arguments, code) in rows {
        let ran = stage
            .run(&[&["rollback"], *arguments].concat())
            .expect(*code);
        let line = ran.stdout.lines().chain(ran.stderr.lines()).next();
        said.push_str(&format!("{}\n", line.unwrap()));
    }
    insta::assert_snapshot!(said, @r"
    error: the argument '--progressive' cannot be used with '--one-commit'
    ERROR  --progressive goes back to what ran before, and a version is named
    ERROR  `web` is named twice
    UNKNOWN NAME  changed.txt:3: unknown service `shop`; known: api, cart, web
    ");
    assert_eq!(stage.git.tip("main"), first);
}
