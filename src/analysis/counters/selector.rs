//! Why a query is no selector of raw counters, and what to write instead.
//!
//! This knows the words of PromQL, not its grammar: a query that it lets pass may still be refused by
//! the server, and a recording rule may hide what is refused here.

/// Functions that take differences by themselves.
const DIFFERENCES: [&str; 6] = ["rate", "irate", "increase", "delta", "idelta", "deriv"];
const AGGREGATIONS: [&str; 11] = [
    "avg",
    "min",
    "max",
    "count",
    "count_values",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "quantile",
    "group",
];
const OPERATORS: [&str; 5] = ["and", "or", "unless", "offset", "bool"];
/// Parts of the names of labels that tell one process from another.
const PROCESS: [&str; 2] = ["instance", "pod"];

/// Checks that a query, its variables filled in or not, asks for counters as they are: a selector, or
/// a sum of one that stays within one process.
///
/// A sum over pods falls when one of them goes away. That looks as if a counter had been set back, and
/// all that is left of the sum would count once more. A sum that keeps `instance` or `pod` goes away
/// together with its pod.
///
/// # Errors
/// What was found, why it cannot be, and what to write instead, as a clause.
pub fn check_selector(query: &str) -> Result<(), String> {
    let tokens = tokens(query);
    // What is in a sum is said before the sum: taking both away is one change.
    for pair in tokens.windows(2) {
        if let [Token::Word(word), Token::Symbol('(')] = pair
            && DIFFERENCES.contains(&word.to_ascii_lowercase().as_str())
        {
            check_word(word, true)?;
        }
    }
    let mut rest = tokens.as_slice();
    while let Some((token, after)) = rest.split_first() {
        rest = after;
        match token {
            Token::Word("sum") if !matches!(after.first(), None | Some(Token::Matchers)) => {
                rest = check_sum(after)?;
            }
            Token::Word(word) => check_word(word, after.first() == Some(&Token::Symbol('(')))?,
            Token::Text | Token::Number => {
                return Err("found a number or a text, expected a selector of counters".to_owned());
            }
            Token::Symbol('[') => {
                return Err(
                    "found a range `[…]`, expected the counter itself: differences are taken here"
                        .to_owned(),
                );
            }
            Token::Symbol('(' | ')') | Token::Matchers => {}
            Token::Symbol(symbol) => {
                return Err(format!(
                    "found `{symbol}`, expected one selector of counters and no calculation"
                ));
            }
        }
    }
    let selects = |token: &Token<'_>| matches!(token, Token::Word(_) | Token::Matchers);
    if tokens.iter().any(selects) {
        Ok(())
    } else {
        Err("found no selector of counters".to_owned())
    }
}

/// Checks a word that stands for a metric, or before a parenthesis for a function.
fn check_word(word: &str, is_called: bool) -> Result<(), String> {
    if !is_called {
        if OPERATORS.contains(&word.to_ascii_lowercase().as_str()) {
            return Err(format!(
                "found `{word}`, expected one selector of counters and no calculation"
            ));
        }
        // As recording rules are named: `level:metric:operations`, such as `job:x:rate5m`.
        let is_recorded_rate = word.rsplit_once(':').is_some_and(|(_, operations)| {
            DIFFERENCES.iter().any(|difference| {
                operations
                    .strip_prefix(difference)
                    .is_some_and(|window| !window.starts_with(|next: char| next.is_alphabetic()))
            })
        });
        if is_recorded_rate {
            return Err(format!(
                "found `{word}`, by its name a recorded rate; expected the counter that it was made of"
            ));
        }
        return Ok(());
    }
    let lower = word.to_ascii_lowercase();
    if DIFFERENCES.contains(&lower.as_str()) {
        return Err(format!(
            "found `{word}()`, which misses the first error of every new series; expected the counter itself, such as `http_requests_total{{…}}`"
        ));
    }
    if AGGREGATIONS.contains(&lower.as_str()) {
        return Err(format!(
            "found `{word}()`, which makes no counter of counters; expected the counter itself, such as `http_requests_total{{…}}`"
        ));
    }
    Err(format!(
        "found `{word}()`, expected the counter itself, such as `http_requests_total{{…}}`"
    ))
}

/// Checks the labels of a sum, which stand before or after what it sums; returns what is left to
/// check.
fn check_sum<'a, 'q>(after: &'a [Token<'q>]) -> Result<&'a [Token<'q>], String> {
    const REFUSAL: &str = "found `sum` over pods, which falls when one goes away, as if its errors came once more; expected the counter itself, or `sum without (…)` that keeps `instance` or `pod`";
    if let Some((clause, rest)) = clause(after) {
        return if clause.keeps_processes() {
            Ok(rest)
        } else {
            Err(REFUSAL.to_owned())
        };
    }
    let summed = within_parentheses(after).and_then(|(within, rest)| {
        let (clause, rest) = clause(rest)?;
        (clause.keeps_processes() && rest.is_empty()).then_some(within)
    });
    summed.ok_or_else(|| REFUSAL.to_owned())
}

/// `by (…)` or `without (…)`.
struct Clause<'a, 'q> {
    is_by: bool,
    labels: &'a [Token<'q>],
}

impl Clause<'_, '_> {
    fn keeps_processes(&self) -> bool {
        let names_one = self.labels.iter().any(|label| match label {
            Token::Word(label) => PROCESS.iter().any(|part| label.contains(part)),
            _ => false,
        });
        self.is_by == names_one
    }
}

fn clause<'a, 'q>(tokens: &'a [Token<'q>]) -> Option<(Clause<'a, 'q>, &'a [Token<'q>])> {
    let (first, rest) = tokens.split_first()?;
    let Token::Word(word) = first else {
        return None;
    };
    let is_by = word.eq_ignore_ascii_case("by");
    if !is_by && !word.eq_ignore_ascii_case("without") {
        return None;
    }
    let (labels, rest) = within_parentheses(rest)?;
    Some((Clause { is_by, labels }, rest))
}

/// Splits what is in the parentheses that come first from what follows them.
fn within_parentheses<'a, 'q>(
    tokens: &'a [Token<'q>],
) -> Option<(&'a [Token<'q>], &'a [Token<'q>])> {
    let (Token::Symbol('('), inner) = tokens.split_first()? else {
        return None;
    };
    let mut depth = 1_u32;
    let end = inner.iter().position(|token| {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    Some((inner.get(..end)?, inner.get(end + 1..)?))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'q> {
    /// A name: of a metric, a function, a label, an operator.
    Word(&'q str),
    /// Something in quotes.
    Text,
    Number,
    /// `{…}`.
    Matchers,
    Symbol(char),
}

/// Takes a query apart. Comments are left out, and so is what is in braces.
fn tokens(query: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '#' => (None, rest.find('\n').unwrap_or(rest.len())),
            '"' | '\'' | '`' => (Some(Token::Text), length_of_text(rest, first)),
            '{' => (Some(Token::Matchers), length_of_matchers(rest)),
            '0'..='9' | '.' => {
                let is_part =
                    |character: char| character.is_ascii_alphanumeric() || character == '.';
                (Some(Token::Number), length_while(rest, is_part))
            }
            _ if is_of_word(first) => {
                let length = length_while(rest, is_of_word);
                (rest.get(..length).map(Token::Word), length)
            }
            _ => (Some(Token::Symbol(first)), first.len_utf8()),
        };
        found.extend(token);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    found
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | ':')
}

fn length_while(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|character| !belongs(character))
        .unwrap_or(text.len())
}

/// Bytes of a text with both of its quotes; all that is left where it does not end.
fn length_of_text(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if character == quote && !escaped {
            return at + 1;
        }
        // A backslash means nothing between backquotes.
        escaped = character == '\\' && !escaped && quote != '`';
    }
    text.len()
}

/// Bytes of `{…}`, in which there may be texts and `{{variables}}`.
fn length_of_matchers(text: &str) -> usize {
    let mut depth = 0_u32;
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(character) = rest.chars().next() else {
            break;
        };
        at += match character {
            '"' | '\'' | '`' => length_of_text(rest, character),
            _ => character.len_utf8(),
        };
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_counters_as_they_are_pass() {
        let fine = [
            "http_requests_total",
            r#"http_requests_total{version="{{version}}",status=~"5.."}"#,
            r#"{__name__="http_requests_total",path="rate(x[5m])"}"#,
            "http_requests_total{arm={{arm}}}",
            r#"(x_total{a='}'}) # sum(rate(x[1m]))"#,
            "sum_total",
            "sum",
            "sum{a=\"b\"}",
            "shop:rates_total",
            "x:sum",
            "größe_total",
            "sum without (path) (x_total)",
            "sum without(path, method)(x_total{a=\"b\"})",
            "sum by (instance, le) (x_bucket)",
            "sum(x_total) by (kubernetes_pod_name)",
            "sum without () (x_total)",
        ];
        for query in fine {
            assert_eq!(check_selector(query), Ok(()), "{query}");
        }
        let wrong = [
            "",
            "  # nothing",
            "42",
            "vector(0)",
            "\"x\"",
            "rate(x_total[5m])",
            "RATE (x_total[5m])",
            "sum(increase(x_total[1m]))",
            "sum without (path) (rate(x_total[1m]))",
            "job:x:rate5m",
            "x_total[5m]",
            "sum(x_total)",
            "sum(x_total",
            "sum by (version) (x_total)",
            "sum(x_total) by (version)",
            "sum without (pod) (x_total)",
            "sum without (a) (sum by (b) (x_total))",
            "sum(sum(x_total)) by (pod)",
            "sum(x_total) by (pod) / 2",
            "avg(x_total)",
            "x_total or vector(0)",
            "x_total and on() (up == 1)",
            "x_total offset 5m",
            "x_total @ 5",
            "x_total / y_total",
            "x_total - 1",
            "last_over_time(x_total[1h])",
            "label_replace(x_total, \"a\", \"b\", \"c\", \"d\")",
        ];
        let lines: Vec<String> = wrong
            .map(|query| format!("{query}: {}", check_selector(query).unwrap_err()))
            .to_vec();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        : found no selector of counters
          # nothing: found no selector of counters
        42: found a number or a text, expected a selector of counters
        vector(0): found `vector()`, expected the counter itself, such as `http_requests_total{…}`
        "x": found a number or a text, expected a selector of counters
        rate(x_total[5m]): found `rate()`, which misses the first error of every new series; expected the counter itself, such as `http_requests_total{…}`
        RATE (x_total[5m]): found `RATE()`, which misses the first error of every new series; expected the counter itself, such as `http_requests_total{…}`
        sum(increase(x_total[1m])): found `increase()`, which misses the first error of every new series; expected the counter itself, such as `http_requests_total{…}`
        sum without (path) (rate(x_total[1m])): found `rate()`, which misses the first error of every new series; expected the counter itself, such as `http_requests_total{…}`
        job:x:rate5m: found `job:x:rate5m`, by its name a recorded rate; expected the counter that it was made of
        x_total[5m]: found a range `[…]`, expected the counter itself: differences are taken here
        sum(x_total): found `sum` over pods, which falls when one goes away, as if its errors came once more; expected the counter itself, or `sum without (…)` that keeps `instance` or `pod`
        sum(x_total: found `sum` over pods, which falls when one goes away, as if its errors came once more; expected the counter itself, or `sum without (…)` that keeps `instance` or `pod`
        sum by (version) (x_total): found `sum` over pods, which falls when one goes away, as if its errors came once more; expected the counter itself, or `sum without (…)` that keeps `instance` or `pod`
        sum(x_total) by (version): found `sum` over pods, which falls when one goes away, as if its errors came once more; expected the counter itself, or `sum without (…)` that keeps `instance` or `pod`
        sum without (pod) (x_total): found `sum` over pods, which falls when one goes away, as if its errors came once more; expected the counter itself, or `sum without (…)` that keeps `instance` or `pod`
        sum without (a) (sum by (b) (x_total)): found `sum` over pods, which falls when one goes away, as if its errors came once more; expected the counter itself, or `sum without (…)` that keeps `instance` or `pod`
        sum(sum(x_total)) by (pod): found `sum` over pods, which falls when one goes away, as if its errors came once more; expected the counter itself, or `sum without (…)` that keeps `instance` or `pod`
        sum(x_total) by (pod) / 2: found `sum` over pods, which falls when one goes away, as if its errors came once more; expected the counter itself, or `sum without (…)` that keeps `instance` or `pod`
        avg(x_total): found `avg()`, which makes no counter of counters; expected the counter itself, such as `http_requests_total{…}`
        x_total or vector(0): found `or`, expected one selector of counters and no calculation
        x_total and on() (up == 1): found `and`, expected one selector of counters and no calculation
        x_total offset 5m: found `offset`, expected one selector of counters and no calculation
        x_total @ 5: found `@`, expected one selector of counters and no calculation
        x_total / y_total: found `/`, expected one selector of counters and no calculation
        x_total - 1: found `-`, expected one selector of counters and no calculation
        last_over_time(x_total[1h]): found `last_over_time()`, expected the counter itself, such as `http_requests_total{…}`
        label_replace(x_total, "a", "b", "c", "d"): found `label_replace()`, expected the counter itself, such as `http_requests_total{…}`
        "#);
    }

    #[test]
    fn no_text_makes_it_panic() {
        use proptest::prelude::*;
        proptest!(|(query in "[a-z(){}\\[\\]\"'`#\\\\ é{}]{0,40}")| {
            let _ = check_selector(&query);
        });
    }
}
