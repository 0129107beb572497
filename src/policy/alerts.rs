//! Alerts that must not be firing: which ones, filled in for a request.

use super::{
    document::{OnUnavailable, TrafficAction},
    request::{Action, Request},
    rules::Policy,
    scope::Unnamed,
};
use crate::{units::is_alert_matcher, yaml::Position};

const SERVICE: &str = "{{service}}";
const ENVIRONMENT: &str = "{{environment}}";

/// Alerts that must not be firing.
#[derive(Debug, Clone)]
pub(super) struct AlertRule {
    pub(super) matchers: Vec<String>,
    pub(super) watchdog: Option<String>,
    pub(super) action: TrafficAction,
    pub(super) on_unavailable: OnUnavailable,
}

/// What an Alertmanager is asked for a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertQuery {
    /// Which alerts count, all together.
    pub matchers: Vec<String>,
    /// Matches an alert that always fires, where the policy names one.
    pub watchdog: Option<String>,
}

impl AlertRule {
    /// Does it ask something else for each service?
    pub(super) fn is_by_service(&self) -> bool {
        self.uses(SERVICE)
    }

    /// Returns what has to be known before it can be asked.
    pub(super) fn unnamed(&self, request: &Request) -> Option<Unnamed> {
        let names = [
            (SERVICE, &request.service, Unnamed::Service),
            (ENVIRONMENT, &request.environment, Unnamed::Environment),
        ];
        let missing =
            |(text, name, _): &(&str, &Option<String>, Unnamed)| name.is_none() && self.uses(text);
        names.into_iter().find(missing).map(|(.., kind)| kind)
    }

    fn uses(&self, variable: &str) -> bool {
        let mut all = self.matchers.iter().chain(&self.watchdog);
        all.any(|matcher| matcher.contains(variable))
    }
}

impl Policy {
    /// Does the policy ask whether alerts are firing before this action?
    pub fn asks_alerts(&self, action: Action) -> bool {
        self.alerts.is_some() && self.actions.contains(&action)
    }

    /// Does the policy ask about other alerts for each service?
    pub fn asks_alerts_by_service(&self) -> bool {
        let rule = self.alerts.as_ref();
        rule.is_some_and(|rule| rule.value.is_by_service())
    }

    /// Returns where the rule about alerts is written.
    pub fn alerts_position(&self) -> Option<Position> {
        self.alerts.as_ref().map(|rule| rule.position)
    }

    /// Returns what an Alertmanager is asked for a request; none where the policy asks nothing
    /// before such an action.
    ///
    /// # Errors
    /// A name that could change what the matcher means; the message is a clause.
    pub fn alert_query(&self, request: &Request) -> Result<Option<AlertQuery>, String> {
        let asks = self.asks_alerts(request.action);
        let Some(rule) = self.alerts.as_ref().filter(|_| asks) else {
            return Ok(None);
        };
        let filled = |text: &String| fill(text, request);
        let matchers = rule.value.matchers.iter().map(filled);
        Ok(Some(AlertQuery {
            matchers: matchers.collect::<Result<_, _>>()?,
            watchdog: rule.value.watchdog.as_ref().map(filled).transpose()?,
        }))
    }
}

/// Is it a matcher as Alertmanager reads them, with no other variables than ours?
///
/// # Errors
/// It is not; the message says what is expected.
pub(super) fn check_matcher(text: &str) -> Result<(), String> {
    let rest = text.replace(SERVICE, "").replace(ENVIRONMENT, "");
    if rest.contains("{{") || rest.contains("}}") {
        return Err(
            "expected no other variables than `{{service}}` and `{{environment}}`".to_owned(),
        );
    }
    if is_alert_matcher(text) {
        Ok(())
    } else {
        Err("expected one matcher, such as `service=\"{{service}}\"`".to_owned())
    }
}

fn fill(text: &str, request: &Request) -> Result<String, String> {
    let whole = match &request.whole_environment {
        None => &request.environment,
        whole => whole,
    };
    let names = [(SERVICE, &request.service), (ENVIRONMENT, whole)];
    let mut filled = text.to_owned();
    for (variable, name) in names {
        if !text.contains(variable) {
            continue;
        }
        let name = name.as_deref().unwrap_or_default();
        let is_plain = |character: char| character.is_alphanumeric() || "._-/".contains(character);
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(format!(
                "`{variable}` stands for {name:?}, expected letters, digits and . _ - / only"
            ));
        }
        filled = filled.replace(variable, name);
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_matcher_at_a_time_and_only_known_variables() {
        let good = [
            "service=\"{{service}}\"",
            "severity =~ \"critical|page\"",
            "a!=b",
            "_x!~\"\"",
            "\"my.label\"=\"x\"",
        ];
        for text in good {
            assert_eq!(check_matcher(text), Ok(()), "{text}");
        }
        let bad = [
            "",
            "critical",
            "=\"x\"",
            "{a=\"b\"}",
            "a b=\"c\"",
            "1a=\"b\"",
            "a=\"{{version}}\"",
            "a=\"{{ service }}\"",
        ];
        for text in bad {
            assert!(check_matcher(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_never_changes_what_a_matcher_means() {
        let request = |service: &str| Request {
            service: Some(service.to_owned()),
            ..Request::new(Action::Deploy)
        };
        let text = "service=\"{{service}}\"";
        assert_eq!(fill(text, &request("ads-1")).unwrap(), "service=\"ads-1\"");
        for hostile in ["", "ads\"", "a|.*", "a\\", "a b", "a{b", ".*"] {
            assert!(fill(text, &request(hostile)).is_err(), "{hostile}");
        }
    }
}
