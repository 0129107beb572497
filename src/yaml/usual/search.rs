//! Finds a byte in a stretch that mostly ends soon: a line, a value. To begin a search with vectors costs
//! more there than to look at eight bytes at a time.

use crate::yaml::node::wide;

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Returns where a byte is first.
pub(super) fn first(wanted: u8, bytes: &[u8]) -> Option<usize> {
    let same = EACH * u64::from(wanted);
    find(bytes, |word| zeros(word ^ same), |byte| byte == wanted)
}

/// Returns where one of two bytes is first.
pub(super) fn first_of(one: u8, other: u8, bytes: &[u8]) -> Option<usize> {
    let (same, like) = (EACH * u64::from(one), EACH * u64::from(other));
    find(
        bytes,
        |word| zeros(word ^ same) | zeros(word ^ like),
        |byte| byte == one || byte == other,
    )
}

/// Counts the spaces in front.
pub(super) fn spaces(bytes: &[u8]) -> usize {
    let other = find(
        bytes,
        |word| word ^ (EACH * u64::from(b' ')),
        |byte| byte != b' ',
    );
    other.unwrap_or(bytes.len())
}

/// Returns which byte of a word the first mark is in: the lowest one is read first.
fn first_marked(marks: u64) -> usize {
    wide(marks.trailing_zeros()) / 8
}

/// Marks the zero bytes of a word. A byte behind the first of them may be marked too.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(EACH) & !word & HIGH
}

#[inline]
fn find(bytes: &[u8], marks: impl Fn(u64) -> u64, is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return Some(8 * index + first_marked(marks));
        }
    }
    let before = rest.iter().position(|byte| is_wanted(*byte))?;
    Some(8 * words.len() + before)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_a_plain_look_finds(bytes in proptest::collection::vec(any::<u8>(), 0..40), one: u8, other: u8) {
            let few: Vec<u8> = bytes.iter().map(|byte| byte % 3 + 31).collect();
            for bytes in [&bytes, &few] {
                for (one, other) in [(one, other), (b'!', b' '), (0, 0x80)] {
                    let at = |wanted: &dyn Fn(u8) -> bool| bytes.iter().position(|byte| wanted(*byte));
                    prop_assert_eq!(spaces(bytes), bytes.iter().take_while(|byte| **byte == b' ').count());
                    prop_assert_eq!(first(one, bytes), at(&|byte| byte == one));
                    prop_assert_eq!(first_of(one, other, bytes), at(&|byte| byte == one || byte == other));
                }
            }
        }
    }
}
