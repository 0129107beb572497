//! The steps that led to a place. A path is only written out where somebody asks for it: most places
//! are looked at and left.

use std::rc::Rc;

use super::Segment;

/// The steps from an object to a place in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail<'a>(Option<Rc<Stretch<'a>>>);

#[derive(Debug)]
struct Stretch<'a> {
    before: Trail<'a>,
    step: Step<'a>,
}

/// One step.
#[derive(Debug, Clone)]
pub(super) enum Step<'a> {
    /// To the value of a key.
    Key(&'a str),
    /// To the list item of a name.
    Named(&'a str),
    /// Any other.
    Other(Segment),
}

impl<'a> Trail<'a> {
    /// Goes one step further.
    pub(super) fn then(&self, step: Step<'a>) -> Self {
        let before = self.clone();
        Self(Some(Rc::new(Stretch { before, step })))
    }

    /// Returns the last step, and the trail in front of it.
    pub(super) fn last(&self) -> Option<(&Step<'a>, &Self)> {
        let Stretch { before, step } = self.0.as_deref()?;
        Some((step, before))
    }

    /// Returns the steps as a path.
    pub(super) fn path(&self) -> Vec<Segment> {
        let mut path = Vec::new();
        let mut rest = self;
        while let Some((step, before)) = rest.last() {
            path.push(step.segment());
            rest = before;
        }
        path.reverse();
        path
    }
}

impl Step<'_> {
    fn segment(&self) -> Segment {
        match self {
            Self::Key(key) => Segment::from(*key),
            Self::Named(name) => Segment::named(name),
            Self::Other(segment) => segment.clone(),
        }
    }

    /// Is it to a list item that is known by the text under a key?
    pub(super) fn is_item_by(&self, wanted: &str) -> bool {
        match self {
            Self::Named(_) => wanted == "name",
            Self::Other(Segment::Item { key, .. }) => key == wanted,
            Self::Key(_) | Self::Other(_) => false,
        }
    }
}
