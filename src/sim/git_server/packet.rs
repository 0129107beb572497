//! Pkt-lines: the framing of git's wire protocol (gitprotocol-common).

/// Most bytes of one packet's payload.
const LARGEST: usize = 65_516;

/// Most bytes of one side-band packet's payload: one byte goes to the band's number.
const LARGEST_IN_BAND: usize = LARGEST - 1;

/// A side band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Band {
    /// What the client asked for.
    Data = 1,
    /// Text for the person in front of it.
    Progress = 2,
}

/// One packet of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// A line, without its line feed.
    Line(&'a [u8]),
    /// The end of a section.
    Flush,
}

/// Why a request is not what git clients send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) String);

/// Reads packets one after the other.
pub(super) struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Packets<'a> {
    /// Starts at the beginning of a request's body.
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// Returns the next packet; none at the end of the body.
    ///
    /// # Errors
    /// The length is not four hexadecimal digits, or the body is shorter than it says.
    pub(super) fn next(&mut self) -> Result<Option<Packet<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let cut_short = || Malformed("a packet is cut short".to_owned());
        let (digits, after) = self.rest.split_at_checked(4).ok_or_else(cut_short)?;
        let length = std::str::from_utf8(digits)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|text| usize::from_str_radix(text, 16).ok())
            .ok_or_else(|| Malformed("a packet has no length".to_owned()))?;
        if length == 0 {
            self.rest = after;
            return Ok(Some(Packet::Flush));
        }
        let payload = length
            .checked_sub(4)
            .ok_or_else(|| Malformed(format!("packet length {length} has no meaning here")))?;
        let (line, rest) = after.split_at_checked(payload).ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(Some(Packet::Line(line.strip_suffix(b"\n").unwrap_or(line))))
    }

    /// Returns the bytes that no packet has taken yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

/// Writes one line; the line feed is part of the text.
pub(super) fn line(out: &mut Vec<u8>, text: &[u8]) {
    for piece in text.chunks(LARGEST) {
        out.extend_from_slice(format!("{:04x}", piece.len() + 4).as_bytes());
        out.extend_from_slice(piece);
    }
}

/// Writes the end of a section.
pub(super) fn flush(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0000");
}

/// Writes bytes into a side band, in as many packets as they need.
pub(super) fn band(out: &mut Vec<u8>, band: Band, bytes: &[u8]) {
    for piece in bytes.chunks(LARGEST_IN_BAND) {
        out.extend_from_slice(format!("{:04x}", piece.len() + 5).as_bytes());
        out.push(band as u8);
        out.extend_from_slice(piece);
    }
}

/// Returns what follows a word and a space in a line.
pub(super) fn after<'a>(line: &'a [u8], word: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(word.as_bytes())?.strip_prefix(b" ")?;
    std::str::from_utf8(rest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_as_they_are_written() {
        let mut bytes = Vec::new();
        line(&mut bytes, b"want 1\n");
        flush(&mut bytes);
        line(&mut bytes, b"done");
        bytes.extend_from_slice(b"PACK");
        let mut packets = Packets::new(&bytes);
        assert_eq!(packets.next(), Ok(Some(Packet::Line(b"want 1"))));
        assert_eq!(packets.next(), Ok(Some(Packet::Flush)));
        assert_eq!(packets.next(), Ok(Some(Packet::Line(b"done"))));
        assert_eq!(packets.rest(), b"PACK");
    }

    #[test]
    fn long_data_is_cut_into_legal_packets() {
        let mut bytes = Vec::new();
        band(&mut bytes, Band::Data, &vec![7; 200_000]);
        let mut packets = Packets::new(&bytes);
        let mut joined = 0;
        while let Some(Packet::Line(piece)) = packets.next().unwrap() {
            assert_eq!(piece[0], 1);
            assert!(piece.len() + 4 <= 65_520);
            joined += piece.len() - 1;
        }
        assert_eq!(joined, 200_000);
    }

    #[test]
    fn a_broken_frame_is_an_error() {
        for bytes in [&b"00"[..], b"zzzz", b"+00a123456", b"0003", b"000aab"] {
            assert!(Packets::new(bytes).next().is_err(), "{bytes:?}");
        }
    }
}
