//! Flags that say what is to be done and who does it, for policies whose rules are not for everyone.

use clap::{
    Args,
    builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser},
};

use crate::policy::{Action, Invoker, Request};

/// What is to be done, by whom and where, beside service and environment.
#[derive(Debug, Clone, Args)]
pub struct RequestArguments {
    /// What is to be done
    #[arg(long, default_value = "deploy", value_parser = actions())]
    pub action: Action,
    /// Who starts it
    #[arg(long, default_value = "automation", value_parser = invokers())]
    pub invoker: Invoker,
    /// Kubernetes namespace, where a rule is for some only
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub namespace: Option<String>,
    /// Name or address of the cluster, where a rule is for some only
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub cluster: Option<String>,
}

impl RequestArguments {
    /// Returns the request without service, environment and version.
    pub fn request(&self) -> Request {
        Request {
            invoker: self.invoker,
            namespace: self.namespace.clone(),
            cluster: self.cluster.clone(),
            ..Request::new(self.action)
        }
    }
}

fn actions() -> impl TypedValueParser<Value = Action> {
    PossibleValuesParser::new(Action::ALL.map(Action::word)).try_map(|word| {
        let found = Action::ALL.into_iter().find(|action| action.word() == word);
        found.ok_or("no such action")
    })
}

fn invokers() -> impl TypedValueParser<Value = Invoker> {
    PossibleValuesParser::new(Invoker::ALL.map(Invoker::word)).try_map(|word| {
        let mut all = Invoker::ALL.into_iter();
        let found = all.find(|invoker| invoker.word() == word);
        found.ok_or("no such invoker")
    })
}
