//! The providers that a service's metrics are asked of, with their credentials.

use crate::{
    config::{
        provider::{Providers, SignIn},
        verification::ProviderKind,
    },
    event::{Ending, Failure},
    probe::{
        NumberSource, alertmanager,
        prometheus::{Auth, Endpoint},
    },
    secret::Secret,
};

/// The providers with their credentials.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    /// The Prometheus of `providers.prometheus`.
    pub prometheus: Option<Endpoint>,
    /// The Alertmanager of `providers.alertmanager`.
    pub alertmanager: Option<alertmanager::Endpoint>,
}

impl Endpoints {
    /// Looks the credentials up in the variables that the configuration names.
    ///
    /// # Errors
    /// A variable that is not set or empty ([`Ending::Usage`]).
    pub fn new(
        providers: &Providers,
        secret: impl Fn(&str) -> Option<Secret>,
    ) -> Result<Self, Failure> {
        let find = |provider: &str, variable: &String| {
            secret(variable).filter(|secret| !secret.is_empty()).ok_or_else(|| {
                let reason = format!(
                    "the variable {variable} is not set, from which `providers.{provider}` takes its credentials"
                );
                Failure::new(Ending::Usage, reason)
                    .hint(format!("set {variable} in the pipeline, as a secret"))
            })
        };
        let prometheus = providers.prometheus.as_ref().map(|prometheus| {
            let find = |variable| find("prometheus", variable);
            let auth = match &prometheus.sign_in {
                SignIn::Open => Auth::Open,
                SignIn::Bearer { token_env } => Auth::Bearer(find(token_env)?),
                SignIn::Basic {
                    username_env,
                    password_env,
                } => Auth::Basic {
                    username: find(username_env)?,
                    password: find(password_env)?,
                },
            };
            Ok(Endpoint {
                auth,
                headers: prometheus.headers.clone(),
                ..Endpoint::open(prometheus.url.clone())
            })
        });
        let alertmanager = providers.alertmanager.as_ref().map(|alertmanager| {
            let token = alertmanager.token_env.as_ref();
            Ok(alertmanager::Endpoint {
                url: alertmanager.url.clone(),
                token: token
                    .map(|variable| find("alertmanager", variable))
                    .transpose()?,
            })
        });
        Ok(Self {
            prometheus: prometheus.transpose()?,
            alertmanager: alertmanager.transpose()?,
        })
    }

    /// Returns the provider that a metric asks for a number.
    ///
    /// # Errors
    /// It is not configured.
    pub(super) fn number(
        &self,
        provider: ProviderKind,
        metric: &str,
    ) -> Result<NumberSource, Failure> {
        match provider {
            ProviderKind::Prometheus => self.prometheus(metric).map(NumberSource::Prometheus),
        }
    }

    /// Returns the Prometheus that a metric asks.
    ///
    /// # Errors
    /// It is not configured.
    pub(super) fn prometheus(&self, metric: &str) -> Result<Endpoint, Failure> {
        configured(&self.prometheus, metric, "prometheus")
    }

    /// Returns the Alertmanager that a check asks.
    ///
    /// # Errors
    /// It is not configured.
    pub(super) fn alertmanager(&self, check: &str) -> Result<alertmanager::Endpoint, Failure> {
        configured(&self.alertmanager, check, "alertmanager")
    }
}

fn configured<E: Clone>(endpoint: &Option<E>, name: &str, provider: &str) -> Result<E, Failure> {
    endpoint.clone().ok_or_else(|| {
        Failure::new(
            Ending::ConfigInvalid,
            format!("`{name}` asks {provider}, which `providers` does not name"),
        )
        .hint(format!("add `providers: {{{provider}: {{url: …}}}}`"))
    })
}
