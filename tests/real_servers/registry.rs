//! A real registry: is an image there, and what `plan` and `deploy` make of the answer before they
//! push anything.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::program::{self, Program, Running};
use serde_json::{Value, json};
use shipgate::{
    cli::{self, Context},
    clock::{Clock, ManualClock, SystemClock},
    probe::{
        Client, ClientOptions,
        registry::{self, Credentials, Endpoint, ImageReading},
    },
    secret::Secret,
    sim::{Scenario, World, WorldOptions},
};

/// `robin:hunter2-password` as htpasswd(1) writes it.
const PASSWORDS: &str = "robin:$2y$04$abcdefghijklmnopqrstuuHqu1JwgJC4IYOQKdYoFbHz/YdCKRX7i\n";
const SHOP: &str = "shop/advertisements";

fn start(has_passwords: bool) -> Option<Running> {
    let program = Program {
        name: "docker-registry",
        package: "docker-registry",
        ready: "/v2/",
    };
    program.start(|folder, port| {
        let auth = if has_passwords {
            let path = folder.join("htpasswd");
            fs::write(&path, PASSWORDS).unwrap();
            format!("auth: {{htpasswd: {{realm: shop, path: {:?}}}}}\n", path.display().to_string())
        } else {
            String::new()
        };
        let config = folder.join("config.yml");
        let data = folder.join("data").display().to_string();
        let text = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {data:?}}}}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\n{auth}"
        );
        fs::write(&config, text).unwrap();
        vec!["serve".to_owned(), config.display().to_string()]
    })
}

/// Pushes an image of one empty layer and returns its digest.
fn push(server: &Running, path: &str, tag: &str, password: Option<&str>) -> String {
    let client = program::client();
    let sign_in = |request: reqwest::blocking::RequestBuilder| match password {
        Some(password) => request.header("authorization", basic("robin", password)),
        None => request,
    };
    let config = b"{}";
    let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let uploads = format!("{}/v2/{path}/blobs/uploads/", server.url);
    let begun = sign_in(client.post(uploads)).send().unwrap();
    let location = begun.headers()["location"].to_str().unwrap();
    let join = if location.contains('?') { '&' } else { '?' };
    let upload = sign_in(client.put(format!("{location}{join}digest={digest}")));
    assert_eq!(upload.body(&config[..]).send().unwrap().status(), 201);
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": kind,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2},
        "layers": [],
    });
    let address = format!("{}/v2/{path}/manifests/{tag}", server.url);
    let put = sign_in(client.put(address).header("content-type", kind));
    let answer = put.body(manifest.to_string()).send().unwrap();
    assert_eq!(answer.status(), 201);
    answer.headers()["docker-content-digest"]
        .to_str()
        .unwrap()
        .to_owned()
}

fn basic(name: &str, password: &str) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{name}:{password}"))
    )
}

fn ask(server: &Running, password: Option<&str>, wanted: (&str, &str)) -> String {
    let endpoint = Endpoint {
        url: server.url.parse().unwrap(),
        token_url: None,
        credentials: password.map(|password| Credentials {
            username: Secret::new("robin"),
            password: Secret::new(password),
        }),
    };
    let client = Client::new(ClientOptions::default());
    let timeout = Duration::from_secs(10);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let asked = registry::image(&client, &SystemClock, &endpoint, wanted, timeout);
    let text = match runtime.block_on(asked) {
        ImageReading::Found(digest) => format!("found {digest}"),
        ImageReading::Missing(reason) => format!("missing: {reason}"),
        ImageReading::Unanswered(reason) => format!("unanswered: {reason}"),
    };
    assert!(!text.contains("hunter"), "{text}");
    text.replace(&server.url, "URL")
}

#[test]
fn an_image_is_there_or_not_or_nobody_knows() {
    let (Some(open), Some(closed)) = (start(false), start(true)) else {
        return;
    };
    let digest = push(&open, SHOP, "1.1", None);
    assert_eq!(push(&closed, SHOP, "1.1", Some("hunter2-password")), digest);
    let mut lines = Vec::new();
    for (server, name) in [(&open, "open"), (&closed, "closed")] {
        for password in [None, Some("hunter2-password"), Some("hunter3-password")] {
            for wanted in [(SHOP, "1.1"), (SHOP, "1.2"), ("shop/nothing", "1.1")] {
                let (path, tag) = wanted;
                let password = password.map_or("", |it| {
                    if it == "hunter2-password" {
                        " right"
                    } else {
                        " wrong"
                    }
                });
                let given = match password {
                    " right" => Some("hunter2-password"),
                    " wrong" => Some("hunter3-password"),
                    _ => None,
                };
                let answer = ask(server, given, wanted).replace(&digest, "DIGEST");
                lines.push(format!("{name}{password} {path}:{tag} {answer}"));
            }
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    open shop/advertisements:1.1 found DIGEST
    open shop/advertisements:1.2 missing: URL has no shop/advertisements:1.2
    open shop/nothing:1.1 missing: URL has no shop/nothing:1.1
    open right shop/advertisements:1.1 found DIGEST
    open right shop/advertisements:1.2 missing: URL has no shop/advertisements:1.2
    open right shop/nothing:1.1 missing: URL has no shop/nothing:1.1
    open wrong shop/advertisements:1.1 found DIGEST
    open wrong shop/advertisements:1.2 missing: URL has no shop/advertisements:1.2
    open wrong shop/nothing:1.1 missing: URL has no shop/nothing:1.1
    closed shop/advertisements:1.1 unanswered: URL asks for a user name and a password, and `providers.registry` names none
    closed shop/advertisements:1.2 unanswered: URL asks for a user name and a password, and `providers.registry` names none
    closed shop/nothing:1.1 unanswered: URL asks for a user name and a password, and `providers.registry` names none
    closed right shop/advertisements:1.1 found DIGEST
    closed right shop/advertisements:1.2 missing: URL has no shop/advertisements:1.2
    closed right shop/nothing:1.1 missing: URL has no shop/nothing:1.1
    closed wrong shop/advertisements:1.1 unanswered: URL answered with status 401: shop/advertisements is not there, or the credentials may not read it
    closed wrong shop/advertisements:1.2 unanswered: URL answered with status 401: shop/advertisements is not there, or the credentials may not read it
    closed wrong shop/nothing:1.1 unanswered: URL answered with status 401: shop/nothing is not there, or the credentials may not read it
    ");
}

/// A variable of the environment and its value.
type Variable<'a> = (&'a str, &'a str);

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

/// A world whose images are in a registry.
struct Stage {
    _folder: tempfile::TempDir,
    here: tempfile::TempDir,
    clock: Arc<ManualClock>,
    world: World,
}

impl Stage {
    fn new(host: &str, registry: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at("2026-03-10T10:00:00Z".parse().unwrap()));
        let time: Arc<dyn Clock> = clock.clone();
        let options = WorldOptions::new(Scenario::Healthy, time, folder.path().to_owned());
        let stage = Self {
            world: World::start(options).unwrap(),
            here: tempfile::tempdir().unwrap(),
            _folder: folder,
            clock,
        };
        for path in [
            "clusters/prod/advertisements.yaml",
            "clusters/prod/advertisements-canary.yaml",
            "shipgate.yaml",
        ] {
            let text = String::from_utf8(stage.world.read(path).unwrap().unwrap()).unwrap();
            let text = text
                .replace("registry.example/", &format!("{host}/"))
                .replace(
                    "providers:\n",
                    &format!("providers:\n  registry: {registry}\n"),
                );
            stage
                .world
                .write(path, text.as_bytes(), "robin: a registry")
                .unwrap();
        }
        stage
    }

    fn run(&self, variables: &[(&str, &str)], arguments: &[&str]) -> (u8, Value) {
        let mut environment: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        environment.insert("SHIPGATE_TOKEN".to_owned(), self.world.token().to_owned());
        environment.insert("USER".to_owned(), "alex".to_owned());
        let stdout = Sink::default();
        let context = Context {
            environment,
            clock: self.clock.clone(),
            stdout: Box::new(stdout.clone()),
            stderr: Box::new(Sink::default()),
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            listens_to_signals: false,
            folder: self.here.path().to_owned(),
        };
        let address = self.world.git_url();
        let usual = ["--repository", &address, "--output", "json"];
        let arguments = ["shipgate"].iter().chain(arguments).chain(&usual);
        let code = cli::run(arguments.map(Into::into), context);
        let bytes = stdout.0.lock().unwrap().clone();
        (code, serde_json::from_slice(&bytes).unwrap())
    }

    /// The end, and the row of the plan about the image.
    fn line(&self, variables: &[(&str, &str)], command: &str, version: &str) -> String {
        let (code, report) = self.run(variables, &[command, "--version", version]);
        let rows = report["plan"]["preflight"].as_array();
        let image = rows
            .into_iter()
            .flatten()
            .find(|row| row["name"] == "image");
        let image = image.map_or_else(String::new, |row| {
            format!("\n  {} {}", row["state"], row["detail"])
        });
        let word = |name: &str| report[name].as_str().unwrap().to_owned();
        format!(
            "{command} {version}: {code} {}: {}{image}",
            word("reason_code"),
            word("reason")
        )
    }
}

#[test]
fn a_version_without_an_image_is_not_pushed() {
    let Some(server) = start(true) else { return };
    let host = server.url.strip_prefix("http://").unwrap();
    let digest = push(&server, SHOP, "1.1", Some("hunter2-password"));
    let named = "username_env: REGISTRY_USER, password_env: REGISTRY_PASSWORD";
    let docker = "docker_config_env: DOCKER_AUTH_CONFIG";
    let auth = basic("robin", "hunter2-password");
    let auth = auth.strip_prefix("Basic ").unwrap();
    let config = json!({"auths": {host: {"auth": auth}}}).to_string();
    let right = [
        ("REGISTRY_USER", "robin"),
        ("REGISTRY_PASSWORD", "hunter2-password"),
    ];
    let wrong = [
        ("REGISTRY_USER", "robin"),
        ("REGISTRY_PASSWORD", "hunter3-password"),
    ];
    let docker_config = [("DOCKER_AUTH_CONFIG", config.as_str())];
    let broken = [("DOCKER_AUTH_CONFIG", "hunter2-password")];
    let with = |keys: &str| format!("{{url: {:?}, {keys}}}", server.url);
    let elsewhere = "{url: \"https://other.example\"}".to_owned();
    let nobody = "{url: \"http://127.0.0.1:1\"}".to_owned();
    let rows: [(&str, String, &[Variable<'_>], &str, &str); 10] = [
        (host, with(named), &right, "plan", "1.1"),
        (host, with(named), &right, "plan", "1.2"),
        (host, with(named), &right, "deploy", "1.2"),
        (host, with(named), &wrong, "deploy", "1.1"),
        (host, with(named), &[], "deploy", "1.1"),
        (host, with(docker), &docker_config, "plan", "1.1"),
        (host, with(docker), &broken, "plan", "1.1"),
        (host, with(""), &[], "plan", "1.1"),
        (host, elsewhere, &[], "plan", "1.1"),
        ("127.0.0.1:1", nobody, &[], "deploy", "1.1"),
    ];
    let mut lines = Vec::new();
    for (host, registry, variables, command, version) in rows {
        let stage = Stage::new(host, &registry);
        let tip = stage.world.tip().unwrap();
        let line = stage.line(variables, command, version);
        assert_eq!(
            stage.world.tip().unwrap(),
            tip,
            "something was pushed: {line}"
        );
        assert!(!line.contains("hunter"), "{line}");
        lines.push(
            line.replace(&server.url, "URL")
                .replace(host, "HOST")
                .replace(&digest, "DIGEST"),
        );
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    plan 1.1: 0 ok: 11 steps are planned; dry run: nothing was pushed
      "passed" "HOST/shop/advertisements:1.1 is there, DIGEST"
    plan 1.2: 14 image-missing: before anything was changed: shipgate.yaml:11:12: URL has no shop/advertisements:1.2
    deploy 1.2: 14 image-missing: before anything was changed: shipgate.yaml:11:12: URL has no shop/advertisements:1.2
    deploy 1.1: 20 unavailable: before anything was changed: shipgate.yaml:11:12: whether the image is there is not known: URL answered with status 401: shop/advertisements is not there, or the credentials may not read it
    deploy 1.1: 2 usage: shipgate.yaml:6:59: the variable REGISTRY_USER is not set, from which `providers.registry` takes its credentials
    plan 1.1: 0 ok: 11 steps are planned; dry run: nothing was pushed
      "passed" "HOST/shop/advertisements:1.1 is there, DIGEST"
    plan 1.1: 2 usage: shipgate.yaml:6:64: the variable DOCKER_AUTH_CONFIG is not the JSON text of a Docker config.json
    plan 1.1: 20 unavailable: before anything was changed: shipgate.yaml:11:12: whether the image is there is not known: URL asks for a user name and a password, and `providers.registry` names none
    plan 1.1: 0 ok: 11 steps are planned; dry run: nothing was pushed
      "not-asked" "whether HOST/shop/advertisements:1.1 is there is not asked: it is in another registry than other.example"
    deploy 1.1: 20 unavailable: before anything was changed: shipgate.yaml:11:12: whether the image is there is not known: http://HOST did not answer: tcp connect error: Connection refused
    "#);
}
