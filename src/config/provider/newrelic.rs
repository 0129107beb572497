//! `providers.newrelic`: which account of New Relic is asked, and which variable holds the key.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{
    address::vendor_address,
    sign_in::check_variable,
    sums::{Sums, duration},
};
use crate::config::{Problem, schema::without_null};

const USUAL_WINDOW: Duration = Duration::from_secs(300);
/// Events have times of their own; 2 minutes is what New Relic's own alerts wait for late data unless
/// they are told otherwise.
const USUAL_SUMS: Sums = Sums {
    bucket: Duration::from_secs(10),
    settle: Duration::from_secs(120),
};

/// `providers.newrelic` as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawNewRelic {
    /// Number of the account that is asked.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub account: u32,
    /// Where the account is kept; `us` unless given.
    pub region: Option<NewRelicRegion>,
    /// Base address instead of a region, for a proxy: `https://newrelic-proxy.example`.
    pub url: Option<String>,
    /// Environment variable that holds the user key; `NEW_RELIC_API_KEY` unless given.
    pub api_key_env: Option<String>,
    /// How far back a `query` without `SINCE` looks; 5m unless given.
    pub window: Option<String>,
    /// What windows of `bad` and `total` are multiples of; 10s unless given. Queries `FROM Metric` need
    /// 60s.
    pub bucket: Option<String>,
    /// How long after its end a window may still grow; 2m unless given.
    pub settle: Option<String>,
}

/// Where an account is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewRelicRegion {
    /// `api.newrelic.com`.
    #[default]
    Us,
    /// `api.eu.newrelic.com`.
    Eu,
}

/// Which account of New Relic is asked and how to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRelic {
    /// Base address: https, or http to this machine; `/graphql` is added to its path.
    pub url: Url,
    /// Number of the account, at least 1.
    pub account: u32,
    /// Variable of the user key.
    pub api_key_env: String,
    /// How far back a query that does not say it looks; from 1 s to 1 d.
    pub window: Duration,
    /// When its sums are finished.
    pub sums: Sums,
}

impl RawNewRelic {
    /// Checks the meaning; `at` is the JSON pointer of this value.
    ///
    /// # Errors
    /// A region and an address, an address that may not be asked with credentials, something else
    /// than a variable's name, times that are no times.
    pub fn validate(self, at: &str) -> Result<NewRelic, Vec<Problem>> {
        let mut problems = Vec::new();
        let usual = || "NEW_RELIC_API_KEY".to_owned();
        let api_key_env = self.api_key_env.unwrap_or_else(usual);
        check_variable(&api_key_env, &format!("{at}/api_key_env"), &mut problems);
        let window = duration(
            self.window.as_deref(),
            USUAL_WINDOW,
            &format!("{at}/window"),
            &mut problems,
        );
        if !(Duration::from_secs(1)..=Duration::from_secs(86_400)).contains(&window) {
            problems.push((format!("{at}/window"), "expected from 1s to 1d".to_owned()));
        }
        let sums = USUAL_SUMS.read(
            self.bucket.as_deref(),
            self.settle.as_deref(),
            at,
            &mut problems,
        );
        let url = match (&self.region, &self.url) {
            (Some(_), Some(_)) => Err("found `region` as well, expected one of them".to_owned()),
            (_, Some(url)) => vendor_address(url),
            (region, None) => vendor_address(match region.unwrap_or_default() {
                NewRelicRegion::Us => "https://api.newrelic.com",
                NewRelicRegion::Eu => "https://api.eu.newrelic.com",
            }),
        };
        match url {
            Ok(url) if problems.is_empty() => Ok(NewRelic {
                url,
                account: self.account,
                api_key_env,
                window,
                sums,
            }),
            Ok(_) => Err(problems),
            Err(message) => {
                problems.push((format!("{at}/url"), message));
                Err(problems)
            }
        }
    }
}
