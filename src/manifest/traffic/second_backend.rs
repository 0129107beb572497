//! A second backend beside the only one of a rule, made like the first where that is safe.

use crate::manifest::{
    Manifests, Refusal, ScalarType, Segment,
    backend::{Backend, CANARY_SUFFIX, Rule, listed},
    cursor::Cursor,
    qualified_name,
};

/// A backend that a rule does not have yet.
#[derive(Debug)]
pub(in crate::manifest) struct Second {
    /// Its Service or host, where it is another one than the first backend's.
    pub host: Option<String>,
    /// How its list item is named.
    pub item: Segment,
    /// What it says in front of its weight.
    pub fields: Vec<Field>,
}

/// One value of a new backend.
#[derive(Debug)]
pub(in crate::manifest) struct Field {
    /// Path inside the backend.
    pub path: Vec<Segment>,
    /// The value.
    pub value: String,
    /// What readers must take it for.
    pub scalar_type: ScalarType,
}

impl Field {
    /// Makes a text.
    pub(in crate::manifest) fn text(path: &[&str], value: &str) -> Self {
        Self {
            path: Segment::keys(path),
            value: value.to_owned(),
            scalar_type: ScalarType::Text,
        }
    }

    /// Takes what another backend says; none where it does not say it.
    ///
    /// # Errors
    /// It says it twice.
    pub(in crate::manifest) fn copied(
        from: &Cursor<'_>,
        path: &[&str],
        scalar_type: ScalarType,
    ) -> Result<Option<Self>, Refusal> {
        let value = from.keys(path)?.and_then(|place| place.text());
        Ok(value.map(|value| Self {
            scalar_type,
            ..Self::text(path, value)
        }))
    }
}

/// Makes a second Service like the first one of a rule: with the same port.
///
/// # Errors
/// The name is none of a Service, or the first one says more than `understood`, or is none.
pub(in crate::manifest) fn service(
    rule: &Rule<'_>,
    name: &str,
    understood: &[&str],
) -> Result<Second, Refusal> {
    let first = &first(rule)?.item;
    check_name(rule, name)?;
    check_keys(rule, first, name, understood)?;
    let kind = first.key("kind")?.and_then(|kind| kind.text());
    if let Some(kind) = kind.filter(|kind| *kind != "Service") {
        let reason = format!("the first one is a {kind}, expected a Service");
        return Err(refusal(rule, name, &reason).hint(BY_HAND));
    }
    // Traefik takes a port by its name, too.
    let port = first.key("port")?.and_then(|port| port.text());
    let scalar_type = if port.is_some_and(|port| port.parse::<u16>().is_ok()) {
        ScalarType::Integer
    } else {
        ScalarType::Text
    };
    Ok(Second {
        host: Some(name.to_owned()),
        item: Segment::named(name),
        fields: Field::copied(first, &["port"], scalar_type)?
            .into_iter()
            .collect(),
    })
}

const BY_HAND: &str = "write it by hand once, with weight 0; from then on it is edited";

/// Returns the only backend of a rule.
///
/// # Errors
/// It has another number of them.
pub(in crate::manifest) fn first<'r, 'a>(rule: &'r Rule<'a>) -> Result<&'r Backend<'a>, Refusal> {
    match rule.backends.as_slice() {
        [first] => Ok(first),
        _ => Err(refusal(rule, "", "the rule has several already").hint(BY_HAND)),
    }
}

/// Makes a refusal to add a backend.
pub(in crate::manifest) fn refusal(rule: &Rule<'_>, name: &str, reason: &str) -> Refusal {
    let found = listed(std::slice::from_ref(rule));
    rule.list.refusal(format!(
        "`{name}` cannot be added beside the backend of `{}` in {}: {reason}; found {found}",
        rule.list.target(),
        rule.list.view.reference(),
    ))
}

/// Refuses a name that no Service and no host can have (RFC 1123).
pub(in crate::manifest) fn check_name(rule: &Rule<'_>, name: &str) -> Result<(), Refusal> {
    if qualified_name::is_subdomain(name) {
        return Ok(());
    }
    let reason = "the name is not written as those of Services and hosts are";
    let hint = "expected lower-case letters, digits and hyphens, such as app-canary";
    Err(refusal(rule, name, reason).hint(hint))
}

/// Refuses a backend that says something of which it is not known whether it is for a second one, too.
pub(in crate::manifest) fn check_keys(
    rule: &Rule<'_>,
    place: &Cursor<'_>,
    name: &str,
    understood: &[&str],
) -> Result<(), Refusal> {
    let document = place.document;
    let unknown = document.entries(place.node).find_map(|(key, _)| {
        let text = document.text(key).unwrap_or_default();
        (!understood.contains(&text)).then_some(text)
    });
    match unknown {
        None => Ok(()),
        Some(key) => {
            let reason = format!("the first one has `{key}`, which may be for it alone");
            Err(refusal(rule, name, &reason).hint(BY_HAND))
        }
    }
}

/// Says that nothing in the files is the Service of a backend.
///
/// # Errors
/// Nor is the backend the canary of the first one by its name: it may well be mistyped.
pub(in crate::manifest) fn note_no_service(
    manifests: &Manifests,
    rule: &Rule<'_>,
    name: &str,
) -> Result<Option<String>, Refusal> {
    let label = name.split('.').next().unwrap_or(name);
    let needles = ["Service", label];
    let mut views = manifests.views_with(&needles);
    let is_it = views.any(|view| {
        let object = view.reference();
        object.kind == "Service" && object.name == label
    });
    if is_it {
        return Ok(None);
    }
    let first = first(rule)?.name.label();
    if label.strip_suffix(CANARY_SUFFIX) != Some(first) {
        let reason = format!("the files hold no Service/{label}");
        let hint = format!(
            "check the name: `{first}{CANARY_SUFFIX}` needs no Service in the files, for another one name the \
             file of its Service too"
        );
        return Err(refusal(rule, name, &reason).hint(hint));
    }
    Ok(Some(format!(
        "{}:{}: {} gets the backend `{name}`, and the files hold no Service/{label}",
        rule.list.view.path(),
        rule.list.line(),
        rule.list.target()
    )))
}
