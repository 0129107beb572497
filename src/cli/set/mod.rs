//! `shipgate set`: rewrites manifests in the work tree; never commits.

mod forms;
mod service;
mod values;

use std::{mem::ManuallyDrop, path::PathBuf};

use clap::Args;

use self::{
    service::ServiceArguments,
    values::{ObjectArguments, Usual, ValueArguments},
};
use super::{Session, signals};
use crate::{
    event::{Ending, Failure, Outcome},
    manifest::{Allowances, Edit},
    ops::set::{self, FileSet},
};

/// Flags of `set`.
#[derive(Debug, Args)]
pub struct SetArguments {
    /// Folder that the files are in
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// Without a configuration: manifests to look into, as globs that count from --root
    #[arg(long, value_name = "GLOB", num_args = 1.., conflicts_with = "service")]
    files: Vec<String>,
    /// Show the diff and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Refuse where any document of the files cannot be read, also one that nothing is set in
    #[arg(long)]
    strict: bool,
    /// Which service of a configuration.
    #[command(flatten)]
    service: ServiceArguments,
    /// What is set.
    #[command(flatten)]
    values: ValueArguments,
    /// Where it is set.
    #[command(flatten)]
    objects: ObjectArguments,
    /// What is set although it is not always safe.
    #[command(flatten)]
    allowances: AllowanceArguments,
}

/// What may be done beyond what is always safe.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Allowances")]
struct AllowanceArguments {
    /// Change a value that is anchored (&name) and used elsewhere too: all of them change
    #[arg(long)]
    through_anchors: bool,
    /// Replace a block scalar (| or >) by a text in quotes
    #[arg(long)]
    inline_blocks: bool,
    /// Drop the digest of an image that gets a tag
    #[arg(long)]
    drop_digest: bool,
    /// Look for objects also in texts of ConfigMaps that are manifests themselves
    #[arg(long)]
    embedded: bool,
}

impl From<AllowanceArguments> for Allowances {
    fn from(arguments: AllowanceArguments) -> Self {
        Self {
            through_anchors: arguments.through_anchors,
            inline_blocks: arguments.inline_blocks,
            drop_digests: arguments.drop_digest,
            embedded: arguments.embedded,
        }
    }
}

/// What is to be edited where.
struct Wish {
    globs: Vec<String>,
    edits: Vec<Edit>,
}

/// Runs `set`.
///
/// # Errors
/// Nothing to set, a configuration that cannot be read, edits that cannot be made safely.
pub async fn run(arguments: SetArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let root = session.context.folder.join(&arguments.root);
    let SetArguments {
        values, objects, ..
    } = &arguments;
    let mut wish = match arguments.service.wish(values, objects, &root)? {
        Some(wish) => wish,
        None => Wish {
            globs: arguments.files.clone(),
            edits: values.edits(objects, &Usual::default())?,
        },
    };
    if wish.edits.is_empty() {
        return Err(Failure::new(
            Ending::Usage,
            "nothing to set, expected a value, such as --image, --replicas, --weight, --label or --path",
        )
        .hint("for example: --image registry.example/shop/advertisements:1.1"));
    }
    wish.globs.extend(objects.more_files());
    if wish.globs.is_empty() {
        return Err(Failure::new(
            Ending::Usage,
            "--files is missing, expected the manifests to look into, or --service",
        )
        .hint("for example: --files '**/*.yaml'"));
    }
    // A signal must not leave the new files that wait beside the old ones.
    let stop = signals::listen(&session.context);
    // The process ends next, and gives back the memory of ten thousand files at once.
    let now = session.context.clock.now();
    let files = ManuallyDrop::new(FileSet::read(&root, &wish.globs, now)?);
    if arguments.strict {
        files.check_readable()?;
    }
    let allowed = arguments.allowances.into();
    let how = (allowed, arguments.dry_run);
    set::run(&files, &wish.edits, how, &stop, session).await
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Call {
        #[command(flatten)]
        set: SetArguments,
    }

    /// Returns the edits that flags mean, one a line.
    fn edits(arguments: &str) -> String {
        let call = Call::try_parse_from(arguments.split(' ').map(|word| word.replace('_', " ")));
        let set = call
            .unwrap_or_else(|error| panic!("{arguments}: {error}"))
            .set;
        let edits = set.values.edits(&set.objects, &Usual::default());
        let edits = edits.unwrap_or_else(|failure| panic!("{arguments}: {failure}"));
        let lines = edits.iter().map(|edit| format!("{edit:?}\n"));
        lines.collect()
    }

    #[test]
    fn every_flag_becomes_its_edit() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let calls = [
            "set --files a --image r/app:1.1 --image side=r/side:2 --workload Deployment/app"
                .to_owned(),
            format!("set --files a --image r/app@{digest}"),
            "set --files a --env A=b=c --env B= --container app".to_owned(),
            "set --files a --replicas 3 --workload Deployment/app".to_owned(),
            "set --files a --weight 5 --ingress app".to_owned(),
            "set --files a --weight 5 --traffic HTTPRoute/app --canary app-canary".to_owned(),
            "set --files a --weight 5 --traffic HTTPRoute/a --traffic GRPCRoute/a".to_owned(),
            "set --files a --label k=v --annotation example.com/k=v_w".to_owned(),
            "set --files a --label k=v --object Deployment/a --object Service/b".to_owned(),
            "set --files a --selector colour=green --object Service/app".to_owned(),
            "set --files a --subset v2:version=1.1 --object DestinationRule/app".to_owned(),
            "set --files a --step 0=10 --step 1=50 --object Rollout/app".to_owned(),
            "set --helm-value image.tag=1.1 --values ./values.yaml --type text".to_owned(),
            "set --files a --helm-value image.tag=1.1 --object Application/app".to_owned(),
            "set --files a --path a[b=c].d --value -1 --path e --value f=g --type integer"
                .to_owned(),
        ];
        let found: Vec<String> = calls.iter().map(|call| edits(call)).collect();
        insta::assert_snapshot!(found.join("\n"), @r#"
        Version { workload: Some(ObjectRef { kind: "Deployment", name: "app" }), image: "r/app", version: Version("1.1") }
        Image { workload: Some(ObjectRef { kind: "Deployment", name: "app" }), containers: Named("side"), reference: "r/side:2" }

        Image { workload: None, containers: Running("r/app"), reference: "r/app@sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a" }

        Env { workload: None, container: Some("app"), name: "A", value: "b=c" }
        Env { workload: None, container: Some("app"), name: "B", value: "" }

        Replicas { workload: ObjectRef { kind: "Deployment", name: "app" }, replicas: 3 }

        Weight { traffic: Some(ObjectRef { kind: "Ingress", name: "app" }), weight: Weight(5), canary: None }

        Weight { traffic: Some(ObjectRef { kind: "HTTPRoute", name: "app" }), weight: Weight(5), canary: Some("app-canary") }

        Weight { traffic: Some(ObjectRef { kind: "HTTPRoute", name: "a" }), weight: Weight(5), canary: None }
        Weight { traffic: Some(ObjectRef { kind: "GRPCRoute", name: "a" }), weight: Weight(5), canary: None }

        Label { object: None, key: "k", value: "v" }
        Annotation { object: None, key: "example.com/k", value: "v w" }

        Label { object: Some(ObjectRef { kind: "Deployment", name: "a" }), key: "k", value: "v" }
        Label { object: Some(ObjectRef { kind: "Service", name: "b" }), key: "k", value: "v" }

        Selector { service: ObjectRef { kind: "Service", name: "app" }, key: "colour", value: "green" }

        Subset { rule: ObjectRef { kind: "DestinationRule", name: "app" }, subset: "v2", key: "version", value: "1.1" }

        RolloutStep { rollout: ObjectRef { kind: "Rollout", name: "app" }, step: 0, weight: Weight(10) }
        RolloutStep { rollout: ObjectRef { kind: "Rollout", name: "app" }, step: 1, weight: Weight(50) }

        HelmValue { values: File("values.yaml"), path: [Key("image"), Key("tag")], value: "1.1", scalar_type: Some(Text) }

        HelmValue { values: Object(ObjectRef { kind: "Application", name: "app" }), path: [Key("image"), Key("tag")], value: "1.1", scalar_type: None }

        Path { object: None, path: [Key("a"), Item { key: "b", value: "c" }, Key("d")], value: "-1", scalar_type: Some(Integer) }
        Path { object: None, path: [Key("e")], value: "f=g", scalar_type: Some(Integer) }
        "#);
    }
}
