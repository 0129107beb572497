//! Texts with `{{variables}}`: metric queries, health addresses, the value a health check wants.

use std::{collections::BTreeMap, fmt};

use minijinja::{Environment, UndefinedBehavior};

use crate::{units::Weight, yaml::typed};

const KNOWN: [&str; 7] = [
    "service",
    "environment",
    "region",
    "version",
    "arm",
    "workload",
    "weight",
];

/// What the variables stand for in one measurement. A variable without a value is one that the
/// present command does not know; a text that uses it is refused, never filled with nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// `{{service}}`: the service's name.
    pub service: Option<String>,
    /// `{{environment}}`: the environment's name; of a region that of the whole environment.
    pub environment: Option<String>,
    /// `{{region}}`: the region's name, where the environment has regions.
    pub region: Option<String>,
    /// `{{version}}`: the version that is measured.
    pub version: Option<String>,
    /// `{{arm}}`: the word of the workload in `workloads`, such as `stable`, `canary` or `green`.
    pub arm: Option<String>,
    /// `{{workload}}`: the name of the workload, such as `shop-green`.
    pub workload: Option<String>,
    /// `{{weight}}`: the canary's share, a whole number of percent.
    pub weight: Option<Weight>,
}

impl Variables {
    pub(super) fn examples() -> Self {
        let example = |text: &str| Some(text.to_owned());
        Self {
            service: example("service"),
            environment: example("environment"),
            region: example("region"),
            version: example("1.0"),
            arm: example("canary"),
            workload: example("shop-canary"),
            weight: Some(Weight::FULL),
        }
    }

    fn values(&self) -> BTreeMap<&'static str, String> {
        let weight = self.weight.map(|weight| weight.percent().to_string());
        let all = [
            ("service", self.service.clone()),
            ("environment", self.environment.clone()),
            ("region", self.region.clone()),
            ("version", self.version.clone()),
            ("arm", self.arm.clone()),
            ("workload", self.workload.clone()),
            ("weight", weight),
        ];
        all.into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

/// A text with `{{variables}}` whose syntax and variables have been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// Checks a text: every variable must be one of `service`, `environment`, `region`, `version`,
    /// `arm`, `workload`, `weight`, and `{% %}` statements are not allowed.
    ///
    /// # Errors
    /// Empty, not a template, an unknown variable, a statement.
    pub fn parse(text: &str) -> Result<Self, String> {
        check(text, &KNOWN)?;
        let parsed = Self(text.to_owned());
        parsed.render(&Variables::examples())?;
        Ok(parsed)
    }

    /// Does it ask for something else for canary and stable?
    pub fn tells_arms_apart(&self) -> bool {
        environment()
            .template_from_str(&self.0)
            .is_ok_and(|template| {
                let names = template.undeclared_variables(false);
                ["arm", "version", "workload"]
                    .into_iter()
                    .any(|name| names.contains(name))
            })
    }

    /// Fills the variables in.
    ///
    /// # Errors
    /// A variable that has no value here, or a value that could change the meaning of a query
    /// (quotes, backslashes, braces, control characters).
    pub fn render(&self, variables: &Variables) -> Result<String, String> {
        let environment = environment();
        let template = environment
            .template_from_str(&self.0)
            .map_err(|error| format!("is not a template: {}", explain(&error)))?;
        let values = variables.values();
        for name in template.undeclared_variables(false) {
            match values.get(name.as_str()) {
                None => return Err(format!("uses `{{{{{name}}}}}`, which is not known here")),
                Some(value) if !is_plain(value) => {
                    return Err(format!(
                        "`{{{{{name}}}}}` stands for {value:?}, expected no quotes, backslashes, braces or control characters"
                    ));
                }
                Some(_) => {}
            }
        }
        fill(&self.0, values)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Checks that a text is a template of variables alone, each of them `known`.
///
/// # Errors
/// Empty, not a template, an unknown variable, a statement.
pub(super) fn check(text: &str, known: &[&str]) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("found an empty text".to_owned());
    }
    if text.contains("{%") {
        return Err("found `{%`, expected only variables such as `{{version}}`".to_owned());
    }
    let environment = environment();
    let template = environment
        .template_from_str(text)
        .map_err(|error| format!("is not a template: {}", explain(&error)))?;
    let mut names: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    names.sort();
    let known: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
    match names.iter().find(|name| !known.contains(name)) {
        Some(name) => Err(typed::unknown("variable", name, &known)),
        None => Ok(()),
    }
}

/// Fills the variables of a text in, as they are: nothing is escaped.
///
/// # Errors
/// A variable without a value; a filter that there is not, or that does not take its value.
pub(super) fn fill(text: &str, values: BTreeMap<&'static str, String>) -> Result<String, String> {
    let environment = environment();
    let template = environment
        .template_from_str(text)
        .map_err(|error| format!("is not a template: {}", explain(&error)))?;
    template
        .render(values)
        .map_err(|error| format!("cannot be filled in: {}", explain(&error)))
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
}

fn explain(error: &minijinja::Error) -> String {
    error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned)
}

fn is_plain(value: &str) -> bool {
    !value
        .chars()
        .any(|character| character.is_control() || "\"'`\\{}".contains(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_variables_and_no_statements() {
        let rows = [
            ("", "found an empty text"),
            (
                "up{v=\"{{verson}}\"}",
                "unknown variable `verson`; did you mean `version`?",
            ),
            (
                "{{password}}",
                "unknown variable `password`; known: service, environment, region, version, arm, workload, weight",
            ),
            (
                "{% for i in range(9) %}x{% endfor %}",
                "found `{%`, expected only variables such as `{{version}}`",
            ),
            ("up{v=\"{{version\"}", "is not a template: "),
            ("{{ version | nosuch }}", "cannot be filled in: "),
        ];
        for (text, message) in rows {
            let found = Template::parse(text).unwrap_err();
            assert!(found.starts_with(message), "{text}: {found}");
        }
    }

    #[test]
    fn variables_are_filled_in_and_never_left_out() {
        let query = "sum(rate(x{service=\"{{ service }}\",v=~\"{{version}}\"}[1m])) * {{weight}}";
        let template = Template::parse(query).unwrap();
        let variables = Variables {
            service: Some("ads".to_owned()),
            version: Some("1.10".to_owned()),
            weight: Some(Weight::new(25).unwrap()),
            ..Variables::default()
        };
        assert_eq!(
            template.render(&variables).unwrap(),
            "sum(rate(x{service=\"ads\",v=~\"1.10\"}[1m])) * 25"
        );
        let unknown = Variables {
            version: None,
            ..variables.clone()
        };
        assert_eq!(
            template.render(&unknown).unwrap_err(),
            "uses `{{version}}`, which is not known here"
        );
        let hostile = Variables {
            service: Some("ads\"} or vector(0) #".to_owned()),
            ..variables
        };
        assert_eq!(
            template.render(&hostile).unwrap_err(),
            r#"`{{service}}` stands for "ads\"} or vector(0) #", expected no quotes, backslashes, braces or control characters"#
        );
    }
}
