//! A query that matches nothing: zero bad requests, or a slip of the pen?

/// Which requests a metric counts beside all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// The bad ones.
    Bad,
    /// The good ones; all others are bad.
    Good,
}

impl Counted {
    /// Returns the configuration's key: `bad` or `good`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Good => "good",
        }
    }
}

/// What is known about a query of bad (or good) requests that may match nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Absent {
    /// `absent_bad_is_zero`: does the metric say that there may never have been a bad one?
    pub is_zero: bool,
    /// Has the query matched anything in either arm, in this watch or in the hour before it?
    pub was_there: bool,
}

impl Absent {
    /// Says whether no series may stand for no requests. A query that once matched something is
    /// right; that it matches nothing now is then a number, 0. Of one that never did nobody knows.
    /// Where there is no `total` either, that is what is to be said of it.
    ///
    /// # Errors
    /// The reason why it is no data. For good requests `is_zero` changes nothing: none of them would
    /// mean that all requests are bad.
    pub fn check(self, counted: Counted, total_is_there: bool) -> Result<(), String> {
        match counted {
            _ if self.was_there => Ok(()),
            Counted::Bad if self.is_zero => Ok(()),
            _ if !total_is_there => Err(format!(
                "neither `{}` nor `total` matches anything in either arm: are the queries right?",
                counted.key()
            )),
            Counted::Bad => Err(
                "`bad` matches nothing in either arm: is the query right? `absent_bad_is_zero: true` if there was never a bad one"
                    .to_owned(),
            ),
            Counted::Good => {
                Err("`good` matches nothing in either arm: is the query right?".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_never_zero() {
        let rows = [
            (Counted::Bad, false, false, false),
            (Counted::Bad, true, false, true),
            (Counted::Bad, false, true, true),
            (Counted::Good, false, false, false),
            (Counted::Good, true, false, false),
            (Counted::Good, false, true, true),
        ];
        for (counted, is_zero, was_there, counts) in rows {
            let absent = Absent { is_zero, was_there };
            for total_is_there in [true, false] {
                let checked = absent.check(counted, total_is_there);
                assert_eq!(checked.is_ok(), counts, "{counted:?} {absent:?}");
                let reason = checked.err().unwrap_or_default();
                let of_total = !counts && !total_is_there;
                assert_eq!(reason.contains("neither"), of_total, "{reason}");
                // The flag is no help where nothing is counted at all.
                let flag = !counts && total_is_there && counted == Counted::Bad;
                assert_eq!(reason.contains("absent_bad_is_zero"), flag, "{reason}");
            }
        }
    }
}
