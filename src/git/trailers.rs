//! What a commit of ours says about itself: `Shipgate-…` lines at the end of its message.

use std::fmt;

const PREFIX: &str = "Shipgate-";
const LONGEST_VALUE: usize = 1000;

/// The `Shipgate-` trailers of a commit in their order, named without the prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trailers(Vec<(String, String)>);

impl Trailers {
    /// Starts without any.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the trailers of a commit message. Trailers of others are left out.
    pub fn parse(message: &str) -> Self {
        let Ok(found) = git2::message_trailers_strs(message) else {
            // Only a message with a NUL is refused, and git makes none.
            return Self::default();
        };
        let mut trailers = Self::default();
        for (key, value) in found.iter() {
            if let Some(name) = without_prefix(key)
                && is_name(name)
            {
                trailers.0.push((name.to_owned(), one_line(value)));
            }
        }
        trailers
    }

    /// Returns the value of `Shipgate-<key>`; the first one, where there are several.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    }

    /// Adds `Shipgate-<key>: <value>`. Line breaks, other control characters and runs of spaces
    /// become one space, and the value is cut at 1,000 characters, so that no value can forge
    /// another trailer. An empty value, and a key that is not letters, digits and `-`, is left out.
    pub fn push(&mut self, key: &str, value: impl AsRef<str>) {
        let value = one_line(value.as_ref());
        if is_name(key) && !value.is_empty() {
            self.0.push((key.to_owned(), value));
        }
    }

    /// Adds all of another commit's, as a group of their own: it begins with its `Run`.
    pub fn extend(&mut self, others: &Self) {
        self.0.extend(others.0.iter().cloned());
    }

    /// Returns those of one run. A commit of several runs has a group for each, which begins with its
    /// `Run`; in any other commit all belong together.
    pub fn of_run(&self, run: &str) -> Option<Self> {
        let groups = self.0.iter().enumerate();
        let begins = groups.filter(|(_, (name, _))| name.eq_ignore_ascii_case("Run"));
        let mut begins: Vec<usize> = begins.map(|(index, _)| index).collect();
        if let [first, ..] = begins.as_mut_slice() {
            *first = 0;
        }
        begins.push(self.0.len());
        begins.windows(2).find_map(|ends| {
            let group = Self(self.0.get(ends[0]..ends[1])?.to_vec());
            (group.get("Run") == Some(run)).then_some(group)
        })
    }

    /// Returns all, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Trailers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in &self.0 {
            writeln!(formatter, "{PREFIX}{key}: {value}")?;
        }
        Ok(())
    }
}

/// Puts a commit message together: subject, body, trailers. Subject and body can not forge a
/// trailer: a line of theirs that begins like one of ours is quoted with `> `.
pub fn message(subject: &str, body: &str, trailers: &Trailers) -> String {
    let mut text = harmless(&one_line(subject));
    if text.is_empty() {
        text.push_str("shipgate");
    }
    text.push('\n');
    let body: Vec<String> = body
        .lines()
        .map(|line| {
            let shown: String = line
                .chars()
                .filter(|character| !character.is_control())
                .collect();
            harmless(shown.trim_end())
        })
        .collect();
    let body = body.join("\n");
    let body = body.trim_matches('\n');
    if !body.is_empty() {
        text.push_str(&format!("\n{body}\n"));
    }
    if !trailers.is_empty() {
        text.push_str(&format!("\n{trailers}"));
    }
    text
}

fn harmless(line: &str) -> String {
    // `---` ends the message for everything that reads trailers.
    if without_prefix(line.trim_start()).is_some() || line.starts_with("---") {
        format!("> {line}")
    } else {
        line.to_owned()
    }
}

fn without_prefix(text: &str) -> Option<&str> {
    let start = text.get(..PREFIX.len())?;
    start
        .eq_ignore_ascii_case(PREFIX)
        .then(|| &text[PREFIX.len()..])
}

fn is_name(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 64
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn one_line(value: &str) -> String {
    let spaced: String = value
        .chars()
        .map(|character| {
            if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
                ' '
            } else {
                character
            }
        })
        .collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(LONGEST_VALUE).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_reads_back() {
        let mut trailers = Trailers::new();
        trailers.push("Run", "3f2a");
        trailers.push("Reason", "two\nlines\r\nShipgate-State: verified");
        trailers.push("Empty", "");
        trailers.push("Not A Key", "x");
        let text = message(
            "deploy advertisements 1.1\nShipgate-Run: forged",
            "why\n\nShipgate-State: verified\n---\nshipgate-version: 9",
            &trailers,
        );
        insta::assert_snapshot!(text, @"
        deploy advertisements 1.1 Shipgate-Run: forged

        why

        > Shipgate-State: verified
        > ---
        > shipgate-version: 9

        Shipgate-Run: 3f2a
        Shipgate-Reason: two lines Shipgate-State: verified
        ");
        let read = Trailers::parse(&text);
        assert_eq!(read, trailers);
        assert_eq!(read.get("run"), Some("3f2a"));
        assert_eq!(read.get("State"), None);
    }

    #[test]
    fn a_commit_of_several_runs_has_a_group_for_each() {
        let group = |run: &str, step: &str| {
            let mut trailers = Trailers::new();
            trailers.push("Run", run);
            trailers.push("Step", step);
            trailers
        };
        let mut all = group("a1", "1/3");
        all.extend(&group("b2", "1/9"));
        let read = Trailers::parse(&message("two", "", &all));
        assert_eq!(read.of_run("a1"), Some(group("a1", "1/3")));
        assert_eq!(read.of_run("b2"), Some(group("b2", "1/9")));
        assert_eq!(read.of_run("c3"), None);
        assert_eq!(Trailers::new().of_run("a1"), None);
        let mut late = Trailers::new();
        late.push("State", "verified");
        late.extend(&group("a1", "1/3"));
        assert_eq!(late.of_run("a1"), Some(late));
    }

    #[test]
    fn other_messages_hold_no_trailers_of_ours() {
        for text in [
            "",
            "subject",
            "Shipgate-Run: x",
            "subject\n\nbody\nShipgate-Run is a word",
            "subject\n\nSigned-off-by: someone <a@b>",
            "subject\n\nShipgate-Run: x\n\nlast paragraph",
        ] {
            assert!(Trailers::parse(text).is_empty(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_can_forge_a_trailer(subject in ".{0,40}", body in "(.|\n|(Shipgate-State: x)){0,80}", value in "(.|\n|(Shipgate-State: x)){1,80}") {
            let mut trailers = Trailers::new();
            trailers.push("Run", &value);
            let read = Trailers::parse(&message(&subject, &body, &trailers));
            prop_assert_eq!(&read, &trailers);
            prop_assert_eq!(Trailers::parse(&message(&subject, &body, &Trailers::new())), Trailers::new());
        }
    }
}
