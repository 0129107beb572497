//! `compare --from` asks a real Prometheus for what is long over: versions beside each other and at
//! different times, counters and histograms, with a restart and a query that matches nothing.

use std::fmt::Write;

use chrono::{DateTime, Utc};

use crate::{
    past::{compared, machine, summed_up},
    prometheus::Prometheus,
};

/// One version: from and until when in seconds of the story, requests a second, how many of each
/// hundred are bad and slow, and when it was restarted.
struct Life {
    version: &'static str,
    arm: &'static str,
    between: (i64, i64),
    pace: i64,
    bad: i64,
    slow: i64,
    restart: i64,
}

const BEGAN: &str = "2026-01-05T12:00:00Z";

/// The old version all along; a good canary and a bad one for the second hour; a bad version alone in
/// the third.
const LIVES: [Life; 4] = [
    Life {
        version: "1.0",
        arm: "stable",
        between: (0, 7_200),
        pace: 100,
        bad: 1,
        slow: 4,
        restart: 5_000,
    },
    Life {
        version: "1.1",
        arm: "canary",
        between: (3_600, 7_200),
        pace: 20,
        bad: 1,
        slow: 4,
        restart: i64::MAX,
    },
    Life {
        version: "1.2",
        arm: "canary",
        between: (3_600, 7_200),
        pace: 20,
        bad: 5,
        slow: 20,
        restart: i64::MAX,
    },
    Life {
        version: "2.0",
        arm: "stable",
        between: (7_200, 10_800),
        pace: 100,
        bad: 4,
        slow: 4,
        restart: i64::MAX,
    },
];

fn samples() -> String {
    let began = BEGAN.parse::<DateTime<Utc>>().unwrap().timestamp();
    let mut text = "# TYPE http_requests counter\n".to_owned();
    for life in &LIVES {
        for (status, share) in [(200, 100 - life.bad), (500, life.bad)] {
            series(
                &mut text,
                life,
                began,
                "http_requests_total",
                &format!("status=\"{status}\""),
                share,
            );
        }
    }
    text.push_str("# TYPE seconds histogram\n");
    for life in &LIVES {
        for (le, share) in [
            ("0.1", 90),
            ("0.5", 100 - life.slow),
            ("1", 100),
            ("+Inf", 100),
        ] {
            series(
                &mut text,
                life,
                began,
                "seconds_bucket",
                &format!("le=\"{le}\""),
                share,
            );
        }
    }
    text
}

fn series(text: &mut String, life: &Life, began: i64, name: &str, label: &str, share: i64) {
    let Life {
        version,
        arm,
        between: (from, until),
        pace,
        restart,
        ..
    } = life;
    for second in (*from..=*until).step_by(15) {
        let since = if second >= *restart { *restart } else { *from };
        let value = (second - since) * pace * share / 100;
        let at = began + second;
        writeln!(
            text,
            "{name}{{version=\"{version}\",arm=\"{arm}\",{label}}} {value} {at}"
        )
        .unwrap();
    }
}

const ERRORS: &str = r#"{name: errors, provider: prometheus, bad: 'http_requests_total{version="{{version}}",status=~"5.."}', total: 'http_requests_total{version="{{version}}"}'}"#;
const SLOW: &str = r#"{name: slow, provider: prometheus, histogram: 'seconds_bucket{version="{{version}}"}', slow_above: auto}"#;
const SLIP: &str = r#"{name: slip, provider: prometheus, bad: 'http_requests_total{version="{{version}}",code=~"5.."}', total: 'http_requests_total{version="{{version}}"}'}"#;
const REFUSED: &str = r#"{name: refused, provider: prometheus, bad: 'http_requests_total{version="{{version}}",status=~"("}', total: 'http_requests_total{version="{{version}}"}'}"#;
const BY_ARM: &str = r#"{name: errors, provider: prometheus, bad: 'http_requests_total{arm="{{arm}}",status=~"5.."}', total: 'http_requests_total{arm="{{arm}}"}'}"#;

#[test]
fn versions_of_a_real_prometheus_are_compared() {
    let Some(prometheus) = Prometheus::with_history(&samples()) else {
        return;
    };
    let now = "2026-01-05T15:00:00Z".parse().unwrap();
    let place = (prometheus.url.as_str(), now);
    let beside = [
        "--from",
        "2026-01-05T13:10:00Z",
        "--to",
        "2026-01-05T13:50:00Z",
    ];
    let alone = [
        "--from",
        "2026-01-05T14:00:00Z",
        "--to",
        "2026-01-05T14:40:00Z",
    ];
    let before = [
        "--stable-from",
        "2026-01-05T12:10:00Z",
        "--stable-to",
        "2026-01-05T12:50:00Z",
    ];
    let versions = |new, old| ["--version", new, "--stable-version", old];
    let rows: [(&[&str], Vec<&str>); 10] = [
        (&[ERRORS, SLOW], [versions("1.1", "1.0"), beside].concat()),
        (&[ERRORS, SLOW], [versions("1.2", "1.0"), beside].concat()),
        // What stable had before the canary began is held against nothing.
        (
            &[ERRORS, SLOW],
            [
                &versions("1.1", "1.0")[..],
                &[
                    "--from",
                    "2026-01-05T12:50:00Z",
                    "--to",
                    "2026-01-05T13:50:00Z",
                ],
            ]
            .concat(),
        ),
        (
            &[ERRORS, SLOW],
            [versions("2.0", "1.0"), alone, before].concat(),
        ),
        (
            &[ERRORS, SLOW],
            [versions("1.1", "1.0"), beside, before].concat(),
        ),
        (&[BY_ARM], [alone, before].concat()),
        // A history of one instant does not tell what is slow.
        (
            &[SLOW],
            [
                &versions("1.1", "1.0")[..],
                &[
                    "--from",
                    "2026-01-05T12:00:00Z",
                    "--to",
                    "2026-01-05T13:20:00Z",
                ],
            ]
            .concat(),
        ),
        // A slip of the pen is never good, and hides no other metric.
        (&[ERRORS, SLIP], [versions("1.1", "1.0"), beside].concat()),
        (
            &[ERRORS, REFUSED],
            [versions("1.1", "1.0"), beside].concat(),
        ),
        (
            &[ERRORS, SLIP, REFUSED],
            [versions("1.2", "1.0"), beside].concat(),
        ),
    ];
    let lines: Vec<String> = rows
        .iter()
        .map(|(metrics, arguments)| {
            let (code, report) = machine(place, metrics, arguments);
            summed_up(code, &report)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    0: good enough in errors, slow [errors=good 480.0/48000.0 to 2380.0/238000.0 in 80, slow=good 1920.0/48000.0 to 9520.0/238000.0 in 80]
    22: worse than tolerated in errors, slow [errors=worse 90.0/1800.0 to 90.0/9000.0 in 80, slow=worse 360.0/1800.0 to 360.0/9000.0 in 80] look at what the bad requests have in common
    0: good enough in errors, slow [errors=good 600.0/60000.0 to 3010.0/301000.0 in 101, slow=good 2400.0/60000.0 to 12040.0/301000.0 in 101]
    22: worse than tolerated in errors; good enough in slow [errors=worse 360.0/9000.0 to 90.0/9000.0 in 80, slow=good 9600.0/240000.0 to 9600.0/240000.0 in 80] look at what the bad requests have in common
    0: good enough in errors, slow [errors=good 480.0/48000.0 to 2400.0/240000.0 in 80, slow=good 1920.0/48000.0 to 9600.0/240000.0 in 80]
    22: worse than tolerated in errors [errors=worse 360.0/9000.0 to 90.0/9000.0 in 80] look at what the bad requests have in common
    21: slow has no usable number: `histogram` of stable: was seen only once in the hour before, which tells nothing of what is slow; `slow_above` may be a number [slow=inconclusive null/null to null/null in 0] run again when there is traffic, or verify for longer
    21: good enough in errors; slip has no usable number: `bad` matches nothing in either arm: is the query right? `absent_bad_is_zero: true` if there was never a bad one [errors=good 480.0/48000.0 to 2380.0/238000.0 in 80, slip=inconclusive null/null to null/null in 0] run again when there is traffic, or verify for longer
    20: good enough in errors; refused could not be measured: `bad` of canary: URL refused the query: bad_data: 1:35: parse error: error parsing regexp: missing closing ): `^(?:()$` [errors=good 480.0/48000.0 to 2380.0/238000.0 in 80, refused=error null/null to null/null in 0] run the same command again when the provider answers
    22: worse than tolerated in errors; slip has no usable number: `bad` matches nothing in either arm: is the query right? `absent_bad_is_zero: true` if there was never a bad one; refused could not be measured: `bad` of canary: URL refused the query: bad_data: 1:35: parse error: error parsing regexp: missing closing ): `^(?:()$` [errors=worse 90.0/1800.0 to 90.0/9000.0 in 80, slip=inconclusive null/null to null/null in 0, refused=error null/null to null/null in 0] look at what the bad requests have in common
    ");
    let late = [
        &versions("1.1", "1.0")[..],
        &[
            "--from",
            "2026-01-05T12:50:00Z",
            "--to",
            "2026-01-05T13:50:00Z",
        ],
    ];
    let (code, text) = compared(place, &[ERRORS], &late.concat());
    insta::assert_snapshot!(format!("{text}[{code}]"), @r"
    HEALTHY  good enough in errors

      errors  canary 1.00 % (600 of 60,000)  stable 1.00 % (3,010 of 301,000)  ratio 1.0× (95 % range 0.83–1.2×)
              over 99.99 % sure it is less than 2× worse — good enough
              no data for 19 of 120 polls: `total` matches nothing for canary: has it had a request?
    [0]
    ");
    let arguments = [versions("1.2", "1.0"), beside].concat();
    let (code, text) = compared(place, &[ERRORS, SLOW, SLIP], &arguments);
    insta::assert_snapshot!(format!("{text}[{code}]"), @r"
    UNHEALTHY  worse than tolerated in errors, slow; slip has no usable number: `bad` matches nothing in
               either arm: is the query right? `absent_bad_is_zero: true` if there was never a bad one

      exit code   22 unhealthy

    metrics
      verdict       metric  value     wanted                failed  detail
      inconclusive  slip    no value  at most 1.25× stable  0 of 0  has no usable number: `bad` matches
                                                                    nothing in either arm: is the query
                                                                    right? `absent_bad_is_zero: true`
                                                                    if there was never a bad one

    compared
      verdict  metric  arm     requests  bad  rate    95 % range  ratio, range
      worse    errors  canary  1,800     90   5.00 %  3.3–7.2 %   5.0×
                       stable  9,000     90   1.00 %  0.64–1.5 %  2.9–8.4×
      worse    slow    canary  1,800     360  20.0 %  16–24 %     5.0×
                       stable  9,000     360  4.00 %  3.2–4.9 %   3.8–6.6×

      errors  canary 5.00 % (90 of 1,800)  stable 1.00 % (90 of 9,000)  ratio 5.0× (95 % range 2.9–8.4×)
              99.96 % sure it is worse than the tolerated 1.25× (99.67 % needed) — worse
              decided at poll 3; 77 polls that follow were not judged

      slow  canary 20.0 % (360 of 1,800)  stable 4.00 % (360 of 9,000)  ratio 5.0× (95 % range 3.8–6.6×)
            99.96 % sure it is worse than the tolerated 1.25× (99.67 % needed) — worse
            decided at poll 3; 77 polls that follow were not judged

    next: look at what the bad requests have in common
    [22]
    ");
}
