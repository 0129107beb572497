//! What a version was built from: flags, else the variables of the pipeline.

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;

use super::{Context, check::instant, pipeline, repository::RepositoryArguments};
use crate::{git::author_time, units::without_userinfo};

/// Shortest and longest id of a commit, in hexadecimal digits.
const ID_LENGTHS: std::ops::RangeInclusive<usize> = 7..=64;

/// What a version was built from.
#[derive(Debug, Clone, Default, Args)]
pub struct SourceArguments {
    /// Application repository and commit that the version was built from, for the commit trailers
    /// and `history` [default: the pipeline's own, unless that is the GitOps repository]
    #[arg(long, value_name = "REPOSITORY@SHA", value_parser = source)]
    pub source: Option<String>,
    /// When that commit was written, RFC 3339 [default: as the checkout in this folder says]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub source_time: Option<DateTime<Utc>>,
}

impl SourceArguments {
    /// Returns what the trailer `Source` says: `shop/advertisements@1a2b3c4 2026-03-10T09:00:00Z`.
    pub fn trailer(&self, context: &Context, gitops: &RepositoryArguments) -> Option<String> {
        let own = || {
            let own = pipeline::source(context).and_then(|text| source(&text).ok());
            own.filter(|_| !gitops.is_the_pipelines_own(context))
        };
        let source = self.source.clone().or_else(own)?;
        let read = || {
            let (_, commit) = source.rsplit_once('@')?;
            author_time(&context.folder, commit)
        };
        Some(match self.source_time.or_else(read) {
            Some(at) => format!("{source} {}", at.to_rfc3339_opts(SecondsFormat::Secs, true)),
            None => source,
        })
    }
}

/// Reads `REPOSITORY@SHA`.
fn source(text: &str) -> Result<String, String> {
    let is_id = |id: &str| {
        ID_LENGTHS.contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let is_name = |name: &str| {
        !name.is_empty() && !name.contains(|it: char| it.is_whitespace() || it.is_control())
    };
    match text.rsplit_once('@') {
        Some((repository, commit)) if is_name(repository) && is_id(commit) => {
            Ok(format!("{}@{commit}", without_userinfo(repository)))
        }
        _ => Err(
            "expected a repository, `@` and a commit id, such as shop/advertisements@1a2b3c4"
                .to_owned(),
        ),
    }
}
