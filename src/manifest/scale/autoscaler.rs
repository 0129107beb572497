//! What scales a workload: a HorizontalPodAutoscaler, or KEDA's ScaledObject, which makes one.

use crate::manifest::{
    Manifests, ObjectRef, Refusal, ScalarType, Segment, cursor::Cursor, findings::Findings,
    manifests::listed, object::View, replicas::number, template,
};

/// How a kind of autoscaler says what it scales and how far.
struct Kind {
    name: &'static str,
    /// The kind of its target where it names none.
    default_target: &'static str,
    minimum: &'static str,
    default_minimum: u32,
    /// The least minimum that it may have.
    least: u32,
    maximum: &'static str,
    default_maximum: Option<u32>,
    /// Whether a workload with `replicas: 0` is not scaled any more.
    off_at_zero: bool,
}

// Sources: Kubernetes documentation, "Horizontal Pod Autoscaling" (a minimum of 0 needs a feature
// gate; "implicit maintenance-mode deactivation"); KEDA documentation, "ScaledObject specification".
const KINDS: &[Kind] = &[
    Kind {
        name: "HorizontalPodAutoscaler",
        default_target: "",
        minimum: "minReplicas",
        default_minimum: 1,
        least: 1,
        maximum: "maxReplicas",
        default_maximum: None,
        off_at_zero: true,
    },
    Kind {
        name: "ScaledObject",
        default_target: "Deployment",
        minimum: "minReplicaCount",
        default_minimum: 0,
        least: 0,
        maximum: "maxReplicaCount",
        default_maximum: Some(100),
        off_at_zero: false,
    },
];

/// The autoscaler of a workload.
pub(in crate::manifest) struct Autoscaler<'a> {
    /// The object.
    pub view: View<'a>,
    kind: &'static Kind,
    /// The line on which it names the workload.
    line: usize,
}

/// Finds the autoscaler of a workload.
///
/// # Errors
/// There are several, or a part of a file that cannot be read may hold one.
pub(in crate::manifest) fn of<'a>(
    manifests: &'a Manifests,
    workload: View<'_>,
) -> Result<Option<Autoscaler<'a>>, Refusal> {
    let object = workload.reference();
    let mut found: Vec<Autoscaler<'a>> = Vec::new();
    for kind in KINDS {
        let needles = [object.name.as_str(), kind.name];
        let mut unknown = manifests.unknown_with(&needles);
        let unknown = unknown.find(|unknown| {
            template::may_be(unknown.text, kind.name) && unknown.hides(&object.name)
        });
        if let Some(unknown) = unknown {
            return Err(unknown.refusal(format!(
                "the {} here may be a {} of {object}",
                unknown.what(),
                kind.name
            )));
        }
        for view in manifests.views_with(&needles) {
            let same_namespace = view.may_share_namespace(workload.object.namespace.as_deref());
            if view.reference().kind == kind.name && same_namespace {
                found.extend(scaling(view, kind, object)?);
            }
        }
    }
    if found.len() > 1
        && let Some(first) = found.first()
    {
        let places = found.iter().map(|scaler| {
            let view = scaler.view;
            format!("{} ({}:{})", view.reference(), view.path(), scaler.line)
        });
        let reason = format!("{object} is scaled by {}, expected one", listed(places));
        return Err(Refusal::new(reason)
            .at(first.view.path(), first.line)
            .hint("take it out of all but one"));
    }
    Ok(found.pop())
}

/// Takes an autoscaler where a workload is what it scales.
fn scaling<'a>(
    view: View<'a>,
    kind: &'static Kind,
    workload: &ObjectRef,
) -> Result<Option<Autoscaler<'a>>, Refusal> {
    let Some(target) = Cursor::new(view).keys(&["spec", "scaleTargetRef"])? else {
        return Ok(None);
    };
    let texts = target.texts();
    let target_kind = texts.get("kind").copied().unwrap_or(kind.default_target);
    let is_it = target_kind == workload.kind && texts.get("name") == Some(&workload.name.as_str());
    Ok(is_it.then(|| Autoscaler {
        view,
        kind,
        line: target.line(),
    }))
}

impl Autoscaler<'_> {
    /// Finds the minimum, which stands for the replicas of a workload.
    pub(in crate::manifest) fn locate_minimum(
        &self,
        workload: View<'_>,
        replicas: u32,
        findings: &mut Findings,
    ) {
        let checked = self
            .check_not_off(workload)
            .and_then(|()| self.check_limits(replicas));
        if findings.take(checked).is_none() {
            return;
        }
        findings.put(
            &Cursor::new(self.view),
            &Segment::keys(&["spec", self.kind.minimum]),
            &replicas.to_string(),
            ScalarType::Integer,
        );
        findings.notes.push(format!(
            "{}:{}: {} decides over the replicas of {}; its `{}` is set instead",
            self.view.path(),
            self.line,
            self.view.reference(),
            workload.reference(),
            self.kind.minimum
        ));
    }

    /// Returns the minimum.
    ///
    /// # Errors
    /// It is no number.
    pub(in crate::manifest) fn minimum(&self) -> Result<u32, Refusal> {
        let place = self.place(self.kind.minimum)?;
        place.map_or(Ok(self.kind.default_minimum), |place| number(&place))
    }

    /// Does the workload's own number keep it from doing anything?
    ///
    /// # Errors
    /// A key on the way is written twice.
    pub(in crate::manifest) fn is_switched_off(&self, workload: View<'_>) -> Result<bool, Refusal> {
        let own = Cursor::new(workload).keys(&["spec", "replicas"])?;
        let is_zero = own.and_then(|own| own.text()) == Some("0");
        Ok(is_zero && self.kind.off_at_zero)
    }

    fn check_not_off(&self, workload: View<'_>) -> Result<(), Refusal> {
        if !self.is_switched_off(workload)? {
            return Ok(());
        }
        let own = Cursor::new(workload).keys(&["spec", "replicas"])?;
        let line = own.map_or(workload.object.line, |own| own.line());
        Err(Refusal::new(format!(
            "{} has `replicas: 0`, which switches {} ({}) off",
            workload.reference(),
            self.view.reference(),
            self.view.place()
        ))
        .at(workload.path(), line)
        .hint("take `replicas` out of the workload, or the workload out of the autoscaler"))
    }

    fn place(&self, key: &str) -> Result<Option<Cursor<'_>>, Refusal> {
        Cursor::new(self.view).keys(&["spec", key])
    }

    fn check_limits(&self, replicas: u32) -> Result<(), Refusal> {
        let (kind, object) = (self.kind, self.view.reference());
        let minimum = kind.minimum;
        if replicas < kind.least {
            return Err(Refusal::new(format!(
                "`{minimum}` of {object} is to become {replicas}, expected {} or more",
                kind.least
            ))
            .at(self.view.path(), self.line)
            .hint("take the workload out of the autoscaler, then its own `replicas` counts"));
        }
        // KEDA goes down to this number while there is nothing to do, so it is below the minimum.
        if let Some(idle) = self.place("idleReplicaCount")?
            && number(&idle)? >= replicas
        {
            return Err(idle
                .refusal(format!(
                    "`{minimum}` of {object} is to become {replicas}, expected more than its \
                     `idleReplicaCount`"
                ))
                .hint("ask for more replicas, or lower `idleReplicaCount` by its path first"));
        }
        let maximum = match self.place(kind.maximum)? {
            Some(place) => Some((number(&place)?, place.line())),
            None => kind.default_maximum.map(|number| (number, self.line)),
        };
        match maximum {
            Some((maximum, line)) if replicas > maximum => Err(Refusal::new(format!(
                "`{minimum}` of {object} is to become {replicas}, expected not more than its \
                 `{}`, which is {maximum}",
                kind.maximum
            ))
            .at(self.view.path(), line)
            .hint(format!(
                "ask for fewer replicas, or raise `spec.{}` by its path first",
                kind.maximum
            ))),
            _ => Ok(()),
        }
    }
}
