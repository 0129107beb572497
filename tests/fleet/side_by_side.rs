//! A commit for each service.

use crate::stage::Stage;

#[test]
fn what_others_depend_on_goes_first_and_each_has_its_own_version() {
    let stage = Stage::start();
    let first = stage.git.tip("main");
    let ran = stage.report(&[
        "deploy",
        "--service",
        "web=3.0,cart,api",
        "--version",
        "2.0",
    ]);
    let ran = ran.expect(0);
    assert_eq!(stage.versions(), ["3.0", "2.0", "2.0"]);
    assert_eq!(
        stage.subjects(&first),
        [
            "api 2.0: Deployment/api to 2.0 (production)",
            "cart 2.0: Deployment/cart to 2.0 (production)",
            "web 3.0: Deployment/web to 3.0 (production)",
        ]
    );
    insta::assert_snapshot!(ran.ends(), @r"
    0 ok web: web 3.0 in production is live and verified
    0 ok cart: cart 2.0 in production is live and verified
    0 ok api: api 2.0 in production is live and verified
    ");
    let report = ran.json();
    assert_eq!(report["result"], "deployed");
    assert_eq!(report["reason"], "all 3 services ended well");
    assert!(report["deployment"].is_null(), "each has its own");
    assert_eq!(report["services"][0]["deployment"]["version"], "3.0");
    // Again, and whatever is unfinished is finished: nothing is.
    let again = [
        "deploy",
        "--service",
        "web=3.0,cart,api",
        "--version",
        "2.0",
    ];
    insta::assert_snapshot!(stage.run(&again).expect(0).said(), @r"
    NO CHANGE  all 3 services ended well, 3 of them had nothing to do

    services
      code  result     service  version  why
         0  no-change  web      3.0      web 3.0 is in production already; nothing to do
         0  no-change  cart     2.0      cart 2.0 is in production already; nothing to do
         0  no-change  api      2.0      api 2.0 is in production already; nothing to do
    ");
    let recovered = stage.report(&["recover", "--all"]).expect(0);
    assert_eq!(
        recovered.json()["reason"],
        "all 3 services ended well, 3 of them had nothing to do"
    );
    let audit = stage.report(&["history", "--audit"]).expect(0);
    assert_eq!(audit.json()["audit"]["gaps"].as_array().unwrap().len(), 0);
}

#[test]
fn after_one_that_fails_no_other_is_begun() {
    let stage = Stage::start();
    let first = stage.git.tip("main");
    let ran = stage
        .report(&["deploy", "--all", "--version", "6.6"])
        .expect(40);
    insta::assert_snapshot!(ran.ends(), @r"
    40 rolled-back api: api 6.6 in production was taken back, 1.0 is live again: answers answered with status 500, wanted status 200 to 299 (1 of 1 measurement)
    14 dependency-failed cart: cart was not begun: it depends on `api`, which ended as 40 rolled-back
    14 dependency-failed web: web was not begun: it depends on `cart`, which was not begun
    ");
    assert_eq!(stage.versions(), ["1.0", "1.0", "1.0"]);
    assert_eq!(
        stage.subjects(&first).len(),
        2,
        "there and back, of one service"
    );
    // Those that do not depend on it are begun all the same, where that is wished.
    let ran = stage.run(&[
        "deploy",
        "--service",
        "api=6.7,web=2.0,cart=6.6",
        "--keep-going",
        "--max-parallel",
        "1",
    ]);
    insta::assert_snapshot!(ran.expect(40).said(), @r"
    ROLLED BACK  2 of 3 services did not end well (web, cart); cart: cart 6.6 in production was taken
                 back, 1.0 is live again: answers answered with status 500, wanted status 200 to 299 (1
                 of 1 measurement)

    services
      code  result       service  version  why
         0  deployed     api      6.7      api 6.7 in production is live and verified
        14  blocked      web      2.0      web was not begun: it depends on `cart`, which ended as 40 rolled-back
        40  rolled-back  cart     6.6      cart 6.6 in production was taken back, 1.0 is live again: answers answered with status 500, wanted status 200 to 299 (1 of 1 measurement)
    ");
    assert_eq!(stage.versions(), ["1.0", "1.0", "6.7"]);
}

#[test]
fn what_is_not_said_or_said_twice_is_refused_before_anything() {
    let stage = Stage::start();
    let first = stage.git.tip("main");
    let rows: &[(&[&str], i32)] = &[
        (&["--service", "web,cart=2.0"], 2),
        (&["--all"], 2),
        (&["--service", "web=2.0,web=3.0"], 2),
        (&["--service", "web=-,cart", "--version", "2.0"], 2),
        (&["--service", "web,shop", "--version", "2.0"], 3),
        (
            &[
                "--service",
                "web,cart",
                "--version",
                "2.0",
                "--max-parallel",
                "0",
            ],
            2,
        ),
        (
            &[
                "--all",
                "--version",
                "2.0",
                "--one-commit",
                "--max-parallel",
                "2",
            ],
            2,
        ),
    ];
    let mut said = String::new();
    for (arguments, code) in rows {
        let ran = stage.run(&[&["deploy"], *arguments].concat()).expect(*code);
        let line = ran.stdout.lines().chain(ran.stderr.lines()).next();
        said.push_str(&format!("{}\n", line.unwrap()));
    }
    insta::assert_snapshot!(said, @r#"
    ERROR  which version of `web` to deploy is not said
    error: the following required arguments were not provided:
    ERROR  `web` is named twice
    ERROR  --service web=-: found "-", expected 1 to 63 characters of A-Z a-z 0-9 . _ - that begin and
    UNKNOWN NAME  shipgate.yaml: unknown service `shop`; known: api, cart, web
    error: invalid value '0' for '--max-parallel <N>': number would be zero for non-zero type
    error: the argument '--one-commit' cannot be used with '--max-parallel <N>'
    "#);
    for command in ["recover", "check"] {
        let versioned = stage.run(&[command, "--service", "web=1.1"]).expect(2);
        let line = versioned.stdout.lines().next().unwrap();
        let wanted = format!("ERROR  --service: found `web=1.1`, and `{command}` takes no version");
        assert_eq!(line, wanted);
    }
    assert_eq!(stage.git.tip("main"), first);
}

#[test]
fn a_plan_of_several_shows_all_and_changes_nothing() {
    let stage = Stage::start();
    let first = stage.git.tip("main");
    let ran = stage
        .report(&["plan", "--all", "--version", "2.0"])
        .expect(0);
    insta::assert_snapshot!(ran.ends(), @r"
    0 ok api: 3 steps are planned; dry run: nothing was pushed
    0 ok cart: 3 steps are planned; dry run: nothing was pushed
    0 ok web: 3 steps are planned; dry run: nothing was pushed
    ");
    assert!(ran.json()["services"][2]["plan"]["steps"].is_array());
    assert_eq!(stage.git.tip("main"), first);
}
