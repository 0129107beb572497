//! A text as pieces of an older one and new bytes between them.

use std::ops::Range;

use super::{
    insert::Splice,
    unified_diff::{self, Block},
};

/// A text that was made from an older one.
#[derive(Debug, Clone)]
pub(super) struct Pieces<'a> {
    old: &'a str,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Bytes of the older text.
    Old(Range<usize>),
    /// Bytes that are new.
    New(String),
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Self::Old(range) => range.len(),
            Self::New(text) => text.len(),
        }
    }

    /// Returns a part of the piece; none where it would be empty or cut a character in two.
    fn cut(&self, part: Range<usize>) -> Option<Self> {
        if part.is_empty() {
            return None;
        }
        match self {
            Self::Old(range) => Some(Self::Old(range.start + part.start..range.start + part.end)),
            Self::New(text) => text.get(part).map(|text| Self::New(text.to_owned())),
        }
    }
}

impl<'a> Pieces<'a> {
    /// Starts with the older text as it is.
    pub(super) fn of(old: &'a str) -> Self {
        Self {
            old,
            pieces: vec![Piece::Old(0..old.len())],
        }
    }

    /// Makes splices, whose places count in the text as it is now. None where two of them overlap or
    /// one lies outside of the text.
    pub(super) fn with(&self, splices: &[Splice]) -> Option<Self> {
        let mut sorted: Vec<&Splice> = splices.iter().collect();
        sorted.sort_by_key(|splice| (splice.span.start, splice.span.end));
        let mut reader = Reader {
            pieces: &self.pieces,
            index: 0,
            inside: 0,
            at: 0,
        };
        let mut pieces = Vec::with_capacity(self.pieces.len() + 2 * splices.len());
        for splice in sorted {
            reader.go_to(splice.span.start, |piece| pieces.push(piece))?;
            reader.go_to(splice.span.end, drop)?;
            if !splice.text.is_empty() {
                pieces.push(Piece::New(splice.text.clone()));
            }
        }
        let end = self.pieces.iter().map(Piece::len).sum();
        reader.go_to(end, |piece| pieces.push(piece))?;
        Some(Self {
            old: self.old,
            pieces,
        })
    }

    /// Returns the text as it is now.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.pieces.iter().map(Piece::len).sum());
        for piece in &self.pieces {
            match piece {
                Piece::Old(range) => text.push_str(&self.old[range.clone()]),
                Piece::New(new) => text.push_str(new),
            }
        }
        text
    }

    /// Returns the lines that differ, each block with the range of the older text and its new text.
    fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut done = 0;
        let mut new = String::new();
        let end = Piece::Old(self.old.len()..self.old.len());
        for piece in self.pieces.iter().chain([&end]) {
            let Piece::Old(range) = piece else {
                let Piece::New(text) = piece else { continue };
                new.push_str(text);
                continue;
            };
            if range.start != done || !new.is_empty() {
                let change = (done..range.start, std::mem::take(&mut new));
                self.add_block(&mut blocks, change);
            }
            done = range.end;
        }
        blocks
    }

    /// Widens a change to whole lines and joins it with the one before where they share a line.
    fn add_block(&self, blocks: &mut Vec<Block>, (span, text): Block) {
        let line_end = |at: usize| {
            let rest = &self.old[at..];
            at + rest
                .find('\n')
                .map_or(rest.len(), |line_break| line_break + 1)
        };
        let end = line_end(span.end);
        let start = self.old[..span.start]
            .rfind('\n')
            .map_or(0, |line_break| line_break + 1);
        if let Some((block, new)) = blocks.last_mut()
            && start < block.end
        {
            // The block before ends with the rest of its last line: that is taken off again.
            let rest = block.end - span.start;
            new.truncate(new.len().saturating_sub(rest));
            new.push_str(&text);
            new.push_str(&self.old[span.end..end]);
            block.end = end;
            return;
        }
        let new = [
            &self.old[start..span.start],
            &text,
            &self.old[span.end..end],
        ]
        .concat();
        blocks.push((start..end, new));
    }

    /// Returns how the two texts differ as a unified diff, without a header; empty where they do not.
    pub(super) fn unified_diff(&self) -> String {
        unified_diff::of(self.old, self.blocks())
    }
}

/// Reads pieces from front to back.
struct Reader<'a> {
    pieces: &'a [Piece],
    index: usize,
    /// Where in the piece.
    inside: usize,
    /// Where in the text.
    at: usize,
}

impl Reader<'_> {
    /// Goes on to a place and hands over what lies before it; none where it is behind or there is
    /// no such place.
    fn go_to(&mut self, place: usize, mut take: impl FnMut(Piece)) -> Option<()> {
        let mut wanted = place.checked_sub(self.at)?;
        self.at = place;
        while wanted > 0 {
            let piece = self.pieces.get(self.index)?;
            let some = wanted.min(piece.len() - self.inside);
            if some > 0 {
                take(piece.cut(self.inside..self.inside + some)?);
            }
            wanted -= some;
            self.inside += some;
            if self.inside == piece.len() {
                self.index += 1;
                self.inside = 0;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn splice(span: Range<usize>, text: &str) -> Splice {
        Splice {
            span,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_diff_shows_the_lines_that_differ_with_three_around_them() {
        let old: String = (1..=20).map(|line| format!("line {line}\n")).collect();
        let at = |line: usize| old.find(&format!("line {line}\n")).unwrap();
        let pieces = Pieces::of(&old)
            .with(&[
                splice(at(3)..at(3) + 4, "LINE"),
                splice(at(5)..at(5), "new\n"),
            ])
            .unwrap()
            .with(&[splice(at(15) + 4..at(16) + 4, "")])
            .unwrap();
        insta::assert_snapshot!(pieces.unified_diff(), @r"
        @@ -1,7 +1,8 @@
         line 1
         line 2
        -line 3
        +LINE 3
         line 4
        +new
         line 5
         line 6
         line 7
        @@ -12,7 +13,6 @@
         line 12
         line 13
         line 14
        -line 15
         line 16
         line 17
         line 18
        ");
        assert_eq!(Pieces::of(&old).unified_diff(), "");
    }

    #[test]
    fn a_missing_last_line_break_is_told() {
        let pieces = Pieces::of("a: 1\nb: 2")
            .with(&[splice(8..9, "3\nc: 4")])
            .unwrap();
        insta::assert_snapshot!(pieces.unified_diff(), @r"
        @@ -1,2 +1,3 @@
         a: 1
        -b: 2
        \ No newline at end of file
        +b: 3
        +c: 4
        \ No newline at end of file
        ");
    }

    #[test]
    fn splices_that_overlap_or_lie_outside_are_refused() {
        let pieces = Pieces::of("abcdef");
        assert!(
            pieces
                .with(&[splice(1..3, "x"), splice(2..4, "y")])
                .is_none()
        );
        assert!(pieces.with(&[splice(5..9, "x")]).is_none());
    }

    proptest! {
        #[test]
        fn splices_in_steps_give_what_they_give_on_the_text_itself(
            old in "[ab\n]{0,30}",
            steps in proptest::collection::vec((0_usize..40, 0_usize..4, "[xy\n]{0,3}"), 0..6),
        ) {
            let mut text = old.clone();
            let mut pieces = Pieces::of(&old);
            for (start, length, new) in steps {
                let start = start.min(text.len());
                let end = (start + length).min(text.len());
                pieces = pieces.with(&[splice(start..end, &new)]).unwrap();
                text.replace_range(start..end, &new);
                prop_assert_eq!(pieces.text(), text.clone());
            }
            let diff = pieces.unified_diff();
            prop_assert_eq!(patched(&old, &diff), text, "{}", diff);
        }
    }

    /// Applies a unified diff by its line numbers.
    fn patched(old: &str, diff: &str) -> String {
        let old: Vec<&str> = old.split_inclusive('\n').collect();
        let mut new = String::new();
        let mut done = 0;
        let mut lines = diff.split_inclusive('\n').peekable();
        while let Some(line) = lines.next() {
            if let Some(rest) = line.strip_prefix("@@ -") {
                let place = rest.split(' ').next().unwrap();
                let (start, count) = place.split_once(',').unwrap_or((place, "1"));
                let start = start.parse::<usize>().unwrap() - usize::from(count != "0");
                new.push_str(&old[done..start].concat());
                done = start;
                continue;
            }
            let (mark, text) = line.split_at(1);
            let ends = lines.peek().is_some_and(|next| next.starts_with('\\'));
            let text = if ends {
                text.trim_end_matches('\n')
            } else {
                text
            };
            match mark {
                " " => {
                    assert_eq!(old[done], text);
                    new.push_str(text);
                    done += 1;
                }
                "-" => {
                    assert_eq!(old[done], text);
                    done += 1;
                }
                "+" => new.push_str(text),
                _ => {}
            }
        }
        new + &old[done..].concat()
    }
}
