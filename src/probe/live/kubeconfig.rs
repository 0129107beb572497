//! Finds a cluster and the credentials for it: a kubeconfig, or the pod that shipgate runs in.
//!
//! What a kubeconfig may say is
//! <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>. What cannot be done as it says is
//! refused, never left out: another way to sign in, or a server whose certificate is not checked,
//! would be another cluster than the one that is meant.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Url;
use serde_json::Value;

use super::cluster::Cluster;
use crate::{
    probe::{Client, client::Trust},
    secret::Secret,
    units::is_loopback,
    yaml::{Limits, to_value},
};

/// What the environment says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `KUBECONFIG`: paths, separated as in `PATH`.
    pub kubeconfig: Option<String>,
    /// `HOME`, for `~/.kube/config`.
    pub home: Option<String>,
    /// The pod that shipgate runs in, if it does.
    pub pod: Option<Pod>,
    /// A bearer token that is used instead of the credentials found.
    pub token: Option<Secret>,
}

/// What a pod knows of its cluster
/// (<https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// `KUBERNETES_SERVICE_HOST`
    pub host: String,
    /// `KUBERNETES_SERVICE_PORT`
    pub port: String,
    /// The folder of its account: `token`, `ca.crt` and `namespace`.
    pub account: PathBuf,
}

impl Pod {
    /// Where every pod finds its account.
    pub const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
}

/// Why there is no cluster to ask: nothing that time would mend. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// What is wrong, as a clause.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
}

impl Unusable {
    fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            hint: hint.into(),
        }
    }
}

/// One file, read.
struct File {
    path: PathBuf,
    value: Value,
}

/// Finds the cluster of a context, or of the current one. Everything is read anew each time: tokens
/// in files are changed while a deployment runs.
///
/// # Errors
/// No kubeconfig and no pod; no such context, cluster or user; a way to sign in that is not
/// supported; a file that cannot be read.
pub fn find(
    surroundings: &Surroundings,
    context: Option<&str>,
    client: &Client,
) -> Result<Cluster, Unusable> {
    let files = files(surroundings)?;
    if files.is_empty() {
        return match (&surroundings.pod, context) {
            (Some(pod), None) => in_cluster(pod, surroundings, client),
            _ => Err(Unusable::new(
                "there is no kubeconfig",
                "set KUBECONFIG to its path, or run shipgate in a pod of the cluster",
            )),
        };
    }
    let hint = || {
        let paths: Vec<String> = files
            .iter()
            .map(|file| file.path.display().to_string())
            .collect();
        format!("the kubeconfig is {}", paths.join(", "))
    };
    let current = || {
        files
            .iter()
            .find_map(|file| file.value.get("current-context")?.as_str())
            .filter(|name| !name.is_empty())
    };
    let Some(name) = context.or_else(current) else {
        let reason = "the kubeconfig has no current context, and `context` names none";
        return Err(Unusable::new(reason, hint()));
    };
    let entry = |list: &str, key: &str, name: &str| {
        entry(&files, list, key, name).ok_or_else(|| {
            let reason = format!("the kubeconfig has no {key} called {name:?}");
            Unusable::new(reason, hint())
        })
    };
    let (_, context) = entry("contexts", "context", name)?;
    let text = |value: &Value, key: &str| {
        let found = value.get(key).and_then(Value::as_str);
        found.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let missing = |key: &str| {
        let reason = format!("the context {name:?} of the kubeconfig has no {key}");
        Unusable::new(reason, hint())
    };
    let cluster = text(context, "cluster").ok_or_else(|| missing("cluster"))?;
    let (file, cluster) = entry("clusters", "cluster", &cluster)?;
    let (server, authority) = server(file, cluster)?;
    let (token, identity) = match (&surroundings.token, text(context, "user")) {
        (Some(token), _) => (Some(token.clone()), None),
        (None, Some(user)) => {
            let (file, user) = entry("users", "user", &user)?;
            credentials(file, user)?
        }
        (None, None) => return Err(missing("user")),
    };
    let trust = Trust {
        authority,
        identity,
    };
    Ok(Cluster {
        server,
        client: client.trusting(trust),
        token,
        namespace: text(context, "namespace"),
    })
}

fn files(surroundings: &Surroundings) -> Result<Vec<File>, Unusable> {
    let paths: Vec<PathBuf> = match (&surroundings.kubeconfig, &surroundings.home) {
        (Some(paths), _) if !paths.is_empty() => std::env::split_paths(paths)
            .filter(|path| !path.as_os_str().is_empty())
            .collect(),
        (_, Some(home)) if !home.is_empty() => {
            let path = Path::new(home).join(".kube/config");
            // A pod has a home as well, and no kubeconfig in it.
            if !path.is_file() {
                return Ok(Vec::new());
            }
            vec![path]
        }
        _ => Vec::new(),
    };
    paths
        .into_iter()
        .map(|path| {
            let shown = path.display();
            let text = fs::read_to_string(&path).map_err(|error| {
                let reason = format!("the kubeconfig {shown} cannot be read: {error}");
                Unusable::new(reason, "KUBECONFIG names the kubeconfig")
            })?;
            // What the parser says could repeat a part of a secret.
            let located = to_value(&text, &Limits::SETTINGS).map_err(|error| {
                let reason = format!("{shown}:{}:{} is not YAML", error.line, error.column);
                Unusable::new(reason, "KUBECONFIG names the kubeconfig")
            })?;
            Ok(File {
                path,
                value: located.value,
            })
        })
        .collect()
}

/// Finds an entry of a list by its name: the first file that has it counts.
fn entry<'f>(
    files: &'f [File],
    list: &str,
    key: &str,
    name: &str,
) -> Option<(&'f File, &'f Value)> {
    files.iter().find_map(|file| {
        let entries = file.value.get(list)?.as_array()?;
        let named = |entry: &&Value| entry.get("name").and_then(Value::as_str) == Some(name);
        let entry = entries.iter().find(named)?.get(key)?;
        entry.is_object().then_some((file, entry))
    })
}

/// Reads address and authority of a cluster.
fn server(file: &File, cluster: &Value) -> Result<(Url, Option<Vec<u8>>), Unusable> {
    let path = file.path.display();
    for (key, why) in [
        (
            "insecure-skip-tls-verify",
            "a server that anybody could be is not asked",
        ),
        (
            "tls-server-name",
            "another name than the address's is not checked for",
        ),
        ("proxy-url", "a proxy of its own is not used"),
    ] {
        let given = cluster.get(key);
        if given.is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false))) {
            let reason = format!("{path}: a cluster with `{key}` cannot be used: {why}");
            let hint = format!("write a kubeconfig without `{key}` for shipgate");
            return Err(Unusable::new(reason, hint));
        }
    }
    let address = cluster.get("server").and_then(Value::as_str);
    let url = address.and_then(|address| Url::parse(address).ok());
    let expected = "expected `server: https://host:port`";
    let Some(url) = url.filter(|url| {
        url.username().is_empty()
            && url.password().is_none()
            && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)))
    }) else {
        let reason = format!("{path}: the address of the cluster cannot be used");
        return Err(Unusable::new(reason, expected));
    };
    let authority = data(file, cluster, "certificate-authority")?;
    Ok((url, authority))
}

/// Reads how a user signs in: a token, and a certificate with its key, one after the other.
fn credentials(file: &File, user: &Value) -> Result<(Option<Secret>, Option<Secret>), Unusable> {
    let path = file.path.display();
    let given = |key: &str| user.get(key).is_some_and(|value| !value.is_null());
    if let Some(exec) = user.get("exec").filter(|exec| !exec.is_null()) {
        let program = exec.get("command").and_then(Value::as_str);
        let reason = format!(
            "{path}: the user signs in by the program {:?}, and shipgate runs no programs",
            program.unwrap_or_default()
        );
        return Err(Unusable::new(
            reason,
            "let a step before put the token into a variable, and name that: `providers: {kubernetes: {token_env: KUBE_TOKEN}}`",
        ));
    }
    for key in ["auth-provider", "username", "password", "as"] {
        if given(key) {
            let reason = format!("{path}: signing in by `{key}` is not supported");
            let hint = "use `token`, `tokenFile` or a client certificate, or `providers: {kubernetes: {token_env: KUBE_TOKEN}}`";
            return Err(Unusable::new(reason, hint));
        }
    }
    let text = |key: &str| user.get(key).and_then(Value::as_str);
    let token = match (text("tokenFile"), text("token")) {
        (Some(name), _) if !name.is_empty() => {
            let bytes = read(file, "tokenFile", name)?;
            Some(Secret::new(String::from_utf8_lossy(&bytes).trim()))
        }
        (_, Some(token)) if !token.is_empty() => Some(Secret::new(token)),
        _ => None,
    };
    let certificate = data(file, user, "client-certificate")?;
    let key = data(file, user, "client-key")?;
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => {
            let pem = [certificate.as_slice(), b"\n", key.as_slice()].concat();
            Some(Secret::new(String::from_utf8_lossy(&pem)))
        }
        (None, None) => None,
        _ => {
            let reason =
                format!("{path}: the user has one of `client-certificate` and `client-key`");
            return Err(Unusable::new(reason, "both are needed"));
        }
    };
    Ok((token, identity))
}

/// Reads `KEY-data` (base64), else the file that `KEY` names.
fn data(file: &File, value: &Value, key: &str) -> Result<Option<Vec<u8>>, Unusable> {
    let text = |key: &str| {
        let found = value.get(key).and_then(Value::as_str);
        found.filter(|text| !text.is_empty())
    };
    let inline = format!("{key}-data");
    if let Some(text) = text(&inline) {
        let compact: String = text.split_whitespace().collect();
        return STANDARD.decode(compact).map(Some).map_err(|_| {
            let reason = format!("{}: `{inline}` is not base64", file.path.display());
            Unusable::new(reason, "write the kubeconfig anew")
        });
    }
    text(key).map(|name| read(file, key, name)).transpose()
}

/// Reads a file that a kubeconfig names: relative to its own folder.
fn read(file: &File, key: &str, name: &str) -> Result<Vec<u8>, Unusable> {
    let folder = file.path.parent().unwrap_or_else(|| Path::new(""));
    let path = folder.join(name);
    fs::read(&path).map_err(|error| {
        let reason = format!("{}: `{key}` cannot be read: {error}", file.path.display());
        Unusable::new(reason, format!("it names {}", path.display()))
    })
}

/// The cluster of the pod that shipgate runs in, with the pod's own account.
fn in_cluster(
    pod: &Pod,
    surroundings: &Surroundings,
    client: &Client,
) -> Result<Cluster, Unusable> {
    let Pod {
        host,
        port,
        account,
    } = pod;
    let read = |name: &str| {
        let path = account.join(name);
        fs::read(&path).map_err(|error| {
            let reason = format!(
                "the pod's account cannot be used: {}: {error}",
                path.display()
            );
            Unusable::new(reason, "the pod needs `automountServiceAccountToken: true`")
        })
    };
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    let address = Url::parse(&format!("https://{host}:{port}"));
    let server = address.map_err(|_| {
        let reason = "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address";
        Unusable::new(reason, "Kubernetes sets them in every pod")
    })?;
    let token = match &surroundings.token {
        Some(token) => token.clone(),
        None => Secret::new(String::from_utf8_lossy(&read("token")?).trim()),
    };
    let namespace = read("namespace").ok();
    let trust = Trust {
        authority: Some(read("ca.crt")?),
        identity: None,
    };
    Ok(Cluster {
        server,
        client: client.trusting(trust),
        token: Some(token),
        namespace: namespace.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()),
    })
}
