//! What `set` may change, and which objects that is in: the flags, and the edits that they mean.

use clap::{Args, ValueEnum};

use super::forms::{
    Image, Pair, PathValue, StepWeight, SubsetLabel, ValuePath, image, ingress, pair, path_value,
    step_weight, subset_label, value_path,
};
use crate::{
    event::{Ending, Failure},
    manifest::{Containers, Edit, ObjectRef, ScalarType, ValuesIn},
    units::Weight,
};

/// The values to set.
#[derive(Debug, Args)]
#[command(next_help_heading = "Values")]
pub struct ValueArguments {
    /// Image of every container that runs REPOSITORY, with its version labels and DD_VERSION; with
    /// NAME= of the containers called so, and nothing else. A digest may follow the tag
    #[arg(long, value_name = "[NAME=]REPOSITORY:TAG", value_parser = image)]
    image: Vec<Image>,
    /// Environment variable of containers
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<Pair>,
    /// Replicas of the workload
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=i64::from(i32::MAX)))]
    replicas: Option<u32>,
    /// Canary weight in percent, 0 to 100
    #[arg(long, value_name = "PERCENT")]
    weight: Option<Weight>,
    /// Label of the object and of its pod template
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    label: Vec<Pair>,
    /// Annotation of the object
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    annotation: Vec<Pair>,
    /// Label that a Service selects pods by, such as the colour of a blue/green pair
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, requires = "object")]
    selector: Vec<Pair>,
    /// Label of a subset of an Istio DestinationRule
    #[arg(long, value_name = "SUBSET:KEY=VALUE", value_parser = subset_label, requires = "object")]
    subset: Vec<SubsetLabel>,
    /// Weight of one of the setWeight steps of an Argo Rollout; the first is 0
    #[arg(long, value_name = "STEP=PERCENT", value_parser = step_weight, requires = "object")]
    step: Vec<StepWeight>,
    /// Value of a Helm chart, in the file --values or inline in --object
    #[arg(long, value_name = "PATH=VALUE", value_parser = path_value)]
    helm_value: Vec<PathValue>,
    /// Any value by its path, such as 'spec.template.spec.containers[name=app].image'; --value follows
    #[arg(long, value_name = "PATH", value_parser = value_path, requires = "value")]
    path: Vec<ValuePath>,
    /// Value for the --path before it
    #[arg(
        long,
        value_name = "VALUE",
        allow_hyphen_values = true,
        requires = "path"
    )]
    value: Vec<String>,
    /// What the values of --path and --helm-value are [default: as the value that is there; a new one of
    /// --helm-value as `helm --set` takes it, of --path a text]
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    scalar_type: Option<TypeChoice>,
}

/// The objects that the values are in.
#[derive(Debug, Args)]
#[command(next_help_heading = "Objects")]
pub struct ObjectArguments {
    /// Only this workload, for --image, --env and --replicas; such as Deployment/advertisements
    #[arg(long, value_name = "KIND/NAME", conflicts_with = "service")]
    workload: Option<ObjectRef>,
    /// Only the containers with this name, for --env
    #[arg(long, value_name = "NAME", requires = "env")]
    container: Option<String>,
    /// Object for --label, --annotation, --selector, --subset, --step, --helm-value and --path; without
    /// it labels and annotations change wherever they are, and a path must be in one object only
    #[arg(long, value_name = "KIND/NAME")]
    object: Vec<ObjectRef>,
    /// Objects that split the traffic, for --weight; such as Ingress/advertisements-canary
    /// [default: the only one of the files]
    #[arg(long, value_name = "KIND/NAME", requires = "weight", conflicts_with_all = ["ingress", "service"])]
    traffic: Vec<ObjectRef>,
    /// A canary Ingress for --weight: short for --traffic Ingress/NAME
    #[arg(long, value_name = "NAME", requires = "weight", value_parser = ingress, conflicts_with = "service")]
    ingress: Vec<ObjectRef>,
    /// The backend of --traffic that is the canary, where it splits between several
    #[arg(long, value_name = "NAME", requires = "weight")]
    canary: Option<String>,
    /// Values file for --helm-value, counted from --root
    #[arg(
        long,
        value_name = "FILE",
        requires = "helm_value",
        conflicts_with = "object"
    )]
    values: Option<String>,
}

/// What readers must take a value for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TypeChoice {
    /// A text, in quotes where it would be read as something else.
    Text,
    /// A whole number.
    Integer,
    /// true or false.
    Boolean,
}

impl TypeChoice {
    fn scalar_type(self) -> ScalarType {
        match self {
            Self::Text => ScalarType::Text,
            Self::Integer => ScalarType::Integer,
            Self::Boolean => ScalarType::Boolean,
        }
    }
}

/// The objects that a service's values are in where no flag says it.
#[derive(Debug, Default)]
pub struct Usual {
    /// Its workload.
    pub workload: Option<ObjectRef>,
    /// What splits its traffic.
    pub traffic: Option<ObjectRef>,
    /// The backend of it that is the canary, where that is named.
    pub canary: Option<String>,
}

impl ObjectArguments {
    /// Returns the globs of the files that are named besides those of the manifests.
    pub fn more_files(&self) -> Option<String> {
        let file = self.values.as_deref()?;
        Some(globset::escape(file.strip_prefix("./").unwrap_or(file)))
    }
}

impl ValueArguments {
    /// Is the weight of a canary to be set?
    pub fn has_weight(&self) -> bool {
        self.weight.is_some()
    }

    /// Returns the edits that the flags mean.
    ///
    /// # Errors
    /// A flag says where a value is that is not given, or a value is given for no object.
    pub fn edits(&self, objects: &ObjectArguments, usual: &Usual) -> Result<Vec<Edit>, Failure> {
        self.check(objects, usual)?;
        let workload = objects.workload.as_ref().or(usual.workload.as_ref());
        let mut edits: Vec<Edit> = self
            .image
            .iter()
            .map(|image| image_edit(image, workload))
            .collect();
        edits.extend(self.env.iter().map(|env| Edit::Env {
            workload: workload.cloned(),
            container: objects.container.clone(),
            name: env.key.clone(),
            value: env.value.clone(),
        }));
        if let (Some(workload), Some(replicas)) = (workload, self.replicas) {
            edits.push(Edit::Replicas {
                workload: workload.clone(),
                replicas,
            });
        }
        if let Some(weight) = self.weight {
            let named = objects.traffic.iter().chain(&objects.ingress);
            let mut traffic: Vec<Option<ObjectRef>> = named.cloned().map(Some).collect();
            let mut canary = objects.canary.clone();
            if traffic.is_empty() {
                traffic.push(usual.traffic.clone());
                canary = canary.or_else(|| usual.canary.clone());
            }
            edits.extend(traffic.into_iter().map(|traffic| Edit::Weight {
                traffic,
                weight,
                canary: canary.clone(),
            }));
        }
        if objects.object.is_empty() {
            self.labels_of(usual.workload.as_ref(), &mut edits);
            self.paths_of(None, &mut edits);
        }
        for object in &objects.object {
            self.labels_of(Some(object), &mut edits);
            self.special_values_of(object, &mut edits);
            self.paths_of(Some(object), &mut edits);
        }
        if let Some(file) = &objects.values {
            let file = file.strip_prefix("./").unwrap_or(file);
            self.helm_values_in(&ValuesIn::File(file.to_owned()), &mut edits);
        }
        Ok(edits)
    }

    fn labels_of(&self, object: Option<&ObjectRef>, edits: &mut Vec<Edit>) {
        edits.extend(self.label.iter().map(|label| Edit::Label {
            object: object.cloned(),
            key: label.key.clone(),
            value: label.value.clone(),
        }));
        edits.extend(self.annotation.iter().map(|annotation| Edit::Annotation {
            object: object.cloned(),
            key: annotation.key.clone(),
            value: annotation.value.clone(),
        }));
    }

    fn special_values_of(&self, object: &ObjectRef, edits: &mut Vec<Edit>) {
        edits.extend(self.selector.iter().map(|label| Edit::Selector {
            service: object.clone(),
            key: label.key.clone(),
            value: label.value.clone(),
        }));
        edits.extend(self.subset.iter().map(|subset| Edit::Subset {
            rule: object.clone(),
            subset: subset.subset.clone(),
            key: subset.label.key.clone(),
            value: subset.label.value.clone(),
        }));
        edits.extend(self.step.iter().map(|step| Edit::RolloutStep {
            rollout: object.clone(),
            step: step.step,
            weight: step.weight,
        }));
        self.helm_values_in(&ValuesIn::Object(object.clone()), edits);
    }

    fn helm_values_in(&self, values: &ValuesIn, edits: &mut Vec<Edit>) {
        edits.extend(self.helm_value.iter().map(|value| Edit::HelmValue {
            values: values.clone(),
            path: value.path.clone(),
            value: value.value.clone(),
            scalar_type: self.scalar_type.map(TypeChoice::scalar_type),
        }));
    }

    fn paths_of(&self, object: Option<&ObjectRef>, edits: &mut Vec<Edit>) {
        let pairs = self.path.iter().zip(&self.value);
        edits.extend(pairs.map(|(path, value)| Edit::Path {
            object: object.cloned(),
            path: path.0.clone(),
            value: value.clone(),
            scalar_type: self.scalar_type.map(TypeChoice::scalar_type),
        }));
    }

    /// Refuses flags that would be without effect, and values without an object.
    fn check(&self, objects: &ObjectArguments, usual: &Usual) -> Result<(), Failure> {
        let usage = |reason: &str| Err(Failure::new(Ending::Usage, reason));
        let has_workload = objects.workload.is_some() || usual.workload.is_some();
        if self.replicas.is_some() && !has_workload {
            return usage("--replicas needs --workload KIND/NAME, or --service");
        }
        let for_workload =
            !self.image.is_empty() || !self.env.is_empty() || self.replicas.is_some();
        if objects.workload.is_some() && !for_workload {
            return usage("--workload is for --image, --env or --replicas, and none is given");
        }
        let for_object = [
            self.label.len(),
            self.annotation.len(),
            self.selector.len(),
            self.subset.len(),
            self.step.len(),
            self.helm_value.len(),
            self.path.len(),
        ];
        if !objects.object.is_empty() && for_object.iter().all(|number| *number == 0) {
            return usage(
                "--object is for --label, --annotation, --selector, --subset, --step, --helm-value \
                 or --path, and none is given",
            );
        }
        if !self.helm_value.is_empty() && objects.values.is_none() && objects.object.is_empty() {
            return usage("--helm-value needs --values FILE or --object KIND/NAME");
        }
        if self.path.len() != self.value.len() {
            return Err(Failure::new(
                Ending::Usage,
                format!(
                    "found {} --path and {} --value, expected one value behind each path",
                    self.path.len(),
                    self.value.len()
                ),
            )
            .hint("for example: --path spec.paused --value true"));
        }
        if self.scalar_type.is_some() && self.path.is_empty() && self.helm_value.is_empty() {
            return usage("--type is for --path and --helm-value, and neither is given");
        }
        Ok(())
    }
}

fn image_edit(image: &Image, workload: Option<&ObjectRef>) -> Edit {
    let of = |containers: Containers, reference: &str| Edit::Image {
        workload: workload.cloned(),
        containers,
        reference: reference.to_owned(),
    };
    match image {
        Image::Version {
            repository,
            version,
        } => Edit::Version {
            workload: workload.cloned(),
            image: repository.clone(),
            version: version.clone(),
        },
        Image::Running {
            repository,
            reference,
        } => of(Containers::Running(repository.clone()), reference),
        Image::Named {
            container,
            reference,
        } => of(Containers::Named(container.clone()), reference),
    }
}
