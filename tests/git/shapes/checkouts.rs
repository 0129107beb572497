//! Kinds of checkouts that the program is started in: it takes the credentials from their settings,
//! where the pipeline has put them, and touches nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    super::{TOKEN, support::bare::alone},
    git, give_away,
    shop::{MANIFEST, Shop, TEXT},
    snapshot,
};

/// Leaves the token in the settings of a checkout, as checkout actions do.
fn sign_in(checkout: &Path, origin: &str) {
    let pair = BASE64_STANDARD.encode(format!("x-access-token:{TOKEN}"));
    let key = format!("http.{origin}/.extraheader");
    git(
        checkout,
        &["config", &key, &format!("AUTHORIZATION: basic {pair}")],
    );
}

/// Runs git where it may fail.
fn try_git(folder: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new("git");
    alone(&mut command);
    command
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
        .status
        .success()
}

/// Clones the shop over `file://`, so that depth and filters count, and signs in.
fn clone(shop: &Shop, name: &str, options: &[&str]) -> PathBuf {
    let from = format!("file://{}", shop.server.repository.display());
    git(
        shop.home(),
        &[&["clone", "--quiet"], options, &[&from, name]].concat(),
    );
    let checkout = shop.home().join(name);
    sign_in(&checkout, &shop.server.origin());
    checkout
}

/// Every command that reads the repository works from inside, and the checkout stays as it is.
#[track_caller]
fn assert_reads(shop: &Shop, name: &str, folder: &Path, checkout: &Path) {
    let before = snapshot(checkout);
    let url = shop.server.url();
    for arguments in [
        &[
            "deploy",
            "--version",
            "1.1",
            "--dry-run",
            "--repository",
            &url,
        ][..],
        &["check", "--repository", &url],
    ] {
        let (code, text) = shop.run(folder, arguments, false);
        assert_eq!(code, 0, "{name}: {arguments:?}: {text}");
    }
    assert!(
        snapshot(checkout) == before,
        "{name}: something was touched"
    );
}

/// `set` changes the file in the work tree, and nothing of git.
#[track_caller]
fn assert_sets(shop: &Shop, name: &str, checkout: &Path) {
    let before = snapshot(checkout);
    let arguments = [
        "set",
        "--files",
        MANIFEST,
        "--image",
        "registry.example/shop:1.1",
    ];
    let (code, text) = shop.run(checkout, &arguments, false);
    assert_eq!(code, 0, "{name}: {text}");
    let manifest = checkout.join(MANIFEST);
    let written = fs::read_to_string(&manifest).unwrap();
    assert_eq!(written, TEXT.replace(":1.0", ":1.1"), "{name}");
    let mut after = snapshot(checkout);
    let mut before = before;
    after.remove(&manifest);
    before.remove(&manifest);
    assert!(after == before, "{name}: something else was touched");
}

#[test]
fn every_kind_of_checkout_signs_in_and_stays_as_it_is() {
    let shop = Shop::start();
    for path in ["a.txt", "clusters/dev/b.txt", "docs/c.txt"] {
        shop.server.others_commit(path, path);
    }
    shop.server
        .git(&["config", "uploadpack.allowFilter", "true"]);
    let plain = clone(&shop, "plain", &[]);
    assert_reads(
        &shop,
        "a folder of it",
        &plain.join("clusters/prod"),
        &plain,
    );
    let mut kinds: Vec<(&str, PathBuf)> = vec![
        ("plain", plain.clone()),
        ("shallow", clone(&shop, "shallow", &["--depth=1"])),
        (
            "blobless",
            clone(&shop, "blobless", &["--filter=blob:none"]),
        ),
        ("treeless", clone(&shop, "treeless", &["--filter=tree:0"])),
        (
            "path with spaces",
            clone(&shop, "my \"shop\" caf\u{e9}", &[]),
        ),
    ];
    for (name, cone) in [("sparse, cone", "--cone"), ("sparse, no cone", "--no-cone")] {
        let checkout = clone(&shop, name, &["--no-checkout"]);
        git(
            &checkout,
            &["sparse-checkout", "set", cone, "clusters/prod"],
        );
        git(&checkout, &["checkout", "--quiet", "main"]);
        assert!(!checkout.join("docs").exists());
        kinds.push((name, checkout));
    }
    let sparse_index = clone(&shop, "sparse index", &["--no-checkout"]);
    git(
        &sparse_index,
        &[
            "sparse-checkout",
            "set",
            "--cone",
            "--sparse-index",
            "clusters/prod",
        ],
    );
    git(&sparse_index, &["checkout", "--quiet", "main"]);
    kinds.push(("sparse index", sparse_index));
    let split = clone(&shop, "split", &[]);
    git(&split, &["update-index", "--split-index"]);
    kinds.push(("split index", split));
    let detached = clone(&shop, "detached", &[]);
    git(&detached, &["checkout", "--quiet", "--detach"]);
    kinds.push(("detached HEAD", detached));
    let replaced = clone(&shop, "replaced", &[]);
    let blob = |path: &str| git(&replaced, &["rev-parse", &format!("main:{path}")]);
    git(
        &replaced,
        &["replace", &blob(MANIFEST), &blob("shipgate.yaml")],
    );
    kinds.push(("replace refs", replaced));
    let borrowing = clone(&shop, "borrowing", &["--shared"]);
    kinds.push(("alternates", borrowing));
    git(
        &plain,
        &["worktree", "add", "--quiet", "../linked", "-b", "linked"],
    );
    kinds.push(("linked work tree", shop.home().join("linked")));
    let outside = shop.home().join("elsewhere.git").display().to_string();
    let separate = format!("--separate-git-dir={outside}");
    kinds.push((
        "separate git folder",
        clone(&shop, "separate", &[&separate]),
    ));
    for (name, command) in [("in a merge", "merge"), ("in a rebase", "rebase")] {
        let checkout = clone(&shop, command, &[]);
        git(&checkout, &["checkout", "--quiet", "-b", "other", "HEAD~1"]);
        fs::write(checkout.join("docs.txt"), "ours").unwrap();
        fs::create_dir_all(checkout.join("docs")).unwrap();
        fs::write(checkout.join("docs/c.txt"), "ours").unwrap();
        git(&checkout, &["add", "."]);
        git(&checkout, &["commit", "--quiet", "-m", "ours"]);
        assert!(
            !try_git(&checkout, &[command, "main"]),
            "it must be a conflict"
        );
        kinds.push((name, checkout));
    }
    let reftable = clone(&shop, "reftable", &[]);
    if !try_git(&reftable, &["refs", "migrate", "--ref-format=reftable"]) {
        // Before git 2.46: at least the settings are those of one.
        git(&reftable, &["config", "core.repositoryFormatVersion", "1"]);
        git(&reftable, &["config", "extensions.refStorage", "reftable"]);
    }
    kinds.push(("reftable", reftable));
    for (name, checkout) in &kinds {
        assert_reads(&shop, name, checkout, checkout);
        assert_sets(&shop, name, checkout);
    }
}

#[test]
fn a_submodule_is_a_checkout_of_its_own() {
    let shop = Shop::start();
    let checkout = clone(&shop, "above", &[]);
    let from = format!("file://{}", shop.server.repository.display());
    git(
        &checkout,
        &[
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "--quiet",
            "add",
            &from,
            "sub",
        ],
    );
    let module = checkout.join("sub");
    sign_in(&module, &shop.server.origin());
    assert_reads(&shop, "submodule", &module, &checkout);
    assert_sets(&shop, "submodule", &module);
}

#[test]
fn a_sha256_checkout_can_not_lend_its_token() {
    let shop = Shop::start();
    let checkout = shop.home().join("sha256");
    fs::create_dir(&checkout).unwrap();
    git(&checkout, &["init", "--quiet", "--object-format=sha256"]);
    sign_in(&checkout, &shop.server.origin());
    let url = shop.server.url();
    let arguments = ["check", "--repository", &url];
    let (code, text) = shop.run(&checkout, &arguments, false);
    assert_eq!(code, 32, "{text}");
    assert!(text.contains("sha256"), "{text}");
    let (code, text) = shop.run(&checkout, &arguments, true);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_checkout_of_another_user_is_read_and_never_written() {
    let shop = Shop::start();
    let checkout = clone(&shop, "foreign", &[]);
    give_away(&checkout);
    assert_reads(&shop, "of another user", &checkout, &checkout);
}

#[test]
fn files_that_are_not_what_they_seem_are_not_set() {
    let shop = Shop::start();
    shop.server
        .git(&["config", "uploadpack.allowFilter", "true"]);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    let lfs = clone(&shop, "lfs", &[]);
    fs::write(lfs.join(MANIFEST), pointer).unwrap();
    let sparse = clone(&shop, "sparse", &["--no-checkout"]);
    git(&sparse, &["sparse-checkout", "set", "--cone", "docs"]);
    git(&sparse, &["checkout", "--quiet", "main"]);
    let mut said = Vec::new();
    for (name, checkout) in [
        ("LFS pointer", lfs),
        ("outside of the sparse checkout", sparse),
    ] {
        let arguments = [
            "set",
            "--files",
            MANIFEST,
            "--image",
            "registry.example/shop:1.1",
        ];
        let (code, text) = shop.run(&checkout, &arguments, false);
        said.push(format!(
            "{name}: {code} {}",
            text.split(" exit code ").next().unwrap()
        ));
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    LFS pointer: 30 EDIT REFUSED clusters/prod/shop.yaml: is kept in Git LFS, expected the file itself
    outside of the sparse checkout: 30 EDIT REFUSED no file matches `clusters/prod/shop.yaml` in `HOME/sparse`
    ");
}
