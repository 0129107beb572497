//! How both versions are counted: by looks at raw counters, or by sums of windows.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    arms::Pair,
    polls::{Grid, Other, Polls},
    source::{Probe, Source, Trouble},
    sums::Sums,
    windows::WindowPolls,
};
use crate::{
    analysis::{
        counters::{Absent, Counted},
        judge::Stable,
    },
    units::format_duration,
};

/// Where the numbers of one version come from.
#[derive(Debug, Clone)]
pub(super) enum AnySource {
    /// Raw counters, or finished numbers, at instants.
    Looks(Source),
    /// Sums of windows.
    Windows(Sums),
}

impl AnySource {
    /// Is the same asked of the same?
    pub(super) fn asks_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Looks(one), Self::Looks(other)) => one.queries == other.queries,
            (Self::Windows(one), Self::Windows(other)) => {
                (&one.query, &one.total) == (&other.query, &other.total)
            }
            _ => false,
        }
    }

    /// Returns how long after a moment it is counted.
    pub(super) fn lag(&self) -> Duration {
        match self {
            Self::Looks(_) => Duration::ZERO,
            Self::Windows(sums) => sums.source.settle(),
        }
    }
}

/// Both versions, counted poll by poll.
pub(super) enum Counting {
    Looks(Box<Polls>),
    Windows(Box<WindowPolls>),
}

impl Counting {
    /// Begins. `is_over` says that it is about a time of the past. Both sources are of one provider.
    pub(super) fn new(
        judged: AnySource,
        reference: Option<AnySource>,
        other: Other,
        grid: Grid,
        absent_is_zero: bool,
        is_over: bool,
    ) -> Self {
        match judged {
            AnySource::Looks(judged) => {
                let reference = reference.and_then(|it| match it {
                    AnySource::Looks(source) => Some(source),
                    AnySource::Windows(_) => None,
                });
                let polls = Polls::new(judged, reference, other, grid, absent_is_zero);
                Self::Looks(Box::new(polls))
            }
            AnySource::Windows(judged) => {
                let reference = reference.and_then(|it| match it {
                    AnySource::Windows(sums) => Some(sums),
                    AnySource::Looks(_) => None,
                });
                let polls =
                    WindowPolls::new(judged, reference, other, grid, absent_is_zero, is_over);
                Self::Windows(Box::new(polls))
            }
        }
    }

    /// Returns the polls that are new at `now`. None at all where it is too soon for another one.
    pub(super) async fn ask(
        &mut self,
        probe: Probe<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<Pair>>, Trouble> {
        // Boxed, so that what waits for either is not as large as both.
        match self {
            Self::Looks(polls) => Box::pin(polls.ask(probe, now)).await,
            Self::Windows(polls) => Box::pin(polls.ask(probe, now)).await,
        }
    }

    pub(super) fn grid(&self) -> Grid {
        match self {
            Self::Looks(polls) => polls.grid(),
            Self::Windows(polls) => polls.grid(),
        }
    }

    /// Says when the old version was counted.
    pub(super) fn stable(&self) -> Stable {
        let other = match self {
            Self::Looks(polls) => polls.other(),
            Self::Windows(polls) => polls.other(),
        };
        match other {
            Other::Before { .. } => Stable::Before,
            Other::Limit | Other::Beside => Stable::Beside,
        }
    }

    /// Says that no bad request was ever seen, where the configuration takes that for none: a query
    /// with a slip looks the same.
    pub(super) fn doubt(&self) -> Option<&'static str> {
        let (counted, absent) = match self {
            Self::Looks(polls) => polls.counted(),
            Self::Windows(polls) => polls.counted(),
        };
        let Absent { is_zero, was_there } = absent;
        (counted == Some(Counted::Bad) && is_zero && !was_there).then_some(
            "`bad` never matched anything in either arm, which `absent_bad_is_zero` takes for none: is the query right?",
        )
    }

    /// Says why the first poll that is missing is; none where none is.
    pub(super) fn first_gap(&self) -> Option<&str> {
        match self {
            Self::Looks(polls) => polls.first_gap(),
            Self::Windows(polls) => polls.first_gap(),
        }
    }

    /// Says where it stands before the first poll, as a clause that goes on from a name.
    pub(super) fn beginning(&self) -> String {
        match self {
            Self::Looks(_) => "was counted once, which is where it begins".to_owned(),
            Self::Windows(polls) => format!(
                "has no finished window yet: what is counted settles after {}",
                format_duration(polls.settle())
            ),
        }
    }
}
