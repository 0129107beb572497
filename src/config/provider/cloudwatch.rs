//! `providers.cloudwatch`: which region of Amazon CloudWatch, and which variables hold its keys.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{address::base_address, sign_in::check_variable, sums::Sums};
use crate::config::{Problem, schema::without_null};

/// The shortest period of the metrics of most services.
const MINUTE: Duration = Duration::from_secs(60);

/// `providers.cloudwatch` as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawCloudwatch {
    /// Region, such as `eu-west-1`.
    pub region: String,
    /// Address; that of the region unless given. For endpoints of a VPC and of other partitions.
    pub url: Option<String>,
    /// Environment variable that holds the access key; `AWS_ACCESS_KEY_ID` unless given.
    pub access_key_id_env: Option<String>,
    /// Environment variable that holds the secret key; `AWS_SECRET_ACCESS_KEY` unless given.
    pub secret_access_key_env: Option<String>,
    /// Environment variable that holds the token of keys for a while; `AWS_SESSION_TOKEN`, where
    /// that is set, unless given.
    pub session_token_env: Option<String>,
    /// How long after its end a minute may still grow; 2m unless given. Sums by time lag so far behind.
    pub settle: Option<String>,
    /// Allow `http://` to a host that is not this machine.
    #[serde(default)]
    pub allow_http: bool,
}

/// A region of CloudWatch and where its keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloudwatch {
    /// Region.
    pub region: String,
    /// Address: http or https, without credentials, query or fragment.
    pub url: Url,
    /// Variable of the access key.
    pub access_key_id_env: String,
    /// Variable of the secret key.
    pub secret_access_key_env: String,
    /// Variable of the session token, where the configuration names one.
    pub session_token_env: Option<String>,
    /// Whole minutes, and when they are finished.
    pub sums: Sums,
}

impl Cloudwatch {
    /// The variable of the session token where the configuration names none; it need not be set.
    pub const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
}

impl RawCloudwatch {
    /// Checks the meaning; `at` is the JSON pointer of this value.
    ///
    /// # Errors
    /// Something else than a region, an address that may not be asked with credentials, something
    /// else than a variable's name.
    pub fn validate(self, at: &str) -> Result<Cloudwatch, Vec<Problem>> {
        let mut problems = Vec::new();
        let is_region =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.region.is_empty() || !self.region.bytes().all(is_region) {
            let message = "expected the name of a region, such as eu-west-1".to_owned();
            problems.push((format!("{at}/region"), message));
            return Err(problems);
        }
        for (key, variable) in [
            ("access_key_id_env", &self.access_key_id_env),
            ("secret_access_key_env", &self.secret_access_key_env),
            ("session_token_env", &self.session_token_env),
        ] {
            if let Some(variable) = variable {
                check_variable(variable, &format!("{at}/{key}"), &mut problems);
            }
        }
        let sums = Sums {
            bucket: MINUTE,
            settle: 2 * MINUTE,
        };
        let sums = sums.read(None, self.settle.as_deref(), at, &mut problems);
        let usual = format!("https://monitoring.{}.amazonaws.com", self.region);
        let address = self.url.unwrap_or(usual);
        match base_address(&address, self.allow_http) {
            Ok(url) if problems.is_empty() => Ok(Cloudwatch {
                region: self.region,
                url,
                access_key_id_env: named(self.access_key_id_env, "AWS_ACCESS_KEY_ID"),
                secret_access_key_env: named(self.secret_access_key_env, "AWS_SECRET_ACCESS_KEY"),
                session_token_env: self.session_token_env,
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

fn named(variable: Option<String>, usual: &str) -> String {
    variable.unwrap_or_else(|| usual.to_owned())
}
