//! The backends that share the requests of a rule: what they are called and what weight they have.

use std::fmt;

use crate::manifest::{Refusal, cursor::Cursor, object::View};

/// How the name of a canary ends, behind that of its stable backend.
pub(in crate::manifest) const CANARY_SUFFIX: &str = "-canary";

/// The subset that is the canary where nobody says another one.
const CANARY_SUBSET: &str = "canary";

/// What a backend is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::manifest) struct BackendName {
    /// A Service, or a host.
    pub host: String,
    /// A subset of it, where there are some.
    pub subset: Option<String>,
}

impl BackendName {
    /// Returns the host without its domain: the name of the Service.
    pub(in crate::manifest) fn label(&self) -> &str {
        first_label(&self.host).0
    }

    /// Returns the label of the backend that this one is the canary of by its name.
    pub(in crate::manifest) fn stable_label(&self) -> Option<&str> {
        self.label().strip_suffix(CANARY_SUFFIX)
    }

    /// Is this what a person calls the backend: its host or the first label of that, its subset, or
    /// both with `/` between?
    pub(in crate::manifest) fn answers_to(&self, text: &str) -> bool {
        let by_host = |text: &str| text == self.host || text == self.label();
        let subset = self.subset.as_deref();
        let by_both = text
            .split_once('/')
            .is_some_and(|(host, wanted)| by_host(host) && subset == Some(wanted));
        by_host(text) || subset == Some(text) || by_both
    }

    /// Is this the canary of the other one by its name: `app-canary` of `app`, or the subset
    /// `canary` beside another one?
    pub(in crate::manifest) fn is_canary_of(&self, stable: &Self) -> bool {
        let named = |canary: &str, of: &str| canary.strip_suffix(CANARY_SUFFIX) == Some(of);
        if self.host != stable.host {
            let (this, domain) = first_label(&self.host);
            let (other, other_domain) = first_label(&stable.host);
            return named(this, other) && domain == other_domain;
        }
        let other = stable.subset.as_deref();
        self.subset.as_deref().is_some_and(|subset| {
            self.subset != stable.subset
                && (subset == CANARY_SUBSET || other.is_some_and(|other| named(subset, other)))
        })
    }
}

impl fmt::Display for BackendName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.host)?;
        match &self.subset {
            Some(subset) => write!(formatter, "/{subset}"),
            None => Ok(()),
        }
    }
}

/// Splits a host into its first label and its domain.
fn first_label(host: &str) -> (&str, &str) {
    host.split_once('.').unwrap_or((host, ""))
}

/// One of the backends of a rule.
#[derive(Debug)]
pub(in crate::manifest) struct Backend<'a> {
    /// The list item.
    pub item: Cursor<'a>,
    /// What it is called.
    pub name: BackendName,
    /// What is written as its weight.
    pub weight: Option<Cursor<'a>>,
}

impl<'a> Backend<'a> {
    /// Takes a list item that has its `weight` in it.
    ///
    /// # Errors
    /// The weight is written twice.
    pub(in crate::manifest) fn of(item: Cursor<'a>, name: BackendName) -> Result<Self, Refusal> {
        let weight = item.key("weight")?;
        Ok(Self { item, name, weight })
    }

    /// Returns the weight, in the units of its rule; `missing` is what counts where none is written.
    ///
    /// # Errors
    /// What is written is no whole number.
    pub(in crate::manifest) fn weight_or(&self, missing: u32) -> Result<u32, Refusal> {
        let Some(place) = &self.weight else {
            return Ok(missing);
        };
        let text = place.text().unwrap_or_default();
        text.parse().map_err(|_| {
            place
                .refusal(format!(
                    "the weight of `{}` in {} is `{text}`, expected a whole number from 0",
                    self.name,
                    place.view.reference()
                ))
                .hint("write a number there")
        })
    }

    /// Returns the backend for a list of candidates: `app (weight 90, line 7)`.
    fn shown(&self) -> String {
        let weight = match &self.weight {
            Some(weight) => format!("weight {}", weight.text().unwrap_or("not readable")),
            None => "no weight".to_owned(),
        };
        format!("`{}` ({weight}, line {})", self.name, self.item.line())
    }
}

/// The backends that a rule sends its requests to.
#[derive(Debug)]
pub(in crate::manifest) struct Rule<'a> {
    /// The list of them.
    pub list: Cursor<'a>,
    /// Those in it, in order; at least one.
    pub backends: Vec<Backend<'a>>,
    /// Is it for chosen users alone, by a header or the like?
    pub is_chosen: bool,
}

impl<'a> Rule<'a> {
    /// Takes a list and the backends in it; none where there are none.
    pub(in crate::manifest) fn of(list: Cursor<'a>, backends: Vec<Backend<'a>>) -> Option<Self> {
        (!backends.is_empty()).then_some(Self {
            list,
            backends,
            is_chosen: false,
        })
    }

    /// Notes whether it is for chosen users: each of its matches, of which there is one at least, asks
    /// for one of these keys.
    ///
    /// # Errors
    /// A key is written twice.
    pub(in crate::manifest) fn chosen_by(
        mut self,
        matches: Option<Cursor<'a>>,
        keys: &[&str],
    ) -> Result<Self, Refusal> {
        let mut all = matches.iter().flat_map(Cursor::items).peekable();
        self.is_chosen = all.peek().is_some();
        for each in all {
            let mut chooses = false;
            for key in keys {
                chooses |= each.key(key)?.is_some();
            }
            self.is_chosen &= chooses;
        }
        Ok(self)
    }

    /// Takes a list whose items name Services by `name`; none where it is empty.
    ///
    /// # Errors
    /// An item has a key twice.
    pub(in crate::manifest) fn of_services(list: Cursor<'a>) -> Result<Option<Self>, Refusal> {
        let mut backends = Vec::new();
        for item in list.items() {
            let name = item.key("name")?.and_then(|name| name.text());
            let name = BackendName {
                host: name.unwrap_or_default().to_owned(),
                subset: None,
            };
            backends.push(Backend::of(item, name)?);
        }
        Ok(Self::of(list, backends))
    }
}

/// Returns the rules whose split is for everyone: one for chosen users (testers by a header) stays as
/// somebody wrote it, unless nothing else is split.
pub(in crate::manifest) fn for_everyone(mut rules: Vec<Rule<'_>>) -> Vec<Rule<'_>> {
    let is_split = |rule: &Rule<'_>| rule.backends.len() > 1;
    if rules.iter().any(|rule| is_split(rule) && !rule.is_chosen) {
        rules.retain(|rule| !(is_split(rule) && rule.is_chosen));
    }
    rules
}

/// Lists the backends of some rules for a message, in their order.
pub(in crate::manifest) fn listed(rules: &[Rule<'_>]) -> String {
    let backends = rules.iter().flat_map(|rule| &rule.backends);
    let shown: Vec<String> = backends.map(Backend::shown).collect();
    if shown.is_empty() {
        "no backend".to_owned()
    } else {
        shown.join(", ")
    }
}

/// Refuses an object whose kind another API group has too, with another meaning. One that names no
/// group passes.
pub(in crate::manifest) fn check_group(view: View<'_>, groups: &[&str]) -> Result<(), Refusal> {
    let Some(version) = Cursor::new(view).key("apiVersion")? else {
        return Ok(());
    };
    let found = version.text().unwrap_or_default();
    let group = found.split_once('/').map_or("", |(group, _)| group);
    if groups.contains(&group) {
        return Ok(());
    }
    Err(version
        .refusal(format!(
            "{} is of `{found}`, expected one of {}",
            view.reference(),
            groups.join(", ")
        ))
        .hint("name an object of that API, or change the value by its path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> BackendName {
        let (host, subset) = match text.split_once('/') {
            Some((host, subset)) => (host, Some(subset.to_owned())),
            None => (text, None),
        };
        BackendName {
            host: host.to_owned(),
            subset,
        }
    }

    #[test]
    fn backends_answer_to_what_people_call_them() {
        let rows = [
            ("app", "app", true),
            ("app", "app-canary", false),
            ("app.prod.svc.cluster.local", "app", true),
            ("app.prod.svc.cluster.local", "app.prod", false),
            (
                "app.prod.svc.cluster.local",
                "app.prod.svc.cluster.local",
                true,
            ),
            ("app/v2", "v2", true),
            ("app/v2", "app", true),
            ("app/v2", "app/v2", true),
            ("app.prod/v2", "app/v2", true),
            ("app/v2", "app/v1", false),
            ("app/v2", "web/v2", false),
            ("app", "app/v2", false),
        ];
        for (backend, text, expected) in rows {
            assert_eq!(name(backend).answers_to(text), expected, "{backend} {text}");
        }
    }

    #[test]
    fn canaries_are_known_by_their_names_only() {
        let rows = [
            ("app-canary", "app", true),
            ("app", "app-canary", false),
            ("app-canary", "web", false),
            ("app-v2", "app", false),
            ("app-canary.prod", "app.prod", true),
            ("app-canary.prod", "app.test", false),
            ("app/canary", "app/stable", true),
            ("app/canary", "app", true),
            ("app/v1-canary", "app/v1", true),
            ("app/v2", "app/v1", false),
            ("app/canary", "app/canary", false),
            ("app/canary", "web/stable", false),
            ("app", "app", false),
        ];
        for (canary, stable, expected) in rows {
            let found = name(canary).is_canary_of(&name(stable));
            assert_eq!(found, expected, "{canary} {stable}");
        }
    }
}
