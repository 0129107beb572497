//! How two texts differ as a unified diff, from the lines that were changed.

use std::{fmt::Write, ops::Range};

use super::secret_lines::SecretLines;

/// Lines of context around each change.
const CONTEXT_LINES: usize = 3;

/// Lines of the older text that differ, in bytes, and the lines that take their place.
pub(super) type Block = (Range<usize>, String);

/// Returns how the two texts differ as a unified diff, without a header; empty where they do not. What
/// Secrets hold is not shown around the changes.
pub(super) fn of(old: &str, blocks: Vec<Block>) -> String {
    let hunks = hunks(old, blocks);
    let mut secrets = SecretLines::of(old);
    let mut diff = String::new();
    let mut index = 0;
    while index < hunks.len() {
        let mut last = index;
        while let Some(next) = hunks.get(last + 1)
            && next.line - (hunks[last].line + hunks[last].old.len()) <= 2 * CONTEXT_LINES
        {
            last += 1;
        }
        write_group(old, &hunks[index..=last], &mut secrets, &mut diff);
        index = last + 1;
    }
    diff
}

fn hunks(text: &str, blocks: Vec<Block>) -> Vec<Hunk<'_>> {
    let mut hunks = Vec::new();
    let (mut counted, mut line, mut shift) = (0, 0, 0_isize);
    for (range, new) in blocks {
        line += breaks(&text[counted..range.start]);
        counted = range.start;
        let mut old: Vec<&str> = text[range.clone()].split_inclusive('\n').collect();
        let mut new: Vec<String> = new.split_inclusive('\n').map(str::to_owned).collect();
        let mut before = 0;
        while let (Some(one), Some(other)) = (old.first(), new.first())
            && one == other
        {
            before += 1;
            old.remove(0);
            new.remove(0);
        }
        while let (Some(one), Some(other)) = (old.last(), new.last())
            && one == other
        {
            old.pop();
            new.pop();
        }
        let start = range.start
            + text[range]
                .split_inclusive('\n')
                .take(before)
                .map(str::len)
                .sum::<usize>();
        let grown =
            isize::try_from(new.len()).unwrap_or(0) - isize::try_from(old.len()).unwrap_or(0);
        hunks.push(Hunk {
            start,
            line: line + before,
            shift,
            old,
            new,
        });
        shift += grown;
    }
    hunks.retain(|hunk| !hunk.old.is_empty() || !hunk.new.is_empty());
    hunks
}

fn write_group<'a>(
    text: &'a str,
    group: &[Hunk<'_>],
    secrets: &mut SecretLines<'a>,
    diff: &mut String,
) {
    let Some(first) = group.first() else {
        return;
    };
    let before: Vec<&str> = {
        let mut lines: Vec<&str> = text[..first.start]
            .rsplit_terminator('\n')
            .take(CONTEXT_LINES)
            .collect();
        lines.reverse();
        lines
    };
    let mut body = String::new();
    let mut old_lines = before.len();
    let mut new_lines = before.len();
    let mut at = first.start - before.iter().map(|line| line.len() + 1).sum::<usize>();
    for line in &before {
        let _ = writeln!(body, " {}", secrets.shown(at, line));
        at += line.len() + 1;
    }
    let mut groups = group.iter().peekable();
    while let Some(hunk) = groups.next() {
        for line in &hunk.old {
            write_line(&mut body, '-', line);
        }
        for line in &hunk.new {
            write_line(&mut body, '+', line);
        }
        old_lines += hunk.old.len();
        new_lines += hunk.new.len();
        let mut end = hunk.start + hunk.old.iter().map(|line| line.len()).sum::<usize>();
        let (rest, most) = match groups.peek() {
            Some(next) => (&text[end..next.start], usize::MAX),
            None => (&text[end..], CONTEXT_LINES),
        };
        for line in rest.split_inclusive('\n').take(most) {
            write_line(&mut body, ' ', &secrets.shown(end, line));
            end += line.len();
            old_lines += 1;
            new_lines += 1;
        }
    }
    let from = first.line - before.len();
    let to = from.saturating_add_signed(first.shift);
    let _ = writeln!(
        diff,
        "@@ -{} +{} @@",
        place(from, old_lines),
        place(to, new_lines)
    );
    diff.push_str(&body);
}

/// Lines of the older text and what takes their place.
#[derive(Debug)]
struct Hunk<'a> {
    /// Where the lines begin.
    start: usize,
    /// Lines in front of them.
    line: usize,
    /// By how much lines before it have moved it.
    shift: isize,
    old: Vec<&'a str>,
    new: Vec<String>,
}

fn breaks(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

fn write_line(body: &mut String, mark: char, line: &str) {
    body.push(mark);
    body.push_str(line);
    if !line.ends_with('\n') {
        body.push_str("\n\\ No newline at end of file\n");
    }
}

/// Writes where lines are, as diff does: the first one and how many, or only the first.
fn place(before: usize, lines: usize) -> String {
    match lines {
        0 => format!("{before},0"),
        1 => format!("{}", before + 1),
        _ => format!("{},{lines}", before + 1),
    }
}
