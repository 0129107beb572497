//! With what we show ourselves to an HTTP server, and what was tried to find it.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use git2::ErrorCode;
use url::Url;

use super::{extra_header::extra_header, sanitise::sanitise};
use crate::secret::Secret;

/// What is sent to the git server, settled before the first request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    None,
    /// User and token, sent as HTTP Basic.
    Token {
        /// The user; none = what the forge behind the address expects.
        user: Option<String>,
        /// The token.
        token: Secret,
    },
    /// The value of an `Authorization` header that the pipeline's checkout left in its
    /// configuration, as actions/checkout does.
    Header {
        /// The value.
        value: Secret,
    },
}

/// A token that is good for one server and never sent to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerToken {
    /// The server: scheme, host and port count.
    pub server: Url,
    /// The token.
    pub token: Secret,
}

/// The user that GitLab documents for the token of a job.
const JOB_USER: &str = "gitlab-ci-token";

/// Where credentials may be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sources<'a> {
    /// The token given.
    pub(super) token: Option<&'a Secret>,
    /// The user to go with it.
    pub(super) user: Option<&'a str>,
    /// A work tree whose configuration may hold some.
    pub(super) checkout: Option<&'a Path>,
    /// User and password that stood in the address.
    pub(super) userinfo: Option<&'a (String, Secret)>,
    /// The token of GitLab's job.
    pub(super) job_token: Option<&'a ServerToken>,
    /// Will the person's own git be asked, if there are no others?
    pub(super) has_helper: bool,
}

/// Credentials with the story of how they were found, for the message when they do not do.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) credentials: Credentials,
    /// What was looked at, in order, ending with what is used.
    pub(super) tried: Vec<String>,
}

impl Found {
    /// Looks for credentials for `url`: the token given, the checkout's configuration, the address
    /// itself, the job's token for its own server. The first that there is counts; two at once
    /// would make a server refuse both.
    pub(super) fn search(url: &Url, sources: Sources<'_>) -> Self {
        let user = sources.user.filter(|user| !user.is_empty());
        let mut tried = Vec::new();
        if let Some(token) = sources.token.filter(|token| !token.is_empty()) {
            tried.push("the token given is used".to_owned());
            // The same text under another name: GitLab still wants its user.
            let is_job_token = sources.job_token.is_some_and(|job| job.token == *token);
            let user = user.or(is_job_token.then_some(JOB_USER));
            let credentials = Credentials::Token {
                user: user.map(str::to_owned),
                token: token.clone(),
            };
            return Self { credentials, tried };
        }
        tried.push("no token was given".to_owned());
        match sources
            .checkout
            .map(|folder| (folder, extra_header(folder, url)))
        {
            None => {}
            Some((folder, Ok(Some(value)))) => {
                tried.push(format!(
                    "the http.extraheader of {} is used",
                    folder.display()
                ));
                let credentials = Credentials::Header { value };
                return Self { credentials, tried };
            }
            Some((folder, Ok(None))) => tried.push(format!(
                "{} has no http.extraheader for {}",
                folder.display(),
                url.origin().ascii_serialization()
            )),
            Some((folder, Err(error))) if error.code() == ErrorCode::NotFound => {
                tried.push(format!("{} is in no git checkout", folder.display()));
            }
            Some((folder, Err(error))) => {
                let why = sanitise(error.message());
                tried.push(format!("{} can not be read: {why}", folder.display()));
            }
        }
        if let Some((name, password)) = sources.userinfo {
            tried.push("the credentials in the address are used".to_owned());
            let credentials = Credentials::Token {
                user: Some(name.clone()).filter(|name| !name.is_empty()),
                token: password.clone(),
            };
            return Self { credentials, tried };
        }
        tried.push("the address holds none".to_owned());
        if let Some(job) = sources.job_token {
            if job.server.origin() == url.origin() {
                tried.push("CI_JOB_TOKEN is used".to_owned());
                let credentials = Credentials::Token {
                    user: Some(JOB_USER.to_owned()),
                    token: job.token.clone(),
                };
                return Self { credentials, tried };
            }
            tried.push(format!(
                "CI_JOB_TOKEN is for {} only",
                job.server.origin().ascii_serialization()
            ));
        }
        if !sources.has_helper {
            tried.push("credential helpers are asked at a terminal only".to_owned());
        }
        Self {
            credentials: Credentials::None,
            tried,
        }
    }

    /// Adds what the person's own git has answered.
    pub(super) fn add(&mut self, answer: Result<(String, Secret), String>) {
        match answer {
            Ok((user, token)) => {
                self.tried.push("`git credential fill` is used".to_owned());
                self.credentials = Credentials::Token {
                    user: Some(user).filter(|user| !user.is_empty()),
                    token,
                };
            }
            Err(why) => self.tried.push(format!("`git credential fill`: {why}")),
        }
    }

    /// Returns the value of the `Authorization` header.
    pub(super) fn authorization(&self, url: &Url) -> Option<Secret> {
        match &self.credentials {
            Credentials::None => None,
            Credentials::Header { value } => Some(value.clone()),
            Credentials::Token { user, token } => {
                let user = user.as_deref().unwrap_or_else(|| expected_user(url, token));
                let pair = BASE64_STANDARD.encode(format!("{user}:{}", token.expose()));
                Some(Secret::new(format!("Basic {pair}")))
            }
        }
    }

    /// Returns every text that must never be printed.
    pub(super) fn secrets(&self, url: &Url) -> Vec<Secret> {
        let mut secrets = Vec::new();
        if let Some(value) = self.authorization(url) {
            let text = value.expose();
            let encoded = text.rsplit(' ').next().unwrap_or(text);
            if let Ok(pair) = BASE64_STANDARD.decode(encoded)
                && let Ok(pair) = String::from_utf8(pair)
                && let Some((_, password)) = pair.split_once(':')
            {
                secrets.push(Secret::new(password));
                secrets.push(Secret::new(pair));
            }
            secrets.push(Secret::new(encoded));
        }
        secrets.retain(|secret| secret.expose().len() >= 4);
        secrets
    }
}

/// The user that each forge documents for its tokens. Most take any.
fn expected_user(url: &Url, token: &Secret) -> &'static str {
    let host = url.host_str().unwrap_or_default();
    if token.expose().starts_with("glcbt-") {
        JOB_USER
    } else if ["glpat-", "gloas-"]
        .iter()
        .any(|start| token.expose().starts_with(start))
        || host.split('.').any(|label| label == "gitlab")
    {
        "oauth2"
    } else if host == "bitbucket.org" {
        "x-token-auth"
    } else {
        "x-access-token"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn each_forge_gets_the_user_it_expects() {
        let rows = [
            ("https://github.com/a", "ghs_x", "x-access-token"),
            ("https://gitlab.com/a", "token", "oauth2"),
            ("https://gitlab.example.org/a", "token", "oauth2"),
            ("https://git.example.org/a", "glpat-x", "oauth2"),
            ("https://git.example.org/a", "glcbt-64_x", "gitlab-ci-token"),
            ("https://bitbucket.org/a", "token", "x-token-auth"),
        ];
        for (address, token, user) in rows {
            assert_eq!(
                expected_user(&url(address), &Secret::new(token)),
                user,
                "{address}"
            );
        }
    }

    #[test]
    fn the_first_source_counts_and_the_story_is_told() {
        let address = url("https://host/a");
        let (given, in_address, job) = (
            Secret::new("tok-123"),
            ("ci".to_owned(), Secret::new("pass-456")),
            ServerToken {
                server: url("https://host:443"),
                token: Secret::new("job-789"),
            },
        );
        let elsewhere = ServerToken {
            server: url("http://host:443"),
            token: job.token.clone(),
        };
        let none = Sources::default();
        let empty = Secret::new("");
        let all = Sources {
            token: Some(&given),
            user: Some("bot"),
            checkout: None,
            userinfo: Some(&in_address),
            job_token: Some(&job),
            has_helper: true,
        };
        let nowhere = Some(Path::new("/nowhere"));
        let rows = [
            (all, "bot:tok-123", "the token given is used"),
            (
                Sources {
                    user: Some(""),
                    ..all
                },
                "x-access-token:tok-123",
                "the token given is used",
            ),
            (
                Sources {
                    token: Some(&job.token),
                    user: None,
                    ..all
                },
                "gitlab-ci-token:job-789",
                "the token given is used",
            ),
            (
                Sources {
                    token: Some(&empty),
                    ..all
                },
                "ci:pass-456",
                "no token was given, the credentials in the address are used",
            ),
            (
                Sources {
                    job_token: Some(&job),
                    ..none
                },
                "gitlab-ci-token:job-789",
                "no token was given, the address holds none, CI_JOB_TOKEN is used",
            ),
            (
                Sources {
                    job_token: Some(&elsewhere),
                    has_helper: true,
                    ..none
                },
                "",
                "no token was given, the address holds none, CI_JOB_TOKEN is for http://host:443 only",
            ),
            (
                Sources {
                    checkout: nowhere,
                    ..none
                },
                "",
                "no token was given, /nowhere is in no git checkout, the address holds none, \
                 credential helpers are asked at a terminal only",
            ),
        ];
        for (sources, sent, tried) in rows {
            let found = Found::search(&address, sources);
            let header = found.authorization(&address);
            let pair = header.map_or(String::new(), |header| {
                let encoded = header.expose().trim_start_matches("Basic ").to_owned();
                String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap()
            });
            assert_eq!(
                (pair.as_str(), found.tried.join(", ").as_str()),
                (sent, tried)
            );
            let password = pair.split_once(':').map(|(_, password)| password);
            let secrets = found.secrets(&address);
            assert!(password.is_none_or(|it| secrets.contains(&Secret::new(it))));
        }
    }

    #[test]
    fn what_the_helper_says_is_added_to_the_story() {
        let mut found = Found::search(&url("https://host/a"), Sources::default());
        found.add(Err("it has none for this server".to_owned()));
        assert_eq!(found.credentials, Credentials::None);
        found.add(Ok(("ann".to_owned(), Secret::new("pw"))));
        assert!(
            matches!(&found.credentials, Credentials::Token { user: Some(user), .. } if user == "ann")
        );
        assert_eq!(
            found.tried[3..],
            [
                "`git credential fill`: it has none for this server",
                "`git credential fill` is used"
            ]
        );
    }
}
