//! `providers.kubernetes` and `providers.flux`: which variables hold the credentials for a cluster and
//! for Flux's webhook receiver.

use schemars::JsonSchema;
use serde::Deserialize;

use super::sign_in::check_variable;
use crate::config::{Problem, schema::without_null};

/// `providers.kubernetes`: how to sign in at a cluster's API. Where the cluster is says the
/// kubeconfig (`KUBECONFIG`, else `~/.kube/config`), else the pod that shipgate runs in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct Kubernetes {
    /// Environment variable that holds a bearer token, used instead of the kubeconfig's credentials:
    /// for kubeconfigs that sign in by a program, which shipgate does not run.
    pub token_env: Option<String>,
}

/// `providers.flux`: the webhook receiver that is told of a push, so that Flux need not find it by
/// itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct Flux {
    /// Environment variable that holds the receiver's whole address, a secret by itself.
    pub receiver_env: Option<String>,
    /// Environment variable that holds the receiver's token, for its type `generic-hmac`. Default:
    /// its type is `generic`.
    pub receiver_token_env: Option<String>,
}

impl Kubernetes {
    /// Checks the meaning; `at` is the JSON pointer of this value.
    ///
    /// # Errors
    /// Something else than a variable's name.
    pub fn validate(self, at: &str) -> Result<Self, Vec<Problem>> {
        check([("token_env", &self.token_env)], at)?;
        Ok(self)
    }
}

impl Flux {
    /// Checks the meaning; `at` is the JSON pointer of this value.
    ///
    /// # Errors
    /// Something else than a variable's name; a token without a receiver.
    pub fn validate(self, at: &str) -> Result<Self, Vec<Problem>> {
        let variables = [
            ("receiver_env", &self.receiver_env),
            ("receiver_token_env", &self.receiver_token_env),
        ];
        check(variables, at)?;
        if self.receiver_token_env.is_some() && self.receiver_env.is_none() {
            let message = "`receiver_token_env` needs `receiver_env`, the address to sign for";
            return Err(vec![(at.to_owned(), message.to_owned())]);
        }
        Ok(self)
    }
}

fn check<const N: usize>(
    variables: [(&str, &Option<String>); N],
    at: &str,
) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    for (key, variable) in variables {
        if let Some(variable) = variable {
            check_variable(variable, &format!("{at}/{key}"), &mut problems);
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}
