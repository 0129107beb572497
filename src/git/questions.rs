//! Questions for the refs as they are now: one answer serves all who had asked before the server was asked.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::remote::Moment;

/// The number of a question; later ones have higher numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question(u64);

/// Counts the questions of all who share a repository.
#[derive(Debug, Clone, Default)]
pub(super) struct Questions(Arc<AtomicU64>);

impl Questions {
    /// Asks: what the server says from now on is an answer.
    pub(super) fn ask(&self) -> Question {
        Question(self.0.fetch_add(1, Ordering::SeqCst) + 1)
    }

    /// Returns the last question so far: what the server is asked now answers it and all before it.
    pub(super) fn last(&self) -> Question {
        Question(self.0.load(Ordering::SeqCst))
    }
}

impl Question {
    /// Says of which moment refs answer it, where `answered` is the last question that the last list of
    /// them was an answer to.
    pub(super) fn moment(self, answered: Option<Self>) -> Moment {
        match answered {
            Some(answered) if self <= answered => Moment::Listed,
            _ => Moment::Now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_answers_what_was_asked_before_it_and_nothing_after() {
        let questions = Questions::default();
        let (first, second) = (questions.ask(), questions.ask());
        assert_eq!(first.moment(None), Moment::Now);
        let listed = questions.last();
        let third = questions.ask();
        let moments = [first, second, third].map(|question| question.moment(Some(listed)));
        assert_eq!(moments, [Moment::Listed, Moment::Listed, Moment::Now]);
    }
}
