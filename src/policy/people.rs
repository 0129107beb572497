//! Who is the same person: identities of several systems, put together as the policy says.

use super::approval::Identity;

/// The people of a policy; each is known by one or more identities.
#[derive(Debug, Clone, Default)]
pub(super) struct People(Vec<Vec<Identity>>);

/// Are two identities the same person?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// They are.
    Same,
    /// They are not.
    Different,
    /// Nobody can say; the first one (0) or the second one (1) should be added to `people`.
    Unknown(usize),
}

impl People {
    /// Puts entries together; those that share an identity are one person.
    pub(super) fn of(entries: impl IntoIterator<Item = Vec<Identity>>) -> Self {
        let mut persons: Vec<Vec<Identity>> = Vec::new();
        for entry in entries {
            let shares = |person: &Vec<Identity>| {
                let known = |identity: &Identity| entry.iter().any(|one| same(one, identity));
                person.iter().any(known)
            };
            let (shared, others): (Vec<_>, Vec<_>) = persons.into_iter().partition(shares);
            persons = others;
            persons.push(shared.into_iter().flatten().chain(entry).collect());
        }
        Self(persons)
    }

    /// Compares two identities.
    pub(super) fn compare(&self, one: &Identity, other: &Identity) -> Likeness {
        if same(one, other) {
            return Likeness::Same;
        }
        match (self.person(one), self.person(other)) {
            (Some(first), Some(second)) if first == second => Likeness::Same,
            (Some(_), Some(_)) => Likeness::Different,
            // Of one kind, and the names differ.
            _ if same_kind(one, other) => Likeness::Different,
            (Some(person), None) if self.has_another_key(person, other) => Likeness::Different,
            (None, Some(person)) if self.has_another_key(person, one) => Likeness::Different,
            (None, Some(_)) => Likeness::Unknown(0),
            (_, None) => Likeness::Unknown(1),
        }
    }

    /// Is nobody listed?
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Is this identity somebody's?
    pub(super) fn knows(&self, identity: &Identity) -> bool {
        self.person(identity).is_some()
    }

    fn person(&self, identity: &Identity) -> Option<usize> {
        let is = |person: &Vec<Identity>| person.iter().any(|one| same(one, identity));
        self.0.iter().position(is)
    }

    /// Principals are the policy's own: who has two of them is listed with both.
    fn has_another_key(&self, person: usize, identity: &Identity) -> bool {
        let is_key = |identity: &Identity| matches!(identity, Identity::Principal(_));
        is_key(identity) && self.0[person].iter().any(is_key)
    }
}

fn same_kind(one: &Identity, other: &Identity) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// GitHub and GitLab know no upper case in logins; a principal that differs in nothing else is
/// rather taken for the same person than for another one.
fn same(one: &Identity, other: &Identity) -> bool {
    same_kind(one, other) && one.to_string().to_lowercase() == other.to_string().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{Likeness::*, *};

    #[test]
    fn the_same_person_is_found_and_doubt_is_no_difference() {
        let principal = |name: &str| Identity::Principal(name.to_owned());
        let github = |name: &str| Identity::GitHub(name.to_owned());
        let gitlab = |name: &str| Identity::GitLab(name.to_owned());
        let people = People::of([
            vec![principal("alice@example.com"), github("alice")],
            vec![github("bob"), gitlab("bob")],
            vec![principal("alice@old.example"), github("Alice")],
        ]);
        let rows = [
            (github("alice"), principal("alice@example.com"), Same),
            (github("ALICE"), principal("alice@old.example"), Same),
            (
                principal("alice@example.com"),
                principal("alice@old.example"),
                Same,
            ),
            (github("alice"), github("bob"), Different),
            (github("alice"), gitlab("bob"), Different),
            (github("alice"), principal("carol@example.com"), Different),
            // Nobody knows bob's key, so carol's could be his.
            (github("bob"), principal("carol@example.com"), Unknown(1)),
            (principal("carol@example.com"), github("bob"), Unknown(0)),
            (github("dave"), principal("carol@example.com"), Unknown(1)),
            // Alice could have another login.
            (principal("alice@example.com"), github("carol"), Unknown(1)),
            (github("dave"), github("carol"), Different),
            (github("Dave"), github("dave"), Same),
            (
                principal("Carol@example.com"),
                principal("carol@example.com"),
                Same,
            ),
        ];
        for (one, other, expected) in rows {
            assert_eq!(people.compare(&one, &other), expected, "{one} {other}");
        }
    }
}
