//! Kinds of repositories that are deployed to.

use std::{fs, path::Path, process::Command};

use super::{
    super::{APP, support::bare::alone},
    Entry, at_path, difference, edit, git, give_away, import, own, push,
    shop::{DRY, Shop},
};

#[test]
fn what_can_not_be_changed_is_refused_with_a_reason() {
    let shop = Shop::start();
    let origin = shop.server.origin();
    let folder = shop.server.repository.parent().unwrap().to_owned();
    let init = |name: &str, options: &[&str]| {
        let path = folder.join(name);
        fs::create_dir(&path).unwrap();
        git(&path, &[&["init", "--quiet", "--bare"], options].concat());
        path.display().to_string()
    };
    let mut said = Vec::new();
    let mut row = |what: &str, address: &str| {
        said.push(format!("{what}: {}", shop.dry(address)));
    };

    let sha256 = init("sha256.git", &["--object-format=sha256"]);
    import(Path::new(&sha256), "main", None, &[Entry::file("a", "a")]);
    git(
        Path::new(&sha256),
        &["symbolic-ref", "HEAD", "refs/heads/main"],
    );
    row("sha256, path", &sha256);
    row("sha256, http", &format!("{origin}/sha256.git"));

    let empty = init("empty.git", &[]);
    row("empty, path", &empty);
    row("empty, http", &format!("{origin}/empty.git"));

    git(
        &shop.server.repository,
        &["config", "uploadpack.allowFilter", "true"],
    );
    let partial = shop.copy("partial.git", &["--filter=blob:none"]);
    row("partial, path", &partial.display().to_string());
    let treeless = shop.copy("treeless.git", &["--filter=tree:0"]);
    row("treeless, path", &treeless.display().to_string());

    let detached = shop.copy("detached.git", &[]);
    git(&detached, &["update-ref", "--no-deref", "HEAD", "main"]);
    row("detached, path", &detached.display().to_string());
    row("detached, http", &format!("{origin}/detached.git"));
    git(&detached, &["symbolic-ref", "HEAD", "refs/heads/nobodys"]);
    row("unborn, path", &detached.display().to_string());
    row("unborn, http", &format!("{origin}/detached.git"));

    let checkout = shop.home().join("checkout").display().to_string();
    git(
        shop.home(),
        &[
            "clone",
            "--quiet",
            &shop.server.repository.display().to_string(),
            "checkout",
        ],
    );
    row("work tree", &checkout);
    row("its .git", &format!("{checkout}/.git"));
    let linked = shop.copy("linked.git", &[]);
    let tree = shop.home().join("linked").display().to_string();
    git(&linked, &["worktree", "add", "--quiet", &tree, "main"]);
    row("linked work tree", &tree);
    insta::assert_snapshot!(said.join("\n"), @r"
    sha256, path: 3 CONFIG INVALID FOLDER/sha256.git: found object format sha256, expected sha1
        keep what is deployed in a repository with SHA-1 ids, git's default: shipgate can write no others
    sha256, http: 3 CONFIG INVALID SERVER/sha256.git: found object format sha256, expected sha1
        keep what is deployed in a repository with SHA-1 ids, git's default: shipgate can write no others
    empty, path: 3 CONFIG INVALID FOLDER/empty.git has no default branch
        the repository is empty: push a first commit
    empty, http: 3 CONFIG INVALID SERVER/empty.git has no default branch
        the repository is empty: push a first commit
    partial, path: 3 CONFIG INVALID FOLDER/partial.git is a partial clone: some of its files are only where it comes from
        name the address that it was cloned from
    treeless, path: 3 CONFIG INVALID FOLDER/treeless.git is a partial clone: some of its files are only where it comes from
        name the address that it was cloned from
    detached, path: 3 CONFIG INVALID FOLDER/detached.git has no default branch: its HEAD stands for none that there is
        name the branch (--branch, --policy-ref), or set HEAD on the server; branches there: main
    detached, http: 3 CONFIG INVALID SERVER/detached.git has no default branch: its HEAD stands for none that there is
        name the branch (--branch, --policy-ref), or set HEAD on the server; branches there: main
    unborn, path: 3 CONFIG INVALID FOLDER/detached.git has no default branch: its HEAD stands for none that there is
        name the branch (--branch, --policy-ref), or set HEAD on the server; branches there: main
    unborn, http: 3 CONFIG INVALID SERVER/detached.git has no default branch: its HEAD stands for none that there is
        name the branch (--branch, --policy-ref), or set HEAD on the server; branches there: main
    work tree: 3 CONFIG INVALID HOME/checkout is a work tree; changing its branch would leave its files behind
        name a bare repository, or the address that the work tree was cloned from
    its .git: 3 CONFIG INVALID HOME/checkout/.git is a work tree; changing its branch would leave its files behind
        name a bare repository, or the address that the work tree was cloned from
    linked work tree: 3 CONFIG INVALID HOME/linked is a work tree; changing its branch would leave its files behind
        name a bare repository, or the address that the work tree was cloned from
    ");

    // The branch is in use where the repository itself is bare: git refuses that, in its own words.
    let linked = linked.display().to_string();
    let (code, text) = shop.run(
        shop.home(),
        &["deploy", "--version", "1.1", "--repository", &linked],
        true,
    );
    assert_eq!(code, 32, "{text}");
    assert!(
        text.contains("refusing to update checked out branch"),
        "{text}"
    );
}

#[test]
fn the_branch_is_named_where_head_is_detached() {
    let shop = Shop::start();
    let detached = shop.copy("detached.git", &[]);
    git(&detached, &["update-ref", "--no-deref", "HEAD", "main"]);
    let named = ["--branch", "main", "--policy-ref", "main"];
    let address = format!("{}/detached.git", shop.server.origin());
    let arguments = [DRY, &[&address], &named[..]].concat();
    let (code, text) = shop.run(shop.home(), &arguments, true);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn reftables_are_left_to_the_git_program() {
    let shop = Shop::start();
    let copy = shop.copy("reftable.git", &[]);
    let address = copy.display().to_string();
    // From git 2.46 on it can turn a repository into one; before, the name alone makes one that it
    // can not read.
    let mut migrate = Command::new("git");
    alone(&mut migrate);
    let migrated = migrate
        .args(["refs", "migrate", "--ref-format=reftable"])
        .current_dir(&copy)
        .output()
        .unwrap();
    if migrated.status.success() {
        let (code, text) = shop.run(shop.home(), &[DRY, &[&address]].concat(), true);
        assert_eq!(code, 0, "{text}");
        return;
    }
    git(&copy, &["config", "core.repositoryFormatVersion", "1"]);
    git(&copy, &["config", "extensions.refStorage", "reftable"]);
    insta::assert_snapshot!(shop.dry(&address), @r"
    3 CONFIG INVALID FOLDER/reftable.git: fatal: unknown repository extension found: | refstorage
        install a git program that knows the repository's format; reftable needs git 2.45
    ");
}

#[tokio::test]
async fn kinds_that_serve_like_any_other() {
    let shop = Shop::start();
    let original = shop.server.repository.clone();
    let shallow = shop.copy("shallow.git", &["--depth=1"]);
    let borrowing = shop.copy("borrowing.git", &[]);
    fs::remove_dir_all(borrowing.join("objects/pack")).unwrap();
    let alternates = borrowing.join("objects/info/alternates");
    fs::write(alternates, original.join("objects").display().to_string()).unwrap();

    let replaced = shop.copy("replaced.git", &[]);
    let blob = git(&replaced, &["rev-parse", &format!("main:{APP}")]);
    let other = git(&replaced, &["rev-parse", "main:shipgate.yaml"]);
    git(&replaced, &["replace", &blob, &other]);
    let grafted = shop.copy("grafted.git", &[]);
    fs::write(
        grafted.join("info/grafts"),
        git(&grafted, &["rev-parse", "main"]),
    )
    .unwrap();

    let foreign = shop.copy("foreign.git", &[]);
    let is_foreign = give_away(&foreign);

    for path in [&shallow, &borrowing, &replaced, &grafted, &foreign] {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let repository = at_path(path);
        let base = repository.fetch("main").await.unwrap();
        let read = repository.read(&base, APP).await.unwrap().unwrap();
        assert_eq!(read, b"image: shop:1.0\n", "{name}");
        let (base, new) = push(&repository, vec![edit(APP, "image: shop:1.1\n")]).await;
        if is_foreign && path == &foreign {
            // Git itself is choosy about whose repository it looks into.
            own(path, "0:0");
        }
        let changed = difference(path, base.as_str(), new.as_str());
        assert_eq!(changed, [format!("M {APP} 100644")], "{name}");
        let fsck = ["--no-replace-objects", "fsck", "--strict", "--no-dangling"];
        assert_eq!(git(path, &fsck), "", "{name}");
        let repository = super::open(format!("{}/{name}", shop.server.origin()));
        let fetched = repository.fetch("main").await;
        if path == &shallow {
            // libgit2 does not understand how a server says that.
            assert!(fetched.unwrap_err().hint().contains("not shallow"));
        } else {
            assert_eq!(fetched.unwrap(), new, "{name}");
        }
    }
}

#[test]
fn branches_are_found_by_their_whole_names() {
    let shop = Shop::start();
    let base = shop.server.tip("main");
    let environment = |branch: &str| {
        shop.config("{root}/shop.yaml")
            .replace("branch: main", &format!("branch: {branch:?}"))
    };
    for branch in [
        "release/2026.1",
        "heads/main",
        "tags/v1",
        "v1",
        "#1",
        "a@b",
        "caf\u{e9}/\u{1f6a2}",
        "main.lock2",
        "-",
    ] {
        if branch.starts_with('-') {
            continue;
        }
        let config = environment(branch);
        let other = format!("refs/tags/{branch}");
        import(
            &shop.server.repository,
            branch,
            Some(&base),
            &[Entry::file("shipgate.yaml", &config)],
        );
        // A tag of the same name that points elsewhere.
        shop.server.git(&["update-ref", &other, &base]);
        let url = shop.server.url();
        let arguments = [
            "deploy",
            "--version",
            "1.1",
            "--branch",
            branch,
            "--dry-run",
            "--repository",
            &url,
        ];
        let (code, text) = shop.run(shop.home(), &arguments, true);
        assert_eq!(code, 0, "{branch}: {text}");
        let path = shop.server.repository.display().to_string();
        let arguments = [
            "deploy",
            "--version",
            "1.1",
            "--branch",
            branch,
            "--dry-run",
            "--repository",
            &path,
        ];
        let (code, text) = shop.run(shop.home(), &arguments, true);
        assert_eq!(code, 0, "{branch}: {text}");
    }
}
