//! Reads a Kubernetes object: what is not there is nothing, what is of another type is no object.

use serde_json::Value;

use super::{Standing, Trouble};
use crate::probe::text::excerpt;

/// An object that was answered.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    value: &'a Value,
    /// `Deployment shop/web`.
    what: &'a str,
}

/// One of `status.conditions`.
pub(super) struct Condition<'a> {
    status: &'a str,
    /// Why, as one word; empty where none is given.
    pub(super) reason: &'a str,
    message: &'a str,
    /// Is it about an older specification than the present one, where it says of which it is?
    pub(super) is_outdated: bool,
}

impl Condition<'_> {
    pub(super) fn is_true(&self) -> bool {
        self.status == "True"
    }

    pub(super) fn is_false(&self) -> bool {
        self.status == "False"
    }

    /// Returns reason and message, for people.
    pub(super) fn sentence(&self) -> String {
        said(self.reason, self.message)
    }
}

/// Returns a word and a message of the cluster as one harmless clause.
pub(super) fn said(word: &str, message: &str) -> String {
    match (excerpt(word), excerpt(message)) {
        (word, message) if message.is_empty() => word,
        (word, message) if word.is_empty() => message,
        (word, message) => format!("{word}: {message}"),
    }
}

impl<'a> Object<'a> {
    /// Takes an answer for an object of a kind with a name, in a namespace if one is known.
    ///
    /// # Errors
    /// It is something else: an error page, a list, another object.
    pub(super) fn new(
        value: &'a Value,
        kind: &str,
        (namespace, name): (Option<&str>, &str),
        what: &'a str,
    ) -> Result<Self, Trouble> {
        let object = Self { value, what };
        let is = |pointer: &str, wanted: &str| {
            value.pointer(pointer).and_then(Value::as_str) == Some(wanted)
        };
        let is_there = namespace.is_none_or(|namespace| is("/metadata/namespace", namespace));
        if is("/kind", kind) && is("/metadata/name", name) && is_there {
            Ok(object)
        } else {
            Err(object.odd("kind, namespace or name"))
        }
    }

    /// Takes an object that was looked at already.
    pub(super) fn known(value: &'a Value, what: &'a str) -> Self {
        Self { value, what }
    }

    fn odd(&self, place: &str) -> Trouble {
        let what = self.what;
        Trouble::Unanswered(format!(
            "the answer about {what} cannot be used: {place} is not what the API says"
        ))
    }

    /// Returns the value at a JSON pointer; none where nothing or `null` is.
    pub(super) fn at(&self, pointer: &str) -> Option<&'a Value> {
        self.value.pointer(pointer).filter(|value| !value.is_null())
    }

    /// Returns the number at a JSON pointer.
    ///
    /// # Errors
    /// Something else than a whole number from 0 on is there.
    pub(super) fn number(&self, pointer: &str) -> Result<Option<u64>, Trouble> {
        match self.at(pointer) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| self.odd(pointer)),
        }
    }

    /// Returns the text at a JSON pointer.
    ///
    /// # Errors
    /// Something else than a text is there.
    pub(super) fn text(&self, pointer: &str) -> Result<Option<&'a str>, Trouble> {
        match self.at(pointer) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| self.odd(pointer)),
        }
    }

    /// Returns the truth value at a JSON pointer; no where nothing is.
    ///
    /// # Errors
    /// Something else is there.
    pub(super) fn is(&self, pointer: &str) -> Result<bool, Trouble> {
        match self.at(pointer) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| self.odd(pointer)),
        }
    }

    /// Returns the elements of the list at a JSON pointer; none where nothing is.
    ///
    /// # Errors
    /// Something else is there.
    pub(super) fn list(&self, pointer: &str) -> Result<&'a [Value], Trouble> {
        match self.at(pointer) {
            None => Ok(&[]),
            Some(value) => value
                .as_array()
                .map(Vec::as_slice)
                .ok_or_else(|| self.odd(pointer)),
        }
    }

    /// Returns a condition by its type.
    ///
    /// # Errors
    /// The conditions are no list of objects with type and status.
    pub(super) fn condition(&self, kind: &str) -> Result<Option<Condition<'a>>, Trouble> {
        for value in self.list("/status/conditions")? {
            let text = |key: &str| value.get(key).and_then(Value::as_str);
            let (Some(found), Some(status)) = (text("type"), text("status")) else {
                return Err(self.odd("/status/conditions"));
            };
            if found == kind {
                let observed = value.get("observedGeneration").and_then(Value::as_u64);
                let generation = self.number("/metadata/generation")?;
                return Ok(Some(Condition {
                    status,
                    reason: text("reason").unwrap_or_default(),
                    message: text("message").unwrap_or_default(),
                    is_outdated: observed.is_some_and(|observed| {
                        generation.is_some_and(|present| observed < present)
                    }),
                }));
            }
        }
        Ok(None)
    }

    /// Returns why the status cannot be relied on: it is of an older specification than the present
    /// one, or the object is on its way out. None where it can.
    ///
    /// # Errors
    /// The generations are no numbers, or there is none of the specification.
    pub(super) fn outdated(&self) -> Result<Option<Standing>, Trouble> {
        let generation = self
            .number("/metadata/generation")?
            .ok_or_else(|| self.odd("/metadata/generation"))?;
        // Argo Rollouts writes it as a text.
        let observed = match self.at("/status/observedGeneration") {
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_u64(),
            None => None,
        };
        if self.at("/metadata/deletionTimestamp").is_some() {
            return Ok(Some(Standing::Moving("it is being deleted".to_owned())));
        }
        if observed == Some(generation) {
            return Ok(None);
        }
        Ok(Some(Standing::Moving(match observed {
            Some(seen) => format!("its controller has seen generation {seen}, not {generation}"),
            None => format!("its controller has not seen generation {generation} yet"),
        })))
    }
}
