//! `shipgate set`: rewrites manifests in the work tree; never commits.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Session, deploy::version, verify::ArmChoice};
use crate::{
    config::Strategy,
    event::{Ending, Failure, Outcome},
    manifest::{Allowances, Edit, ImageReference, ObjectRef},
    ops::{
        load,
        set::{self, FileSet},
    },
    units::{Version, Weight},
};

/// Flags of `set`.
#[derive(Debug, Args)]
pub struct SetArguments {
    /// Folder that the files are in
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// A service of the configuration: its manifests, image, workloads and traffic object
    #[arg(long, value_name = "NAME", conflicts_with_all = ["files", "image", "workload", "ingress"])]
    service: Option<String>,
    /// Version for the service
    #[arg(long, value_parser = version, requires = "service", allow_hyphen_values = true)]
    version: Option<Version>,
    /// Workload of the service that the version and the replicas are for
    #[arg(long, value_enum, default_value_t = ArmChoice::Stable, requires = "service")]
    arm: ArmChoice,
    /// Environment of the configuration [default: the only one]
    #[arg(long, value_name = "NAME", requires = "service")]
    environment: Option<String>,
    /// Path of the configuration, counted from --root
    #[arg(
        long,
        value_name = "PATH",
        default_value = "shipgate.yaml",
        requires = "service"
    )]
    config: String,
    /// Without a configuration: manifests to look into, as globs that count from --root
    #[arg(long, value_name = "GLOB", required_unless_present = "service", num_args = 1..)]
    files: Vec<String>,
    /// Image and the version that it is to have; with its version labels and DD_VERSION
    #[arg(long, value_name = "REPOSITORY:TAG", value_parser = image)]
    image: Vec<Image>,
    /// Only this workload, such as Deployment/advertisements
    #[arg(long, value_name = "KIND/NAME")]
    workload: Option<ObjectRef>,
    /// Replicas of the workload
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=i64::from(i32::MAX)))]
    replicas: Option<u32>,
    /// Canary weight in percent, 0 to 100
    #[arg(long, value_name = "PERCENT")]
    weight: Option<Weight>,
    /// The canary Ingress that the weight is for
    #[arg(long, value_name = "NAME", requires = "weight", value_parser = ingress)]
    ingress: Option<ObjectRef>,
    /// Show the diff and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// What is to be edited where.
struct Wish {
    globs: Vec<String>,
    edits: Vec<Edit>,
}

/// An image repository and the version wanted.
#[derive(Debug, Clone)]
struct Image {
    repository: String,
    version: Version,
}

/// Runs `set`.
///
/// # Errors
/// Nothing to set, a configuration that cannot be read, edits that cannot be made safely.
pub async fn run(arguments: SetArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let root = session.context.folder.join(&arguments.root);
    let wish = match &arguments.service {
        Some(service) => of_service(&arguments, service, &root)?,
        None => of_flags(&arguments)?,
    };
    if wish.edits.is_empty() {
        return Err(Failure::new(
            Ending::Usage,
            "nothing to set, expected --image, --version, --replicas or --weight",
        )
        .hint("for example: --image registry.example/shop/advertisements:1.1"));
    }
    let files = FileSet::read(&root, &wish.globs)?;
    set::run(
        &files,
        &wish.edits,
        Allowances::default(),
        arguments.dry_run,
        session,
    )
}

fn of_service(arguments: &SetArguments, service: &str, root: &Path) -> Result<Wish, Failure> {
    let path = root.join(&arguments.config);
    let subject = load::subject_on_disk(
        &path,
        &arguments.config,
        Some(service),
        arguments.environment.as_deref(),
    )?;
    let service = &subject.service;
    let canary = match &service.strategy {
        Strategy::Canary(canary) => Some(canary),
        Strategy::Rolling(_) => None,
    };
    let no_canary = |flag: &str| {
        Failure::new(
            Ending::Usage,
            format!(
                "{flag}: the service `{}` has no canary; its strategy is `rolling`",
                service.name
            ),
        )
    };
    let workload = match (arguments.arm, canary) {
        (ArmChoice::Stable, _) => &service.stable,
        (ArmChoice::Canary, Some(canary)) => &canary.workload,
        (ArmChoice::Canary, None) => return Err(no_canary("--arm canary")),
    };
    let mut edits = Vec::new();
    if let Some(version) = &arguments.version {
        edits.push(Edit::Version {
            workload: Some(workload.clone()),
            image: service.image.clone(),
            version: version.clone(),
        });
    }
    if let Some(replicas) = arguments.replicas {
        edits.push(Edit::Replicas {
            workload: workload.clone(),
            replicas,
        });
    }
    if let Some(weight) = arguments.weight {
        let canary = canary.ok_or_else(|| no_canary("--weight"))?;
        edits.push(Edit::Weight {
            traffic: canary.ingress.clone(),
            weight,
            canary: None,
        });
    }
    Ok(Wish {
        globs: service.globs(&subject.environment),
        edits,
    })
}

fn of_flags(arguments: &SetArguments) -> Result<Wish, Failure> {
    let without = |flag: &str, missing: &str| {
        Failure::new(
            Ending::Usage,
            format!("{flag} needs {missing}, or --service"),
        )
    };
    if arguments.replicas.is_some() && arguments.workload.is_none() {
        return Err(without("--replicas", "--workload KIND/NAME"));
    }
    if arguments.weight.is_some() && arguments.ingress.is_none() {
        return Err(without("--weight", "--ingress NAME"));
    }
    Ok(Wish {
        globs: arguments.files.clone(),
        edits: edits(arguments),
    })
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
        edits.push(Edit::Weight {
            traffic: ingress.clone(),
            weight,
            canary: None,
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
