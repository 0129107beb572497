//! Does a text have the form of one of Alertmanager's matchers?

/// Is it one matcher as Alertmanager reads them: `service="ads"`, `severity=~"critical|page"`
/// (<https://prometheus.io/docs/alerting/latest/configuration/#matcher>)?
pub fn is_alert_matcher(text: &str) -> bool {
    let name = text.split(['=', '!']).next().unwrap_or_default().trim();
    let value = text
        .trim_start()
        .strip_prefix(name)
        .unwrap_or_default()
        .trim_start();
    let value = ["=~", "!~", "!=", "="]
        .into_iter()
        .find_map(|operator| value.strip_prefix(operator));
    // Newer ones allow any name between quotes.
    let is_quoted = name.len() > 2 && name.starts_with('"') && name.ends_with('"');
    let is_plain = name
        .bytes()
        .next()
        .is_some_and(|byte| !byte.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_quoted || is_plain) && value.is_some()
}
