//! What is said of one service among many.

use std::sync::Arc;

use super::Outcome;
use crate::policy::Verdict;

/// The gate's answer for one service.
#[derive(Debug, Clone)]
pub struct ServiceVerdict {
    /// The service.
    pub service: String,
    /// The answer; services that the same rules are for share it.
    pub verdict: Arc<Verdict>,
}

/// How the run of one service among several ended.
#[derive(Debug, Clone)]
pub struct ServiceEnd {
    /// The service.
    pub service: String,
    /// The region, where it is the run in one of several.
    pub region: Option<String>,
    /// The version that it was to come to, where that is known.
    pub version: Option<String>,
    /// Its own outcome, as if it had been alone.
    pub outcome: Box<Outcome>,
}

impl ServiceEnd {
    /// Returns what the run is called among others: the service, the region where all are of one service, and
    /// else both.
    pub fn name(&self, among: &[Self]) -> String {
        match &self.region {
            None => self.service.clone(),
            Some(region) if among.iter().all(|other| other.service == self.service) => {
                region.clone()
            }
            Some(region) => in_region(&self.service, region),
        }
    }
}

/// Returns what the run of a service in a region is called where there are others of both.
pub fn in_region(service: &str, region: &str) -> String {
    format!("{service}/{region}")
}
