//! `notifications`: who is told of what happens to a deployment, and how.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Problems, provider::check_variable, query, schema::without_null};
use crate::yaml::typed;

/// One target of notifications: exactly one of `slack`, `teams`, `pagerduty`, `webhook`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct NotificationDocument {
    /// A channel in Slack, by an incoming webhook.
    pub slack: Option<ChatDocument>,
    /// A channel or chat in Microsoft Teams, by a workflow that takes webhook requests.
    pub teams: Option<ChatDocument>,
    /// A service in PagerDuty, by its Events API v2.
    pub pagerduty: Option<PagerDutyDocument>,
    /// Any address that takes JSON.
    pub webhook: Option<WebhookDocument>,
    /// What it is told. Default: of chats and webhooks all but `started` and `step`; of PagerDuty
    /// `rollback-failed` and `done`.
    #[schemars(length(min = 1))]
    pub on: Option<Vec<NotificationEvent>>,
    /// Services that it is told of. Default: all.
    #[schemars(length(min = 1))]
    pub services: Option<Vec<String>>,
    /// Environments that it is told of. Default: all.
    #[schemars(length(min = 1))]
    pub environments: Option<Vec<String>>,
    /// Texts of its own, by event, with `{{variables}}`. Default: shipgate's.
    pub text: Option<BTreeMap<String, String>>,
}

/// A chat.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatDocument {
    /// Environment variable that holds the webhook's address, a secret by itself.
    pub url_env: String,
}

/// A service in PagerDuty.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct PagerDutyDocument {
    /// Environment variable that holds the integration's key, 32 letters and digits.
    pub routing_key_env: String,
    /// The account's region. Default: `us`.
    pub region: Option<PagerDutyRegion>,
    /// Environment variable that holds another address than the region's, such as that of a gateway;
    /// `/v2/enqueue` and `/v2/change/enqueue` follow it.
    pub url_env: Option<String>,
}

/// Any address that takes JSON.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct WebhookDocument {
    /// Environment variable that holds the address, which may be a secret by itself.
    pub url_env: String,
    /// Environment variable that holds the key of the signature in the header `X-Signature`. Default:
    /// it is not signed.
    pub secret_env: Option<String>,
}

/// Something that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NotificationEvent {
    /// A run has begun to change something.
    Started,
    /// A step has ended, or the way back begins.
    Step,
    /// The gate has not let it through.
    Blocked,
    /// An emergency override is used.
    Override,
    /// Not as wanted; the old version is back and live.
    RolledBack,
    /// Not as wanted, and the way back did not work either.
    RollbackFailed,
    /// Left as it is until a person decides.
    Held,
    /// It could not be done, and the branch is as it was.
    Failed,
    /// Done as it was asked for.
    Done,
}

/// Where a PagerDuty account lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PagerDutyRegion {
    /// The United States.
    #[default]
    Us,
    /// The European Union.
    Eu,
}

/// One target of notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Who takes them.
    pub taker: Taker,
    /// What it is told.
    pub on: BTreeSet<NotificationEvent>,
    /// Services that it is told of; none = all.
    pub services: Option<Vec<String>>,
    /// Environments that it is told of; none = all.
    pub environments: Option<Vec<String>>,
    /// Texts in the place of the usual ones.
    pub texts: BTreeMap<NotificationEvent, MessageTemplate>,
}

/// Who takes notifications; secrets are named by their variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taker {
    /// An incoming webhook of Slack.
    Slack {
        /// Holds its address.
        url_env: String,
    },
    /// A workflow of Teams.
    Teams {
        /// Holds its address.
        url_env: String,
    },
    /// A service in PagerDuty.
    PagerDuty {
        /// Holds the integration's key.
        routing_key_env: String,
        /// Where the account lives.
        region: PagerDutyRegion,
        /// Holds another address than the region's.
        url_env: Option<String>,
    },
    /// Any address that takes JSON.
    Webhook {
        /// Holds the address.
        url_env: String,
        /// Holds the key of the signature.
        secret_env: Option<String>,
    },
}

impl NotificationEvent {
    /// All of them, in the order in which a run can come to them.
    pub const ALL: [Self; 9] = [
        Self::Started,
        Self::Step,
        Self::Blocked,
        Self::Override,
        Self::RolledBack,
        Self::RollbackFailed,
        Self::Held,
        Self::Failed,
        Self::Done,
    ];

    /// Returns the stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Step => "step",
            Self::Blocked => "blocked",
            Self::Override => "override",
            Self::RolledBack => "rolled-back",
            Self::RollbackFailed => "rollback-failed",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Done => "done",
        }
    }

    /// Does it only tell how far a run has come? What follows it says as much.
    pub fn is_progress(self) -> bool {
        matches!(self, Self::Started | Self::Step)
    }

    /// May somebody be paged for it? Progress is none of PagerDuty's business, and what the gate does
    /// not let through waits for its opening.
    fn may_page(self) -> bool {
        !self.is_progress() && self != Self::Blocked
    }
}

impl Notification {
    /// Is it told of this service in this environment, or in the whole one that it is a region of?
    pub fn covers(&self, service: &str, environment: &str, whole: &str) -> bool {
        let names = |names: &Option<Vec<String>>, name: &str| {
            names
                .as_ref()
                .is_none_or(|names| names.iter().any(|known| known == name))
        };
        let is_there = |environment| names(&self.environments, environment);
        names(&self.services, service) && (is_there(environment) || is_there(whole))
    }
}

impl Taker {
    /// Returns its name for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Slack { .. } => "Slack",
            Self::Teams { .. } => "Teams",
            Self::PagerDuty { .. } => "PagerDuty",
            Self::Webhook { .. } => "the webhook",
        }
    }

    /// Returns the keys of the variables that it needs, each with the variable's name.
    pub fn variables(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Slack { url_env } => vec![("slack/url_env", url_env)],
            Self::Teams { url_env } => vec![("teams/url_env", url_env)],
            Self::PagerDuty {
                routing_key_env,
                url_env,
                ..
            } => {
                let address = url_env.as_deref().map(|name| ("pagerduty/url_env", name));
                let key = ("pagerduty/routing_key_env", routing_key_env.as_str());
                std::iter::once(key).chain(address).collect()
            }
            Self::Webhook {
                url_env,
                secret_env,
            } => {
                let key = secret_env
                    .as_deref()
                    .map(|name| ("webhook/secret_env", name));
                let address = ("webhook/url_env", url_env.as_str());
                std::iter::once(address).chain(key).collect()
            }
        }
    }

    fn usual_events(&self) -> BTreeSet<NotificationEvent> {
        let all = NotificationEvent::ALL.into_iter();
        match self {
            Self::PagerDuty { .. } => [NotificationEvent::RollbackFailed, NotificationEvent::Done]
                .into_iter()
                .collect(),
            Self::Slack { .. } | Self::Teams { .. } | Self::Webhook { .. } => {
                all.filter(|event| !event.is_progress()).collect()
            }
        }
    }
}

impl NotificationDocument {
    /// Checks the meaning; `at` is the JSON pointer of this value. None = it cannot be used.
    pub(super) fn validate(
        self,
        at: &str,
        services: &[String],
        environments: &[String],
        problems: &mut Problems<'_>,
    ) -> Option<Notification> {
        for (what, key, named, known) in [
            ("service", "services", &self.services, services),
            (
                "environment",
                "environments",
                &self.environments,
                environments,
            ),
        ] {
            for (index, name) in named.iter().flatten().enumerate() {
                if !known.contains(name) {
                    let message = typed::unknown(what, name, known);
                    problems.at(&format!("{at}/{key}/{index}"), message);
                }
            }
        }
        let texts = texts(&self.text.unwrap_or_default(), at, problems);
        let chat = |document: Option<ChatDocument>, taker: fn(String) -> Taker| {
            document.map(|document| taker(document.url_env))
        };
        let pagerduty = self.pagerduty.map(|document| Taker::PagerDuty {
            routing_key_env: document.routing_key_env,
            region: document.region.unwrap_or_default(),
            url_env: document.url_env,
        });
        let webhook = self.webhook.map(|document| Taker::Webhook {
            url_env: document.url_env,
            secret_env: document.secret_env,
        });
        let takers = [
            chat(self.slack, |url_env| Taker::Slack { url_env }),
            chat(self.teams, |url_env| Taker::Teams { url_env }),
            pagerduty,
            webhook,
        ];
        let mut takers = takers.into_iter().flatten();
        let (Some(taker), None) = (takers.next(), takers.next()) else {
            problems.at(
                at,
                "expected exactly one of `slack`, `teams`, `pagerduty`, `webhook`",
            );
            return None;
        };
        let mut found = Vec::new();
        for (key, variable) in taker.variables() {
            check_variable(variable, &format!("/{key}"), &mut found);
        }
        problems.all(at, found);
        let on: BTreeSet<NotificationEvent> = match self.on {
            Some(on) => on.into_iter().collect(),
            None => taker.usual_events(),
        };
        let unfit = on.iter().find(|event| !event.may_page());
        if let (Taker::PagerDuty { .. }, Some(event)) = (&taker, unfit) {
            problems.at(
                &format!("{at}/on"),
                format!(
                    "found `{}`, for which nobody is paged; tell a chat of it",
                    event.word()
                ),
            );
        }
        if let Some(event) = texts.keys().find(|event| !on.contains(event)) {
            problems.at(
                &format!("{at}/text/{}", event.word()),
                format!("`{}` is not among the events of `on`", event.word()),
            );
        }
        Some(Notification {
            taker,
            on,
            services: self.services,
            environments: self.environments,
            texts,
        })
    }
}

fn texts(
    written: &BTreeMap<String, String>,
    at: &str,
    problems: &mut Problems<'_>,
) -> BTreeMap<NotificationEvent, MessageTemplate> {
    let mut texts = BTreeMap::new();
    for (word, text) in written {
        let pointer = format!("{at}/text/{}", crate::yaml::value::escape(word));
        let mut events = NotificationEvent::ALL.into_iter();
        match (
            events.find(|event| event.word() == word),
            MessageTemplate::parse(text),
        ) {
            (Some(event), Ok(template)) => {
                texts.insert(event, template);
            }
            (Some(_), Err(problem)) => problems.at(&pointer, problem),
            (None, _) => {
                let known = NotificationEvent::ALL.map(|event| event.word().to_owned());
                problems.at(&pointer, typed::unknown("event", word, &known));
            }
        }
    }
    texts
}

/// A message's text with `{{variables}}` whose syntax and variables have been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTemplate(String);

impl MessageTemplate {
    /// What a text may use. Each is a text; one that is not known in a run is empty.
    pub const VARIABLES: [&'static str; 12] = [
        "event",
        "service",
        "environment",
        "version",
        "previous_version",
        "headline",
        "reason",
        "next",
        "opens",
        "step",
        "actor",
        "pipeline",
    ];

    /// Checks a text: every variable must be one of [`Self::VARIABLES`], and `{% %}` statements are
    /// not allowed.
    ///
    /// # Errors
    /// Empty, not a template, an unknown variable, a statement.
    pub fn parse(text: &str) -> Result<Self, String> {
        query::check(text, &Self::VARIABLES)?;
        let parsed = Self(text.to_owned());
        parsed.render(&BTreeMap::new())?;
        Ok(parsed)
    }

    /// Fills the variables in; those that have no value are empty.
    ///
    /// # Errors
    /// A filter does not take a value that it is given.
    pub fn render(&self, values: &BTreeMap<&'static str, String>) -> Result<String, String> {
        let value = |name: &'static str| {
            let value = values.get(name).cloned().unwrap_or_default();
            (name, value)
        };
        query::fill(&self.0, Self::VARIABLES.map(value).into())
    }
}
