//! `shipgate set`.

use std::path::PathBuf;

use clap::Args;

use super::Session;
use crate::{
    event::{Ending, Failure, Outcome},
    manifest::{Edit, ImageReference, ObjectRef},
    ops::set::{self, FileSet},
    units::{Version, Weight},
};

/// Flags of `set`.
#[derive(Debug, Args)]
pub struct SetArguments {
    /// Folder that the files are in
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// Manifests to look into: globs that count from --root
    #[arg(long, value_name = "GLOB", required = true, num_args = 1..)]
    files: Vec<String>,
    /// Image and the version that it is to have; with its version labels and DD_VERSION
    #[arg(long, value_name = "REPOSITORY:TAG", value_parser = image)]
    image: Vec<Image>,
    /// Only this workload, such as Deployment/advertisements
    #[arg(long, value_name = "KIND/NAME")]
    workload: Option<ObjectRef>,
    /// Replicas of the workload
    #[arg(long, value_name = "NUMBER", requires = "workload")]
    replicas: Option<u32>,
    /// Canary weight in percent, 0 to 100
    #[arg(long, value_name = "PERCENT", requires = "ingress")]
    weight: Option<Weight>,
    /// The canary Ingress that the weight is for
    #[arg(long, value_name = "NAME", requires = "weight", value_parser = ingress)]
    ingress: Option<ObjectRef>,
    /// Show the diff and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// An image repository and the version wanted.
#[derive(Debug, Clone)]
struct Image {
    repository: String,
    version: Version,
}

/// Runs `set`.
pub async fn run(arguments: SetArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let edits = edits(&arguments);
    if edits.is_empty() {
        return Err(Failure::new(
            Ending::Usage,
            "nothing to set, expected --image, --replicas or --weight",
        )
        .hint("for example: --image registry.example/shop/advertisements:1.1"));
    }
    let root = session.context.folder.join(&arguments.root);
    let files = FileSet::read(&root, &arguments.files)?;
    set::run(&files, &edits, arguments.dry_run, session)
}

fn edits(arguments: &SetArguments) -> Vec<Edit> {
    let mut edits: Vec<Edit> = arguments
        .image
        .iter()
        .map(|image| Edit::Version {
            workload: arguments.workload.clone(),
            image: image.repository.clone(),
            version: image.version.clone(),
        })
        .collect();
    if let (Some(workload), Some(replicas)) = (&arguments.workload, arguments.replicas) {
        edits.push(Edit::Replicas {
            workload: workload.clone(),
            replicas,
        });
    }
    if let (Some(ingress), Some(weight)) = (&arguments.ingress, arguments.weight) {
        edits.push(Edit::IngressWeight {
            ingress: ingress.clone(),
            weight,
        });
    }
    edits
}

fn image(text: &str) -> Result<Image, String> {
    let expected = "expected repository:tag, such as registry.example/shop/advertisements:1.1";
    let reference = ImageReference::parse(text);
    match (reference.repository, reference.tag, reference.digest) {
        ("", ..) | (_, None, _) | (.., Some(_)) => Err(format!("found {text:?}, {expected}")),
        (repository, Some(tag), None) => Ok(Image {
            repository: repository.to_owned(),
            version: tag.parse().map_err(|error| format!("version: {error}"))?,
        }),
    }
}

/// The name of an Ingress, with or without its kind.
fn ingress(text: &str) -> Result<ObjectRef, String> {
    if text.contains('/') {
        text.parse()
    } else {
        format!("Ingress/{text}").parse()
    }
}
