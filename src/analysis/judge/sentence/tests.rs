//! What comparisons of every outcome say.

use super::{
    super::{ComparisonVerdict, Judge, burst},
    *,
};

fn arm(text: &str) -> Counts {
    let (bad, total) = text.split_once('/').unwrap();
    Counts::new(total.parse().unwrap(), bad.parse().unwrap()).unwrap()
}

fn of(text: &str) -> Poll {
    let (canary, stable) = text.split_once(' ').unwrap();
    Poll {
        canary: arm(canary),
        stable: arm(stable),
    }
}

/// Each poll `BAD/TOTAL BAD/TOTAL`; the range and the forecast as given.
fn said(
    parameters: Parameters,
    polls: &[&str],
    ratio: (f64, f64),
    forecast: Option<f64>,
) -> String {
    let mut judge = Judge::new(parameters).unwrap();
    for poll in polls {
        judge.push(of(poll));
    }
    let forecast = forecast.map(|requests| Forecast {
        requests,
        towards: ComparisonVerdict::Worse,
    });
    let range = Interval {
        low: ratio.0,
        high: ratio.1,
    };
    let evaluation = judge.evaluate();
    sentences(
        "errors",
        &parameters,
        Stable::Beside,
        judge.sum(),
        &evaluation,
        range,
        forecast.as_ref(),
    )
    .join("\n")
}

#[test]
fn totals() {
    let fixed = Parameters {
        dispersion: Dispersion::Fixed(1.0),
        ..Parameters::default()
    }
    .one_look();
    let auto = Parameters::default().one_look();
    let limit = Parameters {
        against: Against::Rate(0.001),
        ..fixed
    };
    let margin = Parameters {
        tolerated_margin: 0.002,
        ..fixed
    };
    let none = (0.0, f64::INFINITY);
    let rows = [
        said(
            fixed,
            &["45/5000 380/95000"],
            (1.231, 3.786),
            Some(23_446.0),
        ),
        said(auto, &["45/5000 380/95000"], (1.231, 3.786), None),
        said(fixed, &["90/5000 380/95000"], (3.1, 6.4), None),
        said(fixed, &["27/30000 570/570000"], (0.4, 1.6), None),
        said(fixed, &["0/5000 0/95000"], none, None),
        said(fixed, &["2/100 0/1900"], (3.01, f64::INFINITY), Some(800.0)),
        said(fixed, &["2/10 8/1900"], (3.01, f64::INFINITY), Some(800.0)),
        said(fixed, &["0/0 3/1000"], none, None),
        said(fixed, &["3/200 0/0"], none, None),
        said(fixed, &["1/1000 19/19000"], (0.01, 8.0), None),
        said(limit, &["12/5000 0/0"], none, None),
        said(limit, &["6/5000 0/0"], none, None),
        said(limit, &["0/12000 0/0"], none, None),
        said(margin, &["90/5000 380/95000"], (3.1, 6.4), None),
    ];
    insta::assert_snapshot!(rows.join("\n\n"), @r"
    errors  canary 0.90 % (45 of 5,000)  stable 0.40 % (380 of 95,000)  ratio 2.2× (95 % range 1.2–3.8×)
    98.7 % sure it is worse than the tolerated 1.25× (99 % needed) — undecided; about 20,000 more requests expected to decide

    errors  canary 0.90 % (45 of 5,000)  stable 0.40 % (380 of 95,000)  ratio 2.2× (95 % range 1.2–3.8×)
    92.4 % sure it is worse than the tolerated 1.25× (99 % needed) — undecided
    one interval tells nothing of bursts: the dispersion is taken to be 1.5

    errors  canary 1.80 % (90 of 5,000)  stable 0.40 % (380 of 95,000)  ratio 4.5× (95 % range 3.1–6.4×)
    over 99.99 % sure it is worse than the tolerated 1.25× (99 % needed) — worse

    errors  canary 0.090 % (27 of 30,000)  stable 0.10 % (570 of 570,000)  ratio 0.90× (95 % range 0.40–1.6×)
    over 99.99 % sure it is less than 2× worse — good enough

    errors  canary 0 % (0 of 5,000)  stable 0 % (0 of 95,000)  ratio unknown
    96.2 % sure it is less than 2× worse or below the negligible 0.1 % — good enough

    errors  canary 2.00 % (2 of 100)  stable 0 % (0 of 1,900)  ratio unknown (95 % range over 3.0×)
    94.6 % sure it is worse than the tolerated 1.25× and than the negligible 0.1 % (99 % needed) — undecided; about 800 more requests expected to decide

    errors  canary 20.0 % (2 of 10)  stable 0.42 % (8 of 1,900)  ratio 48× (95 % range over 3.0×)
    97 % sure it is worse than the tolerated 1.25× (99 % needed) — undecided; about 800 more requests expected to decide

    errors  canary no requests  stable 0.30 % (3 of 1,000)  ratio unknown
    no requests of the canary — no verdict

    errors  canary 1.50 % (3 of 200)  stable no requests  ratio unknown
    no requests of stable — nothing to compare with

    errors  canary 0.10 % (1 of 1,000)  stable 0.10 % (19 of 19,000)  ratio 1.0× (95 % range 0.010–8.0×)
    nothing speaks for worse or for good yet — undecided

    errors  canary 0.24 % (12 of 5,000)  95 % range 0.061–0.62 %  limit 0.1 %
    89.6 % sure it is above the limit of 0.1 % (99 % needed) — undecided

    errors  canary 0.12 % (6 of 5,000)  95 % range 0.014–0.42 %  limit 0.1 %
    nothing speaks for worse or for good yet — undecided

    errors  canary 0 % (0 of 12,000)  95 % range 0–0.069 %  limit 0.1 %
    over 99.99 % sure it is below the limit of 0.1 % — good enough

    errors  canary 1.80 % (90 of 5,000)  stable 0.40 % (380 of 95,000)  ratio 4.5× (95 % range 3.1–6.4×)
    over 99.99 % sure it is worse than the tolerated 1.25× and 0.2 points more (99 % needed) — worse
    ");
}

#[test]
fn polls() {
    let three = Parameters {
        dispersion: Dispersion::Fixed(1.0),
        max_polls: 3,
        soak_polls: 2,
        restart_polls: 0,
        ..Parameters::default()
    };
    let soak = Parameters {
        soak_polls: 5,
        max_polls: 60,
        ..three
    };
    let auto = Parameters {
        dispersion: Dispersion::Auto,
        ..soak
    };
    let poll = "3/500 38/9500";
    let rows = [
        said(three, &[poll, poll], (0.5, 3.1), Some(9_000.0)),
        said(three, &[poll, poll], (0.5, 3.1), Some(90_000.0)),
        said(three, &[poll, poll, poll], (0.5, 6.3), None),
        said(three, &[poll, "9/500 38/9500", poll], (0.5, 6.3), None),
        said(
            soak,
            &["5/5000 950/95000", "5/5000 950/95000"],
            (0.05, 0.3),
            None,
        ),
        said(
            auto,
            &[poll, "30/500 38/9500", "0/500 38/9500"],
            (0.5, 9.0),
            None,
        ),
    ];
    let calm = of(poll);
    let bad = of("30/500 38/9500");
    let not_yet = ComparisonVerdict::NotYet;
    let bursts = [
        burst(&auto, &[calm, bad, calm], not_yet),
        burst(&auto, &[calm, bad, bad], not_yet),
        burst(&auto, &[bad, bad, bad], not_yet),
        burst(&auto, &[calm, bad, calm], ComparisonVerdict::Worse),
        burst(&auto, &[calm, calm], not_yet),
    ];
    insta::assert_snapshot!(format!("{bursts:#?}"), @r#"
    [
        Some(
            "bad burst in 1 of 3 polls (30 bad in poll 2); one poll cannot decide",
        ),
        Some(
            "bad burst in 2 of 3 polls (first 30 bad in poll 2); one poll cannot decide",
        ),
        None,
        None,
        None,
    ]
    "#);
    insta::assert_snapshot!(rows.join("\n\n"), @r"
    errors  canary 0.60 % (6 of 1,000)  stable 0.40 % (76 of 19,000)  ratio 1.5× (95 % range 0.50–3.1×)
    nothing speaks for worse or for good yet — keep polling; about 9,000 more requests (≈ 1 poll) expected to decide

    errors  canary 0.60 % (6 of 1,000)  stable 0.40 % (76 of 19,000)  ratio 1.5× (95 % range 0.50–3.1×)
    nothing speaks for worse or for good yet — keep polling

    errors  canary 0.60 % (9 of 1,500)  stable 0.40 % (114 of 28,500)  ratio 1.5× (95 % range 0.50–6.3×)
    undecided at the deadline: nothing speaks for worse or for good yet; could only exclude more than 6.3×

    errors  canary 1.00 % (15 of 1,500)  stable 0.40 % (114 of 28,500)  ratio 2.5× (95 % range 0.50–6.3×)
    undecided at the deadline: 60.8 % sure it is worse than the tolerated 1.25× (99 % needed); could only exclude more than 6.3×

    errors  canary 0.10 % (10 of 10,000)  stable 1.00 % (1,900 of 190,000)  ratio 0.10× (95 % range 0.050–0.30×)
    98 % sure it is less than 2× worse (95 % needed), but good is said from poll 5 on (this is 2) — keep polling

    errors  canary 2.20 % (33 of 1,500)  stable 0.40 % (114 of 28,500)  ratio 5.5× (95 % range 0.50–9.0×)
    62 % sure it is worse than the tolerated 1.25× (99 % needed) — keep polling
    errors come in clusters: the evidence is divided by a dispersion of 6.5
    ");
}
