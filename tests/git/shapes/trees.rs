//! What may stand in a commit beside the files that are edited, and how those may be named.

use shipgate::git::EntryKind;

use super::{Entry, at_path, bare, difference, edit, git, import, push, push_all, tree};

const GITLINK: &str = "1234567890123456789012345678901234567890";
const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";

/// Names that are legal and odd, of files that are edited.
const ODD: &[&str] = &[
    "with space.yaml",
    " leading and trailing ",
    "quo'te \"d\".yaml",
    "$(touch x);`y`&|<>*?[]{}~#!.yaml",
    "-rf",
    "--help",
    ":(top)x",
    "a:b",
    "@{u}",
    "caf\u{e9}.yaml",
    "cafe\u{301}.yaml",
    "\u{65e5}\u{672c}.yaml",
    "\u{1f6a2}.yaml",
    "\u{202e}lmay.yaml",
    "App.yaml",
    "app.yaml",
    "APP.yaml",
    "stra\u{df}e",
    "strasse",
    "con",
    "nul.txt",
    "dot.",
    "...",
    ".gitmodules.yaml",
    ".gitattributes.yaml",
    "git~2",
    "HEAD",
    "refs/heads/main",
    "objects/pack/x.pack",
    "a.lock",
];

/// The same in folders of folders.
fn deep() -> String {
    let name = "n".repeat(120);
    vec![name.as_str(); 30].join("/")
}

#[tokio::test]
async fn odd_names_are_names_like_others() {
    let deep = deep();
    let names: Vec<&str> = ODD.iter().copied().chain([deep.as_str()]).collect();
    let mut entries: Vec<Entry> = names
        .iter()
        .map(|name| Entry::file(name, format!("image: {name}:1.0\n")))
        .collect();
    entries.push(Entry::file("beside", "beside"));
    let (_folder, path) = bare(&entries);
    let repository = at_path(&path);
    let base = repository.fetch("main").await.unwrap();
    for name in &names {
        let text = repository.read(&base, name).await.unwrap().unwrap();
        assert_eq!(text, format!("image: {name}:1.0\n").into_bytes());
    }
    // One by one, and all at once.
    let mut edits: Vec<Vec<_>> = names
        .iter()
        .map(|name| vec![edit(name, "image: 1.1\n")])
        .collect();
    edits.push(
        names
            .iter()
            .map(|name| edit(name, "image: 1.2\n"))
            .collect(),
    );
    let commits = push_all(&repository, edits).await;
    for (pair, name) in commits.windows(2).zip(&names) {
        let changed = difference(&path, pair[0].as_str(), pair[1].as_str());
        assert_eq!(changed, [format!("M {name} 100644")]);
    }
    let [.., base, new] = &commits[..] else {
        panic!("no commits");
    };
    let mut changed: Vec<_> = names
        .iter()
        .map(|name| format!("M {name} 100644"))
        .collect();
    changed.sort_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
    assert_eq!(difference(&path, base.as_str(), new.as_str()), changed);
    assert_eq!(git(&path, &["fsck", "--strict"]), "");
}

#[tokio::test]
async fn what_stands_beside_stays_byte_for_byte() {
    let (large, crlf) = (vec![b'x'; 15 << 20], "a: 1\r\nb: 2\r\n");
    let beside = [
        Entry::new("160000", "module", GITLINK),
        Entry::new("160000", "clusters/prod/module", GITLINK),
        Entry::new("120000", "clusters/prod/link.yaml", "app.yaml"),
        Entry::new("120000", "clusters/loop", "../clusters"),
        Entry::new("120000", "out", "/etc/passwd"),
        Entry::new("100755", "clusters/prod/run", "#!/bin/sh\n"),
        Entry::file("clusters/prod/pointer.bin", POINTER),
        Entry::file("clusters/prod/crlf.yaml", crlf),
        Entry::file("clusters/prod/large.yaml", &large),
        Entry::file(b"clusters/prod/b\xf6se\xff.yaml", "a: 1\n"),
        Entry::file(b"clusters/f\xf6lder/a.yaml", "a: 1\n"),
        Entry::file("clusters/prod/new\nline\t.yaml", "a: 1\n"),
        Entry::file("clusters/prod/back\\slash.yaml", "a: 1\n"),
        Entry::file("clusters/prod/empty", ""),
        Entry::file(
            ".gitattributes",
            "* text=auto eol=lf\n*.yaml filter=lfs ident\n",
        ),
        Entry::file(
            ".gitmodules",
            "[submodule \"m\"]\n\tpath = module\n\turl = https://x.example/m\n",
        ),
    ];
    let edited = [
        Entry::file("clusters/prod/app.yaml", "image: 1.0\r\n# $Id$ mixed\nend"),
        Entry::new("100755", "clusters/prod/tool.yaml", "image: 1.0\r\n"),
        Entry::file("clusters/prod/huge.yaml", &large),
    ];
    let entries: Vec<Entry> = beside.iter().chain(&edited).cloned().collect();
    let (_folder, path) = bare(&entries);
    let repository = at_path(&path);
    let base = repository.fetch("main").await.unwrap();
    // Attributes ask for other line ends and for filters; both are for work trees.
    for entry in &edited {
        let name = std::str::from_utf8(&entry.path).unwrap();
        let read = repository.read(&base, name).await.unwrap().unwrap();
        assert!(read == entry.content, "{name}");
    }
    let files = edited.iter().map(|entry| {
        let mut bytes = entry.content.clone();
        bytes.extend(b"1.1\r\n$Id$");
        edit(std::str::from_utf8(&entry.path).unwrap(), bytes)
    });
    let files: Vec<_> = files.collect();
    let (base, new) = push(&repository, files.clone()).await;
    insta::assert_snapshot!(difference(&path, base.as_str(), new.as_str()).join("\n"), @"
    M clusters/prod/app.yaml 100644
    M clusters/prod/huge.yaml 100644
    M clusters/prod/tool.yaml 100755
    ");
    for file in &files {
        let read = repository.read(&new, &file.path).await.unwrap().unwrap();
        assert!(read == file.bytes, "{}", file.path);
    }
    assert_eq!(git(&path, &["fsck", "--strict"]), "");
}

#[tokio::test]
async fn many_files_in_one_commit_are_as_git_would_write_them() {
    // Lengths around where their own length is written with another byte, and the same text twice.
    let lengths = [0, 1, 15, 16, 2047, 2048, 262_143, 262_144, 16, 0];
    let name = |number: usize| match number % 3 {
        0 => format!("flat/{number:03}.yaml"),
        1 => format!("deep/{number:03}/a/b.yaml"),
        _ => format!("{number:03}.yaml"),
    };
    let text = |number: usize, letter: u8| {
        let length = lengths.get(number).copied().unwrap_or(number * 7);
        vec![letter; length]
    };
    let entries = |numbers: std::ops::Range<usize>, letter: u8| -> Vec<Entry> {
        numbers
            .map(|number| Entry::file(name(number), text(number, letter)))
            .collect()
    };
    let (_folder, path) = bare(&entries(0..150, b'a'));
    let repository = at_path(&path);
    // Some of them are new, and some stay as they are.
    let mut wanted = entries(0..250, b'b');
    wanted.extend(entries(250..300, b'a'));
    let files = wanted
        .iter()
        .map(|entry| edit(std::str::from_utf8(&entry.path).unwrap(), &entry.content));
    let (base, new) = push(&repository, files.collect()).await;
    let expected = import(&path, "expected", Some(base.as_str()), &wanted);
    assert_eq!(tree(&path, new.as_str()), tree(&path, &expected));
    for entry in &wanted {
        let name = std::str::from_utf8(&entry.path).unwrap();
        let read = repository.read(&new, name).await.unwrap().unwrap();
        assert!(read == entry.content, "{name}");
    }
    assert_eq!(git(&path, &["fsck", "--strict", "--no-dangling"]), "");
}

#[tokio::test]
async fn names_that_no_text_can_tell_are_listed_as_such() {
    let entries = [
        Entry::file(b"b\xf6se.yaml", "a: 1\n"),
        Entry::file(b"f\xf6lder/a.yaml", "a: 1\n"),
        Entry::file("good.yaml", "a: 1\n"),
    ];
    let (_folder, path) = bare(&entries);
    let repository = at_path(&path);
    let base = repository.fetch("main").await.unwrap();
    let listed = repository.list(&base).await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|entry| (&*entry.path, entry.kind))
        .collect();
    let expected = [
        ("b\u{fffd}se.yaml", EntryKind::Unnameable),
        ("f\u{fffd}lder/a.yaml", EntryKind::Unnameable),
        ("good.yaml", EntryKind::File),
    ];
    assert_eq!(listed, expected);
    // Shown as it is, it is the name of nothing.
    let read = repository.read(&base, "b\u{fffd}se.yaml").await;
    assert_eq!(read, Ok(None));
}

#[tokio::test]
async fn too_long_a_path_is_told_by_its_beginning() {
    let (_folder, path) = bare(&[Entry::file("a.yaml", "a: 1\n")]);
    let repository = at_path(&path);
    let base = repository.fetch("main").await.unwrap();
    let long = vec!["n".repeat(150); 40].join("/");
    let mut messages = Vec::new();
    for name in [long.as_str(), "back\\slash", "new\nline"] {
        let error = repository.read(&base, name).await.unwrap_err();
        messages.push(format!("{}\n  {}", error.message(), error.hint()));
    }
    insta::assert_snapshot!(messages.join("\n"), @r#"
    found a path of 6039 bytes that begins with "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", expected at most 4096
      move the file nearer to the repository's root
    found "back\\slash", expected a path without \ and control characters
      rename the file
    found "new\nline", expected a path without \ and control characters
      rename the file
    "#);
}
