//! `providers.datadog`: which Datadog site is asked, and which variables hold the two keys.

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

const USUAL_SITE: &str = "datadoghq.com";
/// The domains of Datadog (<https://docs.datadoghq.com/getting_started/site/>): the keys go nowhere
/// else by a slip in `site`.
const DOMAINS: [&str; 3] = ["datadoghq.com", "datadoghq.eu", "ddog-gov.com"];
const USUAL_WINDOW: Duration = Duration::from_secs(300);
/// Agents send every 10 s, and what they send is there within a minute.
const USUAL_SUMS: Sums = Sums {
    bucket: Duration::from_secs(10),
    settle: Duration::from_secs(60),
};

/// `providers.datadog` as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawDatadog {
    /// Site, such as `datadoghq.eu`; `datadoghq.com` unless given.
    pub site: Option<String>,
    /// Base address instead of a site, for a proxy: `https://datadog-proxy.example`.
    pub url: Option<String>,
    /// Environment variable that holds the API key; `DD_API_KEY` unless given.
    pub api_key_env: Option<String>,
    /// Environment variable that holds the application key; `DD_APP_KEY` unless given.
    pub app_key_env: Option<String>,
    /// Which API answers a `query` for one number; `v1` unless given.
    pub api: Option<DatadogApi>,
    /// How far back a `query` for one number looks; 5m unless given.
    pub window: Option<String>,
    /// Width of the buckets that `bad` and `total` are added up from; 10s unless given.
    pub bucket: Option<String>,
    /// How long after its end a bucket may still grow; 60s unless given.
    pub settle: Option<String>,
}

/// Which API of Datadog answers a query for one number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatadogApi {
    /// `/api/v1/query`: the newest finished point.
    #[default]
    V1,
    /// `/api/v2/query/timeseries`: the newest finished point.
    Timeseries,
    /// `/api/v2/query/scalar`: one number for the whole window.
    Scalar,
}

/// Which Datadog is asked and how to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datadog {
    /// Base address: https, or http to this machine; without credentials, query or fragment.
    pub url: Url,
    /// Variable of the API key.
    pub api_key_env: String,
    /// Variable of the application key.
    pub app_key_env: String,
    /// Which API answers a query for one number.
    pub api: DatadogApi,
    /// How far back a query for one number looks; from 1 s to 1 d.
    pub window: Duration,
    /// When its sums are finished.
    pub sums: Sums,
}

impl RawDatadog {
    /// Checks the meaning; `at` is the JSON pointer of this value.
    ///
    /// # Errors
    /// A site that is not Datadog's, a site and an address, an address that may not be asked with
    /// credentials, something else than a variable's name, times that are no times.
    pub fn validate(self, at: &str) -> Result<Datadog, Vec<Problem>> {
        let mut problems = Vec::new();
        let api_key_env = self.api_key_env.unwrap_or_else(|| "DD_API_KEY".to_owned());
        let app_key_env = self.app_key_env.unwrap_or_else(|| "DD_APP_KEY".to_owned());
        check_variable(&api_key_env, &format!("{at}/api_key_env"), &mut problems);
        check_variable(&app_key_env, &format!("{at}/app_key_env"), &mut problems);
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
        let url = match (&self.site, &self.url) {
            (Some(_), Some(_)) => Err((
                format!("{at}/url"),
                "found `site` as well, expected one of them".to_owned(),
            )),
            (_, Some(url)) => vendor_address(url).map_err(|message| (format!("{at}/url"), message)),
            (site, None) => of_site(site.as_deref().unwrap_or(USUAL_SITE))
                .map_err(|message| (format!("{at}/site"), message)),
        };
        match url {
            Ok(url) if problems.is_empty() => Ok(Datadog {
                url,
                api_key_env,
                app_key_env,
                api: self.api.unwrap_or_default(),
                window,
                sums,
            }),
            Ok(_) => Err(problems),
            Err(problem) => {
                problems.push(problem);
                Err(problems)
            }
        }
    }
}

fn of_site(site: &str) -> Result<Url, String> {
    let is_below = |domain: &str| {
        site.strip_suffix(domain).is_some_and(|rest| {
            let name = rest.strip_suffix('.').unwrap_or(rest);
            (rest.is_empty() || rest.ends_with('.'))
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    };
    if !DOMAINS.iter().any(|domain| is_below(domain)) {
        return Err(
            "expected a site of Datadog, such as datadoghq.eu or us5.datadoghq.com; another address stands in `url`"
                .to_owned(),
        );
    }
    Url::parse(&format!("https://api.{site}")).map_err(|error| error.to_string())
}
