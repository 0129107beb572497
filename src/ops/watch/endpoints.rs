//! The providers that a service's metrics are asked of, with their credentials.

use crate::{
    config::{
        provider::{Providers, SignIn},
        verification::ProviderKind,
    },
    event::{Ending, Failure},
    probe::prometheus::{Auth, Endpoint},
    secret::Secret,
};

/// The providers with their credentials.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    /// The Prometheus of `providers.prometheus`.
    pub prometheus: Option<Endpoint>,
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
        let find = |variable: &String| {
            secret(variable).filter(|secret| !secret.is_empty()).ok_or_else(|| {
                let reason = format!(
                    "the variable {variable} is not set, from which `providers.prometheus` takes its credentials"
                );
                Failure::new(Ending::Usage, reason)
                    .hint(format!("set {variable} in the pipeline, as a secret"))
            })
        };
        let Some(prometheus) = &providers.prometheus else {
            return Ok(Self::default());
        };
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
        Ok(Self {
            prometheus: Some(Endpoint {
                auth,
                headers: prometheus.headers.clone(),
                ..Endpoint::open(prometheus.url.clone())
            }),
        })
    }

    /// Returns the endpoint of the provider that a metric asks.
    ///
    /// # Errors
    /// It is not configured.
    pub(super) fn of(&self, provider: ProviderKind, metric: &str) -> Result<Endpoint, Failure> {
        match provider {
            ProviderKind::Prometheus => self.prometheus.clone().ok_or_else(|| {
                Failure::new(
                    Ending::ConfigInvalid,
                    format!("`{metric}` asks prometheus, which `providers` does not name"),
                )
                .hint("add `providers: {prometheus: {url: …}}`")
            }),
        }
    }
}
