//! Which characters mean the same to every reader of YAML.

use memchr::{memchr_iter, memmem};

/// How many bytes are looked at together: most are ASCII.
const BLOCK: usize = 64;

/// Are there only characters that mean the same to every reader? Tabs do between brackets alone.
pub(super) fn are_usual(text: &str, may_have_tabs: bool) -> bool {
    let bytes = text.as_bytes();
    let tab = if may_have_tabs { b'\t' } else { b'\n' };
    // Without branches, so that many bytes are looked at in one go.
    let is_control = |byte: u8| {
        (byte < b' ') & (byte != b'\n') & (byte != b'\r') & (byte != tab) | (byte == 0x7f)
    };
    if bytes
        .iter()
        .fold(false, |found, byte| found | is_control(*byte))
    {
        return false;
    }
    // A carriage return by itself is a line break too.
    let returns = memchr_iter(b'\r', bytes).count();
    if returns > 0 && memmem::find_iter(bytes, b"\r\n").count() != returns {
        return false;
    }
    // Not control characters, line separators, private use, the byte-order mark.
    let is_usual = |character: char| {
        matches!(character, '\u{a1}'..='\u{1fff}' | '\u{2010}'..='\u{2027}'
            | '\u{2030}'..='\u{d7ff}' | '\u{10000}'..='\u{1ffff}')
    };
    let first = |at: usize| text.get(at..).and_then(|rest| rest.chars().next());
    bytes.chunks(BLOCK).enumerate().all(|(index, block)| {
        let mut starts = (index * BLOCK..)
            .zip(block)
            .filter(|(_, byte)| **byte >= 0xc0);
        block.is_ascii() || starts.all(|(at, _)| first(at).is_some_and(is_usual))
    })
}

/// May a byte stand anywhere in a key without quotes, or in a word in brackets?
pub(super) fn is_word(byte: u8) -> bool {
    WORD[usize::from(byte)]
}

/// Every key is gone through byte by byte: looked up, since asking costs more.
const WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    let mut index = 0;
    while index < 256 {
        table[index] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
        byte = byte.wrapping_add(1);
        index += 1;
    }
    table
};
