//! Reads which alerts must not be firing.

use super::Reader;
use crate::policy::{
    alerts::{AlertRule, check_matcher},
    document::AlertsDocument,
    rules::Written,
};

impl Reader<'_> {
    pub(super) fn alerts(&mut self, document: &AlertsDocument) -> Written<AlertRule> {
        for (index, matcher) in document.matchers.iter().enumerate() {
            self.take(check_matcher(matcher), &format!("/alerts/matchers/{index}"));
        }
        if let Some(matcher) = &document.watchdog {
            self.take(check_matcher(matcher), "/alerts/watchdog");
        }
        let rule = AlertRule {
            matchers: document.matchers.clone(),
            watchdog: document.watchdog.clone(),
            action: document.action,
            on_unavailable: document.on_unavailable,
        };
        self.written(rule, "/alerts")
    }
}
