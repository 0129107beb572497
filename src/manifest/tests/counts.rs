//! How often an edit was made and how often refused, so that a property that has nothing to check
//! does not pass.

use std::{cell::RefCell, collections::BTreeMap};

/// Counts what became of edits.
#[derive(Debug, Default)]
pub(super) struct Counts {
    made: RefCell<usize>,
    refused: RefCell<BTreeMap<String, usize>>,
}

impl Counts {
    /// Counts an edit that was made.
    pub(super) fn made(&self) {
        *self.made.borrow_mut() += 1;
    }

    /// Counts one that was not, under what its reason says apart from names and numbers.
    pub(super) fn refused(&self, reason: &str) {
        let words = reason.split(' ');
        let plain = words.filter(|word| {
            word.chars()
                .all(|letter| letter.is_ascii_lowercase() || ",:".contains(letter))
        });
        let kind = plain.collect::<Vec<_>>().join(" ");
        *self.refused.borrow_mut().entry(kind).or_default() += 1;
    }

    /// Checks that some number of edits was made, and at most a share of all, in percent, refused.
    #[expect(clippy::print_stdout, reason = "`benches/prove.py` reads the numbers")]
    pub(super) fn check(&self, least: u32, most: usize) {
        let (made, refused) = (self.made.borrow(), self.refused.borrow());
        let count: usize = refused.values().sum();
        println!("edits made: {made}, refused: {count}");
        for (reason, count) in refused.iter() {
            println!("{count:8} {reason}");
        }
        assert!(*made >= least.try_into().unwrap(), "{made} edits made");
        assert!(
            count * 100 <= (count + *made) * most,
            "{count} refused, {made} made: {refused:#?}"
        );
    }
}
