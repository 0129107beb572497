//! Whom a rule is for: services, environments, namespaces, clusters, actions and invokers.

use globset::{GlobBuilder, GlobMatcher};

use super::{
    request::{Action, Invoker, Request},
    wording::shown,
};

/// A name or a name with `*` and `?`.
#[derive(Debug, Clone)]
pub(super) struct NamePattern {
    pub(super) text: String,
    pub(super) matcher: GlobMatcher,
}

impl NamePattern {
    /// Reads a name or a pattern; `*` stands for any characters, `/` included, as cluster addresses
    /// have it.
    ///
    /// # Errors
    /// The pattern is broken.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let glob = GlobBuilder::new(text).literal_separator(false).build();
        let glob = glob
            .map_err(|error| format!("{} is no name or pattern: {}", shown(text), error.kind()))?;
        Ok(Self {
            text: text.to_owned(),
            matcher: glob.compile_matcher(),
        })
    }
}

/// Names of one kind; absent = any.
pub(super) type Names = Option<Vec<NamePattern>>;

/// Whom a rule is for. Whatever is absent is not asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) services: Names,
    pub(super) environments: Names,
    pub(super) namespaces: Names,
    pub(super) clusters: Names,
    /// Is one of the lists of names enough? So Argo CD reads them unless told `andOperator`.
    pub(super) any_name: bool,
    /// Absent: what the policy is for.
    pub(super) actions: Option<Vec<Action>>,
    pub(super) invokers: Option<Vec<Invoker>>,
}

/// What a scope asks for and a request does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unnamed {
    /// The service.
    Service,
    /// The environment.
    Environment,
    /// The Kubernetes namespace.
    Namespace,
    /// The cluster.
    Cluster,
}

impl Unnamed {
    /// Returns the word of the flag that names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Environment => "environment",
            Self::Namespace => "namespace",
            Self::Cluster => "cluster",
        }
    }
}

impl Scope {
    /// Is the rule for this request? A name that the request does not say matches only `*`; see
    /// [`Scope::unnamed`].
    pub(super) fn covers(&self, request: &Request, policy_actions: &[Action]) -> bool {
        let actions = self.actions.as_deref().unwrap_or(policy_actions);
        let invoker = |invokers: &Vec<Invoker>| invokers.contains(&request.invoker);
        actions.contains(&request.action)
            && self.invokers.as_ref().is_none_or(invoker)
            && self.names(request)
    }

    fn names(&self, request: &Request) -> bool {
        let mut asked = self
            .lists(request)
            .into_iter()
            .filter_map(|(kind, names, named)| {
                let whole = request.whole_environment.as_deref();
                let whole = whole.filter(|_| kind == Unnamed::Environment);
                let names = names.as_ref()?;
                Some(has(names, named) || whole.is_some() && has(names, whole))
            })
            .peekable();
        if asked.peek().is_none() {
            return true;
        }
        if self.any_name {
            asked.any(|yes| yes)
        } else {
            asked.all(|yes| yes)
        }
    }

    /// Returns what has to be known before anybody can say whether the rule is for this request.
    pub(super) fn unnamed(&self, request: &Request) -> Option<Unnamed> {
        let lists = self.lists(request);
        let settled = |names: &Names| names.iter().flatten().any(|name| name.text == "*");
        if self.any_name && lists.iter().any(|(_, names, _)| settled(names)) {
            return None;
        }
        lists
            .into_iter()
            .find(|(_, names, named)| names.is_some() && named.is_none() && !settled(names))
            .map(|(kind, ..)| kind)
    }

    fn lists<'a>(&'a self, request: &'a Request) -> [(Unnamed, &'a Names, Option<&'a str>); 4] {
        [
            (Unnamed::Service, &self.services, request.service.as_deref()),
            (
                Unnamed::Environment,
                &self.environments,
                request.environment.as_deref(),
            ),
            (
                Unnamed::Namespace,
                &self.namespaces,
                request.namespace.as_deref(),
            ),
            (Unnamed::Cluster, &self.clusters, request.cluster.as_deref()),
        ]
    }
}

/// Is the name one of these, or like one of them?
pub(super) fn has(patterns: &[NamePattern], name: Option<&str>) -> bool {
    patterns.iter().any(|pattern| match name {
        Some(name) => pattern.text == name || pattern.matcher.is_match(name),
        None => pattern.text == "*",
    })
}
