//! What is wrong with a text is said in one line each, at a place inside the text.

use shipgate::yaml::Finding;

/// Looks at the findings of a refused text.
pub fn good(text: &str, findings: &[Finding]) {
    assert!(!findings.is_empty(), "refused and no reason given");
    // An end of line is `\n`, `\r\n` or `\r`, as YAML has it.
    let lines: Vec<&str> = text.split('\n').flat_map(|line| line.split('\r')).collect();
    for finding in findings {
        let place = finding.position;
        let message = &finding.message;
        assert!(
            place.line >= 1 && place.line <= lines.len(),
            "{finding}: the text has {} lines",
            lines.len()
        );
        assert!(place.column >= 1, "{finding}: columns begin with 1");
        // One beyond the last character is where something is missing.
        let longest = text
            .split('\n')
            .chain(text.split('\r'))
            .map(|line| line.chars().count() + 1)
            .max();
        assert!(
            longest.is_some_and(|longest| place.column <= longest),
            "{finding}: no line is that long"
        );
        one_line(message);
    }
}

/// A message is one line that says something.
pub fn one_line(message: &str) {
    assert!(!message.trim().is_empty(), "a message says nothing");
    assert!(
        !message.chars().any(char::is_control),
        "{message:?}: more than one line"
    );
}
