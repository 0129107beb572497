//! Random documents in random styles, for the properties: printed by rules of their own, so that
//! what they hold does not come from the code under test.

use proptest::prelude::*;

/// What a document holds.
#[derive(Debug, Clone)]
pub(in crate::manifest) enum Model {
    Null,
    /// Whatever the number and the styles make of it, mostly a text, with or without an anchor.
    Scalar(usize),
    /// This text, in any quotes.
    Text(&'static str),
    Mapping(Vec<(&'static str, Self)>),
    List(Vec<Self>),
    /// A document that is the text of a block scalar.
    Document(Box<Self>),
}

/// A document and the styles it was printed with.
#[derive(Debug, Clone)]
pub(in crate::manifest) struct Sample {
    pub text: String,
    /// Is the document the text of a block scalar in another one?
    pub embedded: bool,
}

/// Returns a strategy for documents.
pub(super) fn any_sample() -> impl Strategy<Value = Sample> {
    (any_model(), any_styles()).prop_map(|(model, styles)| Printer::print(&model, &styles))
}

/// Returns the strategy for styles: what a printer chooses by.
pub(in crate::manifest) fn any_styles() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 1..80)
}

/// Prints documents as one file, in random styles.
pub(in crate::manifest) fn print_file(documents: &[Model], styles: &[u8]) -> String {
    let mut printer = Printer::new(styles);
    let marks = [
        "---\n",
        "--- # first\n",
        "# above\n\n",
        "\u{feff}",
        "",
        "",
        "",
        "",
    ];
    let mark = marks[printer.pick(marks.len())];
    printer.push(mark);
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            let marks = [
                "---\n",
                "--- # next\n",
                "...\n---\n",
                "\n---\n\n",
                "---\n# of it\n",
            ];
            let mark = marks[printer.pick(marks.len())];
            printer.push(mark);
        }
        // What is anchored in one document is not known in the next.
        (printer.anchors, printer.json) = (0, false);
        printer.root(document);
    }
    printer.ending();
    printer.breaks();
    printer.out
}

/// Keys that random mappings have, in this order.
const KEYS: [&str; 4] = ["app", "b-c", "name", "x.io/y"];

fn mapping_of(values: Vec<Model>) -> Model {
    Model::Mapping(KEYS.into_iter().cycle().zip(values).collect())
}

pub(in crate::manifest) fn any_model() -> impl Strategy<Value = Model> {
    let leaf = prop_oneof![1 => Just(Model::Null), 5 => any::<usize>().prop_map(Model::Scalar)];
    let inner = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            1 => Just(Model::Mapping(Vec::new())),
            1 => Just(Model::List(Vec::new())),
            5 => proptest::collection::vec(inner.clone(), 1..5).prop_map(mapping_of),
            5 => proptest::collection::vec(inner, 1..5).prop_map(Model::List),
        ]
    });
    prop_oneof![
        3 => proptest::collection::vec(inner.clone(), 1..5).prop_map(mapping_of),
        1 => proptest::collection::vec(inner, 0..5).prop_map(Model::List),
    ]
}

const TEXTS: [&str; 12] = [
    "web",
    "1.2.3",
    "a b",
    "http://x/y:z",
    "it's",
    "true",
    "5",
    "ü✓",
    "x#y",
    "",
    "-1",
    "a: b",
];

struct Printer<'a> {
    styles: &'a [u8],
    next: usize,
    out: String,
    anchors: usize,
    json: bool,
}

impl<'a> Printer<'a> {
    fn new(styles: &'a [u8]) -> Self {
        Self {
            styles,
            next: 0,
            out: String::new(),
            anchors: 0,
            json: false,
        }
    }

    fn print(model: &Model, styles: &[u8]) -> Sample {
        let mut printer = Printer::new(styles);
        let embedded = printer.one_in(6);
        if !embedded {
            printer.opening();
        }
        printer.root(model);
        if embedded {
            printer.embed();
        } else {
            printer.ending();
        }
        printer.breaks();
        Sample {
            text: printer.out,
            embedded,
        }
    }

    fn pick(&mut self, choices: usize) -> usize {
        let style = self.styles[self.next % self.styles.len()];
        // So that the same styles do not come again in the same order.
        let turn = self.next / self.styles.len();
        self.next += 1;
        (usize::from(style) + turn) % choices
    }

    fn one_in(&mut self, chance: usize) -> bool {
        self.pick(chance) == 0
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn blanks(&mut self, count: usize) {
        self.out.push_str(&" ".repeat(count));
    }

    fn opening(&mut self) {
        match self.pick(8) {
            0 => self.push("---\n"),
            1 => self.push("--- # first\n"),
            2 => self.push("# above\n\n"),
            3 => self.push("\u{feff}"),
            4 => self.push("other: {a: 1}\n--- # next\n"),
            _ => {}
        }
    }

    fn ending(&mut self) {
        match self.pick(8) {
            0 => self.push("---\nafter: 1\n"),
            1 => self.push("...\n"),
            2 => {
                self.out.pop();
            }
            3 => self.push("# the end"),
            4 => self.push("\n\n"),
            _ => {}
        }
    }

    fn breaks(&mut self) {
        match self.pick(8) {
            0 => self.out = self.out.replace('\n', "\r\n"),
            1 => self.out = self.out.replace('\n', "\r"),
            2 => self.out = self.out.replacen('\n', "\r\n", 2),
            _ => {}
        }
    }

    fn embed(&mut self) {
        let depth = 1 + self.pick(4);
        let mut text = format!("outer:\n {}", " ".repeat(depth - 1));
        let header = ["|", "|+", "|-", "|2- # |"][self.pick(4)];
        text.push_str(&format!("inner: {header}\n"));
        for line in self.out.lines() {
            if line.is_empty() {
                text.push('\n');
            } else {
                text.push_str(&format!("{}{line}\n", " ".repeat(depth + 2)));
            }
        }
        text.push_str("next: 1\n");
        self.out = text;
    }

    fn root(&mut self, model: &Model) {
        let indent = if self.one_in(10) { 2 } else { 0 };
        match model {
            Model::Mapping(entries) if !entries.is_empty() && !self.one_in(4) => {
                self.mapping(entries, indent, false);
            }
            Model::List(items) if !items.is_empty() && !self.one_in(4) => {
                self.list(items, indent, false);
            }
            _ => {
                self.json = self.one_in(2);
                self.flow(model, 0);
                self.push("\n");
            }
        }
    }

    fn comments(&mut self, indent: usize) {
        match self.pick(10) {
            0 => self.push("\n"),
            1 => {
                self.blanks(indent);
                self.push("# about what follows\n");
            }
            2 => self.push("# at the left\n\n"),
            3 => {
                self.blanks(indent + 3);
                self.push("# deeper\n");
            }
            4 => {
                self.blanks(indent);
                self.push("\n\n");
            }
            _ => {}
        }
    }

    fn line_end(&mut self) {
        match self.pick(6) {
            0 => self.push(" # note"),
            1 => self.push("  "),
            2 => self.push("\t# x: [y"),
            _ => {}
        }
        self.push("\n");
    }

    fn mapping(&mut self, entries: &[(&str, Model)], indent: usize, behind_dash: bool) {
        for (index, (key, value)) in entries.iter().enumerate() {
            if index > 0 || !behind_dash {
                self.comments(indent);
                self.blanks(indent);
            }
            self.key(key);
            let colon = if self.one_in(12) { " :" } else { ":" };
            self.push(colon);
            self.value(value, indent, true);
        }
    }

    fn key(&mut self, key: &str) {
        let style = if self.json { 1 } else { self.pick(6) };
        match style {
            1 => self.push(&format!("\"{key}\"")),
            2 => self.push(&format!("'{key}'")),
            _ => self.push(key),
        }
    }

    fn list(&mut self, items: &[Model], indent: usize, behind_dash: bool) {
        let width = [1, 1, 1, 3, 2][self.pick(5)];
        for (index, item) in items.iter().enumerate() {
            if index > 0 || !behind_dash {
                self.comments(indent);
                self.blanks(indent);
            }
            self.push("-");
            let inner = indent + 1 + width;
            match item {
                Model::Mapping(entries) if !entries.is_empty() && !self.one_in(3) => {
                    if self.one_in(8) {
                        self.line_end();
                        self.blanks(inner);
                    } else {
                        self.blanks(width);
                    }
                    self.mapping(entries, inner, true);
                }
                Model::List(items) if !items.is_empty() && !self.one_in(3) => {
                    self.blanks(width);
                    self.list(items, inner, true);
                }
                other => {
                    self.blanks(width - 1);
                    self.value(other, indent, false);
                }
            }
        }
    }

    /// Prints what stands behind a key or dash at a column, with the end of the line.
    fn value(&mut self, model: &Model, indent: usize, is_entry: bool) {
        match model {
            Model::Null => {
                let null = ["", "", " ~", " null"][self.pick(4)];
                self.push(null);
                self.line_end();
            }
            Model::Scalar(number) => self.scalar(*number, indent),
            Model::Text(text) => {
                let text = quoted(text, self.pick(4));
                self.push(&format!(" {text}"));
                self.line_end();
            }
            Model::Document(inner) => self.document(inner, indent),
            Model::Mapping(entries) if is_entry && !entries.is_empty() && !self.one_in(4) => {
                self.tag("!!map");
                self.line_end();
                let deeper = indent + [2, 2, 4, 1, 8][self.pick(5)];
                self.mapping(entries, deeper, false);
            }
            Model::List(items) if is_entry && !items.is_empty() && !self.one_in(4) => {
                self.tag("!!seq");
                self.line_end();
                let deeper = indent + [0, 2, 0, 4, 1][self.pick(5)];
                self.list(items, deeper, false);
            }
            Model::Mapping(_) | Model::List(_) => {
                self.push(" ");
                self.flow(model, indent + 1);
                self.line_end();
            }
        }
    }

    fn tag(&mut self, tag: &str) {
        if self.one_in(12) {
            self.push(&format!(" {tag}"));
        }
    }

    fn scalar(&mut self, number: usize, indent: usize) {
        let text = TEXTS[number % TEXTS.len()];
        if self.one_in(16) {
            self.anchors += 1;
            let anchor = format!(" &a{} anchored", self.anchors);
            self.push(&anchor);
            return self.line_end();
        }
        if self.anchors > 0 && self.one_in(8) {
            let alias = format!(" *a{}", self.anchors);
            self.push(&alias);
            return self.line_end();
        }
        let deeper = " ".repeat(indent + 1 + self.pick(3));
        match self.pick(12) {
            0 => self.push(&format!(" '{}'", text.replace('\'', "''"))),
            1 | 2 => self.push(&format!(" \"{text}\"")),
            3 => self.push(&format!(" plain\n{deeper}on\n\n{deeper}lines")),
            4 => self.push(&format!(" \"quoted # no\n{deeper}on\n\n{deeper}lines\"")),
            5 => self.push(&format!(" !!str \"{text}\"")),
            6 | 7 => return self.block_scalar(indent),
            _ => {
                let plain = ["web", "1.2.3", "v1", "5", "true", "x:y"][number % 6];
                self.push(&format!(" {plain}"));
            }
        }
        self.line_end();
    }

    /// Prints a document as a literal text below a key or dash at a column.
    fn document(&mut self, inner: &Model, indent: usize) {
        let deeper = indent + [2, 4, 1][self.pick(3)];
        let outer = std::mem::take(&mut self.out);
        let anchors = std::mem::replace(&mut self.anchors, 0);
        self.root(inner);
        let text = std::mem::replace(&mut self.out, outer);
        (self.anchors, self.json) = (anchors, false);
        let header = ["|", "|+", "|-", "| # a document"][self.pick(4)];
        self.push(&format!(" {header}\n"));
        for line in text.lines() {
            if !line.is_empty() {
                self.blanks(deeper);
            }
            self.push(line);
            self.push("\n");
        }
    }

    fn block_scalar(&mut self, indent: usize) {
        let mark = ["|", "|-", "|+", ">", ">-", ">+"][self.pick(6)];
        let by = [2, 1, 4][self.pick(3)];
        self.push(&format!(" {mark}"));
        let content = " ".repeat(indent + by);
        match self.pick(6) {
            0 => self.push(&format!("{by}\n{content}   deep\n")),
            1 => self.push(&format!(" # note\n\n{content}below\n")),
            _ => self.push("\n"),
        }
        for line in ["first\n", "  more # no comment\n", "k: v\n", "- x\n"]
            .iter()
            .take(1 + self.pick(4))
        {
            self.push(&format!("{content}{line}"));
        }
        match self.pick(6) {
            0 => self.push("\n\n"),
            1 => self.push(&format!("{content}\n")),
            2 => self.push(&format!("{content}  \n\n")),
            3 => self.push("\n"),
            _ => {}
        }
    }

    /// Prints in flow style; lines below the first are indented by at least `indent`.
    fn flow(&mut self, model: &Model, indent: usize) {
        let (open, close, children): (_, _, Vec<(Option<&str>, &Model)>) = match model {
            // A block scalar has no place here.
            Model::Null | Model::Document(_) => return self.push("null"),
            Model::Scalar(number) => return self.flow_scalar(*number),
            Model::Text(text) => {
                let style = if self.json { 1 } else { self.pick(4) };
                return self.push(&quoted(text, style));
            }
            Model::Mapping(entries) => {
                let entries = entries.iter().map(|(key, value)| (Some(*key), value));
                ("{", "}", entries.collect())
            }
            Model::List(items) => ("[", "]", items.iter().map(|item| (None, item)).collect()),
        };
        self.push(open);
        let layout = self.pick(5);
        let tabs = self.json && self.out.starts_with(['{', '[']) && self.one_in(2);
        let by = [2, 4, 1][self.pick(3)];
        let deeper = indent + by;
        let blank = ["", " "][self.pick(2)];
        let tight = self.json && self.one_in(3);
        for (index, (key, child)) in children.iter().enumerate() {
            match layout {
                0 | 1 => {
                    let end = if self.one_in(8) { " # note\n" } else { "\n" };
                    self.push(end);
                    if self.one_in(8) {
                        self.push("\n   # alone\n");
                    }
                    if tabs {
                        self.push(&"\t".repeat(deeper));
                    } else {
                        self.blanks(deeper);
                    }
                }
                2 if self.one_in(3) => {
                    self.push("\n");
                    self.blanks(deeper);
                }
                _ if index == 0 => self.push(blank),
                _ if !tight => self.push(" "),
                _ => {}
            }
            if let Some(key) = key {
                self.key(key);
                self.push(if tight { ":" } else { ": " });
            }
            self.flow(child, deeper);
            let is_last = index + 1 == children.len();
            if !is_last || (!self.json && self.one_in(4)) {
                self.push(",");
            }
        }
        match layout {
            0 => {
                let end = if self.one_in(4) { " # last\n" } else { "\n" };
                self.push(end);
                if tabs {
                    self.push(&"\t".repeat(indent));
                } else {
                    self.blanks(indent);
                }
            }
            _ => self.push(blank),
        }
        self.push(close);
    }

    fn flow_scalar(&mut self, number: usize) {
        let text = TEXTS[number % TEXTS.len()];
        match (self.json, self.pick(4)) {
            (true, 0) => self.push("5"),
            (true, _) | (false, 1) => self.push(&format!("\"{text}\"")),
            (false, 0) => self.push(&format!("'{}'", text.replace('\'', "''"))),
            (false, _) => self.push(["web", "1.2.3", "v1", "5", "true", "x y"][number % 6]),
        }
    }
}

/// Writes a text that is safe in any style.
fn quoted(text: &str, style: usize) -> String {
    match style {
        1 => format!("\"{text}\""),
        2 => format!("'{text}'"),
        _ => text.to_owned(),
    }
}
