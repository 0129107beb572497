//! The providers that a service's metrics are asked of, with their credentials.

use crate::{
    config::{
        provider::{Cloudwatch, Datadog, DatadogApi, Named, NewRelic, Providers, SignIn},
        verification::ProviderKind,
    },
    event::{Ending, Failure},
    ops::{
        credential::{Unset, credential},
        programs::Programs,
    },
    probe::{
        NumberSource, SumSource, alertmanager,
        cloudwatch::{self, Keys},
        datadog, newrelic,
        program::Program,
        prometheus::{Auth, Endpoint},
        web,
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
    /// The region of `providers.cloudwatch`.
    pub cloudwatch: Option<cloudwatch::Endpoint>,
    /// The JSON API of `providers.web`.
    pub web: Option<web::Endpoint>,
    /// The Datadog of `providers.datadog`.
    pub datadog: Option<datadog::Endpoint>,
    /// The New Relic of `providers.newrelic`.
    pub newrelic: Option<newrelic::Endpoint>,
    /// The programs that checks run, as far as the policy allows them.
    pub programs: Programs,
}

impl Endpoints {
    /// Looks the credentials up in the variables that the configuration names.
    ///
    /// # Errors
    /// A variable that is not set or empty, or holds what no request can carry ([`Ending::Usage`]).
    pub fn new(
        providers: &Providers,
        secret: impl Fn(&str) -> Option<Secret>,
    ) -> Result<Self, Failure> {
        let find = |provider: &str, variable: &String| {
            let found = credential(&secret, variable, &format!("providers.{provider}"));
            found.map_err(Unset::failure)
        };
        let auth = |provider: &str, sign_in: &SignIn| {
            Ok::<_, Failure>(match sign_in {
                SignIn::Open => Auth::Open,
                SignIn::Bearer { token_env } => Auth::Bearer(find(provider, token_env)?),
                SignIn::Basic {
                    username_env,
                    password_env,
                } => Auth::Basic {
                    username: find(provider, username_env)?,
                    password: find(provider, password_env)?,
                },
            })
        };
        let prometheus = providers.prometheus.as_ref().map(|prometheus| {
            let auth = auth("prometheus", &prometheus.sign_in)?;
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
        let web = providers.web.as_ref().map(|web| {
            Ok(web::Endpoint {
                url: web.url.clone(),
                auth: auth("web", &web.sign_in)?,
                headers: web.headers.clone(),
            })
        });
        let datadog = providers.datadog.as_ref().map(|datadog| {
            let find = |variable| find("datadog", variable);
            let (api_key, app_key) = (find(&datadog.api_key_env)?, find(&datadog.app_key_env)?);
            Ok(of_datadog(datadog, api_key, app_key))
        });
        let newrelic = providers.newrelic.as_ref().map(|newrelic| {
            let api_key = find("newrelic", &newrelic.api_key_env)?;
            Ok(of_newrelic(newrelic, api_key))
        });
        let cloudwatch = providers.cloudwatch.as_ref().map(|cloudwatch| {
            let find = |variable| find("cloudwatch", variable);
            let session_token = match &cloudwatch.session_token_env {
                Some(variable) => Some(find(variable)?),
                None => secret(Cloudwatch::SESSION_TOKEN).filter(|token| !token.is_empty()),
            };
            Ok(cloudwatch::Endpoint {
                url: cloudwatch.url.clone(),
                region: cloudwatch.region.clone(),
                keys: Keys {
                    access_key_id: find(&cloudwatch.access_key_id_env)?,
                    secret_access_key: find(&cloudwatch.secret_access_key_env)?,
                    session_token,
                },
                settle: cloudwatch.sums.settle,
            })
        });
        Ok(Self {
            cloudwatch: cloudwatch.transpose()?,
            web: web.transpose()?,
            prometheus: prometheus.transpose()?,
            alertmanager: alertmanager.transpose()?,
            datadog: datadog.transpose()?,
            newrelic: newrelic.transpose()?,
            programs: Programs::new(),
        })
    }

    /// Returns the program that a check runs.
    ///
    /// # Errors
    /// Nobody has asked the policy whether it may.
    pub(super) fn program(&self, check: &str) -> Result<Program, Failure> {
        self.programs.get(check).cloned().ok_or_else(|| {
            let reason = format!("`{check}` runs a program, which no policy allows");
            Failure::new(Ending::ConfigInvalid, reason)
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
            ProviderKind::Cloudwatch => self.cloudwatch(metric).map(NumberSource::Cloudwatch),
            ProviderKind::Web => self.web(metric).map(NumberSource::Web),
            ProviderKind::Datadog => self.datadog(metric).map(NumberSource::Datadog),
            ProviderKind::NewRelic => self.newrelic(metric).map(NumberSource::NewRelic),
        }
    }

    /// Returns the provider that a metric asks for sums by time; none where the provider keeps raw
    /// counters instead.
    ///
    /// # Errors
    /// It is not configured.
    pub(super) fn sums(
        &self,
        provider: ProviderKind,
        metric: &str,
    ) -> Result<Option<SumSource>, Failure> {
        match provider {
            ProviderKind::Prometheus | ProviderKind::Web => Ok(None),
            ProviderKind::Cloudwatch => {
                self.cloudwatch(metric).map(SumSource::Cloudwatch).map(Some)
            }
            ProviderKind::Datadog => self.datadog(metric).map(SumSource::Datadog).map(Some),
            ProviderKind::NewRelic => self.newrelic(metric).map(SumSource::NewRelic).map(Some),
        }
    }

    /// Returns the Prometheus whose counters a comparison asks.
    ///
    /// # Errors
    /// The metric asks somebody else, who has none; it is not configured.
    pub(super) fn counters(
        &self,
        provider: ProviderKind,
        metric: &str,
    ) -> Result<Endpoint, Failure> {
        match provider {
            ProviderKind::Prometheus => self.prometheus(metric),
            ProviderKind::Web => Err(Failure::new(
                Ending::ConfigInvalid,
                format!("`{metric}` compares versions, which only prometheus is asked for"),
            )
            .hint("give it a `threshold_range`, or ask prometheus")),
            ProviderKind::Cloudwatch | ProviderKind::Datadog | ProviderKind::NewRelic => {
                Err(Failure::new(
                    Ending::ConfigInvalid,
                    format!("`{metric}` asks for counters, and its provider has sums only"),
                )
                .hint("compare `bad` with `total`, or ask prometheus"))
            }
        }
    }

    fn cloudwatch(&self, metric: &str) -> Result<cloudwatch::Endpoint, Failure> {
        configured(&self.cloudwatch, metric, Named::Cloudwatch)
    }

    /// Returns the JSON API that a metric or check asks.
    ///
    /// # Errors
    /// It is not configured.
    pub(super) fn web(&self, name: &str) -> Result<web::Endpoint, Failure> {
        configured(&self.web, name, Named::Web)
    }

    /// Returns the Prometheus that a metric asks.
    ///
    /// # Errors
    /// It is not configured.
    fn prometheus(&self, metric: &str) -> Result<Endpoint, Failure> {
        configured(&self.prometheus, metric, Named::Prometheus)
    }

    /// Returns the Alertmanager that a check asks.
    ///
    /// # Errors
    /// It is not configured.
    pub(super) fn alertmanager(&self, check: &str) -> Result<alertmanager::Endpoint, Failure> {
        configured(&self.alertmanager, check, Named::Alertmanager)
    }

    /// Returns the Datadog that a metric or a check asks.
    ///
    /// # Errors
    /// It is not configured.
    pub(super) fn datadog(&self, name: &str) -> Result<datadog::Endpoint, Failure> {
        configured(&self.datadog, name, Named::Datadog)
    }

    /// Returns the New Relic that a metric asks.
    ///
    /// # Errors
    /// It is not configured.
    pub(super) fn newrelic(&self, name: &str) -> Result<newrelic::Endpoint, Failure> {
        configured(&self.newrelic, name, Named::NewRelic)
    }
}

fn of_datadog(datadog: &Datadog, api_key: Secret, app_key: Secret) -> datadog::Endpoint {
    datadog::Endpoint {
        url: datadog.url.clone(),
        api_key,
        app_key,
        api: match datadog.api {
            DatadogApi::V1 => datadog::Api::V1,
            DatadogApi::Timeseries => datadog::Api::Timeseries,
            DatadogApi::Scalar => datadog::Api::Scalar,
        },
        window: datadog.window,
        bucket: datadog.sums.bucket,
        settle: datadog.sums.settle,
    }
}

fn of_newrelic(newrelic: &NewRelic, api_key: Secret) -> newrelic::Endpoint {
    newrelic::Endpoint {
        url: newrelic.url.clone(),
        account: newrelic.account,
        api_key,
        window: newrelic.window,
        bucket: newrelic.sums.bucket,
        settle: newrelic.sums.settle,
    }
}

fn configured<E: Clone>(endpoint: &Option<E>, name: &str, named: Named) -> Result<E, Failure> {
    endpoint.clone().ok_or_else(|| {
        let reason = named.missing(&format!("`{name}`"));
        Failure::new(Ending::ConfigInvalid, reason)
            .hint(format!("add `providers: {{{}}}`", named.example()))
    })
}
