//! A query as Datadog's editor has it -> the named queries and the formula that v2 wants.

use serde_json::{Value, json};

/// Queries with a name each, and the formula that joins them.
#[derive(Debug, PartialEq)]
pub(super) struct Formula {
    /// Name, aggregator over time, query.
    pub(super) queries: Vec<(String, &'static str, String)>,
    pub(super) formula: String,
}

/// Takes apart `100 * sum:errors{…}.as_count() / sum:hits{…}.as_count()`: what has the form
/// `aggregator:metric{tags}` with what follows it becomes a query, and everything else the formula.
/// Returns nothing where there is no query in it, or braces that do not close.
pub(super) fn taken_apart(text: &str) -> Option<Formula> {
    let mut queries = Vec::new();
    let mut formula = String::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        if let Some(length) = metric_query(rest) {
            let (query, after) = rest.split_at(length);
            let name = format!("q{}", queries.len());
            formula.push_str(&name);
            queries.push((name, over_time(query), query.to_owned()));
            rest = after;
        } else if is_word(first) {
            let (word, after) = rest.split_at(rest.find(|it| !is_word(it)).unwrap_or(rest.len()));
            formula.push_str(word);
            rest = after;
        } else {
            formula.push(first);
            rest = rest.get(first.len_utf8()..)?;
        }
    }
    let is_whole = !queries.is_empty() && !formula.contains(['{', '}']);
    is_whole.then_some(Formula { queries, formula })
}

/// Returns how many bytes at the beginning are a query: `sum:a.b{c:d} by {e}.as_count()`.
fn metric_query(text: &str) -> Option<usize> {
    let (aggregator, after) = text.split_once(':')?;
    if aggregator.is_empty() || !aggregator.chars().all(is_word) {
        return None;
    }
    let (metric, after) = after.split_once('{')?;
    let is_metric = |character: char| is_word(character) || character == '.' || character == '-';
    if metric.is_empty() || !metric.chars().all(is_metric) {
        return None;
    }
    let mut rest = after.split_once('}')?.1;
    if let Some(groups) = rest.strip_prefix(" by {") {
        rest = groups.split_once('}')?.1;
    }
    while let Some(called) = rest.strip_prefix('.') {
        let (name, arguments) = called.split_once('(')?;
        if !name.chars().all(is_word) {
            return None;
        }
        rest = arguments.split_once(')')?.1;
    }
    Some(text.len() - rest.len())
}

/// How one number is made of a query's points: counts are added up, smallest and largest stay that,
/// everything else is averaged.
fn over_time(query: &str) -> &'static str {
    match query.split(':').next() {
        _ if query.contains(".as_count()") => "sum",
        Some("min") => "min",
        Some("max") => "max",
        _ => "avg",
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

impl Formula {
    /// Returns the body of a request for milliseconds `from` to `to`; `interval` is that of the
    /// points, and without it one number is asked for.
    pub(super) fn body(&self, (from, to): (i64, i64), interval: Option<i64>) -> Value {
        let query = |(name, aggregator, query): &(String, &str, String)| match interval {
            Some(_) => json!({"name": name, "data_source": "metrics", "query": query}),
            None => {
                json!({"name": name, "aggregator": aggregator, "data_source": "metrics", "query": query})
            }
        };
        let queries: Vec<Value> = self.queries.iter().map(query).collect();
        let mut attributes = json!({
            "from": from,
            "to": to,
            "formulas": [{"formula": self.formula}],
            "queries": queries,
        });
        if let (Some(interval), Some(fields)) = (interval, attributes.as_object_mut()) {
            fields.insert("interval".to_owned(), interval.into());
        }
        let kind = match interval {
            Some(_) => "timeseries_request",
            None => "scalar_request",
        };
        json!({"data": {"type": kind, "attributes": attributes}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_become_names_in_a_formula() {
        let rows = [
            "avg:system.load.1{*}",
            "100 * sum:trace.http.request.errors{service:ads,version:1.1}.as_count() / sum:trace.http.request.hits{service:ads,version:1.1}.as_count()",
            "p95:trace.http.request{service:ads} by {version}.rollup(avg, 60) * 1000",
            "default_zero(max:a{*}) + clamp_min(min:b-c{x:1}.fill(zero), 1)",
            "1 + 1",
            "sum:a{b",
            "sum:a",
            "sum:a{b}}",
        ];
        let line = |text: &str| match taken_apart(text) {
            None => format!("{text} -> nothing"),
            Some(Formula { queries, formula }) => {
                let queries: Vec<String> = queries
                    .iter()
                    .map(|(name, aggregator, query)| format!("{name} = {aggregator} of {query}"))
                    .collect();
                format!("{formula} where {}", queries.join("; "))
            }
        };
        let lines: Vec<String> = rows.into_iter().map(line).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        q0 where q0 = avg of avg:system.load.1{*}
        100 * q0 / q1 where q0 = sum of sum:trace.http.request.errors{service:ads,version:1.1}.as_count(); q1 = sum of sum:trace.http.request.hits{service:ads,version:1.1}.as_count()
        q0 * 1000 where q0 = avg of p95:trace.http.request{service:ads} by {version}.rollup(avg, 60)
        default_zero(q0) + clamp_min(q1, 1) where q0 = max of max:a{*}; q1 = min of min:b-c{x:1}.fill(zero)
        1 + 1 -> nothing
        sum:a{b -> nothing
        sum:a -> nothing
        sum:a{b}} -> nothing
        ");
    }
}
