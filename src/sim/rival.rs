//! Somebody else who writes to the same branch: brings a hotfix while a new version is tried.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    ClusterState, FIRST_VERSION, HOTFIX_VERSION, Moment,
    remote::{GitError, Remote},
    shop::ROOT,
};

/// How long half of the requests have gone to the new version by then: shortly before it is promoted.
const PATIENCE: TimeDelta = TimeDelta::seconds(150);

/// Is it time for the hotfix?
pub(super) fn is_time(moments: &[Moment], now: DateTime<Utc>) -> bool {
    let has_half = |state: &ClusterState| state.weight.percent() >= 50;
    let since = moments.iter().find(|moment| has_half(&moment.state));
    since.is_some_and(|moment| now - moment.at >= PATIENCE)
}

/// Writes the hotfix into the stable workload, as a person does who edits the manifest by hand.
///
/// # Errors
/// The repository cannot be read or written.
pub(super) fn write_hotfix(remote: &Remote, now: DateTime<Utc>) -> Result<(), GitError> {
    let path = format!("{ROOT}/advertisements.yaml");
    let Some(bytes) = remote.read(remote.tip()?, &path)? else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(&bytes).replace(
        &format!("advertisements:{FIRST_VERSION}\n"),
        &format!("advertisements:{HOTFIX_VERSION}\n"),
    );
    let message = format!("hotfix: advertisements {HOTFIX_VERSION}, by hand");
    remote.write(&path, text.as_bytes(), &message, now)?;
    Ok(())
}
