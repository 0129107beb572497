//! The literals of generators: `- KEY=value` in `configMapGenerator`, by the path
//! `configMapGenerator[name=app].literals.KEY`.

use super::graph;
use crate::manifest::{Refusal, ScalarType, Segment, cursor::Cursor, findings::Findings};

/// The keys of a kustomization that hold generators.
const GENERATORS: &[&str] = &["configMapGenerator", "secretGenerator"];

/// Wants the value of a literal of a generator; false where a path does not lead to one.
pub(in crate::manifest) fn put(
    (from, path): (&Cursor<'_>, &[Segment]),
    new: &str,
    findings: &mut Findings,
) -> bool {
    if !graph::is_kustomization(from.view.path()) {
        return false;
    }
    let pointer = [from.pointer().as_slice(), path].concat();
    let [
        Segment::Key(generators),
        _,
        Segment::Key(literals),
        Segment::Key(key),
    ] = pointer.as_slice()
    else {
        return false;
    };
    let is_literals = literals == "literals" && GENERATORS.contains(&generators.as_str());
    if !is_literals {
        return false;
    }
    let literal = Literal { key, value: new };
    let wanted = literal.want(from, pointer.get(..3).unwrap_or_default(), findings);
    findings.take(wanted);
    true
}

/// A literal that is wanted.
#[derive(Debug, Clone, Copy)]
struct Literal<'w> {
    key: &'w str,
    value: &'w str,
}

impl Literal<'_> {
    /// Wants it in the list at a path: in place of the one with this key, else as the last one.
    fn want(
        &self,
        from: &Cursor<'_>,
        list: &[Segment],
        findings: &mut Findings,
    ) -> Result<(), Refusal> {
        let root = Cursor::new(from.view);
        let refuse = |reason: String, hint: &str| {
            let at = Refusal::new(reason).at(from.view.path(), from.line());
            Err(at.hint(hint))
        };
        let (key, value) = (self.key, self.value);
        if list.first() == Some(&Segment::from("secretGenerator")) {
            return refuse(
                format!("the literal `{key}` is a secret, which is never read or shown"),
                "change it with the tool that made the secret",
            );
        }
        // Kustomize cuts what stands behind the first `=`, and takes quotes off its ends.
        let quote = |text: &str| {
            ['"', '\'']
                .into_iter()
                .find(|quote| is_within(text, *quote))
        };
        if key.is_empty() || key.contains('=') || quote(value).is_some() {
            return refuse(
                format!("`{key}={value}` would be read as another literal"),
                "give a key without `=` and a value that is not in quotes itself",
            );
        }
        let places = root
            .follow(list)?
            .map(|list| list.items())
            .unwrap_or_default();
        let mut found: Option<(Cursor<'_>, &str)> = None;
        for place in &places {
            let literal = place.text().and_then(|text| text.split_once('='));
            let Some((_, old)) = literal.filter(|(known, _)| *known == key) else {
                continue;
            };
            if let Some((first, _)) = found {
                let reason = format!(
                    "the literal `{key}` is written twice, on lines {} and {}, expected once",
                    first.line(),
                    place.line()
                );
                return Err(place.refusal(reason).hint("remove one of the two"));
            }
            found = Some((place.clone(), old));
        }
        match found {
            Some((place, old)) => {
                let quote = quote(old).map(String::from).unwrap_or_default();
                let text = format!("{key}={quote}{value}{quote}");
                findings.want_here(&place, &text, ScalarType::Text);
            }
            None => {
                let path = [list, &[Segment::Index(places.len())]].concat();
                findings.put(&root, &path, &format!("{key}={value}"), ScalarType::Text);
            }
        }
        Ok(())
    }
}

/// Does a text begin and end with a quote?
fn is_within(text: &str, quote: char) -> bool {
    text.len() > 1 && text.starts_with(quote) && text.ends_with(quote)
}

#[cfg(test)]
mod tests {
    use crate::manifest::ScalarType::Text;
    use crate::manifest::{
        Allowances, ChangeSet, Manifests, SourceFile, cursor::Cursor, findings::Findings,
        parse_path, restore,
    };

    const BEFORE: &str = "\
configMapGenerator:
  - name: app
    literals:
      - LEVEL=info # of the log
      - 'NAME=\"a b\"'
      - TWICE=1
      - TWICE=2
  - name: empty
secretGenerator:
  - name: app
    literals: [PASSWORD=hunter2]
";

    fn manifests(text: &str) -> Manifests {
        Manifests::parse(vec![SourceFile {
            path: "kustomization.yaml".to_owned(),
            bytes: text.into(),
        }])
        .unwrap()
    }

    /// Returns the lines that changed, or the refusals.
    fn put(path: &str, value: &str) -> String {
        let before = manifests(BEFORE);
        let view = before.views().next().unwrap();
        let mut findings = Findings::new(Allowances::default());
        findings.put(&Cursor::new(view), &parse_path(path).unwrap(), value, Text);
        if let Some(refusal) = findings.refusals.first() {
            return refusal.to_string();
        }
        let set = ChangeSet::of(findings.changes);
        let Some(file) = set.apply(&before).unwrap().files.pop() else {
            return "as it is".to_owned();
        };
        let text = String::from_utf8(file.bytes).unwrap();
        let after = manifests(&text);
        let back = restore(&after, &set.changes)
            .unwrap()
            .apply(&after)
            .unwrap();
        assert_eq!(back.files[0].bytes, BEFORE.as_bytes(), "{path}: taken back");
        let new = text.lines().filter(|line| !BEFORE.contains(line));
        new.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn literals_are_replaced_and_added_by_their_key() {
        let rows = [
            ("configMapGenerator[name=app].literals.LEVEL", "debug"),
            ("configMapGenerator[name=app].literals.LEVEL", "info"),
            ("configMapGenerator[name=app].literals.NAME", "c d"),
            ("configMapGenerator[name=app].literals.NEW", "a=b"),
            ("configMapGenerator[name=empty].literals.NEW", "1"),
            ("configMapGenerator[name=app].literals.TWICE", "3"),
            ("configMapGenerator[name=app].literals.LEVEL", "'debug'"),
            ("secretGenerator[name=app].literals.PASSWORD", "x"),
        ];
        let outcomes = rows.map(|(path, value)| put(path, value));
        insta::assert_snapshot!(outcomes.join("\n"), @r#"
              - LEVEL=debug # of the log
        as it is
              - 'NAME="c d"'
              - NEW=a=b
              - NEW=1
        kustomization.yaml:7: the literal `TWICE` is written twice, on lines 6 and 7, expected once
        kustomization.yaml:1: `LEVEL='debug'` would be read as another literal
        kustomization.yaml:1: the literal `PASSWORD` is a secret, which is never read or shown
        "#);
    }
}
