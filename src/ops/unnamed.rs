//! Runs that nobody finishes because the configuration does not name their service or environment any more.

use super::{
    deploy::Outside,
    journal::{self, Record, instant},
};
use crate::{config::Config, units::Version};

/// More journals than this are not read: a repository with so many belongs to several configurations.
const MOST: usize = 20;

/// Says which runs are not finished in journals that the configuration does not name. Others may be about them
/// with a configuration of their own, so it is no more than said, and what cannot be read keeps nobody.
pub async fn runs(config: &Config, config_path: &str, outside: &Outside<'_>) -> Vec<String> {
    let Ok(journals) = outside.repository.journals().await else {
        return Vec::new();
    };
    let is_unnamed = |(environment, service): &(String, String)| {
        !config.environments.contains_key(environment) || !config.services.contains_key(service)
    };
    let unnamed: Vec<_> = journals.into_iter().filter(is_unnamed).collect();
    if unnamed.len() > MOST {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (environment, service) in unnamed {
        let journal = outside.repository.journal(&environment, &service).await;
        let Ok(journal) = journal else { continue };
        let records = journal::records(&journal);
        let left = journal::unfinished(&records);
        found.extend(left.map(|record| sentence(record, (&environment, &service), config_path)));
    }
    found
}

fn sentence(record: &Record, (environment, service): (&str, &str), config_path: &str) -> String {
    let version = record.version.as_ref().map_or("?", Version::as_str);
    let run = &record.run;
    let state = record.state.word();
    let until = record.expires_at.map_or_else(String::new, |until| {
        format!(", its writer holds the journal until {}", instant(until))
    });
    format!(
        "run {run} of {service} {version} in {environment} is not finished ({state}{until}), and {config_path} does not \
         name that: if it was renamed, give it its old name until `recover` has taken the run back"
    )
}
