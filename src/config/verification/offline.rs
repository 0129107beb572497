//! What is known of a query without asking anybody: brackets, quotes, and the shape of what is JSON.

use serde_json::Value;

use super::ProviderKind;
use crate::config::web_request::Request;

/// Looks at a query with examples in the place of its variables. It is light: what passes may be refused
/// by the provider all the same.
///
/// # Errors
/// What no provider would take; the message is a fragment.
pub(super) fn check(provider: ProviderKind, query: &str) -> Result<(), String> {
    match provider {
        ProviderKind::Prometheus => balanced(query, "\"'`", Some('#')),
        ProviderKind::NewRelic => balanced(query, "\"'`", None),
        ProviderKind::Datadog => balanced(query, "\"", None),
        ProviderKind::Cloudwatch if query.trim().starts_with(['[', '{']) => metric_data(query),
        ProviderKind::Cloudwatch => balanced(query, "\"'", None),
        ProviderKind::Web => Request::parse(query).map(|_| ()),
    }
}

/// Is every bracket closed by its own kind, and every quote closed? Backslashes count inside quotes, and
/// what follows a comment's sign does not.
fn balanced(query: &str, quotes: &str, comment: Option<char>) -> Result<(), String> {
    let mut open: Vec<(char, usize)> = Vec::new();
    let mut quote: Option<(char, usize)> = None;
    let mut is_comment = false;
    let mut is_escaped = false;
    for (index, character) in query.chars().enumerate() {
        let at = index + 1;
        if let Some((sign, _)) = quote {
            if is_escaped {
                is_escaped = false;
            } else if character == '\\' && sign != '`' {
                is_escaped = true;
            } else if character == sign {
                quote = None;
            }
            continue;
        }
        if is_comment {
            is_comment = character != '\n';
            continue;
        }
        match character {
            _ if comment == Some(character) => is_comment = true,
            _ if quotes.contains(character) => quote = Some((character, at)),
            '(' => open.push((')', at)),
            '[' => open.push((']', at)),
            '{' => open.push(('}', at)),
            ')' | ']' | '}' => match open.pop() {
                Some((wanted, _)) if wanted == character => {}
                Some((wanted, begun)) => {
                    return Err(format!(
                        "found `{character}` at character {at}, expected `{wanted}` for the bracket at character {begun}"
                    ));
                }
                None => {
                    return Err(format!(
                        "found `{character}` at character {at}, which closes nothing"
                    ));
                }
            },
            _ => {}
        }
    }
    if let Some((sign, at)) = quote {
        return Err(format!("the quote {sign} at character {at} is not closed"));
    }
    match open.pop() {
        Some((_, at)) => Err(format!("the bracket at character {at} is not closed")),
        None => Ok(()),
    }
}

/// Is it a list `MetricDataQueries` of which one returns data
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html>)?
fn metric_data(query: &str) -> Result<(), String> {
    let list: Value = serde_json::from_str(query).map_err(|error| {
        format!(
            "found no JSON (line {}, column {}), expected a list of `MetricDataQueries` or an expression",
            error.line(),
            error.column()
        )
    })?;
    let list = list.as_array().filter(|list| !list.is_empty());
    let list =
        list.ok_or("expected a list of `MetricDataQueries`, such as [{\"Id\": \"e\", …}]")?;
    let mut returns = 0;
    for (index, one) in list.iter().enumerate() {
        let name = one.get("Id").and_then(Value::as_str).unwrap_or_default();
        // It must begin with a small letter.
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !name.starts_with(|first: char| first.is_ascii_lowercase()) || !name.bytes().all(legal) {
            return Err(format!(
                "number {} has no `Id` that begins with a small letter and goes on with letters, digits and _",
                index + 1
            ));
        }
        let has = |key: &str| one.get(key).is_some_and(|value| !value.is_null());
        if has("MetricStat") == has("Expression") {
            return Err(format!(
                "`{name}` expects either `MetricStat` or `Expression`"
            ));
        }
        if one.get("ReturnData") != Some(&Value::Bool(false)) {
            returns += 1;
        }
    }
    match returns {
        1 => Ok(()),
        many => Err(format!(
            "{many} of them return data, expected one; `\"ReturnData\": false` hides the others"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_provider_would_take_is_found_without_asking() {
        use ProviderKind::{Cloudwatch, Datadog, NewRelic, Prometheus, Web};
        let stat = r#""MetricStat": {"Metric": {}, "Period": 60, "Stat": "Sum"}"#;
        let rows = [
            (
                Prometheus,
                "sum(rate(http_requests_total{code=~\"5..|)\"}[5m])) # a (comment".to_owned(),
            ),
            (Prometheus, "sum(rate(http_requests_total[5m])".to_owned()),
            (Prometheus, "sum(rate(http_requests_total[5m}))".to_owned()),
            (Prometheus, "up{job=\"ads}".to_owned()),
            (Prometheus, "up)".to_owned()),
            (Prometheus, r#"up{path="a\"("}"#.to_owned()),
            (
                NewRelic,
                "SELECT count(*) FROM T WHERE a = 'it(' ".to_owned(),
            ),
            (NewRelic, "SELECT count(* FROM T".to_owned()),
            (Datadog, "avg:system.cpu{host:a'b}".to_owned()),
            (Datadog, "avg:system.cpu{host:a".to_owned()),
            (Cloudwatch, "SELECT SUM(Errors) FROM Shop".to_owned()),
            (Cloudwatch, format!("[{{\"Id\": \"e\", {stat}}}]")),
            (Cloudwatch, format!("[{{\"Id\": \"E\", {stat}}}]")),
            (
                Cloudwatch,
                format!("[{{\"Id\": \"e\", {stat}}}, {{\"Id\": \"f\", \"Expression\": \"e\"}}]"),
            ),
            (Cloudwatch, "[{\"Id\": \"e\"}]".to_owned()),
            (Cloudwatch, "{}".to_owned()),
            (Cloudwatch, "[{]".to_owned()),
            (Web, "/errors#/count".to_owned()),
            (Web, "errors".to_owned()),
        ];
        let lines: Vec<String> = rows
            .iter()
            .map(|(provider, query)| match check(*provider, query) {
                Ok(()) => format!("{query}: fine"),
                Err(message) => format!("{query}: {message}"),
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        sum(rate(http_requests_total{code=~"5..|)"}[5m])) # a (comment: fine
        sum(rate(http_requests_total[5m]): the bracket at character 4 is not closed
        sum(rate(http_requests_total[5m})): found `}` at character 32, expected `]` for the bracket at character 29
        up{job="ads}: the quote " at character 8 is not closed
        up): found `)` at character 3, which closes nothing
        up{path="a\"("}: fine
        SELECT count(*) FROM T WHERE a = 'it(' : fine
        SELECT count(* FROM T: the bracket at character 13 is not closed
        avg:system.cpu{host:a'b}: fine
        avg:system.cpu{host:a: the bracket at character 15 is not closed
        SELECT SUM(Errors) FROM Shop: fine
        [{"Id": "e", "MetricStat": {"Metric": {}, "Period": 60, "Stat": "Sum"}}]: fine
        [{"Id": "E", "MetricStat": {"Metric": {}, "Period": 60, "Stat": "Sum"}}]: number 1 has no `Id` that begins with a small letter and goes on with letters, digits and _
        [{"Id": "e", "MetricStat": {"Metric": {}, "Period": 60, "Stat": "Sum"}}, {"Id": "f", "Expression": "e"}]: 2 of them return data, expected one; `"ReturnData": false` hides the others
        [{"Id": "e"}]: `e` expects either `MetricStat` or `Expression`
        {}: expected a list of `MetricDataQueries`, such as [{"Id": "e", …}]
        [{]: found no JSON (line 1, column 3), expected a list of `MetricDataQueries` or an expression
        /errors#/count: fine
        errors: asks for "errors", expected a path such as /status#/errors
        "#);
    }
}
