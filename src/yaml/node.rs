//! One node of a document in 20 bytes, so that reading a large file costs little more than its events.

/// One node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    /// Byte range in the file.
    pub start: u32,
    pub end: u32,
    /// The first node that is not inside this one.
    pub after: u32,
    /// Of an alias its target; of a scalar whose value is not its bytes the index of the value.
    pub extra: u32,
    /// Line, kind and marks.
    packed: u32,
}

/// What a node is, in four bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
    Folded,
    BlockMapping,
    FlowMapping,
    BlockSequence,
    FlowSequence,
    Alias,
}

/// Every kind, in the order of the numbers that stand for them.
const KINDS: [Stored; 10] = [
    Stored::Plain,
    Stored::SingleQuoted,
    Stored::DoubleQuoted,
    Stored::Literal,
    Stored::Folded,
    Stored::BlockMapping,
    Stored::FlowMapping,
    Stored::BlockSequence,
    Stored::FlowSequence,
    Stored::Alias,
];

/// Marks a scalar whose value is what stands there, between its quotes.
pub(super) const AS_WRITTEN: u32 = u32::MAX;

const KIND: u32 = 0b1111;
const ANCHORED: u32 = 1 << 4;
const TAGGED: u32 = 1 << 5;
/// The line has the other 26 bits: four times as many lines as the limits allow bytes.
const LINE: u32 = 6;

impl Node {
    /// Makes a node of a byte range of the file that begins on a line (1-based) and has nothing inside yet.
    #[inline]
    pub(super) fn new(
        kind: Stored,
        (start, end): (usize, usize),
        line: usize,
        after: usize,
    ) -> Self {
        Self {
            start: narrow(start),
            end: narrow(end),
            after: narrow(after),
            extra: AS_WRITTEN,
            packed: narrow(line << LINE) | kind as u32,
        }
    }

    /// Notes an anchor on it.
    #[inline]
    pub(super) fn anchored(self, is_anchored: bool) -> Self {
        self.marked(ANCHORED, is_anchored)
    }

    /// Notes a tag on it.
    #[inline]
    pub(super) fn tagged(self, is_tagged: bool) -> Self {
        self.marked(TAGGED, is_tagged)
    }

    #[inline]
    fn marked(mut self, mark: u32, is_set: bool) -> Self {
        self.packed |= if is_set { mark } else { 0 };
        self
    }

    #[inline]
    pub(super) fn kind(&self) -> Stored {
        KINDS[wide(self.packed & KIND)]
    }

    /// The line on which it begins, 1-based.
    #[inline]
    pub(super) fn line(&self) -> u32 {
        self.packed >> LINE
    }

    #[inline]
    pub(super) fn is_anchored(&self) -> bool {
        self.packed & ANCHORED != 0
    }

    #[inline]
    pub(super) fn is_tagged(&self) -> bool {
        self.packed & TAGGED != 0
    }
}

/// How many nodes a list may have to be copied rather than kept: 1.3 MB of them.
const FEW: usize = 1 << 16;

/// Takes the nodes of a document out of the list that they were gathered in, which has room for more.
/// A short list is copied into one of its own length, so that its room serves the next document; of
/// a long one the room that was never written to costs nothing.
pub(super) fn gathered(nodes: &mut Vec<Node>) -> Vec<Node> {
    if nodes.len() <= FEW {
        return nodes.as_slice().to_vec();
    }
    std::mem::take(nodes)
}

/// A position or count that the limits keep small.
#[inline]
pub(super) fn narrow(number: usize) -> u32 {
    u32::try_from(number).expect("the limits keep positions and counts below 4 Gi")
}

#[inline]
pub(super) fn wide(number: u32) -> usize {
    usize::try_from(number).expect("positions fit where there are at least 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_its_line_its_kind_and_its_marks() {
        let most = crate::yaml::Limits::MANIFEST.bytes + 1;
        for (line, kind) in [1, 255, most]
            .into_iter()
            .flat_map(|line| KINDS.map(|kind| (line, kind)))
        {
            for (anchored, tagged) in [(false, false), (true, false), (false, true), (true, true)] {
                let node = Node::new(kind, (3, 7), line, 9);
                let node = node.anchored(anchored).tagged(tagged);
                assert_eq!((wide(node.line()), node.kind()), (line, kind));
                assert_eq!((node.is_anchored(), node.is_tagged()), (anchored, tagged));
                assert_eq!(
                    (node.start, node.end, node.after, node.extra),
                    (3, 7, 9, AS_WRITTEN)
                );
            }
        }
        assert_eq!(size_of::<Node>(), 20);
    }
}
