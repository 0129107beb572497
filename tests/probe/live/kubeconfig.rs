//! Which cluster a kubeconfig means, and what is refused rather than left out.

use std::fs;

use shipgate::{
    probe::live::kubeconfig::{Pod, Surroundings, find},
    secret::Secret,
};

use super::file;
use crate::{
    faults::{SECOND, TOKEN, client, now},
    server::{Server, answer},
};

fn config(cluster: &str, user: &str) -> String {
    format!(
        "current-context: prod\ncontexts:\n- {{name: prod, context: {{cluster: c, user: u, namespace: shop}}}}\n- {{name: lost, context: {{cluster: nowhere, user: u}}}}\n- {{name: empty, context: {{}}}}\nclusters: [{{name: c, cluster: {{{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
    )
}

/// Prints what is found, after a look for what must not be in it.
fn found(text: &str, context: Option<&str>) -> String {
    let (folder, path) = file("config", text);
    let surroundings = Surroundings {
        kubeconfig: Some(path.display().to_string()),
        ..Surroundings::default()
    };
    let text = match find(&surroundings, context, &client()) {
        Ok(cluster) => format!("namespace {:?}", cluster.namespace),
        Err(unusable) => format!("{} ({})", unusable.reason, unusable.hint),
    };
    assert!(!text.contains(TOKEN), "{text}");
    text.replace(&folder.path().display().to_string(), "FOLDER")
}

#[test]
fn what_cannot_be_done_as_it_says_is_refused() {
    let server = "server: 'https://127.0.0.1:6443'";
    let token = &format!("token: {TOKEN}");
    let both = |more: &str| format!("{server}, {more}");
    let rows = [
        (config(server, token), None),
        (config(server, token), Some("lost")),
        (config(server, token), Some("empty")),
        (config(server, token), Some("nobody")),
        (config(&both("insecure-skip-tls-verify: true"), token), None),
        (
            config(&both("insecure-skip-tls-verify: false"), token),
            None,
        ),
        (config(&both("tls-server-name: other.example"), token), None),
        (
            config(&both("proxy-url: 'socks5://proxy.example'"), token),
            None,
        ),
        (config("server: 'http://cluster.example'", token), None),
        (
            config(
                &format!("server: 'https://u:{TOKEN}@cluster.example'"),
                token,
            ),
            None,
        ),
        (config("server: [1]", token), None),
        (
            config(&both("certificate-authority-data: '%%%'"), token),
            None,
        ),
        (
            config(&both("certificate-authority: none.pem"), token),
            None,
        ),
        (
            config(
                server,
                "exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, args: [eks, get-token]}",
            ),
            None,
        ),
        (config(server, "auth-provider: {name: gcp}"), None),
        (
            config(server, &format!("username: admin, password: {TOKEN}")),
            None,
        ),
        (config(server, &format!("as: root, {token}")), None),
        (config(server, "client-certificate-data: YQ=="), None),
        (config(server, "tokenFile: none"), None),
        (format!("{}: {{\n", TOKEN), None),
        ("clusters: []\n".to_owned(), None),
        (String::new(), None),
    ];
    let lines: Vec<String> = rows
        .iter()
        .map(|(text, context)| found(text, *context))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    namespace Some("shop")
    the kubeconfig has no cluster called "nowhere" (the kubeconfig is FOLDER/config)
    the context "empty" of the kubeconfig has no cluster (the kubeconfig is FOLDER/config)
    the kubeconfig has no context called "nobody" (the kubeconfig is FOLDER/config)
    FOLDER/config: a cluster with `insecure-skip-tls-verify` cannot be used: a server that anybody could be is not asked (write a kubeconfig without `insecure-skip-tls-verify` for shipgate)
    namespace Some("shop")
    FOLDER/config: a cluster with `tls-server-name` cannot be used: another name than the address's is not checked for (write a kubeconfig without `tls-server-name` for shipgate)
    FOLDER/config: a cluster with `proxy-url` cannot be used: a proxy of its own is not used (write a kubeconfig without `proxy-url` for shipgate)
    FOLDER/config: the address of the cluster cannot be used (expected `server: https://host:port`)
    FOLDER/config: the address of the cluster cannot be used (expected `server: https://host:port`)
    FOLDER/config: the address of the cluster cannot be used (expected `server: https://host:port`)
    FOLDER/config: `certificate-authority-data` is not base64 (write the kubeconfig anew)
    FOLDER/config: `certificate-authority` cannot be read: No such file or directory (os error 2) (it names FOLDER/none.pem)
    FOLDER/config: the user signs in by the program "aws", and shipgate runs no programs (let a step before put the token into a variable, and name that: `providers: {kubernetes: {token_env: KUBE_TOKEN}}`)
    FOLDER/config: signing in by `auth-provider` is not supported (use `token`, `tokenFile` or a client certificate, or `providers: {kubernetes: {token_env: KUBE_TOKEN}}`)
    FOLDER/config: signing in by `username` is not supported (use `token`, `tokenFile` or a client certificate, or `providers: {kubernetes: {token_env: KUBE_TOKEN}}`)
    FOLDER/config: signing in by `as` is not supported (use `token`, `tokenFile` or a client certificate, or `providers: {kubernetes: {token_env: KUBE_TOKEN}}`)
    FOLDER/config: the user has one of `client-certificate` and `client-key` (both are needed)
    FOLDER/config: `tokenFile` cannot be read: No such file or directory (os error 2) (it names FOLDER/none)
    FOLDER/config:1:16 is not YAML (KUBECONFIG names the kubeconfig)
    the kubeconfig has no current context, and `context` names none (the kubeconfig is FOLDER/config)
    the kubeconfig has no current context, and `context` names none (the kubeconfig is FOLDER/config)
    "#);
}

#[test]
fn without_a_kubeconfig_there_is_no_guess() {
    let folder = tempfile::tempdir().unwrap();
    let home = Surroundings {
        home: Some(folder.path().display().to_string()),
        ..Surroundings::default()
    };
    let pod = Surroundings {
        pod: Some(Pod {
            host: "10.0.0.1".to_owned(),
            port: "443".to_owned(),
            account: folder.path().join("account"),
        }),
        ..home.clone()
    };
    let elsewhere = Surroundings {
        kubeconfig: Some(folder.path().join("none").display().to_string()),
        ..pod.clone()
    };
    let mut lines = Vec::new();
    for (surroundings, context) in [
        (&home, None),
        (&pod, Some("prod")),
        (&pod, None),
        (&elsewhere, None),
    ] {
        let unusable = find(surroundings, context, &client()).unwrap_err();
        let text = format!("{} ({})", unusable.reason, unusable.hint);
        lines.push(text.replace(&folder.path().display().to_string(), "FOLDER"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    there is no kubeconfig (set KUBECONFIG to its path, or run shipgate in a pod of the cluster)
    there is no kubeconfig (set KUBECONFIG to its path, or run shipgate in a pod of the cluster)
    the pod's account cannot be used: FOLDER/account/token: No such file or directory (os error 2) (the pod needs `automountServiceAccountToken: true`)
    the kubeconfig FOLDER/none cannot be read: No such file or directory (os error 2) (KUBECONFIG names the kubeconfig)
    ");
    let account = folder.path().join("account");
    fs::create_dir(&account).unwrap();
    for (name, text) in [("token", "t"), ("ca.crt", "c"), ("namespace", "shop\n")] {
        fs::write(account.join(name), text).unwrap();
    }
    let cluster = find(&pod, None, &client()).unwrap();
    assert_eq!(cluster.namespace.as_deref(), Some("shop"));
}

/// Asks the cluster that is found with each of its tokens, and returns what it was sent.
async fn sent(surroundings: &Surroundings, server: &Server) -> String {
    use shipgate::{
        clock::ManualClock,
        probe::live::{cluster::Name, workload},
    };
    let cluster = find(surroundings, None, &client()).unwrap();
    let name = Name {
        namespace: "shop",
        name: "web",
    };
    let clock = ManualClock::at(now());
    let _ = workload::look(&cluster, &clock, "Deployment", name, "web", SECOND).await;
    server.requests().last().unwrap().clone()
}

#[tokio::test]
async fn tokens_are_read_anew_and_the_first_file_counts() {
    let server = Server::always(answer(200, "", "{}"));
    let cluster = format!("server: '{}'", server.url);
    let (folder, path) = file(
        "config",
        &config(&cluster, "tokenFile: token, token: older"),
    );
    let (_other_folder, other) = file(
        "config",
        &config("server: 'https://127.0.0.1:1'", "token: other"),
    );
    let paths = std::env::join_paths([&path, &other]).unwrap();
    let mut surroundings = Surroundings {
        kubeconfig: Some(paths.into_string().unwrap()),
        ..Surroundings::default()
    };
    for token in ["one", "two"] {
        fs::write(folder.path().join("token"), format!("{token}\n")).unwrap();
        let request = sent(&surroundings, &server).await;
        assert!(
            request.contains(&format!("authorization: Bearer {token}\r\n")),
            "{request}"
        );
    }
    surroundings.token = Some(Secret::new("given"));
    let request = sent(&surroundings, &server).await;
    assert!(
        request.contains("authorization: Bearer given\r\n"),
        "{request}"
    );
}
