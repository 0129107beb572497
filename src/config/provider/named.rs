//! Something asks a provider that `providers` does not name: one sentence for it, wherever it is found.

use super::Providers;
use crate::config::Problems;

/// An entry of `providers` that something else of the configuration asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// `providers.prometheus`.
    Prometheus,
    /// `providers.alertmanager`.
    Alertmanager,
    /// `providers.cloudwatch`.
    Cloudwatch,
    /// `providers.web`.
    Web,
    /// `providers.datadog`.
    Datadog,
    /// `providers.newrelic`.
    NewRelic,
    /// `providers.argocd`.
    ArgoCd,
}

impl Named {
    /// Returns its key.
    pub fn word(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Alertmanager => "alertmanager",
            Self::Cloudwatch => "cloudwatch",
            Self::Web => "web",
            Self::Datadog => "datadog",
            Self::NewRelic => "newrelic",
            Self::ArgoCd => "argocd",
        }
    }

    /// Returns the least that the entry needs: `prometheus: {url: …}`.
    pub fn example(self) -> String {
        let needs = match self {
            Self::Prometheus | Self::Alertmanager | Self::Web | Self::ArgoCd => "url: …",
            Self::Cloudwatch => "region: …",
            Self::Datadog => "site: datadoghq.eu",
            Self::NewRelic => "account: 1234567",
        };
        format!("{}: {{{needs}}}", self.word())
    }

    /// Is it not there, and not written either? What is wrong with one that is written is said already.
    pub(in crate::config) fn is_missing(
        self,
        providers: &Providers,
        problems: &Problems<'_>,
    ) -> bool {
        let written = problems.located.value.pointer("/providers");
        let written = written.and_then(|written| written.get(self.word()));
        written.is_none() && !providers.names(self)
    }

    /// Says that `who` asks it and it is not there, and what to write.
    pub fn missing_with_example(self, who: &str) -> String {
        format!("{}; `{}`", self.missing(who), self.example())
    }

    /// Says that `who` asks it and it is not there.
    pub fn missing(self, who: &str) -> String {
        format!(
            "{who} asks `{}`, which `providers` does not name",
            self.word()
        )
    }
}

impl Providers {
    /// Is there such an entry?
    pub fn names(&self, named: Named) -> bool {
        match named {
            Named::Prometheus => self.prometheus.is_some(),
            Named::Alertmanager => self.alertmanager.is_some(),
            Named::Cloudwatch => self.cloudwatch.is_some(),
            Named::Web => self.web.is_some(),
            Named::Datadog => self.datadog.is_some(),
            Named::NewRelic => self.newrelic.is_some(),
            Named::ArgoCd => self.argocd.is_some(),
        }
    }
}
