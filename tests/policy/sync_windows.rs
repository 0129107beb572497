//! An Argo CD AppProject as a policy: the same answers as Argo CD gives, and slips are refused.

use chrono::{DateTime, Utc};
use shipgate::policy::{Action, Decision, Facts, Invoker, Policy, Request, Verdict, evaluate};

fn project(windows: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: shop}}\nspec:\n  \
         sourceRepos: ['*']\n  syncWindows:\n{windows}"
    )
}

fn asked(policy: &Policy, request: &Request, at: &str) -> Verdict {
    let now: DateTime<Utc> = at.parse().unwrap();
    let open = policy.timetable(request).is_open(now);
    let verdict = evaluate(policy, request, &Facts::default(), now);
    assert_eq!(open, verdict.decision == Decision::Allowed, "{at}");
    verdict
}

#[test]
fn argo_cd_gives_the_same_answers() {
    let table = include_str!("../../fixtures/argocd/can-sync.jsonl");
    let mut counted = [0; 3];
    for line in table.lines() {
        let mut row: serde_json::Value = serde_json::from_str(line).unwrap();
        let windows = row["syncWindows"].take();
        let project = serde_json::json!({"kind": "AppProject", "spec": {"syncWindows": windows}});
        let policy = Policy::parse(&project.to_string(), "project.yaml").unwrap();
        for case in row["cases"].as_array().unwrap() {
            let text = |index: usize| case[index].as_str().unwrap().to_owned();
            let may = |invoker| {
                let request = Request {
                    service: Some(text(1)),
                    namespace: Some(text(2)),
                    cluster: Some(text(3)),
                    invoker,
                    ..Request::new(Action::Deploy)
                };
                asked(&policy, &request, &text(0)).decision == Decision::Allowed
            };
            let found = match (may(Invoker::Automation), may(Invoker::User)) {
                (true, true) => "all",
                (false, true) => "manual",
                (false, false) => "none",
                (true, false) => "automatic",
            };
            assert_eq!(found, text(4), "{case} {windows}");
            let kind = ["all", "manual", "none"].iter().position(|it| *it == found);
            counted[kind.unwrap()] += 1;
        }
    }
    assert!(counted.iter().all(|count| *count > 50), "{counted:?}");
}

#[test]
fn a_verdict_names_the_window_and_what_it_says() {
    let policy = project(
        "  - {kind: allow, schedule: '0 22 * * 1-5', duration: 4h, timeZone: America/New_York, applications: ['*']}
  - kind: deny
    schedule: '0 0 24 12 *'
    duration: 72h
    timeZone: America/New_York
    applications: ['shop-*']
    manualSync: true
    syncOverrun: true
    description: |
      Christmas, ask
      the release team
",
    );
    let policy = Policy::parse(&policy, "project.yaml").unwrap();
    let row = |service: &str, invoker, at| {
        let request = Request {
            service: Some(service.to_owned()),
            invoker,
            ..Request::new(Action::Deploy)
        };
        let verdict = asked(&policy, &request, at);
        let mut lines = vec![format!(
            "{service} {invoker} {at}: {}",
            verdict.decision.word()
        )];
        for reason in &verdict.reasons {
            let line = reason.line.unwrap_or_default();
            lines.push(format!("  {}:{line} {}", reason.rule, reason.message));
        }
        let show = |at: Option<DateTime<chrono::FixedOffset>>| {
            at.map_or_else(|| "-".to_owned(), |at| at.to_rfc3339())
        };
        let (opens, closes) = (show(verdict.opens_at), show(verdict.closes_at));
        lines.push(format!("  opens {opens} closes {closes}"));
        lines.join("\n")
    };
    let (robot, person) = (Invoker::Automation, Invoker::User);
    insta::assert_snapshot!([
        row("shop-api", robot, "2026-11-24T03:30:00Z"),
        row("shop-api", robot, "2026-11-24T08:30:00Z"),
        row("shop-api", robot, "2026-12-25T03:30:00Z"),
        row("shop-api", person, "2026-12-25T12:00:00Z"),
        row("bank-api", robot, "2026-12-25T03:30:00Z"),
    ].join("\n"), @r"
    shop-api automation 2026-11-24T03:30:00Z: allowed
      spec.syncWindows[0]:7 Monday 2026-11-23 22:30 EST is in the allowed window 0 22 * * 1-5 for 4h America/New_York
      opens - closes 2026-11-24T02:00:00-05:00
    shop-api automation 2026-11-24T08:30:00Z: blocked
      allowed_windows:7 Tuesday 2026-11-24 03:30 EST is outside the allowed windows (0 22 * * 1-5 for 4h America/New_York)
      opens 2026-11-24T22:00:00-05:00 closes -
    shop-api automation 2026-12-25T03:30:00Z: blocked
      spec.syncWindows[1]:8 Thursday 2026-12-24 22:30 EST is in the blocked window 0 0 24 12 * for 3d America/New_York: Christmas, ask the release team
      spec.syncWindows[0]:7 Thursday 2026-12-24 22:30 EST is in the allowed window 0 22 * * 1-5 for 4h America/New_York
      opens 2026-12-28T22:00:00-05:00 closes -
    shop-api user 2026-12-25T12:00:00Z: allowed
      spec.syncWindows[1]:8 Friday 2026-12-25 07:00 EST is in the window 0 0 24 12 * for 3d America/New_York, which persons need not keep to (manualSync)
      opens - closes 2026-12-27T00:00:00-05:00
    bank-api automation 2026-12-25T03:30:00Z: allowed
      spec.syncWindows[0]:7 Thursday 2026-12-24 22:30 EST is in the allowed window 0 22 * * 1-5 for 4h America/New_York
      opens - closes 2026-12-25T02:00:00-05:00
    ");
}

#[test]
fn slips_in_sync_windows_are_refused_with_their_place() {
    let window = |slip: &str| {
        let mut keys = vec![
            ("kind", "allow"),
            ("schedule", "'0 22 * * *'"),
            ("duration", "1h"),
            ("applications", "['*']"),
        ];
        let (key, value) = slip.split_once(": ").unwrap();
        keys.retain(|(known, _)| *known != key);
        let mut keys: Vec<String> = keys
            .iter()
            .map(|(key, value)| format!("{key}: {value}"))
            .collect();
        if value != "ABSENT" {
            keys.push(slip.to_owned());
        }
        format!("  - {{{}}}\n", keys.join(", "))
    };
    let rows = [
        "kind: ABSENT",
        "kind: alow",
        "schedule: ABSENT",
        "schedule: '0 25 * * *'",
        "schedule: '0 0 30 2 *'",
        "schedule: '0 22 * * 1-7'",
        "schedule: '@daily'",
        "schedule: 'CRON_TZ=Asia/Tokyo 0 22 * * *'",
        "duration: ABSENT",
        "duration: 1d",
        "duration: 0s",
        "duration: -1h",
        "duration: 9000h",
        "duration: 8",
        "duration: 1.2.3h",
        "duration: ''",
        "timeZone: America/NewYork",
        "timeZone: Local",
        "applications: ABSENT",
        "applications: []",
        "applications: '*'",
        "applications: ['']",
        "applications: ['[^a]*']",
        "applications: ['{a']",
        "manualSync: 'true'",
        "manualsync: true",
        "sync_overrun: true",
    ];
    let mut shown = Vec::new();
    for row in rows {
        shown.push(row.to_owned());
        let findings = Policy::parse(&project(&window(row)), "project.yaml").unwrap_err();
        shown.extend(findings.iter().map(|finding| format!("  => {finding}")));
    }
    insta::assert_snapshot!(shown.join("\n"), @r#"
    kind: ABSENT
      => 7:5: the key `kind` is missing in `spec.syncWindows.0`
    kind: alow
      => 7:71: unknown value `alow`; did you mean `allow`?
    schedule: ABSENT
      => 7:5: the key `schedule` is missing in `spec.syncWindows.0`
    schedule: '0 25 * * *'
      => 7:64: the schedule `0 25 * * *`: `25` is not an hour; expected 0-23
    schedule: '0 0 30 2 *'
      => 7:64: the schedule `0 0 30 2 *` never comes: no month of it has such a day
    schedule: '0 22 * * 1-7'
      => 7:64: the day of week `1-7` has a 7, which Argo CD refuses; write 0 or SUN
    schedule: '@daily'
      => 7:64: the schedule `@daily` is a short name; for `@daily` write `0 0 * * *`
    schedule: 'CRON_TZ=Asia/Tokyo 0 22 * * *'
      => 7:64: the schedule `CRON_TZ=Asia/Tokyo 0 22 * * *` names a time zone or a variable; write the zone as `timeZone`
    duration: ABSENT
      => 7:5: the key `duration` is missing in `spec.syncWindows.0`
    duration: 1d
      => 7:74: `1d` is no duration; expected one such as 8h or 1h30m (there is no unit longer than h)
    duration: 0s
      => 7:74: the duration `0s` is not possible here; expected more than 0 and at most 8784h
    duration: -1h
      => 7:74: the duration `-1h` is not possible here; expected more than 0 and at most 8784h
    duration: 9000h
      => 7:74: the duration `9000h` is not possible here; expected more than 0 and at most 8784h
    duration: 8
      => 7:74: `spec.syncWindows.0.duration`: 8 is not of type "string"
    duration: 1.2.3h
      => 7:74: `1.2.3h` is no duration; expected one such as 8h or 1h30m (there is no unit longer than h)
    duration: ''
      => 7:74: `` is no duration; expected one such as 8h or 1h30m (there is no unit longer than h)
    timeZone: America/NewYork
      => 7:88: unknown time zone `America/NewYork`; did you mean `America/New_York`? (Argo CD takes UTC in its place and does not say so)
    timeZone: Local
      => 7:88: unknown time zone `Local`; expected an IANA name such as America/New_York (Argo CD takes UTC in its place and does not say so)
    applications: ABSENT
      => 7:5: this window is for no application, so Argo CD ignores it; write `applications`, `namespaces` or `clusters`, such as `applications: ["*"]`
    applications: []
      => 7:5: this window is for no application, so Argo CD ignores it; write `applications`, `namespaces` or `clusters`, such as `applications: ["*"]`
    applications: '*'
      => 7:71: `spec.syncWindows.0.applications`: "*" is not of type "array"
    applications: ['']
      => 7:72: expected a text that is not empty
    applications: ['[^a]*']
      => 7:72: the pattern `[^a]*` can be read in two ways; write `*`, `?`, `[ab]`, `[!ab]` and `{a,b}` alone, without `\`
    applications: ['{a']
      => 7:72: `{a` is no name or pattern: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
    manualSync: 'true'
      => 7:90: `spec.syncWindows.0.manualSync`: "true" is not of type "boolean"
    manualsync: true
      => 7:78: unknown key `manualsync`; did you mean `manualSync`?
    sync_overrun: true
      => 7:78: unknown key `sync_overrun`; did you mean `syncOverrun`?
    "#);
}

#[test]
fn a_project_without_sync_windows_is_no_policy() {
    let rows = [
        "kind: AppProject\nspec:\n  sourceRepos: ['*']\n",
        "kind: AppProject\nspec:\n  syncWindows: []\n",
        "kind: AppProject\nspec:\n  syncWindows: null\n",
        "kind: AppProject\nmetadata: {name: shop}\n",
        "kind: AppProject\nspec:\n  syncWindow: []\n",
        "kind: Application\nspec: {project: shop}\n",
        "kind: List\nitems:\n  - {kind: AppProject}\n",
        "kind: AppProjectList\nitems: []\n",
        "kind: AppProject\nspec: {}\n---\nkind: AppProject\nspec: {}\n",
    ];
    let mut shown = Vec::new();
    for text in rows {
        shown.push(text.trim_end().to_owned());
        let findings = Policy::parse(text, "project.yaml").unwrap_err();
        shown.extend(findings.iter().map(|finding| format!("  => {finding}")));
    }
    insta::assert_snapshot!(shown.join("\n"), @r"
    kind: AppProject
    spec:
      sourceRepos: ['*']
      => 3:3: this AppProject has no `syncWindows`, so it says nothing about when to deploy; Argo CD would let everything through
    kind: AppProject
    spec:
      syncWindows: []
      => 3:3: this AppProject has no `syncWindows`, so it says nothing about when to deploy; Argo CD would let everything through
    kind: AppProject
    spec:
      syncWindows: null
      => 3:3: this AppProject has no `syncWindows`, so it says nothing about when to deploy; Argo CD would let everything through
    kind: AppProject
    metadata: {name: shop}
      => 1:1: the key `spec` is missing in the file
    kind: AppProject
    spec:
      syncWindow: []
      => 3:3: this AppProject has no `syncWindows`, so it says nothing about when to deploy; Argo CD would let everything through
    kind: Application
    spec: {project: shop}
      => 1:7: an object of kind `Application` is not a policy; expected `version: 1` and rules, `kind: ConfigMap` or `kind: AppProject`
    kind: List
    items:
      - {kind: AppProject}
      => 1:7: a policy is one object, and this `List` holds 1 that could be one; write the one that counts into a file of its own: kubectl get appproject NAME --output yaml
    kind: AppProjectList
    items: []
      => 1:7: an object of kind `AppProjectList` is not a policy; expected `version: 1` and rules, `kind: ConfigMap` or `kind: AppProject`
    kind: AppProject
    spec: {}
    ---
    kind: AppProject
    spec: {}
      => 4:1: a second document begins here, expected one document
    ");
}
