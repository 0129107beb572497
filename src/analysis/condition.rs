//! A condition over one number, `result < 0.05 && result >= 0`, in the language that Argo Rollouts uses.
//!
//! The language is expr-lang's (expr-lang.org), as in Argo's `successCondition`. Only the part of it is
//! let through that needs no loops, no lists and no texts: numbers, comparisons, arithmetic, `&&`, `||`,
//! `!` and a few functions, so that a condition ends at once whatever stands in it.

use std::{fmt, sync::LazyLock};

use expr::{Context, Environment, Program, Value};

/// Characters of a condition.
const MOST_CHARACTERS: usize = 400;
/// Parentheses in parentheses.
const MOST_DEPTH: usize = 16;
/// Numbers of a condition whose combinations are tried.
const MOST_TRIED: usize = 12;
/// What may stand in a condition beside numbers and symbols. `asFloat`, `asInt`, `isNaN` and `isInf` are
/// Argo's own (argoproj/argo-rollouts, utils/evaluate/evaluate.go).
const WORDS: [&str; 14] = [
    "result", "and", "or", "not", "true", "false", "abs", "min", "max", "floor", "ceil", "round",
    "isNaN", "isInf",
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // A result is always finite, so these say no; what Argo's files ask of them holds here.
    environment.add_function("isNaN", |call| Ok(Value::Bool(is(&call.args, f64::is_nan))));
    environment.add_function("isInf", |call| {
        Ok(Value::Bool(is(&call.args, f64::is_infinite)))
    });
    environment
});

fn is(arguments: &[Value], wanted: fn(f64) -> bool) -> bool {
    matches!(arguments, [Value::Float(number)] if wanted(*number))
}

/// A condition that was checked: it answers yes or no for numbers of every size.
#[derive(Clone)]
pub struct Condition {
    text: String,
    program: Program,
}

impl Condition {
    /// Checks a condition, and tries it.
    ///
    /// # Errors
    /// Longer than 400 characters, something that is no part of it, a name that is not known, a form
    /// that is none, an answer that is neither yes nor no, nothing about `result` in it. The message is
    /// a clause and names the character.
    pub fn parse(text: &str) -> Result<Self, String> {
        let numbers = scan(text)?;
        let program = expr::compile(text).map_err(|error| misplaced(text, &error))?;
        let condition = Self {
            text: text.trim().to_owned(),
            program,
        };
        for number in tried(&numbers) {
            condition.answer(number)?;
        }
        Ok(condition)
    }

    /// Does it hold? None where it cannot be computed for this number.
    pub fn holds(&self, result: f64) -> Option<bool> {
        self.answer(result).ok()
    }

    /// Is there a number for which it answers so? Looked for around the numbers that it names, and
    /// around their sums, differences, products and quotients.
    pub fn may_be(&self, wanted: bool) -> bool {
        let numbers = scan(&self.text).unwrap_or_default();
        tried(&numbers)
            .into_iter()
            .any(|number| self.holds(number) == Some(wanted))
    }

    fn answer(&self, result: f64) -> Result<bool, String> {
        let context = Context::from_iter([("result", result)]);
        match ENVIRONMENT.run(&self.program, &context) {
            Ok(Value::Bool(answer)) => Ok(answer),
            Ok(_) => Err(
                "answers with a number, expected a comparison such as `result < 0.05`".to_owned(),
            ),
            Err(error) => Err(format!(
                "cannot be computed for a result of {result}: {}",
                lower(&error.to_string())
            )),
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Condition")
            .field(&self.text)
            .finish()
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Returns the numbers that a condition names.
fn scan(text: &str) -> Result<Vec<f64>, String> {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() > MOST_CHARACTERS {
        return Err(format!(
            "has {} characters, expected at most {MOST_CHARACTERS}",
            characters.len()
        ));
    }
    let mut numbers = Vec::new();
    let mut names_result = false;
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&first) = characters.get(at) {
        let rest = characters.get(at..).unwrap_or_default();
        let (length, refusal) = match first {
            ' ' | '\t' | '\n' => (1, None),
            '0'..='9' | '.' => {
                let word = number_in(rest);
                let found = word.replace('_', "").parse::<f64>();
                let refusal = match found.ok().filter(|number| number.is_finite()) {
                    Some(number) => {
                        numbers.push(number);
                        None
                    }
                    None => Some(format!("found `{word}`, expected a number such as 0.05")),
                };
                (word.chars().count(), refusal)
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let word: String = rest.iter().take_while(|next| is_of_word(**next)).collect();
                names_result |= word == "result";
                let refusal = (!WORDS.contains(&word.as_str())).then(|| unknown(&word));
                (word.chars().count(), refusal)
            }
            '(' => {
                depth += 1;
                let refusal = format!("more than {MOST_DEPTH} parentheses in each other");
                (1, (depth > MOST_DEPTH).then_some(refusal))
            }
            ')' => {
                depth = depth.saturating_sub(1);
                (1, None)
            }
            _ => symbol(rest),
        };
        if let Some(refusal) = refusal {
            return Err(format!("at character {}: {refusal}", at + 1));
        }
        at += length.max(1);
    }
    if names_result {
        Ok(numbers)
    } else {
        Err("says nothing of `result`, the number that was measured".to_owned())
    }
}

/// Returns the number that stands first, with its exponent.
fn number_in(rest: &[char]) -> String {
    let mut before = ' ';
    rest.iter()
        .take_while(|next| {
            let is_sign_of_exponent = matches!(**next, '+' | '-') && matches!(before, 'e' | 'E');
            before = **next;
            is_of_word(before) || before == '.' || is_sign_of_exponent
        })
        .collect()
}

fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Returns the length of the symbol that stands first, and why there is none.
fn symbol(rest: &[char]) -> (usize, Option<String>) {
    match rest {
        ['&', '&', ..] | ['|', '|', ..] | ['=', '=', ..] => (2, None),
        ['!' | '<' | '>', '=', ..] => (2, None),
        ['*', '*', ..] | ['/', '/' | '*', ..] => {
            let found: String = rest.iter().take(2).collect();
            (2, Some(format!("found `{found}`, which does not go here")))
        }
        ['!' | '<' | '>' | '+' | '-' | '*' | '/' | ',', ..] => (1, None),
        ['%', ..] => (
            1,
            Some("found `%`, which works on whole numbers only, and `result` is none: write `result - 10 * floor(result / 10)` for `result % 10`".to_owned()),
        ),
        ['=', ..] => (1, Some("found `=`, expected `==`".to_owned())),
        ['&', ..] => (1, Some("found `&`, expected `&&`".to_owned())),
        ['|', ..] => (1, Some("found `|`, expected `||`".to_owned())),
        ['[', ..] => (
            1,
            Some("found `[`: `result` is the number itself and no list, so write `result` for `result[0]`".to_owned()),
        ),
        [other, ..] => (1, Some(format!("found {other:?}, which does not go here"))),
        [] => (1, None),
    }
}

fn unknown(word: &str) -> String {
    let near = WORDS
        .iter()
        .copied()
        .find(|known| known.starts_with(word) || word.eq_ignore_ascii_case(known));
    match near {
        Some(near) => format!("found `{word}`; did you mean `{near}`?"),
        None => format!("found `{word}`; known: {}", WORDS.join(", ")),
    }
}

/// Says where the form is none. What the parser itself says lists its rules, which helps nobody.
fn misplaced(text: &str, error: &expr::Error) -> String {
    let expr::Error::PestError(error) = error else {
        return lower(&error.to_string());
    };
    let (line, column) = match error.line_col {
        pest::error::LineColLocation::Pos(at) | pest::error::LineColLocation::Span(at, _) => at,
    };
    let before: usize = text
        .split('\n')
        .take(line.saturating_sub(1))
        .map(|line| line.chars().count() + 1)
        .sum();
    let at = before + column;
    match text.chars().nth(at.saturating_sub(1)) {
        None => "ends too early: a number, `result` or `)` is missing".to_owned(),
        Some(found) => {
            format!("at character {at}: found {found:?} where something else must stand")
        }
    }
}

fn lower(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(char::to_lowercase);
    first.into_iter().flatten().chain(characters).collect()
}

/// Returns numbers on all sides of what a condition may hold `result` against.
fn tried(named: &[f64]) -> Vec<f64> {
    let named = named.get(..named.len().min(MOST_TRIED)).unwrap_or_default();
    let mut bounds = vec![0.0, 1.0, 0.5, 1e-6, 100.0, 1e12];
    bounds.extend(named);
    for one in named {
        for other in named {
            bounds.extend([one + other, one - other, one * other, one / other]);
        }
    }
    let near = |bound: f64| {
        let little = (bound.abs() * 1e-6).max(1e-9);
        [bound, bound - little, bound + little, -bound]
    };
    bounds
        .into_iter()
        .flat_map(near)
        .filter(|number| number.is_finite())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn conditions_answer_as_they_do_in_argo() {
        let rows = [
            ("result <= 0.05", 0.05, true),
            ("result <= 0.05", 0.050_001, false),
            ("result >= 0 && result < 5", 4.9, true),
            ("result >= 0 && result < 5", -1.0, false),
            ("result < 1 || result > 2", 1.5, false),
            ("!(result > 5)", 5.0, true),
            ("not (result > 5) and result != 3", 3.0, false),
            ("result == 200", 200.0, true),
            ("result * 100 < 5", 0.04, true),
            ("abs(result - 10) <= 2", 7.9, false),
            ("max(result, 3) < 4", 3.9, true),
            ("1e3 > result", 999.0, true),
            ("!isNaN(result) && !isInf(result) && result < 1", 0.0, true),
            ("result / 0 > 1", 1.0, true),
        ];
        for (text, result, wanted) in rows {
            let condition = Condition::parse(text).unwrap();
            assert_eq!(condition.holds(result), Some(wanted), "{text} at {result}");
        }
    }

    #[test]
    fn what_is_no_condition_is_named_with_its_place() {
        let long = format!("result < {}", "1".repeat(400));
        let deep = format!("{}result{} < 1", "(".repeat(17), ")".repeat(17));
        let rows = [
            "",
            "0.05 > 1",
            "result",
            "result + 1",
            "result <",
            "result < 5x",
            "result < 1..3",
            "result < 0.05 result",
            "resul < 0.05",
            "Result < 0.05",
            "result = 5",
            "result & 1",
            "result | abs",
            "result[0] < 5",
            "result < \"5\"",
            "result < 5 // always",
            "result ** 2 < 4",
            "result % 2 == 0",
            "len(result) > 1",
            "all(1..9999999999, true) or result > 1",
            "1 < result < 3",
            "!result > 5",
            "result < 5 || 7",
            "result < 1e999",
            "(result < 1",
            "result < 1)",
            "result > 5 % 0",
            "let a = 1; result > a",
            "result >\n  1 1",
            &long,
            &deep,
        ];
        let lines: Vec<String> = rows
            .iter()
            .map(|text| {
                let shown: String = text.chars().take(40).collect();
                format!("{shown:?}: {}", Condition::parse(text).unwrap_err())
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        "": says nothing of `result`, the number that was measured
        "0.05 > 1": says nothing of `result`, the number that was measured
        "result": answers with a number, expected a comparison such as `result < 0.05`
        "result + 1": answers with a number, expected a comparison such as `result < 0.05`
        "result <": ends too early: a number, `result` or `)` is missing
        "result < 5x": at character 10: found `5x`, expected a number such as 0.05
        "result < 1..3": at character 10: found `1..3`, expected a number such as 0.05
        "result < 0.05 result": at character 15: found 'r' where something else must stand
        "resul < 0.05": at character 1: found `resul`; did you mean `result`?
        "Result < 0.05": at character 1: found `Result`; did you mean `result`?
        "result = 5": at character 8: found `=`, expected `==`
        "result & 1": at character 8: found `&`, expected `&&`
        "result | abs": at character 8: found `|`, expected `||`
        "result[0] < 5": at character 7: found `[`: `result` is the number itself and no list, so write `result` for `result[0]`
        "result < \"5\"": at character 10: found '"', which does not go here
        "result < 5 // always": at character 12: found `//`, which does not go here
        "result ** 2 < 4": at character 8: found `**`, which does not go here
        "result % 2 == 0": at character 8: found `%`, which works on whole numbers only, and `result` is none: write `result - 10 * floor(result / 10)` for `result % 10`
        "len(result) > 1": at character 1: found `len`; known: result, and, or, not, true, false, abs, min, max, floor, ceil, round, isNaN, isInf
        "all(1..9999999999, true) or result > 1": at character 1: found `all`; known: result, and, or, not, true, false, abs, min, max, floor, ceil, round, isNaN, isInf
        "1 < result < 3": cannot be computed for a result of 0: invalid operands for operator <
        "!result > 5": cannot be computed for a result of 0: invalid operand for operator !
        "result < 5 || 7": cannot be computed for a result of 100: invalid operands for operator or
        "result < 1e999": at character 10: found `1e999`, expected a number such as 0.05
        "(result < 1": ends too early: a number, `result` or `)` is missing
        "result < 1)": at character 11: found ')' where something else must stand
        "result > 5 % 0": at character 12: found `%`, which works on whole numbers only, and `result` is none: write `result - 10 * floor(result / 10)` for `result % 10`
        "let a = 1; result > a": at character 1: found `let`; known: result, and, or, not, true, false, abs, min, max, floor, ceil, round, isNaN, isInf
        "result >\n  1 1": at character 14: found '1' where something else must stand
        "result < 1111111111111111111111111111111": has 409 characters, expected at most 400
        "(((((((((((((((((result)))))))))))))))))": at character 17: more than 16 parentheses in each other
        "#);
    }

    #[test]
    fn what_decides_nothing_is_seen() {
        let rows = [
            ("result < 5", true, true),
            ("result >= 0 || result < 0", true, false),
            ("result * 0 == 0", true, false),
            ("result < 1 && result > 2", false, true),
            ("result / 60 == 17", true, true),
            ("result - 3 == 17", true, true),
            ("abs(result) >= 0", true, false),
        ];
        for (text, may_hold, may_not) in rows {
            let condition = Condition::parse(text).unwrap();
            assert_eq!(
                (condition.may_be(true), condition.may_be(false)),
                (may_hold, may_not),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_think_long(text in "(result|and|not|min|abs|[0-9.e]{1,4}|[(),<>=!&|+*/%?:. -]|\\PC){0,60}") {
            if let Ok(condition) = Condition::parse(&text) {
                for result in [0.0, -1.0, 1e300, f64::MIN_POSITIVE] {
                    let _ = condition.holds(result);
                }
            }
        }

        #[test]
        fn a_bound_is_the_bound(bound in -1e9..1e9_f64, result in -1e9..1e9_f64) {
            let condition = Condition::parse(&format!("result <= {bound}")).unwrap();
            prop_assert_eq!(condition.holds(result), Some(result <= bound));
        }
    }
}
