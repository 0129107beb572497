//! HTML and SVG in the making: every element is closed, every text escaped.

use super::super::sanitise;

/// Markup that is well-formed and harmless however it was put together: names of elements and
/// attributes are the program's own, and text from outside only gets in through [`Markup::text`].
#[derive(Debug, Default)]
pub(super) struct Markup(String);

/// An attribute's name and value. Values are the program's own: numbers, classes, ids.
pub(super) type Attribute<'a> = (&'static str, &'a str);

impl Markup {
    /// Adds text from anywhere: one harmless line.
    pub(super) fn text(&mut self, text: &str) {
        self.escaped(&sanitise::line(text));
    }

    /// Adds a line of a file, with its tabs.
    pub(super) fn line_of_file(&mut self, line: &str) {
        self.escaped(line);
        self.0.push('\n');
    }

    /// Adds markup of the program itself.
    pub(super) fn own(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Adds an element with what `inside` puts into it.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
        inside: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        self.0.push('>');
        inside(self);
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    /// Adds an element with nothing but text in it.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: &[Attribute<'_>], text: &str) {
        self.element(name, attributes, |inside| inside.text(text));
    }

    /// Adds an element that never has anything in it.
    pub(super) fn void(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.open(name, attributes);
        self.0.push_str("/>");
    }

    /// Adds what was made apart.
    pub(super) fn append(&mut self, other: Self) {
        self.0.push_str(&other.0);
    }

    /// Begins a new line of the file, which only its readers see.
    pub(super) fn line_break(&mut self) {
        self.0.push('\n');
    }

    /// Returns the markup.
    pub(super) fn finish(self) -> String {
        self.0
    }

    fn open(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.0.push('<');
        self.0.push_str(name);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.escaped(value);
            self.0.push('"');
        }
    }

    fn escaped(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup_and_elements_are_closed() {
        let mut markup = Markup::default();
        markup.element("p", &[("class", "a\"b")], |inside| {
            inside.text("<script>'x' & \u{202e}##[y]\u{1b}[1m</p>");
            inside.void("br", &[]);
            inside.leaf("b", &[], "c");
        });
        insta::assert_snapshot!(markup.finish(), @r##"<p class="a&quot;b">&lt;script&gt;&#39;x&#39; &amp; # #[y]&lt;/p&gt;<br/><b>c</b></p>"##);
    }
}
