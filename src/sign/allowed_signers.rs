//! The list of allowed signers (ssh-keygen(1), ALLOWED SIGNERS): whose key is this, and until when?
//!
//! A line that cannot be read makes the whole list an error: nobody can say what it was to allow or
//! to forbid. Instants without `Z` are UTC here, where ssh-keygen takes the machine's own zone: an
//! answer must not depend on who asks. Certificate authorities are refused, for then the key of a
//! signature would be in no file that anybody reviews.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, NaiveDateTime, Utc};

use super::{NAMESPACE, algorithm, wire::Reader};

/// The lines of an `allowed_signers` file.
#[derive(Debug, Clone)]
pub struct AllowedSigners {
    path: String,
    lines: Vec<Signer>,
}

#[derive(Debug, Clone)]
struct Signer {
    line: usize,
    principals: String,
    namespaces: Option<String>,
    valid_after: Option<DateTime<Utc>>,
    valid_before: Option<DateTime<Utc>>,
    key: Vec<u8>,
}

impl AllowedSigners {
    /// Reads the text of a list. `path` is where it was read, for messages.
    ///
    /// # Errors
    /// The first line that cannot be read, as `path:line: what is wrong`.
    pub fn parse(text: &str, path: &str) -> Result<Self, String> {
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_start_matches([' ', '\t']);
            if line.trim_end().is_empty() || line.starts_with('#') {
                continue;
            }
            let number = index + 1;
            let signer = Signer::parse(line, number);
            lines.push(signer.map_err(|problem| format!("{path}:{number}: {problem}"))?);
        }
        Ok(Self {
            path: path.to_owned(),
            lines,
        })
    }

    /// Returns the principals of a key that may sign for shipgate at an instant, in the order of
    /// the lines: those that are names, not patterns.
    ///
    /// # Errors
    /// No line has the key, or none lets it sign this now; the text says what the lines say.
    pub fn principals(&self, key: &[u8], now: DateTime<Utc>) -> Result<Vec<String>, String> {
        let mut names: Vec<String> = Vec::new();
        let mut refusal = None;
        for signer in self.lines.iter().filter(|signer| signer.key == key) {
            match signer.names(now) {
                Ok(found) => names.extend(found),
                Err(why) => {
                    refusal.get_or_insert(format!("{}:{}: {why}", self.path, signer.line));
                }
            }
        }
        match refusal {
            _ if !names.is_empty() => Ok(names),
            Some(refusal) => Err(refusal),
            None => Err(format!(
                "{} has no line with the key of the signature ({})",
                self.path,
                algorithm::name(key)
            )),
        }
    }

    /// Returns everybody who may sign for shipgate at an instant, each once, in the order of the lines.
    pub fn everybody(&self, now: DateTime<Utc>) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self
            .lines
            .iter()
            .filter_map(|signer| signer.names(now).ok())
            .flatten()
        {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

impl Signer {
    fn parse(line: &str, number: usize) -> Result<Self, String> {
        let (principals, rest) = first_word(line).ok_or("the principals have no closing quote")?;
        if principals.is_empty() {
            return Err("there are no principals".to_owned());
        }
        let mut signer = Self {
            line: number,
            principals: principals.to_owned(),
            namespaces: None,
            valid_after: None,
            valid_before: None,
            key: Vec::new(),
        };
        let mut rest = rest.trim_start_matches([' ', '\t']);
        if rest.trim_end().is_empty() {
            return Err("there is no key".to_owned());
        }
        if !starts_with_key(rest) {
            let end = end_of_options(rest).ok_or("the options have no closing quote")?;
            signer.options(&rest[..end])?;
            rest = rest[end..].trim_start_matches([' ', '\t']);
        }
        let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
        let kind = words.next().ok_or("there is no key")?;
        let encoded = words.next().unwrap_or_default().trim_end();
        if !starts_with_key(kind) {
            return Err(format!(
                "found {}, expected the kind of a key such as ssh-ed25519",
                shown(kind)
            ));
        }
        let key = STANDARD.decode(encoded).ok();
        let key = key.filter(|key| Reader(key).text() == Some(kind));
        signer.key =
            key.ok_or_else(|| format!("the key is not one of the kind {}", shown(kind)))?;
        if kind.contains("-cert-v01@") {
            return Err("certificates are not accepted; list the key itself".to_owned());
        }
        Ok(signer)
    }

    fn options(&mut self, text: &str) -> Result<(), String> {
        let mut rest = text;
        loop {
            let name_end = rest.find(['=', ',']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(name_end);
            let name = name.to_ascii_lowercase();
            if name == "cert-authority" {
                return Err(
                    "certificate authorities (cert-authority) are not accepted; list \
                            each person's own key"
                        .to_owned(),
                );
            }
            let known = ["namespaces", "valid-after", "valid-before"];
            if !known.contains(&name.as_str()) {
                return Err(format!(
                    "unknown option {}; known: {}",
                    shown(&name),
                    known.join(", ")
                ));
            }
            let value = after
                .strip_prefix("=\"")
                .and_then(|text| text.split_once('"'));
            let (value, after) =
                value.ok_or_else(|| format!("the option {name} has no value in double quotes"))?;
            self.option(&name, value)?;
            rest = match after.strip_prefix(',') {
                Some("") => return Err("the options end with a comma".to_owned()),
                Some(more) => more,
                None if after.is_empty() => break,
                None => {
                    return Err(format!(
                        "found {} behind the option {name}, expected a comma or a space",
                        shown(after)
                    ));
                }
            };
        }
        if let (Some(after), Some(before)) = (self.valid_after, self.valid_before)
            && before <= after
        {
            return Err("valid-before is not after valid-after".to_owned());
        }
        Ok(())
    }

    fn option(&mut self, name: &str, value: &str) -> Result<(), String> {
        let is_there = match name {
            "namespaces" => self.namespaces.replace(value.to_owned()).is_some(),
            "valid-after" => self.valid_after.replace(instant(name, value)?).is_some(),
            _ => self.valid_before.replace(instant(name, value)?).is_some(),
        };
        if is_there {
            Err(format!("the option {name} is there twice"))
        } else {
            Ok(())
        }
    }

    /// Returns the names in the principals, if the line lets its key sign for us now.
    fn names(&self, now: DateTime<Utc>) -> Result<Vec<String>, String> {
        if let Some(namespaces) = &self.namespaces
            && !matches_list(NAMESPACE, namespaces)
        {
            return Err(format!(
                "the key may sign for {}, not for `{NAMESPACE}`",
                shown(namespaces)
            ));
        }
        let day = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        if let Some(after) = self.valid_after.filter(|after| now < *after) {
            return Err(format!("the key is not valid before {}", day(after)));
        }
        if let Some(before) = self.valid_before.filter(|before| now >= *before) {
            return Err(format!("the key was valid before {} only", day(before)));
        }
        let names: Vec<String> = self
            .principals
            .split(',')
            .filter(|name| !name.is_empty() && !name.contains(['*', '?', '!']))
            .filter(|name| matches_list(name, &self.principals))
            .map(str::to_owned)
            .collect();
        if names.is_empty() {
            return Err(format!(
                "the principals {} name nobody in particular; write the person's own",
                shown(&self.principals)
            ));
        }
        Ok(names)
    }
}

/// Is a name in a comma-separated list of patterns with `*`, `?` and `!` (PATTERNS in
/// ssh_config(5))? A `!` that matches decides.
fn matches_list(name: &str, patterns: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(name.as_bytes(), negated.as_bytes()) => return false,
            Some(_) => {}
            None => found |= matches(name.as_bytes(), pattern.as_bytes()),
        }
    }
    found
}

fn matches(name: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star = None;
    while at < name.len() {
        match pattern.get(place) {
            Some(b'*') => {
                star = Some((place, at));
                place += 1;
            }
            Some(one) if *one == b'?' || *one == name[at] => {
                at += 1;
                place += 1;
            }
            // The last star takes one more.
            _ => match &mut star {
                Some((after, taken)) => {
                    *taken += 1;
                    at = *taken;
                    place = *after + 1;
                }
                None => return false,
            },
        }
    }
    pattern[place..].iter().all(|one| *one == b'*')
}

/// The first word of a line, which may be in double quotes, and what follows.
fn first_word(line: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = line.strip_prefix('"') {
        return quoted.split_once('"');
    }
    let end = line.find([' ', '\t']).unwrap_or(line.len());
    Some(line.split_at(end))
}

fn starts_with_key(text: &str) -> bool {
    [
        "ssh-",
        "ecdsa-sha2-",
        "sk-ssh-",
        "sk-ecdsa-sha2-",
        "webauthn-sk-",
    ]
    .iter()
    .any(|kind| text.starts_with(kind))
}

/// Options end at the first space outside of double quotes; none if a quote is not closed.
fn end_of_options(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ' ' | '\t' if !quoted => return Some(at),
            _ => {}
        }
    }
    (!quoted).then_some(text.len())
}

fn instant(name: &str, text: &str) -> Result<DateTime<Utc>, String> {
    let digits = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let refuse = || {
        format!(
            "{name} is {}; expected YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with or without Z",
            shown(text)
        )
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refuse());
    }
    let whole = match digits.len() {
        8 => format!("{digits}000000"),
        12 => format!("{digits}00"),
        14 => digits.to_owned(),
        _ => return Err(refuse()),
    };
    NaiveDateTime::parse_from_str(&whole, "%Y%m%d%H%M%S")
        .map(|naive| naive.and_utc())
        .map_err(|_| refuse())
}

/// A text of the file in a message: short, without control characters.
fn shown(text: &str) -> String {
    let text: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    format!("`{text}`")
}
