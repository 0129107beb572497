//! The API of one Kubernetes cluster: one object by its kind, namespace and name.

use std::time::Duration;

use reqwest::Url;
use serde_json::Value;

use super::{
    Trouble,
    ask::{Question, get},
};
use crate::{clock::Clock, probe::Client, secret::Secret};

/// A cluster with the credentials for it.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(super) server: Url,
    pub(super) client: Client,
    pub(super) token: Option<Secret>,
    /// The namespace that the kubeconfig or the pod names, if one does.
    pub namespace: Option<String>,
}

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// `apps/v1`
    pub(super) group_version: &'static str,
    /// As the API's paths say it: `deployments`.
    pub(super) plural: &'static str,
    /// As objects say it: `Deployment`.
    pub(super) kind: &'static str,
}

/// An object's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    /// Namespace: a DNS label.
    pub namespace: &'a str,
    /// Name: a DNS subdomain.
    pub name: &'a str,
}

impl Kind {
    /// Names an object, for people: `Deployment shop/web`.
    pub(super) fn named(self, name: Name<'_>) -> String {
        format!("{} {}/{}", self.kind, name.namespace, name.name)
    }
}

impl Cluster {
    /// Asks for one object.
    pub(super) async fn object(
        &self,
        clock: &dyn Clock,
        kind: Kind,
        name: Name<'_>,
        timeout: Duration,
    ) -> Result<Value, Trouble> {
        let what = kind.named(name);
        let mut url = self.server.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("apis");
            segments.extend(kind.group_version.split('/'));
            segments.extend(["namespaces", name.namespace, kind.plural, name.name]);
        }
        let text = |document: &Value, pointer: &str| {
            document
                .pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        // Without the right to ask, or without the kind, the cluster answers with 404 or 403 and
        // names no object.
        let is_missing = |document: &Value| {
            text(document, "/kind").as_deref() == Some("Status")
                && text(document, "/reason").as_deref() == Some("NotFound")
                && text(document, "/details/name").as_deref() == Some(name.name)
        };
        let denied = format!("the account has no right to get {what}");
        let question = Question {
            url,
            token: self.token.as_ref(),
            timeout,
            what: &what,
            denied: &denied,
            is_missing: &is_missing,
        };
        get(&self.client, clock, question).await
    }
}
