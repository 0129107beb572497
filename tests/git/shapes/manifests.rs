//! Manifests that are kept in odd ways, and a whole deployment beside such files.

use super::{
    Entry, difference, import,
    shop::{MANIFEST, Shop, TEXT},
    tree,
};

const GITLINK: &str = "1234567890123456789012345678901234567890";
const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";

#[test]
fn a_manifest_that_is_none_of_this_repository_is_refused() {
    let shop = Shop::start();
    let base = shop.server.tip("main");
    let file = |path: &str| Entry::file(path, TEXT);
    let config = |glob: &str| Entry::file("shipgate.yaml", shop.config(glob));
    let long = vec!["n".repeat(150); 40].join("/");
    let rows: Vec<(&str, Vec<Entry>)> = vec![
        (
            "in a submodule",
            vec![
                Entry::new("160000", "clusters/prod/module", GITLINK),
                config("{root}/module/shop.yaml"),
            ],
        ),
        (
            "behind a link",
            vec![
                Entry::new("120000", "clusters/linked", "prod"),
                config("clusters/linked/shop.yaml"),
            ],
        ),
        (
            "a link",
            vec![Entry::new("120000", MANIFEST, "../base/shop.yaml")],
        ),
        ("in Git LFS", vec![Entry::file(MANIFEST, POINTER)]),
        (
            "not UTF-8",
            vec![
                Entry::file(b"clusters/prod/b\xf6se.yaml", TEXT),
                config("{root}/*.yaml"),
            ],
        ),
        (
            "with a line break",
            vec![
                file("clusters/prod/new\nline.yaml"),
                config("{root}/*.yaml"),
            ],
        ),
        (
            "with a backslash",
            vec![
                file("clusters/prod/back\\slash.yaml"),
                config("{root}/*.yaml"),
            ],
        ),
        ("too long", vec![file(&long), config("n*/**")]),
        (
            "composed otherwise",
            vec![
                file("clusters/prod/cafe\u{301}.yaml"),
                config("{root}/caf\u{e9}.yaml"),
            ],
        ),
    ];
    let mut said = Vec::new();
    for (what, entries) in rows {
        import(&shop.server.repository, "main", Some(&base), &entries);
        said.push(format!("{what}: {}", shop.dry(&shop.server.url())));
    }
    let tip = shop.server.tip("main");
    let said = said.join("\n").replace(&tip[..8], "COMMIT");
    insta::assert_snapshot!(said, @r#"
    in a submodule: 30 EDIT REFUSED clusters/prod/module: is a submodule, and `clusters/prod/module/shop.yaml` leads into it, expected a folder
        deploy to the submodule's own repository, or keep the files in this one
    behind a link: 30 EDIT REFUSED clusters/linked: is a symbolic link, and `clusters/linked/shop.yaml` leads into it, expected a folder
        write the path that the link leads to into `manifests`
    a link: 30 EDIT REFUSED clusters/prod/shop.yaml: is a symbolic link, expected a file
        name the file itself in `manifests`
    in Git LFS: 30 EDIT REFUSED clusters/prod/shop.yaml is kept in Git LFS
        keep the file in git itself: take it out of .gitattributes
    not UTF-8: 30 EDIT REFUSED clusters/prod/b�se.yaml: its name is not UTF-8, expected one that is
        rename the file, or leave it out of `manifests`
    with a line break: 30 EDIT REFUSED found "clusters/prod/new\nline.yaml", expected a path without \ and control characters
        rename the file
    with a backslash: 30 EDIT REFUSED found "clusters/prod/back\\slash.yaml", expected a path without \ and control characters
        rename the file
    too long: 30 EDIT REFUSED found a path of 6039 bytes that begins with "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", expected at most 4096
        move the file nearer to the repository's root
    composed otherwise: 30 EDIT REFUSED no manifest of `shop` matches `clusters/prod/café.yaml` at commit COMMIT
        check `manifests` of the service and `root` of the environment in the configuration
    "#);
}

#[test]
fn a_whole_deployment_and_the_way_back_change_one_file() {
    let shop = Shop::start();
    let base = shop.server.tip("main");
    let beside = [
        Entry::new("160000", "clusters/prod/module", GITLINK),
        Entry::file("clusters/prod/pointer.bin", POINTER),
        Entry::file(b"clusters/prod/b\xf6se.bin", "x"),
        Entry::file(".gitattributes", "* text=auto eol=lf\n"),
        Entry::new("100755", "clusters/prod/run", "#!/bin/sh\r\n"),
    ];
    let first = import(&shop.server.repository, "main", Some(&base), &beside);
    let url = shop.server.url();
    let path = shop.server.repository.display().to_string();
    for (address, version) in [(&url, "1.1"), (&path, "1.2")] {
        let arguments = ["deploy", "--version", version, "--repository", address];
        let (code, text) = shop.run(shop.home(), &arguments, true);
        assert_eq!(code, 0, "{text}");
        let changed = difference(&shop.server.repository, &first, "main");
        assert_eq!(changed, [format!("M {MANIFEST} 100644")]);
    }
    let arguments = [
        "rollback",
        "--to",
        "1.0",
        "--reason",
        "test",
        "--repository",
        &url,
    ];
    let (code, text) = shop.run(shop.home(), &arguments, true);
    assert_eq!(code, 0, "{text}");
    assert_eq!(
        tree(&shop.server.repository, "main"),
        tree(&shop.server.repository, &first)
    );
    assert_eq!(shop.server.git(&["fsck", "--strict"]), "");
}
