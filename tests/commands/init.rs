//! `shipgate init` on trees of different shapes: what it writes is valid, can be planned, and says what it
//! guessed.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

use shipgate::{
    cli::{self, Context},
    clock::ManualClock,
};
use tempfile::TempDir;

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

/// Runs a command on a Tuesday morning: exit code, standard output, standard error.
pub fn run(folder: &Path, arguments: &[&str]) -> (u8, String, String) {
    let (stdout, stderr) = (Sink::default(), Sink::default());
    let context = Context {
        environment: BTreeMap::from([("USER".to_owned(), "alex".to_owned())]),
        clock: Arc::new(ManualClock::at("2026-03-10T10:00:00Z".parse().unwrap())),
        stdout: Box::new(stdout.clone()),
        stderr: Box::new(stderr.clone()),
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        listens_to_signals: false,
        folder: folder.to_owned(),
    };
    let arguments = ["shipgate"].iter().chain(arguments);
    let code = cli::run(arguments.map(Into::into), context);
    (code, stdout.text(), stderr.text())
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/init")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A copy of one of the trees.
pub fn tree(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&fixtures().join(name), folder.path());
    folder
}

/// Commits what is in a folder and returns the path of a bare clone of it.
pub fn bare(folder: &Path) -> String {
    let git = |arguments: &[&str]| {
        let ran = Command::new("git")
            .args(["-c", "user.name=Alex", "-c", "user.email=alex@example.com"])
            .args(arguments)
            .current_dir(folder)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(ran.status.success(), "{ran:?}");
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--no-gpg-sign", "--message=first"]);
    git(&["clone", "--quiet", "--bare", ".", ".git/bare.git"]);
    folder.join(".git/bare.git").display().to_string()
}

/// The names below a key of the first level.
fn names(config: &str, key: &str) -> Vec<String> {
    let (_, rest) = config.split_once(&format!("\n{key}:\n")).unwrap();
    rest.lines()
        .take_while(|line| line.starts_with(' '))
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
        .filter(|name| !name.starts_with([' ', '#']))
        .map(|name| name.trim_matches('"').to_owned())
        .collect()
}

fn all_trees() -> Vec<String> {
    let entries = fs::read_dir(fixtures()).unwrap();
    let mut all: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    all.sort();
    all
}

/// Runs the `plan` that `init` names as the next command.
fn works_as_printed(report: &serde_json::Value, folder: &Path, repository: &str) {
    let hints = report["hints"].as_array().unwrap().iter();
    let mut hints = hints.map(|hint| hint.as_str().unwrap());
    let command = hints.find_map(|hint| hint.strip_prefix("shipgate plan "));
    let filled = command.unwrap().replace("VERSION", "1.1");
    let words = filled.split(' ').map(|word| match word {
        "URL" => repository,
        word => word,
    });
    let arguments: Vec<&str> = ["plan"].into_iter().chain(words).collect();
    let (code, plan, errors) = run(folder, &arguments);
    assert_eq!(code, 0, "{arguments:?}\n{plan}\n{errors}");
}

#[test]
fn what_it_writes_is_valid_and_can_be_planned_for_every_service_everywhere() {
    let mut told = String::new();
    for name in all_trees() {
        let folder = tree(&name);
        let (code, out, _) = run(folder.path(), &["init"]);
        assert_eq!(code, 0, "{name}\n{out}");
        let config = fs::read_to_string(folder.path().join("shipgate.yaml")).unwrap();
        let (code, valid, _) = run(folder.path(), &["validate"]);
        assert_eq!(code, 0, "{name}\n{valid}\n{config}");
        let repository = bare(folder.path());
        told.push_str(&format!("== {name}\n"));
        let (_, out, _) = run(tree(&name).path(), &["init", "--output", "json"]);
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        let notes = report["notes"].as_array().unwrap();
        let notes: Vec<&str> = notes.iter().map(|note| note.as_str().unwrap()).collect();
        for note in &notes {
            told.push_str(&format!("{note}\n"));
        }
        let (code, valid, _) = run(folder.path(), &["validate", "--strict"]);
        assert_eq!(code, 0, "{name}, in a checkout\n{valid}\n{config}");
        works_as_printed(&report, folder.path(), &repository);
        for environment in names(&config, "environments") {
            for service in names(&config, "services") {
                let refused = format!("{service} cannot be deployed to {environment} as it is");
                let is_said = |note: &&str| {
                    let missing = note.strip_prefix(&format!("{service} is not in "));
                    let mut missing = missing.into_iter().flat_map(|names| names.split(", "));
                    note.starts_with(&refused) || missing.any(|name| name == environment)
                };
                let is_said = notes.iter().any(is_said);
                let (code, plan, errors) = run(
                    folder.path(),
                    &[
                        "plan",
                        "--offline",
                        "--repository",
                        &repository,
                        "--service",
                        &service,
                        "--environment",
                        &environment,
                        "--version",
                        "1.1",
                    ],
                );
                let expected = if is_said { 30 } else { 0 };
                assert_eq!(
                    code, expected,
                    "{name} {service} {environment}\n{plan}\n{errors}\n{config}"
                );
                assert!(plan.contains("1.1") || is_said, "{plan}");
            }
        }
    }
    insta::assert_snapshot!(told, @r"
    == apps-folders
    found the environment production in apps/cart/prod, apps/mail/prod, apps/web/prod
    found the environment staging in apps/cart/staging, apps/web/staging
    found cart: Deployment/cart is alone, so rolling
    found mail: Deployment/mail is alone, so rolling
    found web: Deployment/web is alone, so rolling
    mail is not in staging
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 3 lines of shipgate.yaml that say `guess`
    == apps-overlays
    found the environment production in apps/cart/overlays/prod, apps/web/overlays/prod
    found the environment staging in apps/cart/overlays/staging, apps/web/overlays/staging
    found cart: Deployment/cart is alone, so rolling
    found web: Deployment/web is alone, so rolling
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 2 lines of shipgate.yaml that say `guess`
    == argo-rollouts
    found the environment production in apps
    found worker: Rollout/worker brings it out, so argo_rollouts
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    == blue-green
    found the environment production in prod
    found cart: Deployment/cart-blue and Deployment/cart-green are two colours, and `colour` in the selector of Service/cart says which one serves, so blue_green
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    == canary-ingress
    found the environment production in clusters/prod
    found ads: Deployment/ads-canary stands beside Deployment/ads, and Ingress/ads-canary splits the traffic, so canary
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster
    == canary-istio
    found the environment production in mesh
    found cart: Deployment/cart-canary stands beside Deployment/cart, and VirtualService/cart splits the traffic, so canary
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster
    == canary-pods
    found the environment production in k8s
    found web: Deployment/web-canary stands beside Deployment/web, and Service/web leads to the pods of both, so canary
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    == canary-without-traffic
    found the environment production in .
    found web: Deployment/web is alone, so rolling
    Deployment/web-canary looks like a canary of Deployment/web, but nothing splits the traffic between them: it is left out
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    == clusters
    found the environment production-eu in clusters/eu/prod
    found the environment production-us in clusters/us/prod
    found the environment staging in clusters/eu/staging
    production-eu, production-us may be regions of one environment production, which a version goes to one after the other: docs/regions.md
    found web: Deployment/web is alone, so rolling
    guessed the hours in policies/production-eu.yaml, on the clock of UTC
    guessed the hours in policies/production-us.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    == differing
    found the environment production in prod
    found the environment staging in staging
    found cart: Rollout/cart brings it out, so argo_rollouts
    found mail: Deployment/mail is alone, so rolling
    found report: Deployment/report is alone, so rolling
    found web: Deployment/web is alone, so rolling
    cart cannot be deployed to staging as it is there: there is no Rollout/cart in 1 file; found Deployment/cart
    mail cannot be deployed to staging as it is there: staging/mail.yaml:13: the image `registry.example/mail` has no tag, expected one
    web cannot be deployed to staging as it is there: staging/web.yaml:1: no container of Deployment/web runs the image `registry.example/web`; found `registry.example/staging/web:1.0`
    report is not in production
    Deployment/seed in tools/seed.yaml is left out: it is in no folder of an environment (prod, staging)
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 4 lines of shipgate.yaml that say `guess`
    == folders
    found the environment production in clusters/prod
    found advertisements: Deployment/advertisements-canary stands beside Deployment/advertisements, and Ingress/advertisements-canary splits the traffic, so canary
    found discounts: Deployment/discounts is alone, so rolling
    found storefront: Deployment/storefront is alone, so rolling
    clusters/lab is no environment of these services, as none of them is in it: left out are Deployment/advertisements-v1-0, Deployment/advertisements-v1-1
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 2 lines of shipgate.yaml that say `guess`
    == helm
    found the environment production in environments/prod
    found the environment staging in environments/staging
    found orders: the chart in `charts/orders` writes it, with the values of environments/prod/values.yaml, so rolling
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 2 lines of shipgate.yaml that say `guess`
    == helm-beside
    found the environment production in environments/production
    found the environment staging in environments/staging
    found cart: the chart in `charts/shop` writes it, with the values of environments/production/cart.yaml, so rolling
    found shop: the chart in `charts/shop` writes it, with the values of environments/production/shop.yaml, so rolling
    cart is not in staging
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 4 lines of shipgate.yaml that say `guess`
    == helm-charts
    found the environment production in charts/orders/values-prod.yaml, charts/y/values-prod.yaml
    found the environment staging in charts/orders/values-staging.yaml, charts/y/values-staging.yaml
    found orders: the chart in `charts/orders` writes it, with the values of charts/orders/values-prod.yaml, so rolling
    found y: the chart in `charts/y` writes it, with the values of charts/y/values-prod.yaml, so rolling
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 4 lines of shipgate.yaml that say `guess`
    == helm-shared
    found the environment production in services/cart/values-prod.yaml, services/shop/values-prod.yaml
    found the environment staging in services/cart/values-staging.yaml, services/shop/values-staging.yaml
    found cart: the chart in `charts/service` writes it, with the values of services/cart/values-prod.yaml, so rolling
    found shop: the chart in `charts/service` writes it, with the values of services/shop/values-prod.yaml, so rolling
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 4 lines of shipgate.yaml that say `guess`
    == helm-shared-by-file
    found the environment production in releases
    found cart: the chart in `charts/service` writes it, with the values of releases/cart.yaml, so rolling
    found shop: the chart in `charts/service` writes it, with the values of releases/shop.yaml, so rolling
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 4 lines of shipgate.yaml that say `guess`
    == helm-side-by-side
    found the environment production in shop/values-prod.yaml
    found the environment staging in shop/values-staging.yaml
    found shop: the chart in `shop` writes it, with the values of shop/values-prod.yaml, so rolling
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 2 lines of shipgate.yaml that say `guess`
    == helm-values-folder
    found the environment production in values/prod.yaml
    found the environment staging in values/staging.yaml
    found shop: the chart in `charts/shop` writes it, with the values of values/prod.yaml, so rolling
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 2 lines of shipgate.yaml that say `guess`
    == kustomize
    found the environment production in overlays/production
    found the environment staging in overlays/staging
    found api: Deployment/api is alone, so rolling
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    == kustomize-namespaces
    found the environment production in overlays/production
    found the environment staging in overlays/staging
    found shop: Deployment/shop is alone, so rolling
    overlays/production/kustomization.yaml adds `production-` to the name of Deployment/shop: name what it is called in the cluster in `live`, as in kubernetes: {workload: …}
    overlays/staging/kustomization.yaml adds `staging-` to the name of Deployment/shop: name what it is called in the cluster in `live`, as in kubernetes: {workload: …}
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    == kustomize-one-version
    found the environment production in overlays/production
    found the environment staging in overlays/staging
    found web: Deployment/web is alone, so rolling
    api is left out: base/api.yaml:15 would bring its version to every environment at once; give each kustomization an entry in `images`
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    == kustomize-services
    found the environment production in prod
    found the environment staging in staging
    found cart: Deployment/cart is alone, so rolling
    found web: Deployment/web is alone, so rolling
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 2 lines of shipgate.yaml that say `guess`
    == mixed
    found the environment production in apps/cart/overlays/prod, apps/mail/prod, apps/web/prod
    found the environment staging in apps/cart/overlays/staging, apps/mail/staging, apps/web/staging
    found cache: Deployment/cache is alone, so rolling
    found cart: Deployment/cart is alone, so rolling
    found mail: Deployment/mail is alone, so rolling
    found web: Deployment/web is alone, so rolling
    apps/cart/overlays/prod/broken.yaml:1: is not readable as YAML: unclosed bracket '['; what is there is left out
    apps/web/prod/broken.yaml:1: is not readable as YAML: unclosed bracket '['; what is there is left out
    two services would be called cache: that of apps/web/prod/cache.yaml is left out, that of apps/mail/prod/cache.yaml is written
    two services would be called cache: that of apps/web/staging/cache.yaml is left out, that of apps/mail/staging/cache.yaml is written
    Deployment/search in apps/search/production/search.yaml is left out: it is in no folder of an environment (apps/cart/overlays/prod, apps/mail/prod, apps/web/prod, apps/cart/overlays/staging, apps/mail/staging, apps/web/staging)
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 4 lines of shipgate.yaml that say `guess`
    == names-of-environments
    found the environment production in k8s/prod
    found the environment dev in k8s/dev
    found shop-dev: Deployment/shop-dev is alone, so rolling
    found shop-prod: Deployment/shop-prod is alone, so rolling
    shop-dev is not in production
    shop-prod is not in dev
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/dev.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 2 lines of shipgate.yaml that say `guess`
    == odd
    found the environment production in deploy
    found web: Deployment/web is alone, so rolling
    not looked into, as it is hidden, ignored by git or a copy of something: .old, deploy/testdata, vendor
    deploy/broken.yaml:3: is not readable as YAML: while parsing a flow mapping, did not find expected ',' or '}'; what is there is left out
    Deployment/shop.web is left out: no service can be called shop.web (at most 63 of a-z 0-9 -)
    Deployment/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa is left out: no service can be called aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa (at most 63 of a-z 0-9 -)
    untagged is left out: deploy/untagged.yaml:13: the image `registry.example/untagged` has no tag, expected one
    Job/migrate in deploy/migrate.yaml is left out: `init` makes no service of a Job
    Deployment/stray in deploy/templates/stray.yaml is left out: a template writes it, and no Chart.yaml is there
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    == plain
    found the environment production in .
    found shop: Deployment/shop is alone, so rolling
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    == regions-below-production
    found the environment production-eu in clusters/production/eu
    found the environment production-us in clusters/production/us
    production-eu, production-us may be regions of one environment production, which a version goes to one after the other: docs/regions.md
    found shop: Deployment/shop is alone, so rolling
    guessed the hours in policies/production-eu.yaml, on the clock of UTC
    guessed the hours in policies/production-us.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    == regions-of-environments
    found the environment production-eu in clusters/production/eu
    found the environment production-us in clusters/production/us
    found the environment staging-eu in clusters/staging/eu
    found the environment staging-us in clusters/staging/us
    production-eu, production-us may be regions of one environment production, which a version goes to one after the other: docs/regions.md
    staging-eu, staging-us may be regions of one environment staging, which a version goes to one after the other: docs/regions.md
    found shop: Deployment/shop is alone, so rolling
    guessed the hours in policies/production-eu.yaml, on the clock of UTC
    guessed the hours in policies/production-us.yaml, on the clock of UTC
    guessed the hours in policies/staging-eu.yaml, on the clock of UTC
    guessed the hours in policies/staging-us.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    == rollout-of-a-deployment
    found the environment production in prod
    found worker: Rollout/worker brings it out, so argo_rollouts
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    == several
    found the environment production in deploy
    found agent: DaemonSet/agent is alone, so rolling
    found mail: StatefulSet/mail is alone, so rolling
    pinned is left out: deploy/pinned.yaml:16: the image `registry.example/pinned@sha256:0000000000000000000000000000000000000000000000000000000000000000` is fixed by its digest, expected a tag
    CronJob/nightly in deploy/job.yaml is left out: `init` makes no service of a CronJob
    policies/production.yaml is there already and stays as it is
    guessed that your kubeconfig leads to the cluster, and 2 lines of shipgate.yaml that say `guess`
    == subsets-without-rule
    found the environment production in mesh
    found cart: Deployment/cart is alone, so rolling
    Deployment/cart-canary looks like a canary of Deployment/cart, and VirtualService/cart has subsets of them, but no DestinationRule in the repository says which pods those are: it is left out
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    ");
}

#[test]
fn a_canary_behind_an_ingress_is_written_so() {
    let folder = tree("canary-ingress");
    let flags = ["--prometheus", "https://prometheus.example", "--dry-run"];
    let (code, out, _) = run(folder.path(), &[&["init"], &flags[..]].concat());
    assert_eq!(code, 0);
    assert!(!folder.path().join("shipgate.yaml").exists());
    assert!(!folder.path().join("policies").exists());
    insta::assert_snapshot!(out, @r#"
    # --- shipgate.yaml
    # yaml-language-server: $schema=shipgate.schema.json
    # How this repository is deployed. Written by `shipgate init` from the manifests; what they do not tell is marked `guess`.
    # Line 1 is for editors: shipgate schema config > shipgate.schema.json
    version: 1
    environments:
      production:
        root: clusters/prod   # stands for {root} below
        policy: policies/production.yaml   # when it may be deployed to
    providers:
      prometheus: {url: "https://prometheus.example"}   # `token_env: NAME` names the variable with its token
    services:
      # Deployment/ads-canary stands beside Deployment/ads, and Ingress/ads-canary splits the traffic.
      ads:
        manifests: ["{root}/ads-canary.yaml", "{root}/ads.yaml", "{root}/ingress.yaml"]
        image: registry.example/ads
        workloads: {stable: Deployment/ads, canary: Deployment/ads-canary}
        traffic: {ingress_nginx: Ingress/ads-canary}
        live:   # which version really runs: asked of the cluster, as your kubeconfig leads there; `http`, `argocd` and `flux` do too
          stable: {kubernetes: {namespace: shop}}
          canary: {kubernetes: {namespace: shop}}
        strategy:
          canary:
            steps:
              - set_weight: 10
              - pause: {duration: 10m}   # watched all the while; worse ends it at once
              - set_weight: 50
              - pause: {duration: 10m}
        verification:
          interval: 30s
          health: [{http: "https://ads.shop.example/health"}]
          metrics:
            - {preset: ingress_nginx, with: {ingress: ads, namespace: shop}}   # errors and duration, the new version compared with the old one
    # --- policies/production.yaml
    # When may production be deployed to? Written by `shipgate init`: the hours and the time zone are guesses, make them
    # yours. Outside of the windows nothing goes forward (exit code 10); going back is always allowed.
    # Try it: shipgate check --policy policies/production.yaml --at 2026-12-25T15:00:00Z
    version: 1
    timezone: UTC

    allowed_windows:
      - {name: office hours, days: [Mon, Tue, Wed, Thu], hours: "09:00-16:00"}
      # Friday afternoon is closed: nobody wants to repair things on a Friday evening.
      - {name: Friday morning, days: [Fri], hours: "09:00-12:00"}

    # Days on which nothing is deployed: dates, rules, or an .ics file. As an example, the federal holidays of
    # the United States:
    # blocked_dates:
    #  - {name: New Year's Day, rule: January 1 observed}
    #  - {name: Birthday of Martin Luther King Jr., rule: 3rd Monday of January}
    #  - {name: Washington's Birthday, rule: 3rd Monday of February}
    #  - {name: Memorial Day, rule: last Monday of May}
    #  - {name: Juneteenth, rule: June 19 observed}
    #  - {name: Independence Day, rule: July 4 observed}
    #  - {name: Labor Day, rule: 1st Monday of September}
    #  - {name: Columbus Day, rule: 2nd Monday of October}
    #  - {name: Veterans Day, rule: November 11 observed}
    #  - {name: Thanksgiving Day, rule: 4th Thursday of November}
    #  - {name: Christmas Day, rule: December 25 observed}
    "#);
}

#[test]
fn nothing_is_overwritten_and_what_is_missing_is_said() {
    let folder = tree("plain");
    fs::write(folder.path().join("shipgate.yaml"), "mine\n").unwrap();
    let (code, out, _) = run(folder.path(), &["init"]);
    assert_eq!(code, 2);
    let kept = fs::read_to_string(folder.path().join("shipgate.yaml")).unwrap();
    assert_eq!(kept, "mine\n");
    assert!(!folder.path().join("policies").exists(), "all or none");
    let empty = tempfile::tempdir().unwrap();
    fs::write(empty.path().join("notes.yaml"), "kind: List\nitems: []\n").unwrap();
    let (nothing, without, _) = run(empty.path(), &["init"]);
    assert_eq!(nothing, 30);
    let without = without.replace(
        &empty.path().canonicalize().unwrap().display().to_string(),
        "FOLDER",
    );
    let without = without.replace(&empty.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(format!("{out}\n{without}"), @r"
    ERROR  shipgate.yaml is there already, and `init` overwrites nothing; nothing was written

      exit code   2 usage

    next: `shipgate init --dry-run` prints what it would write; move the file away to begin again

    EDIT REFUSED  no workload is found in `FOLDER` that could be a service

      exit code   30 edit-refused

    next: run it in the folder of your GitOps repository; it looks for Deployments, StatefulSets,
          DaemonSets, Rollouts and Helm charts
    ");
}

#[test]
fn what_an_overlay_or_a_folder_above_says_is_not_lost() {
    let written = |name: &str, file: &str| {
        let folder = tree(name);
        assert_eq!(run(folder.path(), &["init"]).0, 0, "{name}");
        fs::read_to_string(folder.path().join(file)).unwrap()
    };
    let rows = [
        (
            "kustomize-namespaces",
            "shipgate.yaml",
            "namespace: shop-production ",
        ),
        (
            "kustomize-namespaces",
            "shipgate.yaml",
            "namespace: shop-staging ",
        ),
        (
            "rollout-of-a-deployment",
            "shipgate.yaml",
            "workload: Rollout/worker",
        ),
        (
            "regions-below-production",
            "policies/production-eu.yaml",
            "office hours",
        ),
        (
            "regions-of-environments",
            "policies/production-us.yaml",
            "office hours",
        ),
        (
            "helm-beside",
            "shipgate.yaml",
            "helm: {file: \"{root}/shop.yaml\", image_tag: image.tag}",
        ),
        (
            "helm-values-folder",
            "shipgate.yaml",
            "helm: {file: \"values/{root}.yaml\", image_tag: image.tag}",
        ),
    ];
    for (name, file, expected) in rows {
        let text = written(name, file);
        assert!(text.contains(expected), "{name} {expected}\n{text}");
    }
}

#[test]
fn what_is_asked_for_and_not_there_is_refused() {
    let rows: [(&str, &[&str]); 5] = [
        ("plain", &["--root", "nothing"]),
        ("kustomize", &["--environment", "qa"]),
        ("kustomize", &["--environment", "staging"]),
        ("plain", &["--environment", "qa"]),
        ("plain", &["--root", "."]),
    ];
    let mut told = String::new();
    for (name, flags) in rows {
        let folder = tree(name);
        let (code, out, _) = run(folder.path(), &[&["init"], flags].concat());
        let out = out.replace(
            "\n\nnext: shipgate validate\nnext: read and commit the files",
            "",
        );
        told.push_str(&format!("== {name} {}\n{code} {out}\n", flags.join(" ")));
    }
    insta::assert_snapshot!(told, @r"
    == plain --root nothing
    2 ERROR  --root: found no folder `nothing` here

      exit code   2 usage

    next: name the folder of one environment's manifests, counted from here; without --root they are
          looked for

    == kustomize --environment qa
    2 ERROR  --environment: found `qa`, and the environments here are production, staging

      exit code   2 usage

    next: name one of them, or give the folder of yours as --root; without both all are written

    == kustomize --environment staging
    0 OK  wrote shipgate.yaml, policies/staging.yaml for api
    next: shipgate plan --offline --repository URL --version VERSION

    == plain --environment qa
    0 OK  wrote shipgate.yaml, policies/qa.yaml for shop
    next: shipgate plan --offline --repository URL --version VERSION

    == plain --root .
    0 OK  wrote shipgate.yaml, policies/production.yaml for shop
    next: shipgate plan --offline --repository URL --version VERSION
    ");
}

#[test]
fn a_dry_run_is_one_object_where_that_is_asked_for() {
    let folder = tree("plain");
    let flags = ["init", "--dry-run", "--output", "json"];
    let (code, out, _) = run(folder.path(), &flags);
    assert_eq!(code, 0);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let diff = report["diff"].as_str().unwrap();
    let heads = diff
        .lines()
        .filter(|line| !line.starts_with('+') || line.starts_with("+++"));
    insta::assert_snapshot!(
        format!("{}\n{}", report["reason"], heads.collect::<Vec<_>>().join("\n")),
        @r#"
    "would write shipgate.yaml, policies/production.yaml for shop; dry run: nothing was written"
    --- /dev/null
    +++ b/shipgate.yaml
    @@ -0,0 +1,27 @@
    --- /dev/null
    +++ b/policies/production.yaml
    @@ -0,0 +1,25 @@
    "#
    );
    assert!(!folder.path().join("shipgate.yaml").exists());
}

#[test]
fn a_pipeline_file_that_is_there_stays_and_the_way_to_see_the_other_is_named() {
    let folder = tree("plain");
    fs::write(folder.path().join(".gitlab-ci.yml"), "mine\n").unwrap();
    let (code, out, _) = run(folder.path(), &["init", "--ci", "gitlab"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(out, @r"
    ERROR  .gitlab-ci.yml is there already, and `init` overwrites nothing; nothing was written

      exit code   2 usage

    next: `shipgate init --ci gitlab --dry-run` prints what it would write; put what belongs to it into
          yours by hand, and run it without --ci for the other files
    ");
    assert!(!folder.path().join("shipgate.yaml").exists());
}

#[test]
fn a_folder_within_a_repository_is_refused() {
    let folder = tree("plain");
    fs::create_dir(folder.path().join(".git")).unwrap();
    let inner = folder.path().join("deploy");
    fs::create_dir(&inner).unwrap();
    let manifest = fixtures().join("plain/shop.yaml");
    fs::copy(manifest, inner.join("shop.yaml")).unwrap();
    let (code, out, _) = run(&inner, &["init"]);
    assert_eq!(code, 2, "{out}");
    assert!(out.contains("is a folder of the git repository"), "{out}");
    assert!(!inner.join("shipgate.yaml").exists());
    fs::remove_dir_all(&inner).unwrap();
    assert_eq!(run(folder.path(), &["init"]).0, 0);
}

#[test]
fn names_in_manifests_write_no_lines_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = fs::read_to_string(fixtures().join("plain/shop.yaml")).unwrap();
    let odd = "odd: {}, # services";
    for name in [odd, "odd\nservices: {}\n#"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("shop.yaml"), &manifest).unwrap();
    }
    let evil = manifest.replace("name: shop\n", "name: \"shop\\n  evil: {}\"\n");
    fs::write(folder.path().join(odd).join("evil.yaml"), evil).unwrap();
    let (code, out, _) = run(folder.path(), &["init"]);
    assert_eq!(code, 0, "{out}");
    let config = fs::read_to_string(folder.path().join("shipgate.yaml")).unwrap();
    assert_eq!(names(&config, "services"), ["shop"], "{config}");
    let (code, out, _) = run(folder.path(), &["validate", "shipgate.yaml"]);
    assert_eq!(code, 0, "{out}\n{config}");
}

#[test]
fn whose_image_or_chart_it_is_is_never_taken_by_its_place_alone() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for chart in ["web", "worker"] {
        let description = format!("apiVersion: v2\nname: {chart}\nversion: 0.1.0\n");
        write(&format!("charts/{chart}/Chart.yaml"), &description);
        let values = format!("image:\n  repository: registry.example/{chart}\n  tag: \"1.0\"\n");
        write(&format!("charts/{chart}/values.yaml"), &values);
    }
    let (code, out, _) = run(root, &["init"]);
    assert_eq!(code, 0, "{out}");
    let config = fs::read_to_string(root.join("shipgate.yaml")).unwrap();
    assert_eq!(names(&config, "environments"), ["production"], "{config}");
    assert_eq!(names(&config, "services"), ["web", "worker"], "{config}");

    // Values beside the charts, of charts whose names begin the same.
    let folder = tempfile::tempdir().unwrap();
    for chart in ["web", "web-worker"] {
        let write = |path: String, text: String| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let description = format!("apiVersion: v2\nname: {chart}\nversion: 0.1.0\n");
        write(format!("charts/{chart}/Chart.yaml"), description);
        let image = format!("image:\n  repository: registry.example/{chart}\n  tag: ");
        write(
            format!("charts/{chart}/values.yaml"),
            format!("{image}\"\"\n"),
        );
        for environment in ["prod", "staging"] {
            let path = format!("environments/{environment}/{chart}.yaml");
            write(path, format!("{image}\"1.0\"\n"));
        }
    }
    let (code, out, _) = run(folder.path(), &["init"]);
    assert_eq!(code, 0, "{out}");
    let config = fs::read_to_string(folder.path().join("shipgate.yaml")).unwrap();
    for service in ["web", "web-worker"] {
        let line = format!("manifests: [\"{{root}}/{service}.yaml\"]");
        assert!(config.contains(&line), "{service}:\n{config}");
    }
    assert_eq!(
        names(&config, "services"),
        ["web", "web-worker"],
        "{config}"
    );
    assert!(!out.contains("left out"), "{out}");

    let rows = [
        (
            "registry.example/shop-backend",
            Some("registry.example/shop-backend"),
        ),
        ("registry.example/backend", None),
    ];
    for (image, written) in rows {
        let folder = tempfile::tempdir().unwrap();
        let manifest = fs::read_to_string(fixtures().join("plain/shop.yaml")).unwrap();
        let proxy = format!(
            "containers: [{{name: proxy, image: \"proxy:2\"}}, {{name: app, image: \"{image}:1.0\"}}]"
        );
        let (head, rest) = manifest.split_once("containers:").unwrap();
        let rest = rest.split_once("\n---").map_or("", |(_, rest)| rest);
        let text = format!("{head}{proxy}\n---{rest}");
        fs::write(folder.path().join("shop.yaml"), &text).unwrap();
        let (code, out, _) = run(folder.path(), &["init"]);
        assert_eq!(
            code,
            if written.is_some() { 0 } else { 30 },
            "{out}\n{text}"
        );
        match written {
            Some(image) => {
                let config = fs::read_to_string(folder.path().join("shipgate.yaml")).unwrap();
                assert!(config.contains(&format!("image: {image}\n")), "{config}");
            }
            None => assert!(out.contains("has 2 containers"), "{out}"),
        }
    }
}
