//! As whom commits are made: flags, else the repository's configuration, else who started the
//! pipeline; and the key that signs them.

use std::path::PathBuf;

use clap::{Args, builder::NonEmptyStringValueParser};
use url::Url;

use super::{Context, signing_key};
use crate::{
    event::{Ending, Failure},
    ops::signer::Signer,
};

/// Who commits when nobody else is known.
pub const OURSELVES: (&str, &str) = ("shipgate", "shipgate@users.noreply.invalid");
/// Longest name or address that is taken over from a pipeline, in characters.
const LONGEST: usize = 200;

/// As whom commits are made.
#[derive(Debug, Clone, Default, Args)]
pub struct AuthorshipArguments {
    /// Name of the commits' author [default: SHIPGATE_AUTHOR_NAME, git.author_name of the
    /// configuration, else who started the pipeline]
    #[arg(long, value_name = "NAME", requires = "author_email", value_parser = NonEmptyStringValueParser::new())]
    pub author_name: Option<String>,
    /// Address of the commits' author [default: SHIPGATE_AUTHOR_EMAIL, as the name]
    #[arg(long, value_name = "ADDRESS", requires = "author_name", value_parser = NonEmptyStringValueParser::new())]
    pub author_email: Option<String>,
    /// Sign commits with this SSH key: a private key file, or the public half of a key that the SSH
    /// agent has [default: SHIPGATE_SIGNING_KEY, else they are not signed]. A passphrase is taken
    /// from SHIPGATE_KEY_PASSPHRASE or asked for
    // A key that stands here itself begins with hyphens, and must not be told as an unknown flag.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub signing_key: Option<PathBuf>,
}

/// Name and address for commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Name of author and committer.
    pub name: String,
    /// Address of both.
    pub email: String,
    /// Was it given for this run, so that no configuration changes it?
    pub is_given: bool,
}

impl AuthorshipArguments {
    /// Returns as whom to commit.
    ///
    /// # Errors
    /// [`Ending::Usage`]: of the two variables only one is set.
    pub fn author(&self, context: &Context) -> Result<Author, Failure> {
        let variable = |name: &str| context.variable(name).map(str::to_owned);
        let given = match (self.author_name.clone(), self.author_email.clone()) {
            (None, None) => (
                variable("SHIPGATE_AUTHOR_NAME"),
                variable("SHIPGATE_AUTHOR_EMAIL"),
            ),
            given => given,
        };
        match given {
            (Some(name), Some(email)) => {
                check("author name", &name)?;
                check("author address", &email)?;
                Ok(Author {
                    name,
                    email,
                    is_given: true,
                })
            }
            (None, None) => Ok(of_pipeline(context)),
            _ => Err(Failure::new(
                Ending::Usage,
                "SHIPGATE_AUTHOR_NAME and SHIPGATE_AUTHOR_EMAIL go together; found one of them",
            )),
        }
    }

    /// Reads the key to sign with, and sees that it can sign.
    ///
    /// # Errors
    /// [`Ending::Usage`]: it cannot.
    pub async fn signer(&self, context: &Context) -> Result<Option<Signer>, Failure> {
        let named = || context.variable("SHIPGATE_SIGNING_KEY").map(PathBuf::from);
        let Some(path) = self.signing_key.clone().or_else(named) else {
            return Ok(None);
        };
        let signer = signing_key::signer(context, "--signing-key", &path)?;
        let usable = signer.check().await;
        usable.map_err(|problem| {
            Failure::new(
                Ending::Usage,
                format!("--signing-key {}: {problem}", path.display()),
            )
            .hint("nothing was changed; give a key that can sign, or none")
        })?;
        Ok(Some(signer))
    }
}

/// Refuses what git cannot write down as it is, and what a terminal would obey.
fn check(what: &str, text: &str) -> Result<(), Failure> {
    if text == plain(text) && !text.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Ending::Usage,
        format!(
            "the {what}: found {text:?}, expected one line of at most {LONGEST} characters without <, > and control \
             characters"
        ),
    )
    .hint("write --author-name 'Release Train' --author-email train@example.com, or the variables of these names"))
}

/// Who started the pipeline, as GitHub Actions or GitLab CI says.
fn of_pipeline(context: &Context) -> Author {
    let plain = |name: &str| {
        context
            .variable(name)
            .map(plain)
            .filter(|it| !it.is_empty())
    };
    let found = if let Some(actor) = plain("GITHUB_ACTOR") {
        let email = github_address(context, &actor);
        Some((actor, email))
    } else {
        plain("GITLAB_USER_NAME")
            .or_else(|| plain("GITLAB_USER_LOGIN"))
            .zip(plain("GITLAB_USER_EMAIL"))
    };
    let (name, email) = found.unwrap_or((OURSELVES.0.to_owned(), OURSELVES.1.to_owned()));
    Author {
        name,
        email,
        is_given: false,
    }
}

/// The address that GitHub links to an account without telling anybody's own: `ID+NAME@users.noreply.
/// github.com`, or without the number for accounts from before it was introduced (GitHub Docs,
/// "Email addresses reference"). A server of one's own has its name in the place of `github.com`.
fn github_address(context: &Context, actor: &str) -> String {
    let server = context.variable("GITHUB_SERVER_URL");
    let host = server
        .and_then(|server| Url::parse(server).ok())
        .and_then(|server| server.host_str().map(str::to_owned))
        .unwrap_or_else(|| "github.com".to_owned());
    let number = context.variable("GITHUB_ACTOR_ID");
    let number = number.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.map(|number| format!("{number}+"));
    format!("{}{actor}@users.noreply.{host}", number.unwrap_or_default())
}

/// Takes out what git cannot write down: people choose their names as they like, and none of them
/// must stop a deployment.
fn plain(text: &str) -> String {
    let kept = |character: &char| !matches!(character, '<' | '>') && !character.is_control();
    let text: String = text.chars().filter(kept).take(LONGEST).collect();
    let is_crud = |character: char| character.is_whitespace() || ".,:;\"'".contains(character);
    // Git leaves these out at both ends, so that a name of nothing else would be empty.
    if text.chars().all(is_crud) {
        String::new()
    } else {
        text.trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_before_variables_and_variables_before_the_pipeline() {
        let ours = "shipgate <shipgate@users.noreply.invalid> default";
        let gitlab = |name| {
            [
                ("GITLAB_USER_NAME", name),
                ("GITLAB_USER_EMAIL", "ann@example.com"),
            ]
        };
        let github = ("GITHUB_ACTOR", "octocat");
        let given = [
            ("SHIPGATE_AUTHOR_NAME", "Train"),
            ("SHIPGATE_AUTHOR_EMAIL", "train@example.com"),
            github,
        ];
        let rows: &[(&[(&str, &str)], &str)] = &[
            (&[], ours),
            (
                &[github],
                "octocat <octocat@users.noreply.github.com> default",
            ),
            (
                &[github, ("GITHUB_ACTOR_ID", "583231")],
                "octocat <583231+octocat@users.noreply.github.com> default",
            ),
            (
                &[
                    ("GITHUB_ACTOR", "dependabot[bot]"),
                    ("GITHUB_ACTOR_ID", "49699333"),
                ],
                "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com> default",
            ),
            (
                &[
                    github,
                    ("GITHUB_ACTOR_ID", "x>"),
                    ("GITHUB_SERVER_URL", "https://ghe.example.com"),
                ],
                "octocat <octocat@users.noreply.ghe.example.com> default",
            ),
            (
                &gitlab("Ann <3 \u{1b}[31m"),
                "Ann 3 [31m <ann@example.com> default",
            ),
            (&gitlab("<>"), ours),
            (&gitlab(" .,; "), ours),
            (&[("GITLAB_USER_NAME", "Ann")], ours),
            (&given, "Train <train@example.com> given"),
            (
                &[
                    ("SHIPGATE_AUTHOR_NAME", "Train\nx"),
                    ("SHIPGATE_AUTHOR_EMAIL", "train@example.com"),
                ],
                "the author name: found \"Train\\nx\", expected one line of at most 200 characters without <, > and \
                 control characters",
            ),
            (
                &[
                    ("SHIPGATE_AUTHOR_NAME", "\u{1b}[31mTrain"),
                    ("SHIPGATE_AUTHOR_EMAIL", "train@example.com"),
                ],
                "the author name: found \"\\u{1b}[31mTrain\", expected one line of at most 200 characters without <, > and \
                 control characters",
            ),
            (
                &given[..1],
                "SHIPGATE_AUTHOR_NAME and SHIPGATE_AUTHOR_EMAIL go together; found one of them",
            ),
        ];
        for (variables, expected) in rows {
            let author = AuthorshipArguments::default().author(&Context::with_variables(variables));
            let shown = match author {
                Ok(Author {
                    name,
                    email,
                    is_given,
                }) => {
                    let how = if is_given { "given" } else { "default" };
                    format!("{name} <{email}> {how}")
                }
                Err(failure) => failure.to_string(),
            };
            assert_eq!(shown, *expected, "{variables:?}");
        }
        let flags = AuthorshipArguments {
            author_name: Some("Ann".to_owned()),
            author_email: Some("ann@example.com".to_owned()),
            signing_key: None,
        };
        assert_eq!(
            flags.author(&Context::with_variables(&given)).unwrap().name,
            "Ann"
        );
    }
}
