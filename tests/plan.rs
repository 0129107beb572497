//! `plan` as a user calls it: what it tells is what `deploy` then does, and it writes nothing.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use shipgate::{
    cli::{self, Context},
    clock::{Clock, ManualClock},
    sim::{Scenario, World, WorldOptions},
};
use tempfile::TempDir;

const STABLE: &str = "clusters/prod/advertisements.yaml";
const POLICY: &str = "policies/production.yaml";
const CONFIG: &str = "shipgate.yaml";

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A world to plan for, and an empty folder to start in.
struct Stage {
    folder: TempDir,
    here: TempDir,
    clock: Arc<ManualClock>,
    world: World,
}

struct Answer {
    code: u8,
    out: String,
    errors: String,
}

impl Answer {
    fn report(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}\n{}", self.out, self.errors))
    }

    /// The end in one line, with what stands in the way besides.
    fn line(&self) -> String {
        let report = self.report();
        let hints: Vec<&str> = report["hints"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .filter(|hint| hint.starts_with("once it lets through"))
            .collect();
        format!(
            "{} {}: {} [{} commits, {} refusals]{}",
            self.code,
            report["reason_code"].as_str().unwrap(),
            report["reason"].as_str().unwrap(),
            report["plan"]["commits"].as_array().map_or(0, Vec::len),
            report["refusals"].as_array().unwrap().len(),
            hints
                .iter()
                .map(|hint| format!("\n    {hint}"))
                .collect::<String>(),
        )
    }
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at("2026-03-10T10:00:00Z".parse().unwrap()));
        let time: Arc<dyn Clock> = clock.clone();
        let options = WorldOptions::new(Scenario::Healthy, time, folder.path().to_owned());
        Self {
            world: World::start(options).unwrap(),
            here: tempfile::tempdir().unwrap(),
            folder,
            clock,
        }
    }

    fn edit(&self, path: &str, change: impl FnOnce(String) -> String) {
        let text = String::from_utf8(self.world.read(path).unwrap().unwrap()).unwrap();
        let changed = change(text.clone());
        assert_ne!(text, changed, "{path}");
        self.world
            .write(path, changed.as_bytes(), "robin: something else")
            .unwrap();
    }

    fn run(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Answer {
        let mut environment: BTreeMap<String, String> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        environment.insert("SHIPGATE_TOKEN".to_owned(), self.world.token().to_owned());
        environment.insert("USER".to_owned(), "alex".to_owned());
        let (stdout, stderr) = (Sink::default(), Sink::default());
        let context = Context {
            environment,
            clock: self.clock.clone(),
            stdout: Box::new(stdout.clone()),
            stderr: Box::new(stderr.clone()),
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            listens_to_signals: false,
            folder: self.here.path().to_owned(),
        };
        let arguments = ["shipgate"].iter().chain(arguments);
        let code = cli::run(arguments.map(Into::into), context);
        Answer {
            code,
            out: stdout.text(),
            errors: stderr.text(),
        }
    }

    /// Runs a command about version 1.1 in the world's repository, with its report as JSON.
    fn about(&self, command: &str, more: &[&str]) -> Answer {
        let address = self.world.git_url();
        let usual = [command, "--repository", &address, "--version", "1.1"];
        self.run(&[], &[&usual[..], &["--output", "json"], more].concat())
    }

    /// Every file of the remote and of the folder that commands are started in, with its bytes.
    fn everything(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for folder in [&self.folder, &self.here] {
            collect(folder.path(), &mut files);
        }
        files
    }

    /// What differs from run to run, by a name.
    fn named(&self, text: &str) -> String {
        let tip = self.world.tip().unwrap();
        text.replace(&tip, "TIP")
            .replace(&tip[..12], "TIP")
            .replace(self.world.base_url(), "WORLD")
            .lines()
            .map(|line| {
                let hides = ["run         ", "Shipgate-Run: ", "Shipgate-Policy: "];
                match hides.iter().find(|it| line.trim_start().starts_with(**it)) {
                    Some(it) => format!("{}{it}…\n", &line[..line.len() - line.trim_start().len()]),
                    None if line.trim_start().starts_with("policy") => {
                        "  policy      …\n".to_owned()
                    }
                    None => format!("{line}\n"),
                }
            })
            .collect()
    }
}

fn collect(folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.insert(path.display().to_string(), Vec::new());
            collect(&path, files);
        } else {
            files.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
}

#[test]
fn it_shows_everything_and_writes_nothing() {
    let stage = Stage::new();
    let before = stage.everything();
    let address = stage.world.git_url();
    let plan = ["plan", "--repository", &address, "--version", "1.1"];
    let over_http = stage.run(&[], &plan);
    assert_eq!(over_http.code, 0, "{}", over_http.errors);
    let path = stage.folder.path().join("gitops.git").display().to_string();
    let plan = ["plan", "--repository", &path, "--version", "1.1"];
    assert_eq!(stage.run(&[], &plan).code, 0);
    let json = stage.about("plan", &["--timeout", "2h", "--drill"]);
    assert_eq!(json.code, 0);
    assert_eq!(json.report()["plan"]["longest_seconds"], 7200);
    assert!(stage.everything() == before, "something was written");
    insta::assert_snapshot!(stage.named(&over_http.out), @r#"
    ALLOWED  11 steps are planned; dry run: nothing was pushed

      closes      Tuesday 2026-03-10 17:00 UTC, in 7h: the window Mon-Thu 09:00-17:00 UTC ends
      because     allows  Tuesday 2026-03-10 10:00 UTC is in the allowed window Mon-Thu 09:00-17:00 UTC
                          (allowed_windows[0], line 5)
      judged at   Tuesday 2026-03-10 10:00 UTC
      policy      …

    changes
      clusters/prod/advertisements-canary.yaml  Deployment/advertisements-canary
        11:33   metadata.labels["tags.datadoghq.com/version"]  1.0 -> 1.1
        25:37   spec.template.metadata.labels["tags.datadoghq.com/version"]  1.0 -> 1.1
        29:18   spec.template.spec.containers[name=advertisements].image
                  registry.example/shop/advertisements:1.0 -> registry.example/shop/advertisements:1.1
        34:41   spec.template.spec.containers[name=advertisements].env[name=DD_VERSION].value
                  1.0 -> 1.1
      clusters/prod/advertisements.yaml  Deployment/advertisements
        12:33   metadata.labels["tags.datadoghq.com/version"]  1.0 -> 1.1
        26:37   spec.template.metadata.labels["tags.datadoghq.com/version"]  1.0 -> 1.1
        31:18   spec.template.spec.containers[name=advertisements].image
                  registry.example/shop/advertisements:1.0 -> registry.example/shop/advertisements:1.1
        38:22   spec.template.spec.containers[name=advertisements].env[name=DD_VERSION].value
                  1.0 -> 1.1

      service     advertisements in production, 1.0 -> 1.1, canary
      branch      main, on TIP
      run         …
      preflight   passed: 8 values in 2 files can be set, and nothing else changes with them (values)
                  passed: 2 metrics and 1 health check can be asked about stable and canary (queries)
                  not asked: whether it may push is asked by `deploy` before its first push; a plan
                  needs no more than to read (push)
      takes       at least 8m; what is not judged good after 31m54s is taken back
      ends        advertisements 1.1 in production is live and verified on `main` (exit code 0 ok)

    steps
      #   step                                                    weight  begins  takes      way back
      1   Deployment/advertisements-canary to 1.1 with 1 replica  0%      +0s     up to 2m   A
      2   wait until canary runs 1.1                              0%      +0s     up to 10m  A
      3   canary weight 10%                                       10%     +0s     up to 2m   A
      4   watch canary for 3m                                     10%     +0s     3m         A
      5   canary weight 50%                                       50%     +3m     up to 2m   A
      6   watch canary for 3m                                     50%     +3m     3m         A
      7   promote: Deployment/advertisements to 1.1               50%     +6m     up to 2m   B
      8   wait until stable runs 1.1                              50%     +6m     up to 10m  B
      9   watch stable for 2m                                     50%     +6m     2m         B
      10  canary weight 0%                                        0%      +8m     up to 2m   C
      11  canary to 0 replicas                                    0%      +8m     up to 2m   C

    way back
      A  canary weight to what it was; then version and replicas to what they were; then wait until the
         canary no longer runs the new version
      B  canary weight to what it was; then version and replicas to what they were; then wait until
         stable runs the previous version; then wait until the canary no longer runs the new version
      C  nothing is taken back: it is judged good by then, and the same deploy again does what is left

    commit 1 of 6  step 1 of 11
      advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)

      clusters/prod/advertisements-canary.yaml:11: metadata.labels["tags.datadoghq.com/version"] 1.0 -> 1.1
      clusters/prod/advertisements-canary.yaml:13: spec.replicas 0 -> 1
      clusters/prod/advertisements-canary.yaml:25: spec.template.metadata.labels["tags.datadoghq.com/version"] 1.0 -> 1.1
      clusters/prod/advertisements-canary.yaml:29: spec.template.spec.containers[name=advertisements].image registry.example/shop/advertisements:1.0 -> registry.example/shop/advertisements:1.1
      clusters/prod/advertisements-canary.yaml:34: spec.template.spec.containers[name=advertisements].env[name=DD_VERSION].value 1.0 -> 1.1

      Shipgate-Run: …
      Shipgate-Service: advertisements
      Shipgate-Environment: production
      Shipgate-Version: 1.1
      Shipgate-Previous-Version: 1.0
      Shipgate-Strategy: canary
      Shipgate-Step: 1/11
      Shipgate-Weight: 0
      Shipgate-State: started
      Shipgate-Base: TIP
      Shipgate-Actor: alex
      Shipgate-Policy: …

      --- a/clusters/prod/advertisements-canary.yaml
      +++ b/clusters/prod/advertisements-canary.yaml
      @@ -8,9 +8,9 @@
           app: advertisements
           tags.datadoghq.com/env: production
           tags.datadoghq.com/service: advertisements
      -    tags.datadoghq.com/version: "1.0"
      +    tags.datadoghq.com/version: "1.1"
       spec:
      -  replicas: 0   # kept at 0 between deployments
      +  replicas: 1   # kept at 0 between deployments
         selector:
           matchLabels:
             app: advertisements
      @@ -22,16 +22,16 @@
               track: canary
               tags.datadoghq.com/env: production
               tags.datadoghq.com/service: advertisements
      -        tags.datadoghq.com/version: "1.0"
      +        tags.datadoghq.com/version: "1.1"
           spec:
             containers:
               - name: advertisements
      -          image: "registry.example/shop/advertisements:1.0"
      +          image: "registry.example/shop/advertisements:1.1"
                 ports:
                   - {name: http, containerPort: 8080}
                 env:
                   - {name: DD_ENV, value: production}
      -            - {name: DD_VERSION, value: "1.0"}
      +            - {name: DD_VERSION, value: "1.1"}
                 readinessProbe:
                   httpGet: {path: /health, port: http}
       ---

    commit 2 of 6  step 3 of 11
      advertisements 1.1: canary weight 10% (production)

      clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] 0 -> 10

      Shipgate-Step: 3/11
      Shipgate-Weight: 10
      Shipgate-State: advanced
      … and 9 lines as in the commits before

      --- a/clusters/prod/advertisements-canary.yaml
      +++ b/clusters/prod/advertisements-canary.yaml
      @@ -54,7 +54,7 @@
         namespace: shop
         annotations:
           nginx.ingress.kubernetes.io/canary: "true"
      -    nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests
      +    nginx.ingress.kubernetes.io/canary-weight: "10"   # percent of the requests
       spec:
         ingressClassName: nginx
         rules:

    commit 3 of 6  step 5 of 11
      advertisements 1.1: canary weight 50% (production)

      clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] 10 -> 50

      Shipgate-Step: 5/11
      Shipgate-Weight: 50
      … and 10 lines as in the commits before

      --- a/clusters/prod/advertisements-canary.yaml
      +++ b/clusters/prod/advertisements-canary.yaml
      @@ -54,7 +54,7 @@
         namespace: shop
         annotations:
           nginx.ingress.kubernetes.io/canary: "true"
      -    nginx.ingress.kubernetes.io/canary-weight: "10"   # percent of the requests
      +    nginx.ingress.kubernetes.io/canary-weight: "50"   # percent of the requests
       spec:
         ingressClassName: nginx
         rules:

    commit 4 of 6  step 7 of 11
      advertisements 1.1: promote: Deployment/advertisements to 1.1 (production)

      clusters/prod/advertisements.yaml:12: metadata.labels["tags.datadoghq.com/version"] 1.0 -> 1.1
      clusters/prod/advertisements.yaml:26: spec.template.metadata.labels["tags.datadoghq.com/version"] 1.0 -> 1.1
      clusters/prod/advertisements.yaml:31: spec.template.spec.containers[name=advertisements].image registry.example/shop/advertisements:1.0 -> registry.example/shop/advertisements:1.1
      clusters/prod/advertisements.yaml:38: spec.template.spec.containers[name=advertisements].env[name=DD_VERSION].value 1.0 -> 1.1

      Shipgate-Step: 7/11
      Shipgate-State: promoted
      … and 10 lines as in the commits before

      --- a/clusters/prod/advertisements.yaml
      +++ b/clusters/prod/advertisements.yaml
      @@ -9,7 +9,7 @@
           app: advertisements
           tags.datadoghq.com/env: production
           tags.datadoghq.com/service: advertisements
      -    tags.datadoghq.com/version: "1.0"      # read by the Datadog agent
      +    tags.datadoghq.com/version: "1.1"      # read by the Datadog agent
       spec:
         replicas: 3
         selector:
      @@ -23,19 +23,19 @@
               track: stable
               tags.datadoghq.com/env: production
               tags.datadoghq.com/service: advertisements
      -        tags.datadoghq.com/version: "1.0"
      +        tags.datadoghq.com/version: "1.1"
           spec:
             containers:
               - name: advertisements
                 # The tag is the only thing that a deployment changes here.
      -          image: registry.example/shop/advertisements:1.0
      +          image: registry.example/shop/advertisements:1.1
                 ports:
                   - {name: http, containerPort: 8080}
                 env:
                   - name: DD_ENV
                     value: production
                   - name: DD_VERSION
      -              value: '1.0'
      +              value: '1.1'
                   - name: GREETING
                     value: "version 1.0 is only a text here"
                 readinessProbe:

    commit 5 of 6  step 10 of 11
      advertisements 1.1: canary weight 0% (production)

      clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] 50 -> 0

      Shipgate-Step: 10/11
      … and 11 lines as in the commits before

      --- a/clusters/prod/advertisements-canary.yaml
      +++ b/clusters/prod/advertisements-canary.yaml
      @@ -54,7 +54,7 @@
         namespace: shop
         annotations:
           nginx.ingress.kubernetes.io/canary: "true"
      -    nginx.ingress.kubernetes.io/canary-weight: "50"   # percent of the requests
      +    nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests
       spec:
         ingressClassName: nginx
         rules:

    commit 6 of 6  step 11 of 11
      advertisements 1.1: canary to 0 replicas (production)

      clusters/prod/advertisements-canary.yaml:13: spec.replicas 1 -> 0

      Shipgate-Step: 11/11
      … and 11 lines as in the commits before

      --- a/clusters/prod/advertisements-canary.yaml
      +++ b/clusters/prod/advertisements-canary.yaml
      @@ -10,7 +10,7 @@
           tags.datadoghq.com/service: advertisements
           tags.datadoghq.com/version: "1.1"
       spec:
      -  replicas: 1   # kept at 0 between deployments
      +  replicas: 0   # kept at 0 between deployments
         selector:
           matchLabels:
             app: advertisements

    ALLOWED  11 steps are planned; dry run: nothing was pushed
    "#);
}

#[test]
fn what_it_tells_is_what_a_deployment_then_does() {
    let stage = Stage::new();
    let plan = stage.about("plan", &[]).report();
    let dry_run = stage.about("deploy", &["--dry-run"]).report();
    assert_eq!(plan["plan"], dry_run["plan"]);
    assert_eq!(plan["diff"], dry_run["diff"]);
    let deployed = stage.about("deploy", &[]);
    let report = deployed.report();
    assert_eq!(deployed.code, 0, "{}", deployed.errors);
    let planned = plan["plan"]["commits"].as_array().unwrap();
    let messages: Vec<&str> = planned
        .iter()
        .map(|commit| commit["message"].as_str().unwrap())
        .collect();
    let log = stage.world.log().unwrap();
    let mut made: Vec<String> = log
        .iter()
        .filter(|line| line.body.contains("Shipgate-Run: "))
        .map(|line| format!("{}\n\n{}", line.subject, line.body.trim_start()))
        .collect();
    made.reverse();
    let trimmed = |text: &str| text.trim_end().to_owned();
    let made: Vec<String> = made.iter().map(|text| trimmed(text)).collect();
    let messages: Vec<String> = messages.iter().map(|text| trimmed(text)).collect();
    assert_eq!(messages, made);
    assert_eq!(plan["changes"], report["changes"]);
    assert_eq!(plan["files_changed"], report["files_changed"]);
    let names = |steps: &Value| -> Vec<String> {
        let steps = steps.as_array().unwrap().iter();
        steps
            .map(|step| format!("{} {} {}", step["index"], step["name"], step["weight"]))
            .collect()
    };
    assert_eq!(
        names(&plan["plan"]["steps"]),
        names(&report["deployment"]["steps"])
    );
    assert_eq!(plan["plan"]["run"], report["deployment"]["run"]);
    let end = &plan["plan"]["end"];
    assert_eq!(end["result"], report["result"]);
    assert_eq!(end["exit_code"], deployed.code);
    let took = |name: &str| {
        let text = report["deployment"][name].as_str().unwrap();
        chrono::DateTime::parse_from_rfc3339(text)
            .unwrap()
            .timestamp()
    };
    let took = took("finished_at") - took("started_at");
    let bounds =
        ["shortest_seconds", "longest_seconds"].map(|key| plan["plan"][key].as_i64().unwrap());
    assert!(
        bounds[0] <= took && took <= bounds[1],
        "{took} is not in {bounds:?}"
    );
    // Once more there is nothing to do.
    insta::assert_snapshot!(stage.about("plan", &[]).line(), @"0 ok: advertisements 1.1 is in production already; nothing to do [0 commits, 0 refusals]");
}

#[test]
fn it_ends_as_the_gate_does_and_still_shows_what_would_come() {
    type Row<'a> = (&'a str, u8, fn(&Stage), &'a [&'a str]);
    let nothing: fn(&Stage) = |_| {};
    let blocked: fn(&Stage) = |stage| {
        stage.edit(POLICY, |text| {
            format!("{text}blocked_dates: [2026-03-10]\n")
        });
    };
    let refused: fn(&Stage) = |stage| {
        stage.edit(STABLE, |text| text.replace("image: ", "image: other/"));
    };
    let rows: &[Row<'_>] = &[
        ("let through", 0, nothing, &[]),
        ("a blocked date", 10, blocked, &[]),
        (
            "an approval is missing",
            11,
            |stage| {
                stage.edit(POLICY, |_| {
                    "version: 1\ntimezone: UTC\nallowed_windows: [{hours: '09:00-16:00', approval_required: true}]\n"
                        .to_owned()
                });
            },
            &[],
        ),
        (
            "too much traffic",
            12,
            |stage| {
                stage.edit(POLICY, |_| {
                    "version: 1\ntimezone: UTC\ntraffic_threshold: {max_requests_per_second: 100}\n".to_owned()
                });
            },
            &["--traffic", "5000"],
        ),
        (
            "a freeze",
            14,
            |stage| {
                let text = b"reason: stock-taking\n";
                stage
                    .world
                    .write("policies/FREEZE", text, "freeze")
                    .unwrap();
            },
            &[],
        ),
        ("a refused edit", 30, refused, &[]),
        (
            "a refused edit on a blocked date",
            10,
            |stage| {
                stage.edit(POLICY, |text| {
                    format!("{text}blocked_dates: [2026-03-10]\n")
                });
                stage.edit(STABLE, |text| text.replace("image: ", "image: other/"));
            },
            &[],
        ),
        (
            "an invalid configuration",
            3,
            |stage| stage.edit(CONFIG, |text| text.replace("services:", "servicse:")),
            &[],
        ),
        (
            "an unknown service",
            3,
            nothing,
            &["--service", "advertisments"],
        ),
        (
            "a provider that does not answer",
            20,
            |stage| {
                stage.edit(CONFIG, |text| {
                    let (head, rest) = text.split_once("prometheus: {url: ").unwrap();
                    let (_, tail) = rest.split_once('}').unwrap();
                    format!("{head}prometheus: {{url: \"http://127.0.0.1:9\"}}{tail}")
                });
            },
            &[],
        ),
    ];
    let mut lines = String::new();
    for (name, code, change, more) in rows {
        let stage = Stage::new();
        change(&stage);
        let before = stage.everything();
        let answer = stage.about("plan", more);
        assert!(
            stage.everything() == before,
            "{name}: something was written"
        );
        assert_eq!(answer.code, *code, "{name}: {}", answer.out);
        let dry = stage.about("deploy", &[&["--dry-run"], *more].concat());
        assert_eq!(answer.line(), dry.line(), "{name}");
        lines.push_str(&stage.named(&format!("{name}: {}\n", answer.line())));
    }
    insta::assert_snapshot!(lines, @r"
    let through: 0 ok: 11 steps are planned; dry run: nothing was pushed [6 commits, 0 refusals]
    a blocked date: 10 blocked-date: Tuesday 2026-03-10 10:00 UTC is on the blocked date 2026-03-10 UTC; opens Wed 2026-03-11 09:00 UTC (2026-03-11T09:00:00Z) [6 commits, 0 refusals]
    an approval is missing: 11 approval-required: Tuesday 2026-03-10 10:00 UTC needs an approval (every day 09:00-16:00 UTC); closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z) [6 commits, 0 refusals]
    too much traffic: 12 blocked-traffic: traffic is 5000 requests/s, above the maximum of 100 requests/s [6 commits, 0 refusals]
    a freeze: 14 freeze: frozen by policies/FREEZE: stock-taking [6 commits, 0 refusals]
    a refused edit: 30 edit-refused: clusters/prod/advertisements.yaml:3: no container of Deployment/advertisements runs the image `registry.example/shop/advertisements`; found `other/registry.example/shop/advertisements:1.0` [0 commits, 1 refusals]
    a refused edit on a blocked date: 10 blocked-date: Tuesday 2026-03-10 10:00 UTC is on the blocked date 2026-03-10 UTC; opens Wed 2026-03-11 09:00 UTC (2026-03-11T09:00:00Z) [0 commits, 1 refusals]
        once it lets through, this stands in the way: clusters/prod/advertisements.yaml:3: no container of Deployment/advertisements runs the image `registry.example/shop/advertisements`; found `other/registry.example/shop/advertisements:1.0`
    an invalid configuration: 3 config-invalid: shipgate.yaml:2:1: the key `services` is missing in the file [0 commits, 0 refusals]
    an unknown service: 3 config-invalid: shipgate.yaml: unknown service `advertisments`; did you mean `advertisements`? [0 commits, 0 refusals]
    a provider that does not answer: 20 unavailable: before anything was changed: error_ratio could not be measured: http://127.0.0.1:9 did not answer: tcp connect error: Connection refused (stable) [0 commits, 0 refusals]
    ");
}

#[test]
fn a_pause_for_an_approval_is_where_it_ends_first() {
    let stage = Stage::new();
    stage.edit(CONFIG, |text| {
        let (head, rest) = text.split_once("        steps:\n").unwrap();
        let (_, tail) = rest.split_once("        bake_time:").unwrap();
        let steps = "          - set_weight: 10\n          - pause: {}\n          - set_weight: 50\n          - pause: {duration: 10m}\n";
        format!("{head}        steps:\n{steps}        bake_time:{tail}")
    });
    let ends = |stage: &Stage| {
        let plan = stage.about("plan", &[]).report();
        let end = &plan["plan"]["end"];
        let done = plan["plan"]["steps"].as_array().unwrap().iter();
        let done = done.filter(|step| step["is_done"] == true).count();
        format!(
            "{} steps done, {} commits left; {} at {}: {}",
            done,
            plan["plan"]["commits"].as_array().unwrap().len(),
            end["exit_code"],
            end["after_seconds"],
            end["sentence"].as_str().unwrap()
        )
    };
    let first = ends(&stage);
    let held = stage.about("deploy", &[]);
    assert_eq!(held.code, 42, "{}", held.errors);
    let then = ends(&stage);
    insta::assert_snapshot!(format!("{first}\n{then}"), @r"
    0 steps done, 6 commits left; 42 at 0: advertisements 1.1 in production is held at step 4 of 11 with 10% of the traffic on the canary, until the same deploy is run again
    4 steps done, 4 commits left; 0 at 720: advertisements 1.1 in production is live and verified on `main`
    ");
}

#[test]
fn github_gets_it_as_a_summary() {
    let stage = Stage::new();
    let summary = stage.here.path().join("summary.md");
    let summary = summary.display().to_string();
    let address = stage.world.git_url();
    let answer = stage.run(
        &[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_STEP_SUMMARY", &summary),
        ],
        &["plan", "--repository", &address, "--version", "1.1"],
    );
    assert_eq!(answer.code, 0, "{}", answer.errors);
    let text = stage.named(&fs::read_to_string(summary).unwrap());
    let shown: String = text
        .lines()
        .take_while(|line| !line.contains("Changes"))
        .filter(|line| !line.contains("Judged at"))
        .map(|line| format!("{line}\n"))
        .collect();
    insta::assert_snapshot!(shown, @r"
    0 steps done, 6 commits left; 42 at 0: advertisements 1.1 in production is held at step 4 of 11 with 10% of the traffic on the canary, until the same deploy is run again
    4 steps done, 4 commits left; 0 at 720: advertisements 1.1 in production is live and verified on `main`
    ");
}

#[test]
fn the_schema_knows_what_it_prints() {
    let stage = Stage::new();
    let schema = stage.run(&[], &["schema", "report"]);
    let schema: Value = serde_json::from_str(&schema.out).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let report = stage.about("plan", &[]).report();
    let wrong: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}
