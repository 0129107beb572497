//! What `next` shows: the coming openings and closings for one request.

use crate::policy::{Action, ClockState, Outlook, Period, PolicySource};

/// The coming openings and closings for one request.
#[derive(Debug, Clone)]
pub struct OutlookRecord {
    /// What is to be done, and where: `deploy advertisements to production`.
    pub subject: String,
    /// The action alone.
    pub action: Action,
    /// Id of policy path and request, the same in every run: 16 hexadecimal digits.
    pub id: String,
    /// The policy that was asked.
    pub policy: PolicySource,
    /// What the clock says.
    pub outlook: Outlook,
    /// Why nothing may go at present whatever the clock says, where that is so.
    pub stopped: Option<String>,
    /// Is a calendar shown, not a table?
    pub as_calendar: bool,
}

impl OutlookRecord {
    /// Returns the state at the start of the range.
    pub fn state(&self) -> ClockState {
        if self.stopped.is_some() {
            return ClockState::Closed;
        }
        self.outlook
            .now()
            .map_or(ClockState::Closed, |period| period.state)
    }

    /// Returns the periods in which it is open.
    pub fn openings(&self) -> impl Iterator<Item = &Period> {
        let periods = self.outlook.periods.iter();
        periods.filter(|period| period.state != ClockState::Closed)
    }
}
