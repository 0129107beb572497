//! `plan` as a user calls it: what it tells is what `deploy` then does, and it writes nothing.

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
                let hides = [
                    "run         ",
                    "Shipgate-Run: ",
                    "Shipgate-Policy: ",
                    "- run: ",
                ];
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
fn a_file_that_another_environment_has_too_is_changed_with_leave_only() {
    const ONE: &str = "  production: {branch: main, root: clusters/prod}\n";
    const SHARED: &str = "    image: registry.example/shop/advertisements\n";
    let staging = |staging: &str| format!("{ONE}  staging: {staging}\n");
    let same = "{branch: main, root: clusters/prod}";
    let rows = [
        (same, ""),
        ("{root: clusters/prod}", ""),
        (
            "{branch: main, root: clusters/prod/}",
            "    shared: false\n",
        ),
        (same, "    shared: true\n"),
        ("{branch: main, root: clusters/staging}", ""),
        ("{branch: staging, root: clusters/prod}", ""),
    ];
    let told = rows.map(|(environment, leave)| {
        let stage = Stage::new();
        stage.edit(CONFIG, |text| {
            text.replace(ONE, &staging(environment))
                .replace(SHARED, &format!("{SHARED}{leave}"))
        });
        let end = stage.about("plan", &["--environment", "production"]);
        let report = end.report();
        let hints = report["hints"].as_array().unwrap().iter();
        let hints = hints.filter(|_| end.code != 0).filter_map(Value::as_str);
        let hints: String = hints.map(|hint| format!("\n    {hint}")).collect();
        let title = format!("{environment} {}", leave.trim());
        format!("{}\n  {}{hints}", title.trim_end(), end.line())
    });
    insta::assert_snapshot!(told.join("\n"), @r"
    {branch: main, root: clusters/prod}
      30 edit-refused: clusters/prod/advertisements-canary.yaml:11: `manifests` of advertisements match this file in staging too, so what is deployed to production is deployed to both; expected a file of each environment [0 commits, 2 refusals]
        give each environment a `root` of its own and write `{root}` into `manifests`, or, where one file is meant for both, `shared: true` into the service
    {root: clusters/prod}
      30 edit-refused: clusters/prod/advertisements-canary.yaml:11: `manifests` of advertisements match this file in staging too, so what is deployed to production is deployed to both; expected a file of each environment [0 commits, 2 refusals]
        give each environment a `root` of its own and write `{root}` into `manifests`, or, where one file is meant for both, `shared: true` into the service
    {branch: main, root: clusters/prod/} shared: false
      30 edit-refused: clusters/prod/advertisements-canary.yaml:11: `manifests` of advertisements match this file in staging too, so what is deployed to production is deployed to both; expected a file of each environment [0 commits, 2 refusals]
        give each environment a `root` of its own and write `{root}` into `manifests`, or, where one file is meant for both, `shared: true` into the service
    {branch: main, root: clusters/prod} shared: true
      0 ok: 11 steps are planned; dry run: nothing was pushed [6 commits, 0 refusals]
    {branch: main, root: clusters/staging}
      0 ok: 11 steps are planned; dry run: nothing was pushed [6 commits, 0 refusals]
    {branch: staging, root: clusters/prod}
      0 ok: 11 steps are planned; dry run: nothing was pushed [6 commits, 0 refusals]
    ");
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
    let drill = stage.about("plan", &["--drill"]);
    assert_eq!(drill.code, 14, "no owner has said `drills: true`");
    let json = stage.about("plan", &["--timeout", "2h"]);
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
      3   canary weight 10%                                       10%     +0s     up to 2m   B
      4   watch canary for 3m                                     10%     +0s     3m         B
      5   canary weight 50%                                       50%     +3m     up to 2m   B
      6   watch canary for 3m                                     50%     +3m     3m         B
      7   promote: Deployment/advertisements to 1.1               50%     +6m     up to 2m   C
      8   wait until stable runs 1.1                              50%     +6m     up to 10m  C
      9   watch stable for 2m                                     50%     +6m     2m         C
      10  canary weight 0%                                        0%      +8m     up to 2m   D
      11  canary to 0 replicas                                    0%      +8m     up to 2m   D

    way back
      A  version and replicas to what they were; then wait until the canary no longer runs the new
         version; then wait until the previous version is healthy
      B  canary weight to what it was; then version and replicas to what they were; then wait until the
         canary no longer runs the new version; then wait until the previous version is healthy
      C  canary weight to what it was; then version and replicas to what they were; then wait until
         stable runs the previous version; then wait until the canary no longer runs the new version;
         then wait until the previous version is healthy
      D  nothing is taken back: it is judged good by then, and the same deploy again does what is left

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
    an invalid configuration: 3 config-invalid: shipgate.yaml:7:1: unknown key `servicse`; did you mean `services`? [0 commits, 0 refusals]
    an unknown service: 3 unknown-name: shipgate.yaml: unknown service `advertisments`; did you mean `advertisements`? [0 commits, 0 refusals]
    a provider that does not answer: 20 unavailable: before anything was changed: shipgate.yaml:36:11: latency_p95 could not be measured: http://127.0.0.1:9 did not answer: tcp connect error: Connection refused (stable) [0 commits, 0 refusals]
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
    0 steps done, 6 commits left; 42 at 0: advertisements 1.1 in production is held at step 4 of 11 with 10% of the traffic on the canary, until a person has approved it
    3 steps done, 4 commits left; 42 at 0: advertisements 1.1 in production is held at step 4 of 11 with 10% of the traffic on the canary, until a person has approved it
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
    > [!NOTE]
    > **ALLOWED** 11 steps are planned; dry run: nothing was pushed

    - service: advertisements in production, 1.0 -&gt; 1.1, canary
    - branch: main, on TIP
    - run: …
    - preflight: passed: 8 values in 2 files can be set, and nothing else changes with them (values)
    - preflight: passed: 2 metrics and 1 health check can be asked about stable and canary (queries)
    - preflight: not asked: whether it may push is asked by \`deploy\` before its first push; a plan needs no more than to read (push)
    - takes: at least 8m; what is not judged good after 31m54s is taken back
    - ends: advertisements 1.1 in production is live and verified on \`main\` (exit code 0 ok)

    `plan` ended with exit code 0, ok

    #### Gate

    | effect | reason | rule |
    | --- | --- | --- |
    | allows | Tuesday 2026-03-10 10:00 UTC is in the allowed window Mon-Thu 09:00-17:00 UTC | allowed\_windows\[0\], line 5 |


    #### Planned steps

    | # | step | weight | begins | takes | way back |
    | --- | --- | --- | --- | --- | --- |
    | 1 | Deployment/advertisements-canary to 1.1 with 1 replica | 0% | \+0s | up to 2m | A |
    | 2 | wait until canary runs 1.1 | 0% | \+0s | up to 10m | A |
    | 3 | canary weight 10% | 10% | \+0s | up to 2m | B |
    | 4 | watch canary for 3m | 10% | \+0s | 3m | B |
    | 5 | canary weight 50% | 50% | \+3m | up to 2m | B |
    | 6 | watch canary for 3m | 50% | \+3m | 3m | B |
    | 7 | promote: Deployment/advertisements to 1.1 | 50% | \+6m | up to 2m | C |
    | 8 | wait until stable runs 1.1 | 50% | \+6m | up to 10m | C |
    | 9 | watch stable for 2m | 50% | \+6m | 2m | C |
    | 10 | canary weight 0% | 0% | \+8m | up to 2m | D |
    | 11 | canary to 0 replicas | 0% | \+8m | up to 2m | D |

    #### Way back

    |  | from there it goes back by |
    | --- | --- |
    | A | version and replicas to what they were; then wait until the canary no longer runs the new version; then wait until the previous version is healthy |
    | B | canary weight to what it was; then version and replicas to what they were; then wait until the canary no longer runs the new version; then wait until the previous version is healthy |
    | C | canary weight to what it was; then version and replicas to what they were; then wait until stable runs the previous version; then wait until the canary no longer runs the new version; then wait until… |
    | D | nothing is taken back: it is judged good by then, and the same deploy again does what is left |

    #### Planned commits

    | step | subject | values |
    | --- | --- | --- |
    | 1 | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production) | 5 |
    | 3 | advertisements 1.1: canary weight 10% (production) | 1 |
    | 5 | advertisements 1.1: canary weight 50% (production) | 1 |
    | 7 | advertisements 1.1: promote: Deployment/advertisements to 1.1 (production) | 4 |
    | 10 | advertisements 1.1: canary weight 0% (production) | 1 |
    | 11 | advertisements 1.1: canary to 0 replicas (production) | 1 |
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

/// The figures of a traffic plan by hand: minutes of one look, smallest multiple, promised multiple.
fn by_hand(stage: &Stage, arguments: &str) -> Value {
    let usual = ["plan", "--traffic-plan", "--output", "json"];
    let more: Vec<&str> = arguments.split(' ').collect();
    let answer = stage.run(&[], &[&usual[..], &more].concat());
    assert_eq!(answer.code, 0, "{arguments}: {}", answer.out);
    answer.report()["traffic_plan"]["comparisons"][0].clone()
}

#[test]
fn traffic_plans_have_the_figures_of_the_tables() {
    let stage = Stage::new();
    // The smallest multiple that is found with 80 %: (baseline, weight, requests/s, minutes, multiple)
    let sequential = [
        ("0.001", 1, 10, 10, 90.6),
        ("0.001", 5, 10, 30, 13.0),
        ("0.001", 5, 100, 10, 6.38),
        ("0.001", 50, 1000, 30, 1.55),
        ("0.01", 1, 100, 30, 2.85),
        ("0.01", 5, 10, 10, 6.38),
        ("0.01", 5, 100, 10, 2.51),
        ("0.01", 5, 100, 30, 1.92),
        ("0.01", 10, 1000, 10, 1.52),
        ("0.01", 25, 10, 30, 2.46),
        ("0.01", 50, 1000, 30, 1.42),
    ];
    for (baseline, weight, requests, minutes, multiple) in sequential {
        let row = format!(
            "--requests-per-second {requests} --baseline {baseline} --step {weight}:{minutes}m"
        );
        let step = &by_hand(&stage, &row)["steps"][0];
        let found = step["smallest_ratio"].as_f64().unwrap();
        // The tables have three digits.
        assert!((found / multiple - 1.0).abs() < 0.005, "{row}: {found}");
        assert_eq!(
            step["requests"],
            f64::from(requests * minutes * 60),
            "{row}"
        );
        assert_eq!(step["enough"], found <= 2.0, "{row}");
    }
    // One look at twice the baseline with 80 %: (baseline, weight, alpha, requests)
    let one_look = [
        ("0.01", 50, "0.05", 3_652.0),
        ("0.01", 5, "0.05", 16_983.0),
        ("0.01", 5, "0.01", 26_306.0),
        ("0.001", 25, "0.05", 46_419.0),
        ("0.001", 5, "0.05", 172_045.0),
        ("0.001", 1, "0.05", 813_727.0),
    ];
    for (baseline, weight, alpha, requests) in one_look {
        let row = format!(
            "--requests-per-second 100 --baseline {baseline} --step {weight}:1h --alpha-worse {alpha}"
        );
        let step = &by_hand(&stage, &row)["steps"][0];
        let promised = step["promised_ratio"].as_f64().unwrap();
        assert!((promised - 2.0).abs() < 1e-9, "{row}: {promised}");
        let found = step["minutes_of_one_look"].as_f64().unwrap() * 6000.0;
        assert!((found - requests).abs() < 1.0, "{row}: {found}");
    }
}

#[test]
fn what_would_do_does() {
    let stage = Stage::new();
    let traffic = "--requests-per-second 100 --baseline 0.01";
    let plan = by_hand(&stage, &format!("{traffic} --step 5:10m --total-time 30m"));
    let step = &plan["steps"][0];
    assert_eq!(step["enough"], false);
    let weight = step["enough_weight"].as_u64().unwrap();
    let minutes = step["enough_minutes"].as_f64().unwrap().ceil();
    let better = by_hand(
        &stage,
        &format!("{traffic} --step {weight}:10m --step 5:{minutes}m"),
    );
    assert_eq!(better["steps"][0]["enough"], true, "{weight}%");
    assert_eq!(better["steps"][1]["enough"], true, "{minutes} minutes");
    let proposed = plan["proposed"].as_array().unwrap();
    let total: f64 = proposed
        .iter()
        .map(|step| step["minutes"].as_f64().unwrap())
        .sum();
    assert_eq!(total, 30.0);
    assert_eq!(proposed.last().unwrap()["enough"], true);
    let impossible = by_hand(&stage, &format!("{traffic} --total-time 2m"));
    assert_eq!(impossible["proposed"], Value::Null);
    insta::assert_snapshot!(impossible["too_short"].as_str().unwrap(), @"too little time: 50% of the traffic alone takes 5m to see a canary with 2.00% bad requests");
}

#[test]
fn a_traffic_plan_reads_its_steps_from_the_repository_and_its_traffic_from_the_provider() {
    let stage = Stage::new();
    let address = stage.world.git_url();
    let before = stage.everything();
    let query = "shop:requests_per_second:1m";
    let usual = ["plan", "--traffic-plan", "--repository", &address];
    let stated = ["--requests-per-second", "200", "--baseline", "0.01"];
    let answer = stage.run(&[], &[&usual[..], &stated].concat());
    assert_eq!(answer.code, 0, "{}", answer.errors);
    insta::assert_snapshot!(answer.out, @r"
    WARNED  1 of 2 steps can see what is promised

    errors: 200 requests/s, usually 1% of them bad, a poll every 15s

    steps of advertisements in shipgate.yaml
      enough  weight  for  requests  canary  sees   promises  found in  one look  good in  would do
      no      10%     3m   36,000    3,600   2.44x  2x        6m40s     1m20s     2m30s    31% or 6m40s
      yes     50%     3m   36,000    18,000  1.96x  2x        2m50s     30s       2m30s

      enough    `no` and `larger`: only larger faults are found; a proposal may do that before its last
                weight, where fewer people are hit
      sees      the smallest share of bad requests, as a multiple of the usual one, that is called worse
                before the step ends in 4 of 5 runs
      promises  what the comparison must find: unacceptable_ratio times stable, where that is above the
                negligible
      found in  how long that takes in 4 of 5 runs, however often it is looked at (off by -34 to +45 %)
      one look  how long a textbook test of two proportions would take: right only if nobody looks
                before
      good in   how long a healthy canary takes to be called good in 4 of 5 runs; where that is longer
                than the step, it mostly ends undecided
      would do  a weight for this time, or a time for this weight

    next: weight 10% for 3m cannot see what `errors` promises to find: 2 times the usual 1%; the
          smallest it can see is 2.44 times the usual 1% at 200 requests/s; a weight of 31% would do, or
          6m40s at this weight would do
    ");
    let asked = [
        "--traffic-query",
        query,
        "--baseline",
        "0.01",
        "--output",
        "json",
    ];
    let asked = stage.run(&[], &[&usual[..], &asked].concat());
    assert_eq!(asked.code, 0, "{}", asked.out);
    let measured = asked.report()["traffic_plan"]["requests_per_second"].clone();
    assert!(
        (150.0..250.0).contains(&measured.as_f64().unwrap()),
        "{measured}"
    );
    assert!(stage.everything() == before, "something was written");
}

/// Nothing is stated: what the comparison counted of the old version in the last hour stands in.
#[test]
fn a_traffic_plan_asks_the_comparisons_themselves() {
    let stage = Stage::new();
    let address = stage.world.git_url();
    let usual = [
        "plan",
        "--traffic-plan",
        "--repository",
        &address,
        "--output",
        "json",
    ];
    let rows: [&[&str]; 3] = [
        &[],
        &["--baseline", "0.05"],
        &["--requests-per-second", "500"],
    ];
    for stated in rows {
        let answer = stage.run(&[], &[&usual[..], stated].concat());
        assert_eq!(answer.code, 0, "{}{}", answer.out, answer.errors);
        let note = answer
            .errors
            .lines()
            .find(|line| line.contains("in the last hour"));
        assert!(
            note.is_some_and(|it| it.contains("`errors` counted ")),
            "{}",
            answer.errors
        );
        let plan = answer.report()["traffic_plan"]["comparisons"][0].clone();
        let figure = |name: &str| plan[name].as_f64().unwrap();
        let (requests, baseline) = (figure("requests_per_second"), figure("baseline"));
        match stated {
            ["--requests-per-second", _] => assert_eq!(requests, 500.0),
            _ => assert!((150.0..250.0).contains(&requests), "{plan}"),
        }
        match stated {
            ["--baseline", _] => assert_eq!(baseline, 0.05),
            _ => assert!((0.0005..0.01).contains(&baseline), "{plan}"),
        }
    }
    let limit = stage.run(
        &[],
        &[&usual[..], &["--max-rate", "0.001", "--baseline", "0.002"]].concat(),
    );
    insta::assert_snapshot!(limit.report()["reason"].as_str().unwrap(), @"`errors` usually has 0.2% bad requests, which is not below its `max_rate` of 0.1%: every version would be taken back");
}

#[test]
fn a_plan_and_validate_warn_of_steps_that_see_too_little() {
    let stage = Stage::new();
    let stated = ["--requests-per-second", "200", "--baseline", "0.01"];
    let plan = stage.about("plan", &stated);
    assert_eq!(plan.code, 0);
    let warned: Vec<&str> = plan
        .errors
        .lines()
        .filter_map(|line| line.split_once("warning  "))
        .map(|(_, text)| text)
        .collect();
    let without = stage.about("plan", &[]);
    assert_eq!(without.report()["traffic_plan"], Value::Null);
    assert_eq!(without.report()["plan"], plan.report()["plan"]);
    let config = stage.world.read(CONFIG).unwrap().unwrap();
    fs::write(stage.here.path().join(CONFIG), config).unwrap();
    let usual = ["validate", "--output", "json", "--strict"];
    let validate = stage.run(&[], &[&usual[..], &stated].concat());
    assert_eq!(validate.code, 4, "{}", validate.out);
    let findings = validate.report()["findings"].clone();
    let found: Vec<String> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            format!(
                "{}:{} {}",
                it["line"],
                it["column"],
                it["message"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(stage.run(&[], &usual).code, 0);
    insta::assert_snapshot!(format!("{}\n{}", warned.join("\n"), found.join("\n")), @r"
    weight 10% for 3m cannot see what `errors` promises to find: 2 times the usual 1%; the smallest it can see is 2.44 times the usual 1% at 200 requests/s; a weight of 31% would do, or 6m40s at this weight would do
    20:11 weight 10% for 3m cannot see what `errors` promises to find: 2 times the usual 1%; the smallest it can see is 2.44 times the usual 1% at 200 requests/s; a weight of 31% would do, or 6m40s at this weight would do
    ");
}

#[test]
fn a_plan_warns_of_what_does_not_fit() {
    let stage = Stage::new();
    stage.edit(CONFIG, |text| {
        text.replace("set_weight: 50", "set_weight: 100")
            .replace("/canary/version", "/stable/version")
    });
    let plan = stage.about("plan", &[]);
    let errors = plan.errors.lines();
    let warned: Vec<&str> = errors
        .filter_map(|line| line.split_once("warning  "))
        .map(|(_, text)| text)
        .collect();
    insta::assert_snapshot!(format!("{}\n{}", plan.code, warned.join("\n")), @r"
    0
    weight 100% goes to 1 pod of Deployment/advertisements-canary, and Deployment/advertisements has 3 for everything: each would get 3 times the requests of one of stable's; `canary_replicas: 3` would be as many as for stable
    `live.stable` and `live.canary` look at the same place, so what Deployment/advertisements runs is taken for what Deployment/advertisements-canary runs; give each its own
    ");
}

#[test]
fn nonsense_is_refused() {
    let stage = Stage::new();
    let rows = [
        "plan",
        "plan --traffic-plan --total-time 30m",
        "plan --traffic-plan --total-time 30m --baseline 0.01",
        "plan --traffic-plan --requests-per-second 100 --baseline 0.01",
        "plan --traffic-plan --total-time 30m --requests-per-second 100",
        "plan --traffic-plan --total-time 30m --requests-per-second 0 --baseline 0.01",
        "plan --traffic-plan --total-time 30m --requests-per-second 100 --baseline 1",
        "plan --traffic-plan --total-time 30m --requests-per-second 100 --baseline 0.01 --tolerated-ratio 3",
        "plan --traffic-plan --step 0:10m --requests-per-second 100 --baseline 0.01",
        "plan --traffic-plan --step 5 --requests-per-second 100 --baseline 0.01",
        "plan --version 1.1 --step 5:10m",
        "plan --traffic-plan --step 5:10m --requests-per-second 100 --baseline 0.01 --max-polls 5",
        "plan --traffic-plan --step 5:10m --requests-per-second 100 --baseline -1",
        "validate --requests-per-second 0 --baseline 0.01",
        "validate --requests-per-second 100 --baseline 5",
        "validate --requests-per-second 100 --baseline -1",
        "validate --requests-per-second 100",
        "validate --baseline 0.01",
    ];
    let mut lines = String::new();
    for row in rows {
        let words: Vec<&str> = row.split(' ').collect();
        let answer = stage.run(&[], &words);
        let all = format!("{}{}", answer.out, answer.errors);
        let said = all
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default();
        lines.push_str(&format!("{row}\n    {} {said}\n", answer.code));
    }
    insta::assert_snapshot!(lines, @r"
    plan
        2 error: the following required arguments were not provided:
    plan --traffic-plan --total-time 30m
        2 ERROR  nobody says how much traffic there is
    plan --traffic-plan --total-time 30m --baseline 0.01
        2 ERROR  nobody says how much traffic there is
    plan --traffic-plan --requests-per-second 100 --baseline 0.01
        2 ERROR  no GitOps repository is named
    plan --traffic-plan --total-time 30m --requests-per-second 100
        2 ERROR  --baseline is missing, expected the usual share of bad requests
    plan --traffic-plan --total-time 30m --requests-per-second 0 --baseline 0.01
        2 ERROR  the traffic: without requests nothing can be compared
    plan --traffic-plan --total-time 30m --requests-per-second 100 --baseline 1
        2 ERROR  the traffic: the usual share of bad requests must be from 0 to below 1
    plan --traffic-plan --total-time 30m --requests-per-second 100 --baseline 0.01 --tolerated-ratio 3
        2 ERROR  --unacceptable-ratio: found 2, expected a number above --tolerated-ratio, at most 1000
    plan --traffic-plan --step 0:10m --requests-per-second 100 --baseline 0.01
        2 error: invalid value '0:10m' for '--step <WEIGHT:TIME>': expected WEIGHT:TIME such as 5:10m: found `0:10m`, expected a weight from 1 to 99 and some time, because there is nothing to compare else
    plan --traffic-plan --step 5 --requests-per-second 100 --baseline 0.01
        2 error: invalid value '5' for '--step <WEIGHT:TIME>': expected WEIGHT:TIME such as 5:10m
    plan --version 1.1 --step 5:10m
        2 error: the following required arguments were not provided:
    plan --traffic-plan --step 5:10m --requests-per-second 100 --baseline 0.01 --max-polls 5
        2 ERROR  --max-polls says nothing here: the deadline of a step is its end
    plan --traffic-plan --step 5:10m --requests-per-second 100 --baseline -1
        2 ERROR  the traffic: the usual share of bad requests must be from 0 to below 1
    validate --requests-per-second 0 --baseline 0.01
        2 ERROR  the traffic: without requests nothing can be compared
    validate --requests-per-second 100 --baseline 5
        2 ERROR  the traffic: the usual share of bad requests must be from 0 to below 1
    validate --requests-per-second 100 --baseline -1
        2 ERROR  the traffic: the usual share of bad requests must be from 0 to below 1
    validate --requests-per-second 100
        2 ERROR  --requests-per-second says nothing without --baseline
    validate --baseline 0.01
        2 ERROR  --baseline says nothing without --requests-per-second
    ");
}
