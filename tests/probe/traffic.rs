//! How much traffic there is, as a policy asks for it: several series, old samples, dead targets.

use shipgate::{
    clock::ManualClock,
    ops::{
        check,
        gate::{self, TrafficQuestion},
    },
    policy::{Action, Facts, Policy, Request, evaluate},
};

use crate::{
    faults::{client, now},
    server::{Server, answer},
};

/// Series with these values, each that many seconds old.
fn series(values: &[(&str, i64)]) -> String {
    let series = values.iter().map(|(value, age)| {
        let at = now().timestamp() - age;
        format!(r#"{{"metric":{{}},"value":[{at},"{value}"]}}"#)
    });
    let series = series.collect::<Vec<_>>().join(",");
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#)
}

#[tokio::test]
async fn several_series_and_old_samples_mean_what_the_policy_says() {
    let two = [("30", 0), ("80", 60)];
    let rows: [(&str, &[(&str, i64)]); 14] = [
        ("", &[("80", 0)]),
        ("", &[("80", 300)]),
        ("", &[("80", 301)]),
        ("", &two),
        ("aggregate: sum", &two),
        ("aggregate: max", &two),
        ("aggregate: avg", &two),
        ("aggregate: min", &two),
        ("aggregate: sum, max_age: 30s", &two),
        ("aggregate: max", &[("30", 0), ("NaN", 0)]),
        ("aggregate: sum", &[("1e308", 0), ("1e308", 0)]),
        // A target that died: its series are gone, or the newest sample is of before.
        ("aggregate: sum", &[]),
        ("max_age: 1m", &[("0", 61)]),
        ("max_age: 1m, on_unavailable: warn", &[("0", 61)]),
    ];
    let mut lines = Vec::new();
    for (keys, values) in rows {
        let server = Server::always(answer(200, "", series(values)));
        let policy = format!(
            "version: 1\ntraffic_threshold: {{max_requests_per_second: 100, query: up, {keys}}}\n"
        );
        let policy = Policy::parse(&policy, "p.yaml").unwrap();
        let source = check::traffic_source(&policy, Action::Deploy, None, None, false).unwrap();
        let question = TrafficQuestion {
            prometheus: Some(server.url.clone()),
            ..TrafficQuestion::default()
        };
        let clock = ManualClock::at(now());
        let traffic = gate::traffic_fact(source, &question, None, &client(), &clock)
            .await
            .unwrap();
        let facts = Facts {
            traffic,
            ..Facts::default()
        };
        let verdict = evaluate(&policy, &Request::new(Action::Deploy), &facts, now());
        let reason = verdict
            .reasons
            .iter()
            .find(|reason| reason.rule == "traffic_threshold");
        let message = &reason.unwrap().message;
        lines.push(format!(
            "{keys} {values:?}\n  {}: {message}",
            verdict.decision.word()
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
     [("80", 0)]
      allowed: traffic is 80 requests/s, within the maximum of 100 requests/s
     [("80", 300)]
      allowed: traffic is 80 requests/s, within the maximum of 100 requests/s
     [("80", 301)]
      blocked: traffic is not known: stale: the sample is of 2026-01-05T11:54:59+00:00, 5m1s from the time asked for (the maximum is 100 requests/s)
     [("30", 0), ("80", 60)]
      blocked: traffic is not known: 2 series where one was wanted; aggregate them, for example with sum() (the maximum is 100 requests/s)
    aggregate: sum [("30", 0), ("80", 60)]
      blocked: traffic is 110 requests/s, above the maximum of 100 requests/s
    aggregate: max [("30", 0), ("80", 60)]
      allowed: traffic is 80 requests/s, within the maximum of 100 requests/s
    aggregate: avg [("30", 0), ("80", 60)]
      allowed: traffic is 55 requests/s, within the maximum of 100 requests/s
    aggregate: min [("30", 0), ("80", 60)]
      allowed: traffic is 30 requests/s, within the maximum of 100 requests/s
    aggregate: sum, max_age: 30s [("30", 0), ("80", 60)]
      blocked: traffic is not known: stale: the sample is of 2026-01-05T11:59:00+00:00, 1m from the time asked for (the maximum is 100 requests/s)
    aggregate: max [("30", 0), ("NaN", 0)]
      blocked: traffic is not known: NaN: nothing divided by nothing, often no traffic (the maximum is 100 requests/s)
    aggregate: sum [("1e308", 0), ("1e308", 0)]
      blocked: traffic is not known: infinite: the series together are more than a number can hold (the maximum is 100 requests/s)
    aggregate: sum []
      blocked: traffic is not known: no series: the query matches nothing (the maximum is 100 requests/s)
    max_age: 1m [("0", 61)]
      blocked: traffic is not known: stale: the sample is of 2026-01-05T11:58:59+00:00, 1m1s from the time asked for (the maximum is 100 requests/s)
    max_age: 1m, on_unavailable: warn [("0", 61)]
      warned: traffic is not known: stale: the sample is of 2026-01-05T11:58:59+00:00, 1m1s from the time asked for (the maximum is 100 requests/s); the policy only warns
    "#);
}
