//! How long something is tried again that failed for a reason that passes: a lost race, a git server
//! that does not answer.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use chrono::{DateTime, TimeDelta, Utc};

use super::stop::{Stop, StopReason};
use crate::clock::Clock;

/// The first window that a pause is drawn from, after a try that took less.
const FIRST_WINDOW: Duration = Duration::from_millis(20);
/// The longest one.
const LONGEST_WINDOW: Duration = Duration::from_secs(2);
/// No window is longer than this part of the time that is left: whoever has lost for long waits
/// less than those who came later, so that nobody starves among many.
const PART_OF_THE_REST: u32 = 60;

/// Pauses with full jitter until a time is up; each is drawn from a window that doubles from try to try.
pub struct Patience {
    until: DateTime<Utc>,
    /// When the try began that is under way.
    began: DateTime<Utc>,
    windows: Windows,
}

/// The windows that pauses are drawn from, evenly: each begins at nothing, and they double from try to try.
/// A pause that were at least half of its window would let those who lost the same race meet again at the
/// next one; so would windows much shorter than a try, so the first is as long as the try was.
pub(super) struct Windows(ExponentialBackoff);

impl Default for Windows {
    fn default() -> Self {
        let windows = ExponentialBuilder::default()
            .with_min_delay(FIRST_WINDOW)
            .with_max_delay(LONGEST_WINDOW)
            .without_max_times()
            .build();
        Self(windows)
    }
}

impl Windows {
    /// Draws the pause after a try that took so long, where so much time is left for others.
    pub(super) fn draw(&mut self, took: Duration, left: Duration) -> Duration {
        self.next(took, left).mul_f64(fastrand::f64())
    }

    /// Returns the longest that the next pause may be.
    fn next(&mut self, took: Duration, left: Duration) -> Duration {
        let doubled = self.0.next().unwrap_or(LONGEST_WINDOW);
        let doublings = doubled.as_secs_f64() / FIRST_WINDOW.as_secs_f64();
        let first = took.clamp(FIRST_WINDOW, LONGEST_WINDOW);
        let grown = first.mul_f64(doublings).min(LONGEST_WINDOW);
        // The last tries stay a little apart, or they would be one busy loop.
        grown.min((left / PART_OF_THE_REST).max(FIRST_WINDOW))
    }
}

/// Why nothing is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// The time is up.
    TimeUp,
    /// Asked to stop.
    Stopped(StopReason),
}

impl Patience {
    /// Starts now; there is always at least one try.
    pub fn new(clock: &dyn Clock, limit: Duration) -> Self {
        let began = clock.now();
        let until = began
            .checked_add_signed(TimeDelta::from_std(limit).unwrap_or(TimeDelta::MAX))
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        Self {
            until,
            began,
            windows: Windows::default(),
        }
    }

    /// Waits for the next try.
    ///
    /// # Errors
    /// There is none.
    pub async fn pause(&mut self, clock: &dyn Clock, stop: &mut Stop) -> Result<(), Exhausted> {
        self.pause_with(None, clock, stop).await
    }

    /// As [`Self::pause`]; where others who lost the same race rest until an instant, until then.
    ///
    /// # Errors
    /// There is no next try.
    pub async fn pause_with(
        &mut self,
        others: Option<DateTime<Utc>>,
        clock: &dyn Clock,
        stop: &mut Stop,
    ) -> Result<(), Exhausted> {
        let now = clock.now();
        let left = (self.until - now).to_std().unwrap_or_default();
        if left.is_zero() {
            return Err(Exhausted::TimeUp);
        }
        let took = (now - self.began).to_std().unwrap_or_default();
        // What they agreed on before this try is about another race.
        let pause = match others.filter(|until| *until >= self.began) {
            Some(until) => (until - now).to_std().unwrap_or_default(),
            None => self.windows.draw(took, left),
        };
        let rested = stop.sleep(clock, pause).await;
        self.began = clock.now();
        rested.map_err(Exhausted::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;

    fn noon() -> DateTime<Utc> {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn windows_double_and_shrink_again_towards_the_end() {
        let mut windows = Windows::default();
        let seconds = [120, 119, 118, 117, 116, 115, 114, 113, 60, 16, 8, 1, 0];
        let half = Duration::from_micros(500);
        let windows = seconds.map(|left| {
            (windows.next(Duration::ZERO, Duration::from_secs(left)) + half).as_millis()
        });
        assert_eq!(
            windows,
            [
                20, 40, 80, 160, 320, 640, 1280, 1883, 1000, 267, 133, 20, 20
            ]
        );
    }

    #[test]
    fn the_first_window_is_as_long_as_the_try_was() {
        let mut windows = Windows::default();
        let left = Duration::from_secs(120);
        let windows = [1, 250, 250, 250, 9_000].map(|took| {
            windows
                .next(Duration::from_millis(took), left)
                .as_secs_f64()
        });
        let expected = [0.02, 0.5, 1.0, 2.0, 2.0];
        let is_near = |(one, other): (f64, f64)| (one - other).abs() < 0.001;
        assert!(
            windows.into_iter().zip(expected).all(is_near),
            "{windows:?}"
        );
    }

    #[tokio::test]
    async fn pauses_fill_their_windows_and_end_with_the_time() {
        let (_stopper, mut stop) = Stop::channel();
        let (mut shortest, mut longest) = (f64::MAX, 0.0_f64);
        for _ in 0..50 {
            let clock = Arc::new(ManualClock::at(noon()));
            let mut patience = Patience::new(&*clock, Duration::from_secs(120));
            let mut tries = 0;
            loop {
                let before = clock.now();
                if patience.pause(&*clock, &mut stop).await == Err(Exhausted::TimeUp) {
                    break;
                }
                let pause = (clock.now() - before).to_std().unwrap();
                assert!(pause <= LONGEST_WINDOW, "{pause:?}");
                tries += 1;
                if (20..80).contains(&tries) {
                    shortest = shortest.min(pause.as_secs_f64());
                    longest = longest.max(pause.as_secs_f64());
                }
            }
            let took = (clock.now() - noon()).to_std().unwrap();
            assert!(took >= Duration::from_secs(120), "{took:?}");
            assert!(took <= Duration::from_secs(121), "{took:?}");
            assert!(tries > 100, "{tries}");
        }
        // Of 3,000 pauses in a window of two seconds some are next to its ends.
        assert!(shortest < 0.05 && longest > 1.5, "{shortest} {longest}");
    }

    #[tokio::test]
    async fn those_who_lost_together_come_again_together() {
        let (_stopper, mut stop) = Stop::channel();
        let clock = ManualClock::at(noon());
        let mut patience = Patience::new(&clock, Duration::from_secs(120));
        let later = noon() + TimeDelta::seconds(3);
        let paused = patience.pause_with(Some(later), &clock, &mut stop).await;
        assert_eq!((paused, clock.now()), (Ok(()), later));
        // That was about the race before.
        let paused = patience.pause_with(Some(noon()), &clock, &mut stop).await;
        assert_eq!(paused, Ok(()));
        assert!(clock.now() - later <= TimeDelta::from_std(LONGEST_WINDOW).unwrap());
        clock.advance(Duration::from_secs(120));
        let paused = patience.pause_with(Some(later), &clock, &mut stop).await;
        assert_eq!(paused, Err(Exhausted::TimeUp));
    }

    #[tokio::test]
    async fn a_wish_to_stop_ends_it() {
        let clock = ManualClock::at(noon());
        let (stopper, mut stop) = Stop::channel();
        stopper.stop(StopReason::Terminate);
        let mut patience = Patience::new(&clock, Duration::from_secs(120));
        assert_eq!(
            patience.pause(&clock, &mut stop).await,
            Err(Exhausted::Stopped(StopReason::Terminate))
        );
    }
}
