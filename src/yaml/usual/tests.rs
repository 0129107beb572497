//! What is read without the parser is what the parser reads.

use std::{fs, path::Path, sync::Arc};

use proptest::prelude::*;

use crate::yaml::{Document, Limits, Part, parser::parsed, usual};

/// Reads a text both ways, as the second part of a file; none where the parser has to do it.
fn read(text: &str) -> Option<(Vec<Document>, Vec<Document>)> {
    let before = "before: this\n---\n";
    let part = Part {
        text: Arc::new(format!("{before}{text}")),
        range: before.len()..before.len() + text.len(),
        offset: 7,
        lines_before: 2,
    };
    let quick = usual::documents(&part, &Limits::MANIFEST)?;
    let slow = parsed(&part, &Limits::MANIFEST);
    let slow = slow.unwrap_or_else(|error| panic!("{text:?} is read, but it is not YAML: {error}"));
    Some((quick, slow))
}

fn parsed_alone(text: &str) -> Vec<Document> {
    crate::yaml::documents(text, &Limits::MANIFEST).unwrap()
}

fn assert_same(text: &str, quick: &[Document], slow: &[Document]) {
    let parts = |documents: &[Document]| -> Vec<_> {
        let parts = |document: &Document| (document.nodes.clone(), document.decoded.clone());
        documents.iter().map(parts).collect()
    };
    assert_eq!(parts(quick), parts(slow), "{text:?}");
    let has_tags = |document: &Document| !document.tags.is_empty();
    assert!(!slow.iter().any(has_tags), "{text:?}");
}

#[test]
fn the_usual_style_needs_no_parser() {
    let texts = [
        "a: b",
        "a:\n",
        "a:",
        "--- # c\na: b\n",
        "\u{feff}# c\na: b\n",
        "# c\n\na: b # c\n\n# c\n",
        "a:\n  b:\n    c: 1\n# c\nd: e\n",
        "a:\n- b\n- c: d\n  e:\n  - f\n  -\n  -  \n  - - g\n    - h\ni: j\n",
        "a:\n  - b: c\n    d: e\n\n  # c\n  - f\n",
        "a: []\nb: {}\nc: [d, 'e', \"f\"] # c\ng: { h: i, j: [1, [2]], k: größer }\n",
        "a: [\n    b,\n    {c: d,\n     \"e\":1}\n  ]\nf: g\n",
        "{\"a\": {\"b\": [1, 2.5, -3, null, \"c\\n\\\"d\\\"\"]},\n \"e\": true}\n",
        "a: 'it''s'\nb: \"a\\\\b\\n\"\n'c': d\n\"e\": f\n",
        "a: |\n  b\n   c\n\n  # d\n# e\nf: |-\n  g\n\nh: |+\n  i\n\nj: k\n",
        "a:\n  - |\n    b\n  - c\n",
        "a: b c\n  d e\n  f\ng: http://h:1/i#j\n",
        "a: &x\n  b: c\nd: *x\ne:\n  <<: *x\n  f: &y 1\n  g: &z\nh:\n- &v i\n- *v\n- *y\n",
        "a: b\r\nc:\r\n- d # e\r\n- |\r\n  f\r\n\r\n  g\r\nh: i\r\n",
        "a: größe # größe\nb: 日本語\nc: ' ü'\n",
        "a: >\n  b\n  c\n\n  d\n\n\n  e\nf: >-\n  g\n    h\n  i\n\n    j\n\n  k\n\nl: >+\n  m\n   n\n   o\n\n",
        "a: &x # c\n  b: c\nd:\n- &y # c\n  e: f\n",
        "a: b\n...\n",
        "a:\n- |\n  b\n... # c\n\n# c\n",
        "",
        "# c\n\n  # c\n",
        "{\n\t\"a\":\t[1,\t\"b\tc\"],\n\t\"d\": {}\n}\n",
    ];
    for text in texts {
        let (quick, slow) = read(text).unwrap_or_else(|| panic!("{text:?} is left to the parser"));
        assert_same(text, &quick, &slow);
    }
}

#[test]
fn whatever_else_there_is_is_left_to_the_parser() {
    let texts = [
        "a",
        "a: b: c\n",
        "a: 'b\n",
        "a: b\n...\nc: d\n",
        "a: b\n...\n...\n",
        "---\n# c\n",
        "...\n",
        "[\n...\n]\n",
        "{\n---b\n: c}\n",
        "a: b\n---\nc: d\n",
        "a:\tb\n",
        "a: b\rc: d\n",
        "a: !!str b\n",
        "a: >2\n  b\n",
        "a: > # c\n  b\n",
        "a: >\n  b",
        "a: {\n\t\"b\": c}\n",
        "a: |2\n  b\n",
        "a: |\n  b",
        "a: |\n\n  b\n",
        "a: b\n  c: d\n",
        "a:\n  b: c\n d: e\n",
        "- a\nb: c\n",
        "a: *b\n",
        "a: &b\n  c: *b\n",
        "&a b: c\n",
        "? a\n: b\n",
        "a: [b, c\n",
        "a: [b,]\n",
        "a: {b}\n",
        "a: [b: c]\n",
        "a: %b\n",
        "a: @b\n",
        "a: \"\\x41\"\n",
        "a: b\u{2028}c\n",
        "a: b\u{85}\n",
        "größe: 1\n",
        "{{ .Values.a }}: b\n",
    ];
    for text in texts {
        assert!(read(text).is_none(), "{text:?}");
    }
}

/// What is put at random places: all that means something in YAML.
const BITS: &[&str] = &[
    " ",
    "\n",
    "-",
    ":",
    "#",
    "'",
    "\"",
    "[",
    "]",
    "{",
    "}",
    "|",
    ">",
    "&a",
    "*a",
    "!x",
    "%",
    "@",
    ",",
    "?",
    "a",
    "1",
    " #x",
    "- ",
    ": ",
    "\n  ",
    "\n- ",
    "\n    ",
    "---\n",
    "...\n",
    "~",
    "é",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\t",
    "\r",
    "\r\n",
    "|\n",
    "|-\n",
    "|+\n",
    ">-\n",
    "  \n",
    "\n\n",
    "\n    b\n",
    "\n#c\n",
    " \n",
    "\\",
    "''",
    "a: b\n",
    "- a\n",
    "[a, b]",
    "{a: b}",
    "<<",
    "<<: *a\n",
    "&a ",
    "*a\n",
    "=",
    "``",
    "日本",
];

#[derive(Debug, Clone)]
enum Damage {
    Insert(prop::sample::Index, &'static str),
    Remove(prop::sample::Index, usize),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        let place = any::<prop::sample::Index>;
        prop_oneof![
            2 => (place(), prop::sample::select(BITS)).prop_map(|(at, bit)| Self::Insert(at, bit)),
            1 => (place(), 1..12_usize).prop_map(|(at, length)| Self::Remove(at, length)),
        ]
    }

    fn apply(&self, text: &mut String) {
        let places: Vec<usize> = text
            .char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .collect();
        match self {
            Self::Insert(at, bit) => text.insert_str(*at.get(&places), bit),
            Self::Remove(at, length) => {
                let from = at.index(places.len());
                let end = (from + length).min(places.len() - 1);
                text.replace_range(places[from]..places[end], "");
            }
        }
    }
}

/// The manifests among the fixtures.
fn manifests() -> Vec<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if matches!(
                path.extension().and_then(|end| end.to_str()),
                Some("yaml" | "yml" | "json")
            ) {
                texts.extend(fs::read_to_string(path).ok());
            }
        }
    }
    texts.sort();
    texts
}

/// A few lines of a manifest, perhaps without their common indentation, with something wrong in them.
fn excerpts() -> impl Strategy<Value = String> {
    let texts = manifests();
    assert!(texts.len() > 300, "found {} fixtures", texts.len());
    let text = prop::sample::select(texts);
    let damage = prop::collection::vec(Damage::any(), 0..5);
    (
        text,
        any::<prop::sample::Index>(),
        1..14_usize,
        prop::bool::weighted(0.3),
        damage,
    )
        .prop_map(|(text, from, length, outdented, damage)| {
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            let from = from.index(lines.len().max(1));
            let lines = lines.iter().skip(from).take(length);
            let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
            let least = lines.clone().map(|line| indent(line)).min().unwrap_or(0);
            let cut = if outdented { least } else { 0 };
            let mut text: String = lines.map(|line| &line[cut..]).collect();
            damage.iter().for_each(|damage| damage.apply(&mut text));
            text
        })
}

proptest! {
    #![proptest_config({
        let usual = ProptestConfig::default();
        // Only every fourth excerpt or so is still in the usual style.
        ProptestConfig { cases: usual.cases.max(4000), failure_persistence: None, ..usual }
    })]

    #[test]
    fn both_ways_of_reading_agree(text in excerpts()) {
        if let Some((quick, slow)) = read(&text) {
            assert_same(&text, &quick, &slow);
        }
    }
}

/// What may stand in the place of a value, or not.
fn any_new_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9]{1,3}([./:@+_-][a-z0-9]{0,3}){0,3}",
        2 => "\"[ -~]{0,6}\"",
        2 => "'[ -~]{0,6}'",
        1 => "[ -~]{0,6}",
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config({
        let usual = ProptestConfig::default();
        ProptestConfig { cases: usual.cases.max(4000), failure_persistence: None, ..usual }
    })]

    #[test]
    fn what_can_stand_in_place_changes_nothing_else(
        text in excerpts(),
        place: prop::sample::Index,
        new in any_new_text(),
    ) {
        let read = |text: &str| {
            let part = Part {
                text: Arc::new(text.to_owned()),
                range: 0..text.len(),
                offset: 0,
                lines_before: 0,
            };
            usual::documents(&part, &Limits::MANIFEST)
        };
        let before = read(&text);
        let Some([old]) = before.as_deref() else {
            return Ok(());
        };
        let id = place.index(old.len());
        let Some(value) = old.value_in_place(id, &new) else {
            return Ok(());
        };
        let span = old.span(id);
        let mut replaced = text.clone();
        replaced.replace_range(span.clone(), &new);
        let found = read(&replaced).unwrap_or_else(|| panic!("{replaced:?} is left to the parser"));
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].value(id), Some(value));
        prop_assert_eq!(found[0].written(id), new.as_str());
        let shifted = |at: u32| {
            let at = usize::try_from(at).unwrap();
            if at < span.end { at } else { at - span.len() + new.len() }
        };
        for (other, (one, two)) in old.nodes.iter().zip(&found[0].nodes).enumerate() {
            let range = |start: u32, end: u32| (usize::try_from(start).unwrap(), usize::try_from(end).unwrap());
            prop_assert_eq!((shifted(one.start), shifted(one.end)), range(two.start, two.end));
            prop_assert_eq!((one.line(), one.after), (two.line(), two.after));
            prop_assert_eq!((one.is_anchored(), one.is_tagged()), (two.is_anchored(), two.is_tagged()));
            if other != id {
                prop_assert_eq!(one.kind(), two.kind());
                prop_assert_eq!(old.value(other), found[0].value(other));
                prop_assert_eq!(old.resolve(other), found[0].resolve(other));
            }
        }
        prop_assert_eq!(old.len(), found[0].len());
    }
}

#[test]
fn only_plain_words_and_texts_in_quotes_can_stand_in_place() {
    let text = "a: b # c\nd: ['e']\nf: |\n  g\nh:\ni: j\n  k\n";
    let document = read(text).unwrap().0.remove(0);
    let node = |written: &str| {
        let all = 0..document.len();
        all.into_iter().find(|id| document.written(*id) == written)
    };
    let rows = [
        ("b", "r.example/a:1.10", Some("r.example/a:1.10")),
        ("b", "\"1.10\"", Some("1.10")),
        ("b", "'it is: # [so]'", Some("it is: # [so]")),
        ("'e'", "''", Some("")),
        // What would stand there may go on, be something else, or be a template.
        ("b", "c: d", None),
        ("b", "c:", None),
        ("b", "c #", None),
        ("b", "- c", None),
        ("b", "", None),
        ("b", "\"", None),
        ("b", "'it''s'", None),
        ("b", "\"\\n\"", None),
        ("b", "'{{ c }}'", None),
        ("b", "'é'", None),
        ("b", "*c", None),
        ("'e'", "f", None),
        // A key, a block, nothing, two lines.
        ("a", "c", None),
        ("g\n", "h", None),
        ("", "j", None),
        ("j\n  k", "l", None),
    ];
    for (old, new, value) in rows {
        let id = node(old).unwrap_or_else(|| panic!("{old:?}"));
        assert_eq!(document.value_in_place(id, new), value, "{old:?} {new:?}");
    }
    let other = &parsed_alone("a: !!str b\n")[0];
    assert_eq!(other.value_in_place(2, "c"), None);
}

#[test]
fn nearly_every_fixture_is_in_the_usual_style() {
    let texts = manifests();
    let read = texts.iter().filter(|text| read(text).is_some()).count();
    assert!(read * 2 > texts.len(), "{read} of {}", texts.len());
}

#[test]
fn columns_are_characters_also_on_lines_with_many_values() {
    let few = "a: [é, b, \"é\", c]\nd: e\n";
    let many = format!("{}, {}", &few[..few.find(']').unwrap()], "é, ".repeat(300));
    let many = format!("{}]\nd: e\n", many.trim_end_matches(", "));
    let columns = |text: &str| {
        let (quick, _) = read(text).unwrap();
        (0..9).map(|id| quick[0].column(id)).collect::<Vec<_>>()
    };
    assert_eq!(columns(few), [1, 1, 4, 5, 8, 11, 16, 1, 4]);
    assert_eq!(columns(&many), [1, 1, 4, 5, 8, 11, 16, 19, 22]);
}
