//! What is looked at before the first push, and where the configuration says it: is the image there?

use std::time::Duration;

use super::{
    credential::{Unset, credential, document},
    deploy::Outside,
    load::Target,
};
use crate::{
    config::{
        provider::{Registry, RegistrySignIn},
        verification::Verification,
    },
    event::{Ending, Failure, PreflightRecord},
    manifest::ImageReference,
    probe::{
        may_pass,
        registry::{self, Credentials, Endpoint, ImageReading},
    },
    units::Version,
    yaml::value::escape,
};

/// How long a registry may take to say whether an image is there.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Name of the entry of a plan for which nobody was asked.
pub const OFFLINE: &str = "offline";
const IMAGE_MISSING: &str = "image-missing";

/// Returns where something of the configuration is written: `shipgate.yaml:14:5`.
pub fn place(target: &Target, pointer: &str) -> String {
    let position = target.config.position(pointer);
    format!(
        "{}:{}:{}",
        target.config_path, position.line, position.column
    )
}

/// Returns what to do about a reason for no answer: wait, or mend what `at` says.
pub fn next_step(reason: &str, at: &str, who: &str) -> String {
    if may_pass(reason) {
        format!("nothing was pushed; run the same command again when {who} answers")
    } else {
        format!(
            "nothing was pushed; another try would be answered the same: mend {at}, or the address and the credentials of {who}"
        )
    }
}

/// Returns where a criterion of the target's service is written, by its name.
pub fn criterion(target: &Target, name: &str) -> String {
    let Verification {
        health,
        checks,
        metrics,
        ..
    } = &target.service.verification;
    let index = |names: Vec<&String>| names.into_iter().position(|it| it == name);
    let lists = [
        ("health", index(health.iter().map(|it| &it.name).collect())),
        ("checks", index(checks.iter().map(|it| &it.name).collect())),
        (
            "metrics",
            index(metrics.iter().map(|it| &it.name).collect()),
        ),
    ];
    let found = lists
        .into_iter()
        .find_map(|(list, index)| Some(format!("/{list}/{}", index?)));
    let service = escape(&target.service.name);
    let below = found.unwrap_or_default();
    place(target, &format!("/services/{service}/verification{below}"))
}

/// What stands in a plan in place of the answers where nobody was to be asked.
pub fn nobody_asked() -> PreflightRecord {
    PreflightRecord {
        name: OFFLINE,
        passed: false,
        detail: "with --offline neither registry, cluster, health checks nor metrics are asked; `deploy` asks them before its first push"
            .to_owned(),
    }
}

/// Asks the registry of the configuration whether the version's image is there; nothing where there
/// is none.
///
/// # Errors
/// It is not there ([`Ending::BlockedOther`], `image-missing`), the registry does not say
/// ([`Ending::Unavailable`]), or a variable with credentials is not set ([`Ending::Usage`]).
pub async fn image(
    target: &Target,
    version: &Version,
    outside: &Outside<'_>,
) -> Result<Option<PreflightRecord>, Failure> {
    let record = |passed, detail| {
        Some(PreflightRecord {
            name: "image",
            passed,
            detail,
        })
    };
    let Some(registry) = &target.config.providers.registry else {
        return Ok(None);
    };
    let image = &target.service.image;
    let endpoint = endpoint(target, registry, outside)?;
    let full = ImageReference::parse(image).full_repository();
    let Some(path) = endpoint.path_of(&full) else {
        return Ok(record(
            false,
            format!(
                "whether {image}:{version} is there is not asked: it is in another registry than {}",
                endpoint.host()
            ),
        ));
    };
    let (client, clock) = (outside.client, &*outside.clock);
    let wanted = (path, version.as_str());
    let service = escape(&target.service.name);
    let at = place(target, &format!("/services/{service}/image"));
    match registry::image(client, clock, &endpoint, wanted, TIMEOUT).await {
        ImageReading::Found(digest) => Ok(record(
            true,
            format!("{image}:{version} is there, {digest}"),
        )),
        ImageReading::Missing(reason) => {
            let reason = format!("before anything was changed: {at}: {reason}");
            let mut failure = Failure::new(Ending::BlockedOther, reason)
                .hint("nothing was pushed; push the image, then run the same command again");
            IMAGE_MISSING.clone_into(&mut failure.0.reason_code);
            Err(failure)
        }
        ImageReading::Unanswered(reason) => {
            let reason = format!(
                "before anything was changed: {at}: whether the image is there is not known: {reason}"
            );
            let hint = next_step(&reason, &at, "the registry");
            Err(Failure::new(Ending::Unavailable, reason).hint(hint))
        }
    }
}

fn endpoint(
    target: &Target,
    registry: &Registry,
    outside: &Outside<'_>,
) -> Result<Endpoint, Failure> {
    let at = |key: &str| place(target, &format!("/providers/registry/{key}"));
    let unset = |key: &str, unset: Unset| {
        let reason = format!("{}: {}", at(key), unset.reason);
        Failure::new(Ending::Usage, reason).hint(unset.hint)
    };
    let find = |variable: &str, key: &str| {
        let found = credential(outside.secrets, variable, "providers.registry");
        found.map_err(|why| unset(key, why))
    };
    let mut endpoint = Endpoint {
        url: registry.url.clone(),
        token_url: registry.token_url.clone(),
        credentials: None,
    };
    endpoint.credentials = match &registry.sign_in {
        RegistrySignIn::Open => None,
        RegistrySignIn::Basic {
            username_env,
            password_env,
        } => Some(Credentials {
            username: find(username_env, "username_env")?,
            password: find(password_env, "password_env")?,
        }),
        RegistrySignIn::DockerConfig { docker_config_env } => {
            let text = document(outside.secrets, docker_config_env, "providers.registry");
            let text = text.map_err(|why| unset("docker_config_env", why))?;
            let found = registry::credentials(&text, &endpoint.host());
            found.map_err(|reason| {
                let at = at("docker_config_env");
                let reason = format!("{at}: the variable {docker_config_env} {reason}");
                Failure::new(Ending::Usage, reason)
            })?
        }
    };
    Ok(endpoint)
}
