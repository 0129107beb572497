//! Flags that say what is to be done and where, for policies whose rules are not for everyone.

use clap::Args;

use super::{circumstances::actions, repository::name};
use crate::policy::Action;

/// What is to be done and where, beside service and environment.
#[derive(Debug, Clone, Args)]
pub struct RequestArguments {
    /// What is to be done
    #[arg(long, value_name = "ACTION", value_parser = actions(), default_value = "deploy")]
    pub action: Action,
    /// Kubernetes namespace, for rules that name namespaces [default: the environment's]
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub namespace: Option<String>,
    /// Name or address of the cluster, for rules that name clusters [default: the environment's]
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub cluster: Option<String>,
}
