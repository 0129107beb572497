//! Selectors that differ only in the values of labels, as one selector, and which series is whose.
//!
//! Of a query in this form it is known what more values of a label do to its answer, so that the
//! series of each are told apart again: `x{version="1.0"}` and `x{version="1.1"}` are
//! `x{version=~"1\\.0|1\\.1"}`. Of any other query nothing is known, and it is asked by itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;

static METRIC: LazyLock<Regex> = LazyLock::new(|| pattern(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)$"));
static SUM_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^sum\s*\b(by|without)\s*\(([\w\s,]*)\)\s*\(\s*([a-zA-Z_:][a-zA-Z0-9_:]*)$")
});
static SUM_AFTER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^sum\s*\(\s*([a-zA-Z_:][a-zA-Z0-9_:]*)$"));
static CLAUSE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\)\s*(by|without)\s*\(([\w\s,]*)\)$"));
/// One matcher and what follows it. What is escaped in a text, or not ASCII, is left alone.
static MATCHER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"([ !#-\[\]-~]*)"\s*(,\s*\}|,|\})"#)
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant that the tests use")
}

/// A selector, or a sum of one, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selector {
    metric: String,
    sum: Option<Sum>,
    matchers: Vec<Matcher>,
}

/// `sum by (…)` or `sum without (…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sum {
    is_by: bool,
    labels: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Matcher {
    label: String,
    operator: String,
    value: String,
}

impl Matcher {
    /// Is this one of those whose value may differ?
    fn is_equality(&self) -> bool {
        self.operator == "="
    }
}

impl Selector {
    /// Takes a query apart; none where it has another form.
    pub(super) fn parse(query: &str) -> Option<Self> {
        let (before, mut rest) = query.trim().split_once('{')?;
        let mut matchers = Vec::new();
        loop {
            let found = MATCHER.captures(rest)?;
            let [label, operator, value, end] = found.extract().1;
            // A name that is matched may stand for several metrics.
            if label == "__name__" {
                return None;
            }
            matchers.push(Matcher {
                label: label.to_owned(),
                operator: operator.to_owned(),
                value: value.to_owned(),
            });
            rest = rest.get(found.get(0)?.end()..)?;
            if end.ends_with('}') {
                break;
            }
        }
        let (before, after) = (before.trim(), rest.trim());
        let name = |found: &regex::Captures<'_>, group: usize| {
            found.get(group).map(|found| found.as_str().to_owned())
        };
        let (metric, sum) = if let Some(found) = METRIC.captures(before) {
            (after.is_empty().then(|| name(&found, 1))??, None)
        } else if let Some(found) = SUM_BEFORE.captures(before) {
            let sum = (after == ")").then(|| Sum::of(&found))?;
            (name(&found, 3)?, Some(sum))
        } else {
            let found = SUM_AFTER.captures(before)?;
            (name(&found, 1)?, Some(Sum::of(&CLAUSE.captures(after)?)))
        };
        Some(Self {
            metric,
            sum,
            matchers,
        })
    }

    /// Returns what all have in common that differ in values only.
    pub(super) fn shape(&self) -> String {
        self.written(|matcher, _| match matcher.is_equality() {
            true => "=".to_owned(),
            false => format!("{}\"{}\"", matcher.operator, matcher.value),
        })
    }

    fn written(&self, condition: impl Fn(&Matcher, usize) -> String) -> String {
        let matchers = self.matchers.iter().enumerate();
        let matchers: Vec<String> = matchers
            .map(|(at, matcher)| format!("{}{}", matcher.label, condition(matcher, at)))
            .collect();
        let selector = format!("{}{{{}}}", self.metric, matchers.join(","));
        match &self.sum {
            None => selector,
            Some(Sum { is_by, labels }) => {
                let word = if *is_by { "by" } else { "without" };
                let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
                format!("sum {word} ({}) ({selector})", labels.join(", "))
            }
        }
    }
}

impl Sum {
    /// Of a match whose first two groups are the word and the labels.
    fn of(found: &regex::Captures<'_>) -> Self {
        let group = |number: usize| found.get(number).map_or("", |found| found.as_str());
        let labels = group(2).split(',').map(str::trim);
        Self {
            is_by: group(1) == "by",
            labels: labels
                .filter(|label| !label.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }
}

/// Several selectors of one shape as one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Union {
    /// What is asked.
    pub(super) query: String,
    /// The label of each matcher whose values differ, with all of them.
    differing: Vec<(String, BTreeSet<String>)>,
    /// Which selectors want which values of those.
    wanted: BTreeMap<Vec<String>, Vec<usize>>,
    /// The labels that a sum was given only to tell its series apart.
    added: BTreeSet<String>,
}

/// Whose a series is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner<'a> {
    /// These selectors', by their numbers; nobody's where the values of several labels were asked for
    /// and nobody wants them together.
    Of(&'a [usize]),
    /// It was not asked for, so the answer is not one to the query.
    Stranger,
}

impl Union {
    /// Puts selectors of one shape together; none where there is none, or where one label cannot tell
    /// their series apart because it is summed away.
    pub(super) fn of(selectors: &[Selector]) -> Option<Self> {
        let first = selectors.first()?;
        let mut values: Vec<BTreeSet<String>> = vec![BTreeSet::new(); first.matchers.len()];
        for selector in selectors {
            for (values, matcher) in values.iter_mut().zip(&selector.matchers) {
                values.insert(matcher.value.clone());
            }
        }
        let differs = |at: usize| values.get(at).is_some_and(|values| values.len() > 1);
        let matchers = || first.matchers.iter().enumerate();
        let labels: BTreeSet<&String> = matchers()
            .filter(|(at, _)| differs(*at))
            .map(|(_, matcher)| &matcher.label)
            .collect();
        let mut together = first.clone();
        let mut added = BTreeSet::new();
        if let Some(Sum {
            is_by,
            labels: summed,
        }) = &mut together.sum
        {
            for label in labels {
                match (*is_by, summed.contains(label)) {
                    (true, true) | (false, false) => {}
                    (true, false) => {
                        summed.insert(label.clone());
                        added.insert(label.clone());
                    }
                    (false, true) => return None,
                }
            }
        }
        let query = together.written(|matcher, at| match values.get(at) {
            Some(values) if values.len() > 1 => format!("=~\"{}\"", alternatives(values)),
            _ => format!("{}\"{}\"", matcher.operator, matcher.value),
        });
        let mut wanted: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
        for (number, selector) in selectors.iter().enumerate() {
            let matchers = selector.matchers.iter().enumerate();
            let key = matchers.filter(|(at, _)| differs(*at));
            let key = key.map(|(_, matcher)| matcher.value.clone()).collect();
            wanted.entry(key).or_default().push(number);
        }
        let differing = matchers().zip(&values).filter(|((at, _), _)| differs(*at));
        Some(Self {
            query,
            differing: differing
                .map(|((_, matcher), values)| (matcher.label.clone(), values.clone()))
                .collect(),
            wanted,
            added,
        })
    }

    /// Says whose a series with these labels is. A label that is not there has the value "".
    pub(super) fn owner(&self, labels: &BTreeMap<String, String>) -> Owner<'_> {
        let mut key = Vec::with_capacity(self.differing.len());
        for (label, values) in &self.differing {
            let value = labels.get(label).map_or("", String::as_str);
            if !values.contains(value) {
                return Owner::Stranger;
            }
            key.push(value.to_owned());
        }
        Owner::Of(self.wanted.get(&key).map_or(&[], Vec::as_slice))
    }

    /// Takes the labels away that the selectors' own answers would not have.
    pub(super) fn strip(&self, labels: &mut BTreeMap<String, String>) {
        labels.retain(|label, _| !self.added.contains(label));
    }
}

/// Writes values as a regular expression, which Prometheus holds against the whole value, within a text.
fn alternatives(values: &BTreeSet<String>) -> String {
    let values: Vec<String> = values.iter().map(|value| regex::escape(value)).collect();
    values.join("|").replace('\\', "\\\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn union(queries: &[&str]) -> Option<Union> {
        let selectors: Option<Vec<Selector>> =
            queries.iter().map(|query| Selector::parse(query)).collect();
        let selectors = selectors?;
        let shape = selectors.first()?.shape();
        assert!(
            selectors.iter().all(|it| it.shape() == shape),
            "{queries:?}"
        );
        Union::of(&selectors)
    }

    #[test]
    fn what_differs_in_values_only_is_one_query() {
        let rows: [&[&str]; 8] = [
            &[r#"x_total{version="1.0"}"#, r#"x_total{version="1.1"}"#],
            &[
                r#"x_total{arm="stable", version="1.0+b", status=~"5.."}"#,
                r#"x_total{arm="canary", version="1.1|c", status=~"5.."}"#,
            ],
            &[r#"x{canary="",a="b",}"#, r#"x{canary="ads-canary",a="b"}"#],
            &[r#"x{a="1"}"#, r#" x{ a = "1" } "#],
            &[
                r#"sum without (path) (x{a="1"})"#,
                r#"sum(x{a="2"}) without(path)"#,
            ],
            &[
                r#"sum by (pod, le) (x{a="1"})"#,
                r#"sum(x{a="2"}) by (le, pod)"#,
            ],
            &[
                r#"sum by (pod, a) (x{a="1"})"#,
                r#"sum by (pod, a) (x{a="2"})"#,
            ],
            &[
                r#"sum without (a) (x{a="1"})"#,
                r#"sum without (a) (x{a="2"})"#,
            ],
        ];
        let line = |queries: &[&str]| match union(queries) {
            None => "each by itself".to_owned(),
            Some(union) => format!("{}; added: {:?}", union.query, union.added),
        };
        insta::assert_snapshot!(rows.map(line).join("\n"), @r#"
        x_total{version=~"1\\.0|1\\.1"}; added: {}
        x_total{arm=~"canary|stable",version=~"1\\.0\\+b|1\\.1\\|c",status=~"5.."}; added: {}
        x{canary=~"|ads\\-canary",a="b"}; added: {}
        x{a="1"}; added: {}
        sum without (path) (x{a=~"1|2"}); added: {}
        sum by (a, le, pod) (x{a=~"1|2"}); added: {"a"}
        sum by (a, pod) (x{a=~"1|2"}); added: {}
        each by itself
        "#);
    }

    #[test]
    fn other_forms_are_asked_by_themselves() {
        let rows = [
            "x_total",
            "x_total{}",
            r#"{a="1"}"#,
            r#"{__name__="x",a="1"}"#,
            r#"x{__name__="x"}"#,
            r#"x{a='1'}"#,
            r#"x{a="\""}"#,
            r#"x{a="ü"}"#,
            r#"x{a="1"} # y"#,
            r#"x{a="1"} or y{a="1"}"#,
            r#"x{a="1"} offset 5m"#,
            r#"x{a="1"}[5m]"#,
            r#"(x{a="1"})"#,
            r#"rate(x{a="1"}[5m])"#,
            r#"sum(x{a="1"})"#,
            r#"sum by (pod) (x{a="1"}) / 2"#,
            r#"sum by (pod) (rate(x{a="1"}[5m]))"#,
            r#"sumby (pod) (x{a="1"})"#,
            r#"avg by (pod) (x{a="1"})"#,
            r#"x{a="1"b="2"}"#,
            r#"x{a="1",,b="2"}"#,
            r#"x{a="1""#,
        ];
        for query in rows {
            assert_eq!(Selector::parse(query), None, "{query}");
        }
    }

    #[test]
    fn every_series_is_whose_own_query_would_find_it() {
        let union = union(&[
            r#"x{arm="stable",version="1.0"}"#,
            r#"x{arm="",version="1.1"}"#,
            r#"x{arm="stable",version="1.0"}"#,
        ])
        .unwrap();
        let owner = |labels: &[(&str, &str)]| {
            let pairs = labels.iter();
            let pairs = pairs.map(|(label, value)| ((*label).to_owned(), (*value).to_owned()));
            union.owner(&pairs.collect())
        };
        assert_eq!(
            owner(&[("arm", "stable"), ("version", "1.0")]),
            Owner::Of(&[0, 2])
        );
        assert_eq!(owner(&[("version", "1.1"), ("pod", "a")]), Owner::Of(&[1]));
        // Both values were asked for, but nobody wants them together.
        assert_eq!(
            owner(&[("arm", "stable"), ("version", "1.1")]),
            Owner::Of(&[])
        );
        assert_eq!(
            owner(&[("arm", "stable"), ("version", "1.2")]),
            Owner::Stranger
        );
        assert_eq!(owner(&[("pod", "a")]), Owner::Stranger);
    }
}
