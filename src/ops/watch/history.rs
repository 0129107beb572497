//! The time before a change, as far as the old version was counted in it.

use chrono::{DateTime, Utc};

use super::{
    arms::Glance,
    source::{Instants, Probe, Source, Trouble},
};

/// How often a shorter time is asked for, where the old version is younger than the time before.
const ROUNDS: usize = 3;
/// How much finer than needed, so that what is lost at the beginning is little.
const FINER: usize = 4;

/// Asks for the time before the change and returns the looks that say something, in order. An old
/// version that was counted for a part of it only has that part asked for again, in steps so short
/// that there are enough of them.
///
/// # Errors
/// [`Trouble::NoData`] where nothing was counted before the change, or once only; no answer.
pub(super) async fn looks(
    source: &Source,
    probe: Probe<'_>,
    instants: Instants,
) -> Result<Vec<Glance>, Trouble> {
    let mut asked = instants;
    let mut round = 0;
    loop {
        let looks = source.looks(probe, asked).await?;
        let nothing = |look: &Glance| look.nothing(&format!("{} before the change", source.arm));
        let Some(first) = looks.iter().position(|look| nothing(look).is_none()) else {
            let reason = looks.last().and_then(nothing).unwrap_or_default();
            return Err(Trouble::NoData(format!(
                "{reason}, so there is nothing to compare with"
            )));
        };
        round += 1;
        let counted = looks.iter().filter(|look| nothing(look).is_none()).count();
        let finer = since(asked, first, instants.steps());
        match finer {
            Some(finer) if counted <= instants.steps() && round < ROUNDS => asked = finer,
            _ if counted < 2 => {
                return Err(Trouble::NoData(format!(
                    "{} was counted once before the change, so there is nothing to compare with",
                    source.arm
                )));
            }
            _ => {
                let is_known = |look: &Glance| nothing(look).is_none();
                return Ok(looks.into_iter().filter(is_known).collect());
            }
        }
    }
}

/// Returns the time from the last instant before `first`, in steps short enough for the parts; none
/// where nothing is missing at the beginning, or steps cannot be any shorter.
fn since(asked: Instants, first: usize, parts: usize) -> Option<Instants> {
    let skipped = i64::try_from(first.checked_sub(1)?).ok()?;
    let milliseconds = i64::try_from(asked.step.as_millis()).ok()?;
    let from = asked.from.timestamp_millis() + skipped * milliseconds;
    let to = asked.to.timestamp_millis();
    let wanted = i64::try_from(parts.max(1) * FINER).ok()?;
    let seconds = ((to - from) / wanted + 999).div_euclid(1_000).max(1);
    let step = std::time::Duration::from_secs(seconds.unsigned_abs());
    let multiple = |at: i64| {
        let at = at.div_euclid(1_000 * seconds) * 1_000 * seconds;
        DateTime::<Utc>::from_timestamp_millis(at)
    };
    // Multiples of the step are what no server moves.
    (step < asked.step).then_some(Instants {
        from: multiple(from)?,
        to: multiple(to)?,
        step,
    })
}

/// Picks the looks that the time is cut at: parts of about the same number of steps, or as many parts
/// as there are steps.
pub(super) fn boundaries(looks: Vec<Glance>, parts: usize) -> Vec<Glance> {
    let steps = looks.len().saturating_sub(1);
    let parts = parts.clamp(1, steps.max(1));
    let mut kept = (0..=parts).map(|part| part * steps / parts).peekable();
    let mut picked = Vec::with_capacity(parts + 1);
    for (number, look) in looks.into_iter().enumerate() {
        if kept.next_if_eq(&number).is_some() {
            picked.push(look);
        }
    }
    picked
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn instants(from: i64, to: i64, step: u64) -> Instants {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        Instants {
            from: at(from),
            to: at(to),
            step: Duration::from_secs(step),
        }
    }

    #[test]
    fn the_time_is_cut_at_as_many_places_as_there_are() {
        let looks = |count: u32| (0..count).map(|number| Glance::Number(Ok(f64::from(number))));
        let picked = |count: u32, parts: usize| {
            let numbers = boundaries(looks(count).collect(), parts).into_iter();
            let number = |glance| match glance {
                Glance::Number(Ok(number)) => number,
                _ => f64::NAN,
            };
            numbers.map(number).collect::<Vec<f64>>()
        };
        assert!(picked(0, 3).is_empty());
        assert_eq!(picked(1, 3), [0.0]);
        assert_eq!(picked(2, 3), [0.0, 1.0]);
        assert_eq!(picked(4, 3), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(picked(8, 3), [0.0, 2.0, 4.0, 7.0]);
        assert_eq!(picked(14, 9).len(), 10);
    }

    #[test]
    fn what_is_missing_at_the_beginning_is_asked_for_in_shorter_steps() {
        let shown = |found: Option<Instants>| {
            found.map(|it| (it.from.timestamp(), it.to.timestamp(), it.step.as_secs()))
        };
        // Counted from 540 on: what is before it may hold the beginning.
        let found = since(instants(0, 603, 67), 9, 9);
        assert_eq!(shown(found), Some((536, 602, 2)));
        assert_eq!(shown(since(instants(0, 603, 67), 0, 9)), None);
        assert_eq!(shown(since(instants(0, 603, 1), 100, 9)), None);
        let found = found.unwrap();
        assert!(found.steps() > 9, "{}", found.steps());
    }
}
