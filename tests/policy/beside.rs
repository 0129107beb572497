//! Files beside a policy: found on disk and in a commit alike, and nothing else is.

use crate::bare;

use std::{fs, os::unix::fs::symlink, path::Path, time::Duration};

use bare::git;
use shipgate::{
    git::{Repository, RepositoryOptions},
    ops::{beside::Beside, trusted},
    policy::PolicySource,
};

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n";

/// Policies with everything beside them that must not be read, once in a folder and once in a bare
/// repository.
fn seed(folder: &Path) -> (std::path::PathBuf, Repository) {
    let work = folder.join("work");
    let policies = work.join("policies");
    fs::create_dir_all(policies.join("calendars")).unwrap();
    let write = |path: &str, bytes: &[u8]| fs::write(work.join(path), bytes).unwrap();
    write("policies/production.yaml", b"version: 1\n");
    write("policies/FREEZE", b"incident\n");
    write("policies/calendars/uk.ics", b"BEGIN:VCALENDAR\n");
    write("policies/lower", b"lower\n");
    write("policies/Both", b"1");
    write("policies/both", b"2");
    write("policies/large", &vec![b'#'; (2 << 20) + 1]);
    write("policies/most", &vec![b'#'; 2 << 20]);
    write("policies/pointer", POINTER.as_bytes());
    write("outside", b"outside\n");
    symlink("FREEZE", policies.join("link")).unwrap();
    symlink("calendars", policies.join("linked")).unwrap();
    symlink("production.yaml", policies.join("linked.yaml")).unwrap();
    git(&work, &["init", "--quiet", "--initial-branch=main", "."]);
    git(&work, &["add", "."]);
    let module = "160000,1234567890123456789012345678901234567890,policies/module";
    git(&work, &["update-index", "--add", "--cacheinfo", module]);
    git(&work, &["commit", "--quiet", "-m", "first"]);
    let bare = folder.join("bare.git");
    git(
        folder,
        &["clone", "--quiet", "--bare", "work", bare.to_str().unwrap()],
    );
    let repository = Repository::open(RepositoryOptions {
        url: bare.to_str().unwrap().to_owned(),
        token: None,
        token_user: None,
        ca_file: None,
        checkout: None,
        author_name: "shipgate".to_owned(),
        author_email: "shipgate@example.com".to_owned(),
        author_is_given: false,
        signer: None,
        timeout: Duration::from_secs(30),
    })
    .unwrap();
    (policies.join("production.yaml"), repository)
}

async fn answer(beside: &Beside<'_>, relative: &str) -> String {
    match beside.read(relative).await {
        Ok(None) => "none".to_owned(),
        Ok(Some(bytes)) if bytes.len() > 100 => format!("{} bytes", bytes.len()),
        Ok(Some(bytes)) => format!("{:?}", String::from_utf8(bytes).unwrap()),
        Err(failure) => format!("{}: {}", failure.0.ending.code().number, failure.0.reason),
    }
}

#[tokio::test]
async fn only_plain_files_in_the_folder_are_read_whichever_place_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (path, repository) = seed(folder.path());
    let (_, source) = trusted::policy(&repository, Some("main"), "policies/production.yaml")
        .await
        .unwrap();
    let committed = Beside::at_source(&repository, &source).unwrap();
    let shown = PolicySource {
        path: "policies/production.yaml".to_owned(),
        ..PolicySource::default()
    };
    let on_disk = Beside::on_disk(&path, &shown);
    let mut answers = Vec::new();
    for relative in [
        "FREEZE",
        "calendars/uk.ics",
        "most",
        "missing",
        "missing/FREEZE",
        "freeze",
        "LOWER",
        "Calendars/uk.ics",
        "both",
        "large",
        "pointer",
        "calendars",
        "link",
        "linked/uk.ics",
        "FREEZE/below",
        "",
        ".",
        "..",
        "../outside",
        "calendars/../FREEZE",
        "/etc/passwd",
        "C:FREEZE",
        "C:\\FREEZE",
        "calendars\\uk.ics",
        "FREEZE\0",
        "calendars//uk.ics",
        "calendars/",
    ] {
        let one = answer(&committed, relative).await;
        assert_eq!(one, answer(&on_disk, relative).await, "{relative:?}");
        answers.push(format!("{relative:?} -> {one}"));
    }
    answers.push(format!(
        "\"module/a\" -> {}",
        answer(&committed, "module/a").await
    ));
    insta::assert_snapshot!(answers.join("\n"), @r#"
    "FREEZE" -> "incident\n"
    "calendars/uk.ics" -> "BEGIN:VCALENDAR\n"
    "most" -> 2097152 bytes
    "missing" -> none
    "missing/FREEZE" -> none
    "freeze" -> 3: policies/freeze: there is "policies/FREEZE", which differs in upper and lower case only
    "LOWER" -> 3: policies/LOWER: there is "policies/lower", which differs in upper and lower case only
    "Calendars/uk.ics" -> 3: policies/Calendars/uk.ics: there is "policies/calendars", which differs in upper and lower case only
    "both" -> 3: policies/both: there is "policies/Both", which differs in upper and lower case only
    "large" -> 3: policies/large: is larger than the limit of 2097152 bytes
    "pointer" -> 3: policies/pointer is kept in Git LFS
    "calendars" -> 3: policies/calendars is a folder, expected a file
    "link" -> 3: policies/link is or lies behind a symbolic link, expected a file
    "linked/uk.ics" -> 3: policies/linked/uk.ics is or lies behind a symbolic link, expected a file
    "FREEZE/below" -> 3: policies/FREEZE/below lies below a file, expected a file
    "" -> 3: found "", expected a path that stays inside its folder
    "." -> 3: found ".", expected a path that stays inside its folder
    ".." -> 3: found "..", expected a path that stays inside its folder
    "../outside" -> 3: found "../outside", expected a path that stays inside its folder
    "calendars/../FREEZE" -> 3: found "calendars/../FREEZE", expected a path that stays inside its folder
    "/etc/passwd" -> 3: found "/etc/passwd", expected a path that stays inside its folder
    "C:FREEZE" -> 3: found "C:FREEZE", expected a path that stays inside its folder
    "C:\\FREEZE" -> 3: found "C:\\FREEZE", expected a path that stays inside its folder
    "calendars\\uk.ics" -> 3: found "calendars\\uk.ics", expected a path that stays inside its folder
    "FREEZE\0" -> 3: found "FREEZE\0", expected a path that stays inside its folder
    "calendars//uk.ics" -> 3: found "calendars//uk.ics", expected a path that stays inside its folder
    "calendars/" -> 3: found "calendars/", expected a path that stays inside its folder
    "module/a" -> 3: policies/module/a is or lies in a submodule, expected a file
    "#);
}

#[tokio::test]
async fn the_policy_itself_is_read_in_the_same_way() {
    let folder = tempfile::tempdir().unwrap();
    let (_, repository) = seed(folder.path());
    let mut answers = Vec::new();
    for path in [
        "policies/production.yaml",
        "policies/linked.yaml",
        "policies/Production.yaml",
        "policies/missing.yaml",
        "policies",
        "../production.yaml",
        "policies/module/production.yaml",
        "policies/large",
    ] {
        answers.push(match trusted::policy(&repository, None, path).await {
            Ok((text, source)) => format!("{text:?} {}", source.path),
            Err(failure) => {
                let commit = repository.fetch("main").await.unwrap();
                let reason = failure.0.reason.replace(commit.short(), "COMMIT");
                format!("{}: {reason}", failure.0.ending.code().number)
            }
        });
    }
    insta::assert_snapshot!(answers.join("\n"), @r#"
    "version: 1\n" policies/production.yaml
    3: policies/linked.yaml is or lies behind a symbolic link, expected a file
    3: policies/Production.yaml: there is "policies/production.yaml", which differs in upper and lower case only
    3: there is no policy `policies/missing.yaml` on branch `main` (commit COMMIT)
    3: policies is a folder, expected a file
    3: found "../production.yaml", expected a path that stays inside its folder
    3: policies/module/production.yaml is or lies in a submodule, expected a file
    3: policies/large: is larger than the limit of 2097152 bytes
    "#);
}

#[tokio::test]
async fn a_folder_of_another_case_is_seen_too() {
    let folder = tempfile::tempdir().unwrap();
    let (_, repository) = seed(folder.path());
    let bare = folder.path().join("bare.git");
    bare::others_commit(&bare, "main", "Policies/FREEZE", "other\n");
    let commit = repository.fetch("main").await.unwrap();
    let beside = Beside::at_commit(&repository, commit, "policies".to_owned());
    insta::assert_snapshot!(answer(&beside, "FREEZE").await, @r#"3: policies/FREEZE: there is "Policies", which differs in upper and lower case only"#);
}
