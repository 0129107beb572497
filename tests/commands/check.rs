//! `shipgate check` as a process: exit codes and sentences, whatever the machine's time zone is.

use std::{fs, path::Path};

use assert_cmd::Command;

/// Runs `shipgate check` in the repository's root; returns exit code, standard output and errors,
/// both without the line breaks that fit them to a screen.
fn check(arguments: &[&str], time_zone: Option<&str>) -> (i32, String, String) {
    let mut command = Command::cargo_bin("shipgate").unwrap();
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .arg("check")
        .args(arguments);
    if let Some(zone) = time_zone {
        command.env("TZ", zone);
    }
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn at(policy: &str, instant: &str) -> (i32, String) {
    let (code, stdout, _) = check(&["--policy", policy, "--at", instant], None);
    (code, stdout)
}

#[test]
fn the_configmap_decides_the_same_in_every_time_zone_of_the_machine() {
    let rows = [
        (
            "2025-11-04T08:00:00Z",
            0,
            "Tuesday 2025-11-04 03:00 EST is in the allowed window Mon-Thu 02:00-06:00 America/New_York; \
             closes Tue 2025-11-04 06:00 America/New_York (2025-11-04T11:00:00Z)",
        ),
        (
            "2025-11-04T12:00:00Z",
            10,
            "Tuesday 2025-11-04 07:00 EST is outside the allowed windows (Mon-Thu 02:00-06:00; \
             Fri 01:00-02:00 America/New_York); opens Wed 2025-11-05 02:00 America/New_York (2025-11-05T07:00:00Z)",
        ),
        (
            "2025-11-08T08:00:00Z",
            10,
            "Saturday 2025-11-08 03:00 EST is outside the allowed windows (Mon-Thu 02:00-06:00; \
             Fri 01:00-02:00 America/New_York); opens Mon 2025-11-10 02:00 America/New_York (2025-11-10T07:00:00Z)",
        ),
        (
            "2025-12-25T08:00:00Z",
            10,
            "Thursday 2025-12-25 03:00 EST is on the blocked date 2025-12-25 America/New_York; \
             opens Fri 2025-12-26 01:00 America/New_York (2025-12-26T06:00:00Z), with an approval",
        ),
        (
            "2025-11-07T01:30:00-05:00",
            11,
            "Friday 2025-11-07 01:30 EST needs an approval (Fri 01:00-02:00 America/New_York); \
             closes Fri 2025-11-07 02:00 America/New_York (2025-11-07T07:00:00Z)",
        ),
    ];
    for (instant, code, sentence) in rows {
        for zone in [None, Some("UTC"), Some("Asia/Tokyo")] {
            let arguments = ["--policy", "policies/configmap.yaml", "--at", instant];
            let (found, stdout, stderr) = check(&arguments, zone);
            assert_eq!(found, code, "{instant} {zone:?}: {stdout}{stderr}");
            assert!(stdout.contains(sentence), "{instant} {zone:?}: {stdout}");
        }
    }
}

#[test]
fn our_production_policy_decides() {
    let production = "policies/production.yaml";
    let (code, stdout) = at(production, "2025-11-04T08:00:00Z");
    assert_eq!(code, 0, "{stdout}");
    let (code, stdout) = at(production, "2025-11-27T08:00:00Z");
    assert_eq!(code, 10, "{stdout}");
    assert!(stdout.contains("\"Thanksgiving weekend\""), "{stdout}");
    let busy = [
        "--policy",
        production,
        "--at",
        "2025-11-04T08:00:00Z",
        "--traffic",
        "1500",
    ];
    let (code, stdout, _) = check(&busy, None);
    assert_eq!(code, 12, "{stdout}");
    assert!(
        stdout.contains("traffic is 1500 requests/s, above the maximum of 1000 requests/s"),
        "{stdout}"
    );
    let wrong = [
        "--policy",
        production,
        "--at",
        "2025-11-04T08:00:00Z",
        "--environment",
        "prod",
    ];
    let (code, stdout, _) = check(&wrong, None);
    assert_eq!(code, 3, "{stdout}");
    let right = [
        "--policy",
        production,
        "--at",
        "2025-11-04T08:00:00Z",
        "--environment",
        "production",
    ];
    assert_eq!(check(&right, None).0, 0);
}

#[test]
fn our_freeze_opens_when_it_is_over() {
    let (code, stdout) = at("policies/freeze.yaml", "2025-12-24T12:00:00Z");
    assert_eq!(code, 10);
    assert!(
        stdout.contains("opens Mon 2026-01-05 00:00 Europe/London (2026-01-05T00:00:00Z)"),
        "{stdout}"
    );
    assert_eq!(at("policies/freeze.yaml", "2025-12-18T12:00:00Z").0, 0);
}

#[test]
fn bad_flags_and_files_are_said_plainly() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = write(
        "good.yaml",
        b"version: 1\nblocked_windows: [{timezone: UTC}]\n",
    );
    let bad = write(
        "bad.yaml",
        b"version: 1\ntimezone: Europe/Lodon\nallowed_windows: [{days: [Mun]}]\n",
    );
    let traffic = write(
        "traffic.yaml",
        b"version: 1\ntraffic_threshold: {max_requests_per_second: 5}\n",
    );
    let latin = write("latin.yaml", b"version: 1 # \xe9\n");
    let large = write("large.yaml", &vec![b'#'; (2 << 20) + 1]);
    let missing = folder
        .path()
        .join("missing.yaml")
        .to_str()
        .unwrap()
        .to_owned();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).to_str().unwrap();
    let rows: [(&[&str], i32, &str); 12] = [
        (
            &["--policy", &bad],
            3,
            "bad.yaml:2:11: unknown time zone `Europe/Lodon`; did you mean `Europe/London`?",
        ),
        (
            &["--policy", &traffic],
            3,
            "traffic.yaml:2:20: the policy has a traffic_threshold, and nothing says how much traffic there is",
        ),
        (
            &["--policy", &traffic, "--traffic", "5"],
            0,
            "traffic is 5 requests/s, within the maximum of 5 requests/s",
        ),
        (&["--policy", &latin], 3, "latin.yaml: is not UTF-8 text"),
        (
            &["--policy", &large],
            3,
            "large.yaml: is larger than the limit of 2097152 bytes",
        ),
        (&["--policy", &missing], 3, "missing.yaml: cannot be read: "),
        (&["--policy", here], 3, "cannot be read: "),
        (
            &["--policy", &good, "--at", "2025-11-04"],
            2,
            "expected RFC 3339 with an offset, such as 2025-11-04T08:00:00Z",
        ),
        (
            &["--policy", &good, "--at", "2025-11-04T08:00:00"],
            2,
            "expected RFC 3339 with an offset",
        ),
        (
            &["--policy", &good, "--traffic", "NaN"],
            2,
            "found \"NaN\", expected a number of requests per second",
        ),
        (
            &["--policy", &good, "--version", "1 0"],
            2,
            "expected 1 to 63 characters",
        ),
        (
            &["--policy", &good, "--environment", ""],
            2,
            "--environment",
        ),
    ];
    for (arguments, code, sentence) in rows {
        let (found, stdout, stderr) = check(arguments, None);
        assert_eq!(found, code, "{arguments:?}: {stdout}{stderr}");
        let said = format!("{stdout}{stderr}");
        assert!(said.contains(sentence), "{arguments:?}: {said}");
    }
}
