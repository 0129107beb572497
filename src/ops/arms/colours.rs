//! A blue/green pair: is what serves after a switch as much, and is all of the traffic switched?

use super::Arms;
use crate::{
    config::BlueGreen,
    manifest::{self, Manifests, Refusal},
};

pub(super) fn look(pair: &BlueGreen, manifests: &Manifests) -> Result<Arms, Refusal> {
    let colours = [&pair.blue.object, &pair.green.object];
    let [blue, green] = colours;
    let found = manifest::colours(manifests, &pair.service, pair.label.as_deref(), colours)?;
    let serving = if found.serving == 0 { blue } else { green };
    let idle = pair.other(serving);
    let mut arms = Arms::default();
    let pods = manifest::current_replicas(manifests, serving)?;
    if let Some(replicas) = pair.replicas.filter(|replicas| *replicas < pods) {
        arms.warnings.push(format!(
            "`replicas: {replicas}` of `blue_green` is fewer than the {pods} of {serving}, which serves everyone now: after the switch {idle} has that many for all of it"
        ));
    }
    let scalers = [
        manifest::scaled_by(manifests, blue)?,
        manifest::scaled_by(manifests, green)?,
    ];
    let of_one = match scalers {
        [Some(scaler), None] => Some((scaler, blue, green)),
        [None, Some(scaler)] => Some((scaler, green, blue)),
        _ => None,
    };
    if let Some((scaler, scaled, other)) = of_one {
        arms.warnings.push(format!(
            "{scaler} scales {scaled}, and nothing scales {other}: which colour serves decides whether the number of pods follows the traffic"
        ));
    }
    for service in manifest::serving(manifests, blue, green)? {
        if service.selects_other && service.service != pair.service {
            arms.warnings.push(format!(
                "{} ({}:{}) selects the pods of {blue} and of {green}: what comes through it is not switched",
                service.service, service.path, service.line
            ));
        }
    }
    Ok(arms)
}
