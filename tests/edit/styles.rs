//! Manifests in random styles: whatever surrounds a scalar, only the scalar's own bytes change.

use proptest::prelude::*;
use serde::Deserialize;
use shipgate::manifest::{Edit, Manifests, SourceFile, locate, restore};

const IMAGE: &str = "registry.example:5000/team/app";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Style {
    Plain,
    Single,
    Double,
}

impl Style {
    fn write(self, value: &str) -> String {
        match self {
            Self::Plain => value.to_owned(),
            Self::Single => format!("'{value}'"),
            Self::Double => format!("\"{value}\""),
        }
    }
}

/// How a manifest is laid out.
#[derive(Debug, Clone)]
struct Layout {
    step: usize,
    dash: usize,
    indented_list: bool,
    flow_labels: bool,
    flow_env: bool,
    comments: Vec<String>,
    line_break: &'static str,
    mark: bool,
    final_break: bool,
    before: Vec<usize>,
    after: Vec<usize>,
    anchor: bool,
}

/// A manifest as fixed texts with a scalar between each two of them.
struct Manifest {
    fixed: Vec<String>,
    scalars: Vec<(Style, String)>,
}

impl Manifest {
    fn text(&self) -> String {
        let mut text = String::new();
        for (fixed, (style, value)) in self.fixed.iter().zip(&self.scalars) {
            text.push_str(fixed);
            text.push_str(&style.write(value));
        }
        text + self.fixed.last().unwrap()
    }
}

const NEIGHBOURS: &[&str] = &[
    "# only a comment: image registry.example:5000/team/app:9\n",
    "kind: ConfigMap\nmetadata: {name: texts}\ndata:\n  a: |+\n    kind: Deployment\n    image: registry.example:5000/team/app:9\n\n  b: >-\n    folded\n     text\n",
    "kind: Service\nmetadata:\n  name: app\nspec:\n  selector: {app: app, track: 'x'}\n",
    "kind: PrometheusRule\nmetadata: {name: rule}\nspec:\n  text: \"{{ $labels.pod }} \\u00e9 \u{1f680}\"\n",
    "kind: Job\nmetadata: {name: seed}\nspec:\n  template: {spec: {containers: [{name: s, image: 'registry.example:5000/team/seed:9'}]}}\n",
];

/// Writes a Deployment; `@0` to `@4` stand for the scalars.
fn manifest(layout: &Layout, styles: &[Style], version: &str) -> Manifest {
    let pad = |level: usize| " ".repeat(level * layout.step);
    let comment = |index: usize| layout.comments[index % layout.comments.len()].clone();
    let item = |level: usize| {
        let extra = if layout.indented_list { layout.step } else { 0 };
        " ".repeat(level * layout.step + extra)
    };
    let dash = format!("-{}", " ".repeat(layout.dash));
    let inner = " ".repeat(1 + layout.dash);
    let anchor = if layout.anchor { "&image " } else { "" };
    let mut lines = vec![
        format!("apiVersion: apps/v1{}", comment(0)),
        "kind: Deployment".to_owned(),
        "metadata:".to_owned(),
        format!("{}name: app", pad(1)),
    ];
    if layout.flow_labels {
        lines.push(format!(
            "{}labels: {{ app: app,version: @0 ,x: 'y' }}{}",
            pad(1),
            comment(1)
        ));
    } else {
        lines.push(format!("{}labels:{}", pad(1), comment(1)));
        lines.push(format!("{}app:   app", pad(2)));
        lines.push(format!("{}version:  @0{}", pad(2), comment(2)));
    }
    lines.extend([
        "spec:".to_owned(),
        String::new(),
        format!("{}template:{}", pad(1), comment(3)),
        format!(
            "{}metadata: {{labels: {{app: app, \"tags.datadoghq.com/version\": @1}}}}",
            pad(2)
        ),
        format!("{}spec:", pad(2)),
        format!("{}containers:{}", pad(3), comment(4)),
        format!("{}{dash}name: app", item(3)),
        format!("{}{inner}image: {anchor}@2{}", item(3), comment(5)),
    ]);
    let env = format!("{}{inner}", item(3));
    if layout.flow_env {
        lines.push(format!(
            "{env}env: [{{name: DD_VERSION, value: @3}}, {{name: B, value: ''}}]"
        ));
    } else {
        lines.push(format!("{env}env:"));
        lines.push(format!("{env}{dash}value: @3{}", comment(6)));
        lines.push(format!("{env}{inner}name: \"DD_VERSION\"{}", comment(7)));
    }
    lines.push(format!("{}{dash}image: @4", item(3)));
    let mut documents: Vec<String> = Vec::new();
    let neighbour = |index: &usize| NEIGHBOURS[index % NEIGHBOURS.len()].to_owned();
    documents.extend(layout.before.iter().map(neighbour));
    documents.push(lines.join("\n") + "\n");
    documents.extend(layout.after.iter().map(neighbour));
    let mut text = documents.join("---\n");
    if !layout.final_break {
        text.truncate(text.trim_end_matches('\n').len());
    }
    text = text.replace('\n', layout.line_break);
    if layout.mark {
        text.insert(0, '\u{feff}');
    }
    split(&text, styles, version)
}

fn split(text: &str, styles: &[Style], version: &str) -> Manifest {
    let mut fixed = Vec::new();
    let mut scalars = Vec::new();
    let mut rest = text.to_owned();
    for (index, style) in styles.iter().enumerate() {
        let (before, after) = rest.split_once(&format!("@{index}")).unwrap();
        fixed.push(before.to_owned());
        rest = after.to_owned();
        let is_image = index == 2 || index == 4;
        let value = if is_image {
            format!("{IMAGE}:{version}")
        } else {
            version.to_owned()
        };
        scalars.push((*style, value));
    }
    fixed.push(rest);
    Manifest { fixed, scalars }
}

/// Takes the new scalars out of a text; none where anything around them differs.
fn scalars_of<'t>(text: &'t str, fixed: &[String]) -> Option<Vec<&'t str>> {
    let mut rest = text.strip_prefix(fixed[0].as_str())?;
    let mut found = Vec::new();
    for next in &fixed[1..] {
        let end = match rest.as_bytes().first()? {
            quote @ (b'"' | b'\'') => rest[1..].find(char::from(*quote))? + 2,
            _ => rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || "._-/:".contains(c)))
                .unwrap_or(rest.len()),
        };
        found.push(&rest[..end]);
        rest = rest[end..].strip_prefix(next.as_str())?;
    }
    rest.is_empty().then_some(found)
}

fn versions() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,2}\\.[0-9]{1,2}",
        "v?[0-9]\\.[0-9]{1,2}\\.[0-9]{1,3}",
        "[0-9a-f]{7}",
        "[0-9]e[0-9]{2,5}",
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]",
        "(y|no|on|true|null|NaN|0x1F|0b11|017|1_000)",
        "[A-Za-z0-9]([A-Za-z0-9._-]{0,12}[A-Za-z0-9])?",
    ]
}

fn styles() -> impl Strategy<Value = Vec<Style>> {
    let style = prop_oneof![Just(Style::Plain), Just(Style::Single), Just(Style::Double)];
    prop::collection::vec(style, 5)
}

fn layouts() -> impl Strategy<Value = Layout> {
    let comment = prop_oneof![
        Just(String::new()),
        Just(" # note: 'x' \"y\" {z} @".to_owned()),
        Just("   # \u{1f680} \u{4f60}".to_owned()),
        Just("\n\n  # on a line of its own".to_owned()),
        Just("   ".to_owned()),
    ];
    let booleans = prop::collection::vec(any::<bool>(), 6);
    (
        1..5_usize,
        1..4_usize,
        prop::collection::vec(comment, 8),
        booleans,
        prop_oneof![Just("\n"), Just("\r\n")],
        prop::collection::vec(0..5_usize, 0..3),
        prop::collection::vec(0..5_usize, 0..3),
    )
        .prop_map(
            |(step, dash, comments, is, line_break, before, after)| Layout {
                step,
                dash,
                indented_list: is[0],
                flow_labels: is[1],
                flow_env: is[2],
                comments,
                line_break,
                mark: is[3],
                final_break: is[4],
                before,
                after,
                anchor: is[5],
            },
        )
}

fn parse(text: &str) -> Manifests {
    Manifests::parse(vec![SourceFile {
        path: "app.yaml".to_owned(),
        bytes: text.into(),
    }])
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn only_the_bytes_of_the_scalars_change(
        layout in layouts(),
        styles in styles(),
        old in versions(),
        new in versions(),
    ) {
        let manifest = manifest(&layout, &styles, &old);
        let text = manifest.text();
        let parsed = parse(&text);
        let edit = Edit::Version {
            workload: Some("Deployment/app".parse().unwrap()),
            image: IMAGE.to_owned(),
            version: new.parse().unwrap(),
        };
        let set = locate(&parsed, &[edit]).unwrap();
        if old == new {
            // What readers take for something else than a text is put in quotes, and nothing else.
            prop_assert!(set.changes.iter().all(|change| change.old == change.new));
            let files = set.apply(&parsed).unwrap().files;
            let result = files.first().map_or(text.clone(), |file| String::from_utf8(file.bytes.clone()).unwrap());
            let read = deployment(&result);
            prop_assert_eq!(read["metadata"]["labels"]["version"].as_str(), Some(new.as_str()));
            let template = &read["spec"]["template"];
            prop_assert_eq!(template["spec"]["containers"][0]["env"][0]["value"].as_str(), Some(new.as_str()));
            let edit = Edit::Version {
                workload: Some("Deployment/app".parse().unwrap()),
                image: IMAGE.to_owned(),
                version: new.parse().unwrap(),
            };
            prop_assert!(locate(&parse(&result), &[edit]).unwrap().is_empty());
            return Ok(());
        }
        prop_assert_eq!(set.changes.len(), 5);
        let file = set.apply(&parsed).unwrap().files.pop().unwrap();
        let result = String::from_utf8(file.bytes).unwrap();
        let found = scalars_of(&result, &manifest.fixed);
        prop_assert!(found.is_some(), "something around a scalar changed:\n{}", result);
        for ((style, before), written) in manifest.scalars.iter().zip(found.unwrap()) {
            let wanted = if before.starts_with(IMAGE) { format!("{IMAGE}:{new}") } else { new.clone() };
            if *style == Style::Plain {
                let allowed = [Style::Plain, Style::Single, Style::Double].map(|style| style.write(&wanted));
                prop_assert!(allowed.iter().any(|text| text == written), "{} {}", wanted, written);
            } else {
                prop_assert_eq!(written, style.write(&wanted));
            }
        }
        let read = deployment(&result);
        prop_assert_eq!(read["metadata"]["labels"]["version"].as_str(), Some(new.as_str()));
        let template = &read["spec"]["template"];
        prop_assert_eq!(template["metadata"]["labels"]["tags.datadoghq.com/version"].as_str(), Some(new.as_str()));
        prop_assert_eq!(template["spec"]["containers"][0]["env"][0]["value"].as_str(), Some(new.as_str()));
        let back = restore(&parse(&result), &set.changes).unwrap();
        let file = back.apply(&parse(&result)).unwrap().files.pop().unwrap();
        prop_assert_eq!(String::from_utf8(file.bytes).unwrap(), text);
    }
}

fn deployment(text: &str) -> serde_yaml::Value {
    serde_yaml::Deserializer::from_str(text.trim_start_matches('\u{feff}'))
        .map(|document| serde_yaml::Value::deserialize(document).unwrap())
        .find(|document| document["kind"].as_str() == Some("Deployment"))
        .unwrap()
}
