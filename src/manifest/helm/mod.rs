//! Values of Helm charts: in a values file, in an Argo CD Application, in a Flux HelmRelease.

mod argo_cd;
mod flux;

use super::{
    Allowances, Manifests, Refusal, ScalarType, Segment, ValuesIn,
    cursor::Cursor,
    findings::Findings,
    manifests::{TEMPLATE_HINT, count, listed, views_with},
    object::View,
    pointer::path_of,
    replicas::number,
    target::Target,
    template,
};
use crate::yaml::{NodeKind, ScalarStyle};

/// Kinds of the objects that hold the values of a chart.
pub const INSTALLERS: [&str; 3] = ["Application", "ApplicationSet", "HelmRelease"];

/// A value that is wanted somewhere in the values of a chart.
#[derive(Debug, Clone, Copy)]
struct Wanted<'w> {
    /// Path inside the values.
    path: &'w [Segment],
    /// New value.
    value: &'w str,
    /// What readers must take it for, where that was said.
    scalar_type: Option<ScalarType>,
}

/// Finds a value of a chart.
pub(super) fn locate(
    manifests: &Manifests,
    values: &ValuesIn,
    path: &[Segment],
    (value, scalar_type): (&str, Option<ScalarType>),
    findings: &mut Findings,
) {
    let wanted = Wanted {
        path,
        value,
        scalar_type,
    };
    let found = template::check_new(value).and_then(|()| match values {
        ValuesIn::File(path) => values_file(manifests, path)
            .and_then(|view| wanted.put(&Cursor::new(view), &[], findings)),
        ValuesIn::Object(object) => manifests
            .one(object)
            .and_then(|view| in_object(view, wanted, findings)),
    });
    findings.take(found);
}

/// Finds a value of a chart that must be there.
pub(super) fn locate_there(
    manifests: &Manifests,
    values: &ValuesIn,
    path: &[Segment],
    (value, scalar_type): (&str, ScalarType),
    findings: &mut Findings,
) {
    if findings.take(there(manifests, values, path)).is_some() {
        let value = (value, Some(scalar_type));
        locate(manifests, values, path, value, findings);
    }
}

/// Returns the text of a value of a chart, of several places the one that counts.
///
/// # Errors
/// The file or the object is not there or has another form, the value is not there, is empty, or is no scalar.
pub fn current(
    manifests: &Manifests,
    values: &ValuesIn,
    path: &[Segment],
) -> Result<String, Refusal> {
    let place = there(manifests, values, path)?;
    let target = Target::at(&place, Allowances::default())?;
    if target.value.is_empty() {
        return Err(place
            .refusal(format!("`{}` is empty, expected a value", path_of(path)))
            .hint("write the value that counts now there"));
    }
    Ok(target.value.to_string())
}

/// Returns the number that a value of a chart is, of several places the one that counts.
///
/// # Errors
/// The file or the object is not there or has another form, the value is not there, or is no whole number.
pub fn current_number(
    manifests: &Manifests,
    values: &ValuesIn,
    path: &[Segment],
) -> Result<u32, Refusal> {
    number(&there(manifests, values, path)?)
}

/// Returns the place of a value.
fn there<'a>(
    manifests: &'a Manifests,
    values: &ValuesIn,
    path: &[Segment],
) -> Result<Cursor<'a>, Refusal> {
    let (view, place) = match values {
        ValuesIn::File(file) => {
            let view = values_file(manifests, file)?;
            (view, Cursor::new(view).follow(path)?)
        }
        ValuesIn::Object(object) => {
            let view = manifests.one(object)?;
            let place = match Installer::of(view)? {
                Installer::ArgoCd(spec) => argo_cd::place(view, spec, path)?,
                Installer::Flux => flux::place(view, path)?,
            };
            (view, place)
        }
    };
    place.ok_or_else(|| {
        Refusal::new(format!(
            "there is no `{}` here, and a key that the chart does not know would change nothing",
            path_of(path)
        ))
        .at(view.path(), view.object.line)
        .hint("check the key; where only the chart's own values have it, write the value that counts now here")
    })
}

/// What an object that holds values is read by.
enum Installer {
    /// Argo CD: where the `spec` of the Application is.
    ArgoCd(&'static [&'static str]),
    /// Flux.
    Flux,
}

impl Installer {
    fn of(view: View<'_>) -> Result<Self, Refusal> {
        match view.reference().kind.as_str() {
            "Application" => Ok(Self::ArgoCd(&["spec"])),
            "ApplicationSet" => Ok(Self::ArgoCd(&["spec", "template", "spec"])),
            "HelmRelease" => Ok(Self::Flux),
            _ => Err(Refusal::new(format!(
                "{} holds no Helm values, expected one of {}",
                view.reference(),
                INSTALLERS.join(", ")
            ))
            .at(view.path(), view.object.line)
            .hint("name the object that installs the chart, or the values file")),
        }
    }
}

fn in_object(view: View<'_>, wanted: Wanted<'_>, findings: &mut Findings) -> Result<(), Refusal> {
    match Installer::of(view)? {
        Installer::ArgoCd(spec) => argo_cd::locate(view, spec, wanted, findings),
        Installer::Flux => flux::locate(view, wanted, findings),
    }
}

/// Returns the one document of a values file.
fn values_file<'a>(manifests: &'a Manifests, path: &str) -> Result<View<'a>, Refusal> {
    let Some(file) = manifests.parsed_file(path) else {
        let near = manifests.paths().filter(|known| known.contains("values"));
        let near = listed(near.map(str::to_owned));
        let found = if near.is_empty() {
            String::new()
        } else {
            format!("; found {near}")
        };
        let files = count(manifests.paths().count(), "file");
        return Err(
            Refusal::new(format!("there is no `{path}` in {files}{found}"))
                .hint("check the path, and that the files to edit include the values file"),
        );
    };
    let mut views = views_with(file, &[]);
    let (first, second) = (views.next(), views.next());
    let unknown = manifests
        .unknown_with(&[])
        .find(|unknown| unknown.path == path);
    match (first, second, unknown) {
        (_, _, Some(unknown)) => Err(unknown.refusal(format!(
            "a {} here, expected the values of a chart",
            unknown.what()
        ))),
        (Some(first), None, None) => Ok(first),
        (Some(_), Some(second), None) => Err(Refusal::new(
            "a second document begins here, expected one: Helm reads only one",
        )
        .at(path, second.object.line)
        .hint("put the documents into files of their own")),
        (None, ..) => Err(Refusal::new("holds no values yet, expected a mapping")
            .at(path, 1)
            .hint("write a first value by hand; from then on values are edited and added")),
    }
}

impl Wanted<'_> {
    /// Wants the value below a place of values; what is missing on the way is made.
    fn put(
        &self,
        values: &Cursor<'_>,
        inside: &[Segment],
        findings: &mut Findings,
    ) -> Result<(), Refusal> {
        let path = [inside, self.path].concat();
        let place = values.follow(&path)?;
        let scalar_type = self
            .type_at(place.as_ref())
            .and_then(|scalar_type| self.fitting(scalar_type))
            .map_err(|reason| {
                let at = place.as_ref().unwrap_or(values);
                at.refusal(format!("`{}` {reason}", path_of(&path)))
                    .hint("give another value, or say that it is a text")
            })?;
        findings.put(values, &path, self.value, scalar_type);
        Ok(())
    }

    /// Is the value there already?
    fn is_in(&self, values: &Cursor<'_>) -> Result<bool, Refusal> {
        Ok(values.follow(self.path)?.is_some())
    }

    /// Returns what readers must take the value for: what was said, else what they take the old one
    /// for; see [`Self::type_of_new`] where there is none. What says a version is a text, whatever it looks like: Helm reads a tag of digits as a
    /// number with an exponent.
    ///
    /// # Errors
    /// It is a number now and is to be one that cannot be written as a number.
    fn type_at(&self, place: Option<&Cursor<'_>>) -> Result<ScalarType, String> {
        if let Some(scalar_type) = self.scalar_type {
            return Ok(scalar_type);
        }
        let plain = NodeKind::Scalar {
            style: ScalarStyle::Plain,
        };
        let Some(place) = place else {
            return Ok(self.type_of_new());
        };
        let old = Some(place)
            .filter(|place| place.document.kind(place.resolved()) == plain)
            .filter(|place| place.document.tag(place.node).is_none() && !self.says_version())
            .and_then(|place| place.text());
        let new = self.value;
        let reads_as_number = |text: &str| {
            text.parse::<f64>().is_ok()
                && text.starts_with(|first: char| "-.0123456789".contains(first))
        };
        Ok(match old {
            Some(old) if reads_as_number(old) && is_number(new) => ScalarType::Integer,
            Some(old) if reads_as_number(old) && reads_as_number(new) => {
                return Err(format!(
                    "is the number {old}; `{new}` would be a text, expected a whole number"
                ));
            }
            Some(old) if is_truth(old) && is_truth(new) => ScalarType::Boolean,
            Some(old) if is_truth(old) || reads_as_number(old) => {
                return Err(format!(
                    "is `{old}`, which is no text; `{new}` would be one: say so with --type text"
                ));
            }
            _ => ScalarType::Text,
        })
    }

    /// Returns what a value is where none was: what `helm --set` takes it for, a whole number or a truth
    /// as such and all else as a text; but what says a version is a text here.
    /// Source: `typedVal` in Helm's `pkg/strvals/parser.go`.
    fn type_of_new(&self) -> ScalarType {
        match self.value {
            _ if self.says_version() => ScalarType::Text,
            "true" | "false" => ScalarType::Boolean,
            value if is_number(value) => ScalarType::Integer,
            _ => ScalarType::Text,
        }
    }

    fn says_version(&self) -> bool {
        let keys = self.path.iter().rev().find_map(|segment| match segment {
            Segment::Key(key) => Some(key.to_ascii_lowercase()),
            _ => None,
        });
        keys.is_some_and(|key| {
            ["tag", "version", "digest"]
                .iter()
                .any(|word| key.ends_with(word))
        })
    }

    /// Checks that the value can be of a type.
    fn fitting(&self, scalar_type: ScalarType) -> Result<ScalarType, String> {
        let value = self.value;
        match scalar_type {
            ScalarType::Integer if !is_number(value) => {
                Err(format!("is to be `{value}`, expected a whole number"))
            }
            ScalarType::Boolean if !is_truth(value) => {
                Err(format!("is to be `{value}`, expected true or false"))
            }
            fitting => Ok(fitting),
        }
    }
}

/// Is a text a whole number as everyone writes it?
fn is_number(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && (text == "0" || !text.starts_with('0'))
}

fn is_truth(text: &str) -> bool {
    matches!(text, "true" | "false")
}

/// Names the values file of the chart where a template of it was refused.
pub(super) fn name_values_files(manifests: &Manifests, refusals: &mut [Refusal]) {
    let of_template = refusals
        .iter_mut()
        .filter(|refusal| refusal.hint.as_deref() == Some(TEMPLATE_HINT));
    for refusal in of_template {
        let chart = refusal.path.as_deref().and_then(|path| {
            let parts: Vec<&str> = path.split('/').collect();
            let templates = parts.iter().rposition(|part| *part == "templates")?;
            let chart = parts.get(..templates)?;
            Some([chart, &["values.yaml"]].concat().join("/"))
        });
        if let Some(values) = chart.filter(|values| manifests.parsed_file(values).is_some()) {
            refusal.hint = Some(TEMPLATE_HINT.replacen(
                "the chart's values file (values.yaml)",
                &format!("the chart's values file `{values}`"),
                1,
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::current;
    use crate::manifest::{Edit, Manifests, SourceFile, ValuesIn, locate, parse_path};

    #[test]
    fn of_several_places_the_one_that_counts_is_read() {
        let parameters =
            "parameters: [{name: image.tag, value: '3'}, {name: web\\.tag, value: '4'}]";
        let rows = [
            (
                format!("values: \"a: 1\", valuesObject: {{image: {{tag: '2'}}}}, {parameters}"),
                "3",
            ),
            (
                "values: \"image: {tag: '1'}\", valuesObject: {image: {tag: '2'}}".to_owned(),
                "2",
            ),
            (
                "values: \"image: {tag: '1'}\", valuesObject: {other: 2}".to_owned(),
                "none",
            ),
            (
                "parameters: [{name: image.pullPolicy, value: Always}]".to_owned(),
                "none",
            ),
        ];
        let path = parse_path("image.tag").unwrap();
        for (helm, wanted) in rows {
            let text = format!(
                "kind: Application\nmetadata: {{name: shop}}\nspec: {{source: {{helm: {{{helm}}}}}}}\n"
            );
            let file = SourceFile {
                path: "app.yaml".to_owned(),
                bytes: text.into_bytes(),
            };
            let manifests = Manifests::parse(vec![file]).unwrap();
            let values = ValuesIn::Object("Application/shop".parse().unwrap());
            let found = current(&manifests, &values, &path);
            assert_eq!(
                found.unwrap_or_else(|_| "none".to_owned()),
                wanted,
                "{helm}"
            );
        }
    }

    #[test]
    fn a_refused_template_names_the_values_file_of_its_chart() {
        let template = "kind: Deployment\nmetadata: {name: app}\nspec: {template: {spec: {containers: [{name: app, image: {{ .Values.image }}:r/app}]}}}\n";
        let file = |path: &str, text: &str| SourceFile {
            path: path.to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        let hint = |path: &str| {
            let files = vec![
                file(path, template),
                file("charts/shop/values.yaml", "image: {tag: \"1\"}\n"),
            ];
            let edit = Edit::Replicas {
                workload: "Deployment/app".parse().unwrap(),
                replicas: 2,
            };
            let image = Edit::Version {
                workload: None,
                image: "{{ .Values.image }}".to_owned(),
                version: "1.1".parse().unwrap(),
            };
            let manifests = Manifests::parse(files).unwrap();
            let refusals = [locate(&manifests, &[image]), locate(&manifests, &[edit])];
            let refusals = refusals.into_iter().filter_map(Result::err).flatten();
            let hints = refusals.filter_map(|refusal| refusal.hint);
            hints.collect::<Vec<String>>().join("\n")
        };
        let named = hint("charts/shop/templates/web/app.yaml");
        assert!(named.contains("`charts/shop/values.yaml`"), "{named}");
        let elsewhere = hint("charts/web/templates/app.yaml");
        assert!(elsewhere.contains("(values.yaml)"), "{elsewhere}");
    }
}
