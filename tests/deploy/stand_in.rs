//! Argo CD, the API of a cluster and Flux's receiver, as far as a deployment asks them: what they say
//! follows what the embedded world has applied and runs, unless a test changes it.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shipgate::{
    clock::{Clock, ManualClock},
    sim::{Arm, Scenario, World},
};

use crate::{
    runs::Start,
    server::{Server, answer},
    stage::{CANARY, STABLE, Stage},
};

/// What an answer is about.
pub struct Facts {
    /// The world's time.
    pub now: DateTime<Utc>,
    /// The version that the applied manifest wants; of stable where the answer is about both.
    pub wanted: String,
}

/// What happens to an answer: its status, and the body changed.
pub type Change = dyn Fn(&Facts, &mut Value) -> u16 + Send + Sync;

struct Scene {
    world: Arc<World>,
    clock: Arc<ManualClock>,
    repository: std::path::PathBuf,
}

/// A stage whose `live` asks a stand-in.
pub struct StandIn {
    /// The stage.
    pub stage: Stage,
    /// The stand-in.
    pub server: Arc<Server>,
    kubeconfig: tempfile::TempDir,
}

impl StandIn {
    /// Starts one. `configure` makes the configuration of the usual one and the stand-in's address.
    pub fn new(
        configure: impl FnOnce(String, &str) -> String,
        change: impl Fn(&Facts, &mut Value) -> u16 + Send + Sync + 'static,
    ) -> Self {
        Self::telling(Scenario::Healthy, configure, change)
    }

    /// Starts one whose world tells another story.
    pub fn telling(
        scenario: Scenario,
        configure: impl FnOnce(String, &str) -> String,
        change: impl Fn(&Facts, &mut Value) -> u16 + Send + Sync + 'static,
    ) -> Self {
        let scene: Arc<OnceLock<Scene>> = Arc::default();
        let (seen, change): (_, Box<Change>) = (Arc::clone(&scene), Box::new(change));
        let server = Server::with(move |_, request| {
            let path = request.split([' ', '?']).nth(1).unwrap();
            let (status, body) = seen.get().unwrap().answer(path, &change);
            answer(status, "", body.to_string())
        });
        let stage = Stage::edited(scenario, |text| configure(text, &server.url));
        let filled = scene.set(Scene {
            world: Arc::clone(&stage.world),
            clock: Arc::clone(&stage.clock),
            repository: stage.folder.path().join("gitops.git"),
        });
        assert!(filled.is_ok());
        let kubeconfig = tempfile::tempdir().unwrap();
        let text = format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nclusters: [{{name: c, cluster: {{server: '{}'}}}}]\nusers: [{{name: u, user: {{token: a-token}}}}]\n",
            server.url
        );
        std::fs::write(kubeconfig.path().join("config"), text).unwrap();
        Self {
            stage,
            server: Arc::new(server),
            kubeconfig,
        }
    }

    /// A start with the variables that the stand-in's configurations name.
    pub fn start(&self) -> Start {
        let kubeconfig = self.kubeconfig.path().join("config");
        Start {
            variables: vec![
                ("KUBECONFIG", kubeconfig.display().to_string()),
                ("ARGOCD_TOKEN", "hunter2".to_owned()),
                ("FLUX_RECEIVER", format!("{}/hook/hunter2", self.server.url)),
                ("FLUX_KEY", "key".to_owned()),
            ],
            ..Start::new()
        }
    }

    /// Returns how many requests contain a text.
    pub fn asked(&self, text: &str) -> usize {
        let requests = self.server.requests();
        requests.iter().filter(|one| one.contains(text)).count()
    }
}

impl Scene {
    fn answer(&self, path: &str, change: &Change) -> (u16, Value) {
        let arm = if path.ends_with("-canary") {
            Arm::Canary
        } else {
            Arm::Stable
        };
        let live = self.world.live();
        let (wanted, replicas) = self.told(arm, &live.commit);
        let runs = |arm| {
            let (wanted, replicas) = self.told(arm, &live.commit);
            let running = live.workload(arm).version.as_deref();
            running == (replicas > 0).then_some(wanted.as_str())
        };
        let all = runs(Arm::Stable) && runs(Arm::Canary);
        let facts = Facts {
            now: self.clock.now(),
            wanted: wanted.clone(),
        };
        let name = path.rsplit('/').next().unwrap();
        let mut body = if path.starts_with("/api/v1/applications/") {
            application(name, &live.commit, all, &self.world.git_url())
        } else if path.contains("/kustomizations/") {
            kustomization(name, &live.commit, all)
        } else if path.contains("/gitrepositories/") {
            git_repository(name, &self.world.git_url())
        } else if path.contains("/rollouts/") {
            rollout(name, &wanted, replicas, runs(arm))
        } else {
            deployment(name, &wanted, replicas, runs(arm))
        };
        let mut segments = path
            .split('/')
            .skip_while(|segment| *segment != "namespaces");
        if let Some(namespace) = segments.nth(1) {
            body["metadata"]["namespace"] = json!(namespace);
        }
        let status = change(&facts, &mut body);
        (status, body)
    }

    /// Reads version and replicas from a manifest of a commit.
    fn told(&self, arm: Arm, commit: &str) -> (String, u64) {
        let path = match arm {
            Arm::Stable => STABLE,
            Arm::Canary => CANARY,
        };
        let repository = git2::Repository::open_bare(&self.repository).unwrap();
        let commit = repository.find_commit(commit.parse().unwrap()).unwrap();
        let entry = commit.tree().unwrap().get_path(Path::new(path)).unwrap();
        let blob = repository.find_blob(entry.id()).unwrap();
        let text = String::from_utf8(blob.content().to_vec()).unwrap();
        let after = |start: &str| {
            let rest = text.split_once(start).unwrap().1;
            let end = rest.find(['"', '\n', ' ']).unwrap();
            rest[..end].to_owned()
        };
        (
            after("shop/advertisements:"),
            after("  replicas: ").parse().unwrap(),
        )
    }
}

fn application(name: &str, commit: &str, all: bool, url: &str) -> Value {
    let health = if all { "Healthy" } else { "Progressing" };
    json!({
        "metadata": {"name": name},
        "spec": {"source": {"repoURL": url, "path": "clusters/prod", "targetRevision": "HEAD"}},
        "status": {
            "sync": {"status": "Synced", "revision": commit},
            "health": {"status": health},
            "reconciledAt": "2026-03-10T10:00:00Z",
            "operationState": {"phase": "Succeeded", "finishedAt": "2026-03-10T10:00:00Z", "syncResult": {"revision": commit}}
        }
    })
}

fn kustomization(name: &str, commit: &str, all: bool) -> Value {
    let revision = format!("main@sha1:{commit}");
    let (ready, reason) = if all {
        ("True", "ReconciliationSucceeded")
    } else {
        ("Unknown", "Progressing")
    };
    json!({
        "kind": "Kustomization",
        "metadata": {"name": name, "generation": 1},
        "spec": {"wait": true, "path": "./clusters/prod", "sourceRef": {"kind": "GitRepository", "name": "gitops"}},
        "status": {
            "observedGeneration": 1,
            "lastAttemptedRevision": revision,
            "lastAppliedRevision": if all { json!(revision) } else { Value::Null },
            "conditions": [{"type": "Ready", "status": ready, "reason": reason}]
        }
    })
}

fn git_repository(name: &str, url: &str) -> Value {
    json!({
        "kind": "GitRepository",
        "metadata": {"name": name, "generation": 1},
        "spec": {"url": url, "ref": {"branch": "main"}}
    })
}

fn deployment(name: &str, wanted: &str, replicas: u64, runs: bool) -> Value {
    let available = if runs { replicas } else { 0 };
    json!({
        "kind": "Deployment",
        "metadata": {"name": name, "generation": 1},
        "spec": {
            "replicas": replicas,
            "template": {"spec": {"containers": [{"image": format!("registry.example/shop/advertisements:{wanted}")}]}}
        },
        "status": {
            "observedGeneration": 1,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "availableReplicas": available,
            "conditions": [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}]
        }
    })
}

/// A Rollout with two pauses, of which the second one is ended by a person; its controller is done as
/// soon as the pods run, unless a test says otherwise.
fn rollout(name: &str, wanted: &str, replicas: u64, runs: bool) -> Value {
    let mut body = deployment(name, wanted, replicas, runs);
    let status = json!({
        "observedGeneration": "1",
        "phase": if runs { "Healthy" } else { "Progressing" },
        "message": if runs { "" } else { "more replicas need to be updated" },
        "currentStepIndex": if runs { 4 } else { 0 },
        "currentPodHash": wanted,
        "stableRS": if runs { json!(wanted) } else { json!("before") },
    });
    body["kind"] = json!("Rollout");
    body["spec"]["strategy"] = json!({"canary": {"steps": [
        {"setWeight": 20}, {"pause": {"duration": "1m"}}, {"setWeight": 50}, {"pause": {}}
    ]}});
    for (key, value) in status.as_object().unwrap() {
        body["status"][key] = value.clone();
    }
    body
}
