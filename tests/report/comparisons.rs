//! Comparisons of two arms in the sinks for people.

use crate::support::{ended, written};
use shipgate::{
    analysis::judge::{Against, Counts, Dispersion, Parameters, Poll},
    event::{MetricRecord, Outcome},
    ops::compare::{self, Comparison},
    report::{Timeline, markdown, text::Text},
};

fn counts(text: &str) -> Counts {
    let (bad, total) = text.split_once('/').unwrap();
    Counts::new(total.parse().unwrap(), bad.parse().unwrap()).unwrap()
}

/// One metric of one look.
fn metric(name: &str, against: Against, canary: &str, stable: &str) -> MetricRecord {
    let parameters = Parameters {
        against,
        dispersion: Dispersion::Fixed(1.0),
        ..Parameters::default()
    };
    compare::judge(&Comparison {
        name: name.to_owned(),
        parameters: parameters.one_look(),
        polls: vec![Poll {
            canary: counts(canary),
            stable: counts(stable),
        }],
    })
    .unwrap()
}

fn several() -> Outcome {
    let limit = Against::Rate(0.01);
    compare::outcome(vec![
        metric("errors", Against::Stable, "45/5000", "380/95000"),
        metric("slow", Against::Stable, "900/5000", "3800/95000"),
        metric("errors-slo", limit, "10/5000", "0/0"),
        metric("logins", Against::Stable, "0/0", "3/1000"),
        metric("a|b [c](d)", Against::Stable, "2/100", "0/1900"),
    ])
}

#[test]
fn several_comparisons_are_a_table_and_sentences() {
    let outcome = several();
    let text = written(
        |buffer| Box::new(Text::new(buffer, false)),
        &ended("compare", &outcome),
    );
    insta::assert_snapshot!(text, @r"
    UNHEALTHY  worse than tolerated in slow; undecided in errors, logins, a|b [c](d); good enough in
               errors-slo

      exit code   22 unhealthy

    compared
      verdict  metric      arm     requests  bad    rate    95 % range    ratio, range
      not-yet  errors      canary  5,000     45     0.90 %  0.47–1.6 %    2.2×
                           stable  95,000    380    0.40 %  0.31–0.50 %   1.2–3.8×
      worse    slow        canary  5,000     900    18.0 %  15–21 %       4.5×
                           stable  95,000    3,800  4.00 %  3.7–4.3 %     3.8–5.2×
      good     errors-slo  canary  5,000     10     0.20 %  0.043–0.56 %
      not-yet  logins      canary  0         0
                           stable  1,000     3      0.30 %  0.012–1.5 %   anything
      not-yet  a|b [c](d)  canary  100       2      2.00 %  0.047–11 %
                           stable  1,900     0      0 %     0–0.39 %      over 3.0×

      errors  canary 0.90 % (45 of 5,000)  stable 0.40 % (380 of 95,000)  ratio 2.2× (95 % range 1.2–3.8×)
              98.7 % sure it is worse than the tolerated 1.25× (99 % needed) — undecided; about 5,000
              more requests expected to decide

      slow  canary 18.0 % (900 of 5,000)  stable 4.00 % (3,800 of 95,000)  ratio 4.5× (95 % range 3.8–5.2×)
            over 99.99 % sure it is worse than the tolerated 1.25× (99 % needed) — worse

      errors-slo  canary 0.20 % (10 of 5,000)  95 % range 0.043–0.56 %  limit 1 %
                  over 99.99 % sure it is below the limit of 1 % — good enough

      logins  canary no requests  stable 0.30 % (3 of 1,000)  ratio unknown
              no requests of the canary — no verdict

      a|b [c](d)  canary 2.00 % (2 of 100)  stable 0 % (0 of 1,900)  ratio unknown (95 % range over 3.0×)
                  94.6 % sure it is worse than the tolerated 1.25× and than the negligible 0.1 % (99 %
                  needed) — undecided

    next: look at what the bad requests have in common

    UNHEALTHY  worse than tolerated in slow; undecided in errors, logins, a|b [c](d); good enough in
               errors-slo
    ");
}

#[test]
fn the_job_summary_has_figures_and_judgement() {
    let outcome = several();
    insta::assert_snapshot!(markdown::render(&ended("compare", &outcome), &Timeline::default()), @r"
    > [!CAUTION]
    > **UNHEALTHY** worse than tolerated in slow; undecided in errors, logins, a\|b \[c\](d); good enough in errors-slo

    `compare` ended with exit code 22, unhealthy
    - next: look at what the bad requests have in common

    #### Compared

    | metric | verdict | figures | judgement |
    | --- | --- | --- | --- |
    | errors | not-yet | canary 0.90 % (45 of 5,000), stable 0.40 % (380 of 95,000), ratio 2.2× (95 % range 1.2–3.8×) | 98.7 % sure it is worse than the tolerated 1.25× (99 % needed) — undecided; about 5,000 more requests expected to decide |
    | slow | worse | canary 18.0 % (900 of 5,000), stable 4.00 % (3,800 of 95,000), ratio 4.5× (95 % range 3.8–5.2×) | over 99.99 % sure it is worse than the tolerated 1.25× (99 % needed) — worse |
    | errors-slo | good | canary 0.20 % (10 of 5,000), 95 % range 0.043–0.56 %, limit 1 % | over 99.99 % sure it is below the limit of 1 % — good enough |
    | logins | not-yet | canary no requests, stable 0.30 % (3 of 1,000), ratio unknown | no requests of the canary — no verdict |
    | a\|b \[c\](d) | not-yet | canary 2.00 % (2 of 100), stable 0 % (0 of 1,900), ratio unknown (95 % range over 3.0×) | 94.6 % sure it is worse than the tolerated 1.25× and than the negligible 0.1 % (99 % needed) — undecided |
    ");
}
