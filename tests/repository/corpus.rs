//! Every input that the fuzzer found worth keeping, once more: the bodies of `fuzz/` on `fuzz/corpus/`.

use std::{fs, panic, path::Path};

use crate::bodies;

/// Most bytes that all kept inputs may have together.
const LARGEST_CORPUS: u64 = 200 << 10;

/// Does with every kept input of a target what the fuzzer does.
fn replay(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut broken = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        count += 1;
        if panic::catch_unwind(|| body(&bytes)).is_err() {
            broken.push(path);
        }
    }
    assert!(count > 0, "{} is empty", folder.display());
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn policies() {
    replay("policy", bodies::policy::run);
}

#[test]
fn calendars() {
    replay("calendar", bodies::calendar::run);
}

#[test]
fn approvals() {
    replay("approval", bodies::approval::run);
}

#[test]
fn lists_of_allowed_signers() {
    replay("allowed_signers", bodies::allowed_signers::run);
}

#[test]
fn manifests() {
    replay("manifest", bodies::manifest::run);
}

#[test]
fn the_corpus_stays_small() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut total = 0;
    for target in fs::read_dir(folder).unwrap() {
        for entry in fs::read_dir(target.unwrap().path()).unwrap() {
            total += entry.unwrap().metadata().unwrap().len();
        }
    }
    assert!(total <= LARGEST_CORPUS, "{total} bytes");
}
