//! Signatures, allowed signers and statements, with OpenSSH's own programs as the other opinion.

use crate::ssh_keygen;

use std::{fmt::Write, fs};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use ring::{
    digest::{SHA256, SHA512, digest},
    signature::{Ed25519KeyPair, KeyPair},
};
use shipgate::{
    policy::{Statement, StatementKind},
    secret::Secret,
    sign::{Agent, AllowedSigners, OneText, PrivateKey, PublicKey, SshSignature, id, write},
};
use ssh_keygen::{Keys, SshAgent};

const MESSAGE: &str = "{\"shipgate\":1}\n";
const NOON: &str = "20251107120000Z";

fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn verified(armour: &str, message: &str) -> String {
    match SshSignature::parse(armour).and_then(|it| it.verify(message.as_bytes())) {
        Ok(()) => "good".to_owned(),
        Err(why) => why,
    }
}

#[test]
fn signatures_of_ssh_keygen_are_checked() {
    let Some(keys) = Keys::new() else { return };
    let kinds: [(&str, &[&str]); 6] = [
        ("ed25519", &["ed25519"]),
        ("p256", &["ecdsa", "-b", "256"]),
        ("p384", &["ecdsa", "-b", "384"]),
        ("p521", &["ecdsa", "-b", "521"]),
        ("rsa", &["rsa", "-b", "2048"]),
        ("rsa-short", &["rsa", "-b", "1024"]),
    ];
    let mut rows = String::new();
    for (name, kind) in kinds {
        keys.make(name, kind, "");
        let signature = keys.sign(name, "shipgate", MESSAGE, &[]);
        let sha256 = keys.sign(name, "shipgate", MESSAGE, &["-O", "hashalg=sha256"]);
        writeln!(rows, "{name}: {}", verified(&signature, MESSAGE)).unwrap();
        writeln!(rows, "  sha256: {}", verified(&sha256, MESSAGE)).unwrap();
        writeln!(
            rows,
            "  changed: {}",
            verified(&signature, "{\"shipgate\":2}\n")
        )
        .unwrap();
        let other = keys.sign(name, "file", MESSAGE, &[]);
        writeln!(rows, "  namespace: {}", verified(&other, MESSAGE)).unwrap();
    }
    let good = keys.sign("ed25519", "shipgate", MESSAGE, &[]);
    let body = good.lines().nth(1).unwrap();
    let shapes = [
        ("windows line ends", good.replace('\n', "\r\n")),
        ("no last line end", good.trim_end().to_owned()),
        ("cut", good.replace(body, &body[..40])),
        ("no base64", good.replace(body, "?")),
        ("nothing", String::new()),
        (
            "a key",
            good.replace(body, &STANDARD.encode("openssh-key-v1")),
        ),
    ];
    for (name, armour) in shapes {
        writeln!(rows, "{name}: {}", verified(&armour, MESSAGE)).unwrap();
    }
    insta::assert_snapshot!(rows, @r"
    ed25519: good
      sha256: good
      changed: the signature does not fit the statement: it was changed, or signed with another key
      namespace: the signature is for the namespace `file`; expected `shipgate`: sign with `ssh-keygen -Y sign -n shipgate`
    p256: good
      sha256: good
      changed: the signature does not fit the statement: it was changed, or signed with another key
      namespace: the signature is for the namespace `file`; expected `shipgate`: sign with `ssh-keygen -Y sign -n shipgate`
    p384: good
      sha256: good
      changed: the signature does not fit the statement: it was changed, or signed with another key
      namespace: the signature is for the namespace `file`; expected `shipgate`: sign with `ssh-keygen -Y sign -n shipgate`
    p521: keys of the kind ecdsa-sha2-nistp521 are not accepted; ssh-ed25519 is
      sha256: keys of the kind ecdsa-sha2-nistp521 are not accepted; ssh-ed25519 is
      changed: keys of the kind ecdsa-sha2-nistp521 are not accepted; ssh-ed25519 is
      namespace: the signature is for the namespace `file`; expected `shipgate`: sign with `ssh-keygen -Y sign -n shipgate`
    rsa: good
      sha256: good
      changed: the signature does not fit the statement: it was changed, or signed with another key
      namespace: the signature is for the namespace `file`; expected `shipgate`: sign with `ssh-keygen -Y sign -n shipgate`
    rsa-short: an RSA key of 1024 bits is too short; expected at least 2048
      sha256: an RSA key of 1024 bits is too short; expected at least 2048
      changed: an RSA key of 1024 bits is too short; expected at least 2048
      namespace: the signature is for the namespace `file`; expected `shipgate`: sign with `ssh-keygen -Y sign -n shipgate`
    windows line ends: good
    no last line end: good
    cut: the signature is not base64
    no base64: the signature is not base64
    nothing: expected an SSH signature from -----BEGIN SSH SIGNATURE----- to -----END SSH SIGNATURE-----
    a key: the signature is not base64
    ");
}

#[test]
fn our_signatures_are_good_for_ssh_keygen() {
    let Some(keys) = Keys::new() else { return };
    let kinds: [(&str, &[&str], &str); 4] = [
        ("ed25519", &["ed25519"], ""),
        ("p256", &["ecdsa", "-b", "256"], ""),
        ("p384", &["ecdsa", "-b", "384"], ""),
        ("locked", &["ed25519"], "open sesame"),
    ];
    for (name, kind, passphrase) in kinds {
        // The parser takes no ECDSA key whose number begins with a zero byte, one of 256: those sign
        // through the agent. Of several new ones in a row one is another.
        let (public, mut key) = (0..5)
            .find_map(|number| {
                let file = format!("{name}-{number}");
                let public = keys.make(&file, kind, passphrase);
                let text = fs::read_to_string(keys.path(&file)).unwrap();
                Some((public, PrivateKey::parse(&text).ok()?))
            })
            .unwrap();
        assert_eq!(key.is_encrypted(), !passphrase.is_empty());
        if key.is_encrypted() {
            let wrong = key.decrypt(&Secret::new("open barley")).err().unwrap();
            assert_eq!(wrong, "the passphrase does not fit the key");
            key = key.decrypt(&Secret::new(passphrase)).unwrap();
        }
        let signature = key.sign(MESSAGE.as_bytes()).unwrap();
        let armour = signature.armour();
        assert_eq!(SshSignature::parse(&armour).unwrap(), signature);
        assert_eq!(verified(&armour, MESSAGE), "good", "{name}");
        let signers = format!("alice@example.com {public}\n");
        let by_alice =
            |message: &str| keys.verifies(&signers, "alice@example.com", message, &armour, NOON);
        assert!(by_alice(MESSAGE), "{name}");
        assert!(!by_alice("{}"), "{name}");
    }
    keys.make("rsa", &["rsa", "-b", "2048"], "");
    let rsa = PrivateKey::parse(&fs::read_to_string(keys.path("rsa")).unwrap()).unwrap();
    insta::assert_snapshot!(rsa.sign(b"").err().unwrap(), @"keys of the kind ssh-rsa sign through the SSH agent only: `ssh-add` it and give its public half");
    insta::assert_snapshot!(PrivateKey::parse(&keys.public("rsa")).err().unwrap(), @"is no private key in OpenSSH's format that can be read here; for a key of another format, one that only the agent has, or one of 256 of the kind ECDSA (its number begins with a zero), give its public half");
}

#[tokio::test(flavor = "current_thread")]
async fn an_agent_signs_with_the_key_that_is_meant() {
    let Some(keys) = Keys::new() else { return };
    let socket = keys.path("nobody");
    assert!(Agent::connect(&socket).await.is_err());
    let started = SshAgent::start(keys.folder.path());
    let sign = async |wanted: Option<&PublicKey>| {
        let mut agent = Agent::connect(&started.socket).await?;
        let signature = agent.sign(wanted, MESSAGE.as_bytes()).await?;
        Ok::<_, String>(verified(&signature.armour(), MESSAGE))
    };
    let mut rows = vec![("empty", sign(None).await)];
    for (name, kind) in [
        ("ed25519", &["ed25519"][..]),
        ("p384", &["ecdsa", "-b", "384"]),
        ("rsa", &["rsa", "-b", "2048"]),
    ] {
        let public = keys.make(name, kind, "");
        let public = PublicKey::parse(&public).unwrap();
        rows.push(("not there", sign(Some(&public)).await));
        assert_eq!(
            started.add(&["-q", keys.path(name).to_str().unwrap()]),
            Some(0)
        );
        rows.push((name, sign(Some(&public)).await));
        rows.push(("any", sign(None).await));
    }
    let shown: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    ("empty", Err("the SSH agent has no key; `ssh-add` one, or give --key FILE"))
    ("not there", Err("the SSH agent does not have this key; `ssh-add` it"))
    ("ed25519", Ok("good"))
    ("any", Ok("good"))
    ("not there", Err("the SSH agent does not have this key; `ssh-add` it"))
    ("p384", Ok("good"))
    ("any", Err("the SSH agent has 2 keys (ed25519, p384); choose one with --key PUBLIC_KEY_FILE"))
    ("not there", Err("the SSH agent does not have this key; `ssh-add` it"))
    ("rsa", Ok("good"))
    ("any", Err("the SSH agent has 3 keys (ed25519, p384, rsa); choose one with --key PUBLIC_KEY_FILE"))
    "#);
}

/// A text with its length, as SSH writes it.
fn text(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes()[..], bytes].concat()
}

/// The armour of a signature by a security key, with what it says about itself.
fn security_key(application: &str, flags: u8, claimed: u8) -> (String, String) {
    let seed = digest(&SHA256, b"a key in a test");
    let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).unwrap();
    let kind = "sk-ssh-ed25519@openssh.com";
    let public = pair.public_key().as_ref();
    let key = [text(kind.as_bytes()), text(public), text(b"ssh:")].concat();
    let hash = digest(&SHA512, MESSAGE.as_bytes());
    let signed = [
        b"SSHSIG".to_vec(),
        text(b"shipgate"),
        text(b""),
        text(b"sha512"),
        text(hash.as_ref()),
    ]
    .concat();
    let counter = [0, 0, 0, 7];
    let application = digest(&SHA256, application.as_bytes());
    let signed = digest(&SHA256, &signed);
    let data = [application.as_ref(), &[flags], &counter, signed.as_ref()].concat();
    let signature = [
        text(kind.as_bytes()),
        text(pair.sign(&data).as_ref()),
        vec![claimed],
        counter.to_vec(),
    ]
    .concat();
    let blob = [
        b"SSHSIG".to_vec(),
        vec![0, 0, 0, 1],
        text(&key),
        text(b"shipgate"),
        text(b""),
        text(b"sha512"),
        text(&signature),
    ]
    .concat();
    let armour = format!(
        "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
        STANDARD.encode(blob)
    );
    (armour, format!("{kind} {}", STANDARD.encode(key)))
}

#[test]
fn a_security_key_has_to_be_touched() {
    let Some(keys) = Keys::new() else { return };
    let mut rows = String::new();
    for (application, flags, claimed) in [
        ("ssh:", 1, 1),
        ("ssh:", 5, 5),
        ("ssh:", 0, 0),
        ("ssh:", 0, 1),
        ("web", 1, 1),
    ] {
        let (armour, public) = security_key(application, flags, claimed);
        let signers = format!("alice@example.com {public}\n");
        let theirs = keys.verifies(&signers, "alice@example.com", MESSAGE, &armour, NOON);
        let ours = verified(&armour, MESSAGE);
        writeln!(rows, "{application} {flags} {claimed}: {theirs}, {ours}").unwrap();
    }
    insta::assert_snapshot!(rows, @r"
    ssh: 1 1: true, good
    ssh: 5 5: true, good
    ssh: 0 0: true, nobody has touched the security key for this signature
    ssh: 0 1: false, the signature does not fit the statement: it was changed, or signed with another key
    web 1 1: false, the signature does not fit the statement: it was changed, or signed with another key
    ");
}

#[test]
fn allowed_signers_say_what_ssh_keygen_says() {
    let Some(keys) = Keys::new() else { return };
    let key = keys.key("id");
    let other = keys.key("other");
    let armour = keys.sign("id", "shipgate", MESSAGE, &[]);
    let signature = SshSignature::parse(&armour).unwrap();
    let alice = "alice@example.com";
    let rows: [(&str, &str, bool); 27] = [
        ("alice@example.com KEY", NOON, true),
        ("alice@example.com KEY a comment", NOON, true),
        ("  \talice@example.com\tKEY", NOON, true),
        ("\"alice@example.com\" KEY", NOON, true),
        ("# alice@example.com KEY", NOON, false),
        ("alice@example.com OTHER", NOON, false),
        ("bob@example.com KEY", NOON, false),
        ("bob@example.com,alice@example.com KEY", NOON, true),
        ("!alice@example.com,alice@example.com KEY", NOON, false),
        ("alice@example.com,!al*,bob KEY", NOON, false),
        ("alice@example.com,!bob* KEY", NOON, true),
        ("alice@example.com OTHER\nalice@example.com KEY", NOON, true),
        ("alice@example.com namespaces=\"shipgate\" KEY", NOON, true),
        ("alice@example.com namespaces=\"git,ship*\" KEY", NOON, true),
        ("alice@example.com namespaces=\"git\" KEY", NOON, false),
        (
            "alice@example.com namespaces=\"ship*,!shipgate\" KEY",
            NOON,
            false,
        ),
        ("alice@example.com NAMESPACES=\"shipgate\" KEY", NOON, true),
        (
            "alice@example.com namespaces=\"a b,shipgate\" KEY",
            NOON,
            true,
        ),
        ("alice@example.com valid-after=\"20251107\" KEY", NOON, true),
        (
            "alice@example.com valid-after=\"20251107Z\" KEY",
            "20251106235959Z",
            false,
        ),
        (
            "alice@example.com valid-after=\"202511071200Z\" KEY",
            NOON,
            true,
        ),
        (
            "alice@example.com valid-after=\"20251107120001Z\" KEY",
            NOON,
            false,
        ),
        (
            "alice@example.com valid-before=\"20251107120001Z\" KEY",
            NOON,
            true,
        ),
        (
            "alice@example.com valid-before=\"20251107115959\" KEY",
            NOON,
            false,
        ),
        (
            "alice@example.com valid-before=\"20251101\",namespaces=\"shipgate\" KEY\nalice@example.com KEY",
            NOON,
            true,
        ),
        (
            "alice@example.com valid-after=\"20251101\",valid-before=\"20251201\" KEY",
            NOON,
            true,
        ),
        (
            "alice@example.com valid-after=\"20251101\",valid-before=\"20251107\" KEY",
            NOON,
            false,
        ),
    ];
    for (line, time, expected) in rows {
        let text = line.replace("KEY", &key).replace("OTHER", &other) + "\n";
        let theirs = keys.verifies(&text, alice, MESSAGE, &armour, time);
        assert_eq!(theirs, expected, "ssh-keygen: {line} at {time}");
        let now = instant(&format!(
            "{}-{}-{}T{}:{}:{}Z",
            &time[..4],
            &time[4..6],
            &time[6..8],
            &time[8..10],
            &time[10..12],
            &time[12..14]
        ));
        let signers = AllowedSigners::parse(&text, "allowed_signers").unwrap();
        let found = signers.principals(signature.key(), now).unwrap_or_default();
        assert_eq!(
            found.iter().any(|name| name == alice),
            expected,
            "{line} at {time}: {found:?}"
        );
    }
}

#[test]
fn a_line_that_cannot_be_read_stops_everything() {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBCkLhMAyqSDsPqqeg4hFhzaXzhcbrC5aPlwJ8WtM0ch";
    let rows = [
        "alice@example.com",
        "alice@example.com KEYX",
        "alice@example.com ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIBCkLhMAyqSDsPqqeg4hFhzaXzhcbrC5aPlwJ8WtM0ch",
        "alice@example.com ssh-ed25519",
        "alice@example.com cert-authority KEY",
        "alice@example.com namespaces=\"shipgate\",cert-authority KEY",
        "alice@example.com namespaces=shipgate KEY",
        "alice@example.com namespaces=\"shipgate KEY",
        "alice@example.com namespaces=\"a\",namespaces=\"b\" KEY",
        "alice@example.com namespaces=\"a\", KEY",
        "alice@example.com namespaces=\"a\"x KEY",
        "alice@example.com no-touch-required KEY",
        "alice@example.com valid-after=\"2025\" KEY",
        "alice@example.com valid-after=\"20250230\" KEY",
        "alice@example.com valid-after=\"2025-01-01\" KEY",
        "alice@example.com valid-before=\"20250101\",valid-after=\"20250101\" KEY",
        "\"alice@example.com KEY",
        "\"\" KEY",
        "alice@example.com ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29t",
    ];
    let mut shown = String::new();
    for row in rows {
        let text = format!(
            "# keys\nbob@example.com {key}\n{}\n",
            row.replace("KEY", key)
        );
        let error = AllowedSigners::parse(&text, "allowed_signers").err();
        writeln!(shown, "{row}\n  => {}", error.unwrap()).unwrap();
    }
    let bytes = PublicKey::parse(key).unwrap();
    let now = instant("2025-11-07T12:00:00Z");
    for row in [
        "*@example.com KEY",
        "alice@example.com namespaces=\"git\" KEY",
        "alice@example.com valid-before=\"20251101\" KEY",
        "",
    ] {
        let signers = AllowedSigners::parse(&row.replace("KEY", key), "allowed_signers").unwrap();
        let error = signers.principals(bytes.bytes(), now).unwrap_err();
        writeln!(shown, "{row}\n  -> {error}").unwrap();
    }
    insta::assert_snapshot!(shown, @r#"
    alice@example.com
      => allowed_signers:3: there is no key
    alice@example.com KEYX
      => allowed_signers:3: the key is not one of the kind `ssh-ed25519`
    alice@example.com ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIBCkLhMAyqSDsPqqeg4hFhzaXzhcbrC5aPlwJ8WtM0ch
      => allowed_signers:3: the key is not one of the kind `ssh-rsa`
    alice@example.com ssh-ed25519
      => allowed_signers:3: the key is not one of the kind `ssh-ed25519`
    alice@example.com cert-authority KEY
      => allowed_signers:3: certificate authorities (cert-authority) are not accepted; list each person's own key
    alice@example.com namespaces="shipgate",cert-authority KEY
      => allowed_signers:3: certificate authorities (cert-authority) are not accepted; list each person's own key
    alice@example.com namespaces=shipgate KEY
      => allowed_signers:3: the option namespaces has no value in double quotes
    alice@example.com namespaces="shipgate KEY
      => allowed_signers:3: the options have no closing quote
    alice@example.com namespaces="a",namespaces="b" KEY
      => allowed_signers:3: the option namespaces is there twice
    alice@example.com namespaces="a", KEY
      => allowed_signers:3: the options end with a comma
    alice@example.com namespaces="a"x KEY
      => allowed_signers:3: found `x` behind the option namespaces, expected a comma or a space
    alice@example.com no-touch-required KEY
      => allowed_signers:3: unknown option `no-touch-required`; known: namespaces, valid-after, valid-before
    alice@example.com valid-after="2025" KEY
      => allowed_signers:3: valid-after is `2025`; expected YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with or without Z
    alice@example.com valid-after="20250230" KEY
      => allowed_signers:3: valid-after is `20250230`; expected YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with or without Z
    alice@example.com valid-after="2025-01-01" KEY
      => allowed_signers:3: valid-after is `2025-01-01`; expected YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with or without Z
    alice@example.com valid-before="20250101",valid-after="20250101" KEY
      => allowed_signers:3: valid-before is not after valid-after
    "alice@example.com KEY
      => allowed_signers:3: the principals have no closing quote
    "" KEY
      => allowed_signers:3: there are no principals
    alice@example.com ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29t
      => allowed_signers:3: certificates are not accepted; list the key itself
    *@example.com KEY
      -> allowed_signers:1: the principals `*@example.com` name nobody in particular; write the person's own
    alice@example.com namespaces="git" KEY
      -> allowed_signers:1: the key may sign for `git`, not for `shipgate`
    alice@example.com valid-before="20251101" KEY
      -> allowed_signers:1: the key was valid before 2025-11-01T00:00:00Z only

      -> allowed_signers has no line with the key of the signature (ssh-ed25519)
    "#);
}

fn statement() -> Statement {
    Statement {
        kind: StatementKind::Override,
        service: "shop".to_owned(),
        version: "1.1".to_owned(),
        environment: "production".to_owned(),
        not_before: instant("2025-11-07T12:00:00Z"),
        expires: instant("2025-11-07T14:00:00Z"),
        rules: vec!["blocked-date".to_owned()],
        ticket: Some("INC-42".to_owned()),
        reason: Some("checkout is \"down\"".to_owned()),
    }
}

fn read(text: &str) -> Result<Statement, String> {
    let text = OneText {
        statement: text.to_owned(),
        signature: String::new(),
    };
    text.read()
}

#[test]
fn a_statement_reads_as_it_is_written_or_not_at_all() {
    let approval = Statement {
        kind: StatementKind::Approval,
        rules: Vec::new(),
        ticket: None,
        reason: None,
        ..statement()
    };
    let text = write(&statement());
    insta::assert_snapshot!(format!("{text}{}{}", write(&approval), id(&text)), @r#"
    {"shipgate":1,"kind":"override","service":"shop","environment":"production","version":"1.1","not_before":"2025-11-07T12:00:00Z","expires":"2025-11-07T14:00:00Z","rules":["blocked-date"],"ticket":"INC-42","reason":"checkout is \"down\""}
    {"shipgate":1,"kind":"approval","service":"shop","environment":"production","version":"1.1","not_before":"2025-11-07T12:00:00Z","expires":"2025-11-07T14:00:00Z"}
    cdab9e9f80f36c9756e7e317cb9ca8247ebcc59de0b679853e39d609d5dd7638
    "#);
    assert_eq!(read(&text), Ok(statement()));
    assert_eq!(read(&write(&approval)), Ok(approval));
    let offset = text.replace("2025-11-07T14:00:00Z", "2025-11-07T09:00:00-05:00");
    assert_eq!(read(&offset), Ok(statement()));
    let rows = [
        ("", ""),
        ("{\"shipgate\":1,", "{\"shipgate\":1,\"shipgate\":1,"),
        ("{\"shipgate\":1,", "{\"shipgate\":1,\"approver\":\"x\","),
        ("{\"shipgate\":1,", "{\"shipgate\":2,"),
        ("{\"shipgate\":1,", "{"),
        ("\"override\"", "\"permit\""),
        ("\"1.1\"", "1.1"),
        ("\"1.1\"", "\"\""),
        ("INC-42", "INC-42\\nShipgate-State: verified"),
        ("INC-42", &"9".repeat(501)),
        ("12:00:00Z", "12:00:00"),
        ("2025-11-07T14", "2025-11-07T12"),
        ("}\n", "} {}"),
        ("INC-42", &"9".repeat(17_000)),
    ];
    let mut shown = String::new();
    for (from, to) in rows {
        let changed = if from.is_empty() {
            String::new()
        } else {
            text.replace(from, to)
        };
        let short: String = to.chars().take(50).collect();
        writeln!(
            shown,
            "{from:?} -> {short:?}: {}",
            read(&changed).unwrap_err()
        )
        .unwrap();
    }
    insta::assert_snapshot!(shown, @r#"
    "" -> "": the statement cannot be read: EOF while parsing a value at line 1 column 0
    "{\"shipgate\":1," -> "{\"shipgate\":1,\"shipgate\":1,": the statement cannot be read: duplicate field `shipgate` at line 1 column 24
    "{\"shipgate\":1," -> "{\"shipgate\":1,\"approver\":\"x\",": the statement cannot be read: unknown field `approver`, expected one of `shipgate`, `kind`, `service`, `environment`, `version`, `not_before`, `expires`, `rules`, `ticket`, `reason` at line 1 column 24
    "{\"shipgate\":1," -> "{\"shipgate\":2,": the statement has version 2; expected 1
    "{\"shipgate\":1," -> "{": the statement cannot be read: missing field `shipgate` at line 1 column 223
    "\"override\"" -> "\"permit\"": the statement cannot be read: unknown variant `permit`, expected `approval` or `override` at line 1 column 29
    "\"1.1\"" -> "1.1": the statement cannot be read: invalid type: floating point `1.1`, expected a string at line 1 column 89
    "\"1.1\"" -> "\"\"": `version` of the statement is empty
    "INC-42" -> "INC-42\\nShipgate-State: verified": `ticket` of the statement has control characters
    "INC-42" -> "99999999999999999999999999999999999999999999999999": `ticket` of the statement has more than 500 characters
    "12:00:00Z" -> "12:00:00": `not_before` of the statement is `2025-11-07T12:00:00`; expected RFC 3339 with an offset, such as 2025-11-04T08:00:00Z
    "2025-11-07T14" -> "2025-11-07T12": the statement expires before it begins
    "}\n" -> "} {}": the statement cannot be read: trailing characters at line 1 column 238
    "INC-42" -> "99999999999999999999999999999999999999999999999999": the statement is larger than the limit of 16384 bytes
    "#);
}

#[test]
fn one_text_is_taken_apart_where_it_was_put_together() {
    let begin = "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----";
    let parts = |text: &str| {
        let parts = OneText::split(text).unwrap();
        let shown =
            |part: &OneText| format!("{:?} + {} bytes", part.statement, part.signature.len());
        parts.iter().map(shown).collect::<Vec<_>>().join("; ")
    };
    let length = begin.len();
    let rows = [
        parts(""),
        parts("{}"),
        parts(&format!("{{}}{begin}")),
        parts(&format!("{{}}\n{begin}\n")),
        parts(&format!("{{}}\r\n{begin}\r\n")),
        parts(&format!("{{}}\n{begin}\n{{\"b\":1}}\n{begin}\n")),
        parts(&format!("{{}}\n{begin}\n\n{{}}")),
        parts("{}\n-----BEGIN SSH SIGNATURE-----\nAAAA"),
    ];
    insta::assert_snapshot!(rows.join("\n").replace(&length.to_string(), "ALL"), @r#"
    "{}" + 0 bytes
    "{}" + ALL bytes
    "{}\n" + ALL bytes
    "{}\r\n" + ALL bytes
    "{}\n" + ALL bytes; "{\"b\":1}\n" + ALL bytes
    "{}\n" + ALL bytes; "\n{}" + 0 bytes
    "{}\n" + 34 bytes
    "#);
    assert!(OneText::split(&"x".repeat(16_385)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_that_is_read_panics(text in "(.|\n){0,200}", bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&text);
        let _ = AllowedSigners::parse(&text, "x");
        let _ = PublicKey::parse(&text);
        let magic = [b"SSHSIG\0\0\0\x01", &bytes[..]].concat();
        for blob in [&bytes, &magic] {
            let armour = format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----", STANDARD.encode(blob));
            if let Ok(signature) = SshSignature::parse(&armour) {
                prop_assert!(signature.verify(b"").is_err());
            }
        }
    }
}
