//! What a `live` of the configuration stands for: addresses and names filled in, credentials found.

use crate::{
    config::{
        live::{ArgoCdApplication, ClusterPlace, VersionMetric, is_object_name},
        provider::Named,
        query::{Template, Variables},
    },
    ops::{credential::credential, deploy::Outside, load::Target, watch::Endpoints},
    probe::{
        live::{
            argocd,
            cluster::Cluster,
            kubeconfig::{self, Pod, Surroundings, Unusable},
        },
        prometheus,
    },
    secret::Secret,
};

/// Fills in what a `live` names, for one arm of a service.
#[derive(Clone, Copy)]
pub(in crate::ops) struct Source<'a> {
    pub(in crate::ops) target: &'a Target,
    pub(in crate::ops) outside: &'a Outside<'a>,
    pub(in crate::ops) arm: &'a str,
}

impl Source<'_> {
    /// Fills a name in. What stands for a variable could make another name of it, so the form is
    /// looked at again.
    fn name(&self, template: &Template) -> Result<String, Unusable> {
        let name = self.text(template)?;
        let parts = name.split('/').filter(|part| !is_object_name(part));
        match parts.count() {
            0 => Ok(name),
            _ => Err(Unusable {
                reason: format!("`live` names {name:?}, which is no name of an object"),
                hint: format!("it comes from `{template}`"),
            }),
        }
    }

    fn text(&self, template: &Template) -> Result<String, Unusable> {
        let variables = Variables {
            service: Some(self.target.service.name.clone()),
            arm: Some(self.arm.to_owned()),
            workload: self
                .target
                .service
                .named(self.arm)
                .map(|workload| workload.name.clone()),
            ..self.target.variables()
        };
        template.render(&variables).map_err(|reason| Unusable {
            reason: format!("`{template}` of `live` {reason}"),
            hint: "use `{{environment}}`, `{{region}}`, `{{service}}` and `{{arm}}` only"
                .to_owned(),
        })
    }

    /// Reads a secret by the name of its variable.
    fn secret(&self, variable: &str, provider: &str) -> Result<Secret, Unusable> {
        let found = credential(
            self.outside.secrets,
            variable,
            &format!("providers.{provider}"),
        );
        found.map_err(|unset| Unusable {
            reason: unset.reason,
            hint: unset.hint,
        })
    }

    /// Returns the Prometheus of the configuration and the query for it.
    pub(in crate::ops) fn metric(
        &self,
        live: &VersionMetric,
    ) -> Result<(prometheus::Endpoint, String), Unusable> {
        let query = self.text(&live.query)?;
        let found = Endpoints::new(&self.target.config.providers, self.outside.secrets);
        let endpoints = found.map_err(|failure| Unusable {
            reason: failure.0.reason.clone(),
            hint: failure.0.hints.first().cloned().unwrap_or_default(),
        })?;
        let endpoint = endpoints.prometheus.ok_or_else(|| Unusable {
            reason: "`live` asks for a metric, and `providers` does not name prometheus".to_owned(),
            hint: "add `providers: {prometheus: {url: …}}`".to_owned(),
        })?;
        Ok((endpoint, query))
    }

    /// Returns the Argo CD of the configuration and the application in it.
    pub(in crate::ops) fn argocd(
        &self,
        live: &ArgoCdApplication,
    ) -> Result<(argocd::Endpoint, argocd::Name), Unusable> {
        let Some(argocd) = &self.target.config.providers.argocd else {
            return Err(Unusable {
                reason: Named::ArgoCd.missing("`live`"),
                hint: "add `providers: {argocd: {url: …, token_env: …}}`".to_owned(),
            });
        };
        let token = argocd.token_env.as_ref();
        let endpoint = argocd::Endpoint {
            url: argocd.url.clone(),
            token: token
                .map(|variable| self.secret(variable, "argocd"))
                .transpose()?,
        };
        let name = |template: &Option<Template>| {
            let template = template.as_ref();
            template.map(|template| self.name(template)).transpose()
        };
        let name = argocd::Name {
            application: self.name(&live.application)?,
            project: name(&live.project)?,
            namespace: name(&live.namespace)?,
        };
        Ok((endpoint, name))
    }

    /// Returns a cluster and the namespace in it.
    pub(super) fn cluster(
        &self,
        place: &ClusterPlace,
    ) -> Result<(Cluster, Option<String>), Unusable> {
        let variable = |name: &str| {
            let found = (self.outside.secrets)(name).filter(|value| !value.is_empty());
            found.map(|value| value.expose().to_owned())
        };
        let providers = &self.target.config.providers;
        let token = providers.kubernetes.as_ref();
        let token = token.and_then(|kubernetes| kubernetes.token_env.as_ref());
        let service = variable("KUBERNETES_SERVICE_HOST").zip(variable("KUBERNETES_SERVICE_PORT"));
        let pod = service.map(|(host, port)| Pod {
            host,
            port,
            account: Pod::ACCOUNT.into(),
        });
        let surroundings = Surroundings {
            kubeconfig: variable("KUBECONFIG"),
            home: variable("HOME"),
            pod,
            token: token
                .map(|variable| self.secret(variable, "kubernetes"))
                .transpose()?,
        };
        let context = place.context.as_ref();
        let context = context.map(|context| self.text(context)).transpose()?;
        let client = self.outside.client;
        let cluster = kubeconfig::find(&surroundings, context.as_deref(), client)?;
        let namespace = match &place.namespace {
            Some(template) => Some(self.name(template)?),
            None => {
                let own = self.target.environment.namespace.clone();
                own.or_else(|| cluster.namespace.clone())
            }
        };
        Ok((cluster, namespace))
    }

    /// Returns namespace and name of an object that is written as `name` or `namespace/name`.
    pub(super) fn object(
        &self,
        template: &Template,
        namespace: Option<&str>,
    ) -> Result<(String, String), Unusable> {
        let name = self.name(template)?;
        match name.split_once('/') {
            Some((namespace, name)) => Ok((namespace.to_owned(), name.to_owned())),
            None => Ok((needed(namespace)?.to_owned(), name)),
        }
    }
}

/// Returns a namespace. That of objects without one is nobody's guess.
///
/// # Errors
/// There is none.
pub(super) fn needed(namespace: Option<&str>) -> Result<&str, Unusable> {
    namespace
        .filter(|namespace| is_object_name(namespace))
        .ok_or_else(|| Unusable {
            reason: "`live` has no namespace, and neither has the environment or the kubeconfig"
                .to_owned(),
            hint: "add `namespace` to the environment, or to `live`".to_owned(),
        })
}
