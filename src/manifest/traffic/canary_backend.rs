//! Which backend of an object is the canary, and in which of its rules it shares the requests.

use crate::manifest::{
    Refusal,
    backend::{BackendName, Rule, listed},
    object::View,
};

/// Where the canary of an object is.
#[derive(Debug)]
pub(in crate::manifest) enum Canary<'r, 'a> {
    /// It shares the requests of these rules with others: the rules, and its place in each.
    Shares(Vec<(&'r Rule<'a>, usize)>),
    /// It gets nothing yet: the rules that have one other backend, all of them the same.
    Missing(Vec<&'r Rule<'a>>),
}

/// Finds the canary that a person names, or the one that its name tells.
///
/// # Errors
/// It is not clear which backend is meant.
pub(in crate::manifest) fn find<'r, 'a>(
    view: View<'a>,
    rules: &'r [Rule<'a>],
    named: Option<&str>,
) -> Result<Canary<'r, 'a>, Refusal> {
    match named {
        Some(text) => among(view, rules, text, |name| name.answers_to(text)),
        None => {
            let canary = by_convention(view, rules)?;
            among(view, rules, &canary.to_string(), |name| name == canary)
        }
    }
}

fn refuse(view: View<'_>, reason: String, hint: &str) -> Refusal {
    Refusal::new(reason)
        .at(view.path(), view.object.line)
        .hint(hint)
}

/// Finds the one name that a pair of backends tells: `app` and `app-canary`.
fn by_convention<'r>(view: View<'_>, rules: &'r [Rule<'_>]) -> Result<&'r BackendName, Refusal> {
    let object = view.reference();
    let found = listed(rules);
    let mut canary: Option<&BackendName> = None;
    for rule in rules {
        let [first, second] = rule.backends.as_slice() else {
            continue;
        };
        let name = match (&first.name, &second.name) {
            (stable, canary) if canary.is_canary_of(stable) => canary,
            (canary, stable) if canary.is_canary_of(stable) => canary,
            _ => continue,
        };
        if canary.is_some_and(|earlier| earlier != name) {
            let reason = format!("{object} has several canaries, expected one; found {found}");
            return Err(refuse(view, reason, "name the backend that is the canary"));
        }
        canary = Some(name);
    }
    if let Some(canary) = canary {
        return Ok(canary);
    }
    Err(if rules.iter().any(|rule| rule.backends.len() > 1) {
        let reason = format!("no backend of {object} is the canary by its name; found {found}");
        refuse(view, reason, "name the backend that is the canary")
    } else {
        let reason = format!("{object} splits no traffic, expected two backends; found {found}");
        let hint = "name the backend that is the canary, then it is added beside the other one";
        refuse(view, reason, hint)
    })
}

/// Finds the one backend that is meant in the rules, whose name is shown as `text`.
fn among<'r, 'a>(
    view: View<'a>,
    rules: &'r [Rule<'a>],
    text: &str,
    is_meant: impl Fn(&BackendName) -> bool,
) -> Result<Canary<'r, 'a>, Refusal> {
    let object = view.reference();
    let found = listed(rules);
    let mut shares: Vec<(&Rule<'a>, usize)> = Vec::new();
    let mut others = Vec::new();
    let mut canary: Option<&BackendName> = None;
    for rule in rules {
        let mut answering = (0..)
            .zip(&rule.backends)
            .filter(|(_, backend)| is_meant(&backend.name));
        let Some((index, backend)) = answering.next() else {
            others.push(rule);
            continue;
        };
        let is_another = |name: &BackendName| canary.is_some_and(|canary| canary != name);
        if answering.next().is_some() || is_another(&backend.name) {
            let reason = format!(
                "`{text}` is the name of several backends of {object}, expected one; found {found}"
            );
            return Err(refuse(
                view,
                reason,
                "name it as host/subset or by its whole host",
            ));
        }
        canary = Some(&backend.name);
        // A rule that sends all of its requests to the canary, by a header mostly, is no split.
        if rule.backends.len() > 1 {
            shares.push((rule, index));
        }
    }
    if !shares.is_empty() {
        return Ok(Canary::Shares(shares));
    }
    match beside_which(&others, text) {
        Some(rules) => Ok(Canary::Missing(rules)),
        None if canary.is_some() && others.is_empty() => {
            let reason = format!("{object} sends all requests to `{text}`; found {found}");
            Err(refuse(view, reason, "write the stable backend beside it"))
        }
        None => {
            let reason =
                format!("no backend of {object} that shares requests is `{text}`; found {found}");
            Err(refuse(view, reason, "name one of these"))
        }
    }
}

/// Returns the rules in which a second backend is the canary of the first; none where that is not
/// clear.
fn beside_which<'r, 'a>(others: &[&'r Rule<'a>], text: &str) -> Option<Vec<&'r Rule<'a>>> {
    let mut single = Vec::new();
    for rule in others {
        let [backend] = rule.backends.as_slice() else {
            return None;
        };
        single.push((*rule, &backend.name));
    }
    let (host, has_subset) = match text.split_once('/') {
        Some((host, _)) => (host, true),
        None => (text, false),
    };
    let named = BackendName {
        host: host.to_owned(),
        subset: None,
    };
    let mut chosen = single.clone();
    chosen.retain(|(_, stable)| {
        let same_host = has_subset && stable.answers_to(host);
        same_host || named.stable_label() == Some(stable.label())
    });
    if chosen.is_empty() {
        chosen = single;
    }
    let (_, first) = chosen.first()?;
    let alike = chosen.iter().all(|(_, name)| name == first);
    alike.then(|| chosen.iter().map(|(rule, _)| *rule).collect())
}
