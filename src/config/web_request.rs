//! What a JSON API is asked: one line with a method, a path and a pointer, and a body below it.

use serde_json::Value;

/// What is asked: `/path?query#/json/pointer`, a method in front of it where it is not GET, and a
/// JSON body in the lines below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Is it asked with POST instead of GET?
    pub posts: bool,
    /// Path below the address, with a slash in front.
    pub path: String,
    /// Query, without its question mark.
    pub query: Option<String>,
    /// RFC 6901; empty = the whole answer.
    pub pointer: String,
    /// JSON; empty = none.
    pub body: String,
}

impl Request {
    /// Takes a request apart.
    ///
    /// # Errors
    /// No path, a method other than GET and POST, a pointer that is none, a body for GET or one that
    /// is no JSON. The message is a clause.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (line, body) = text.split_once('\n').unwrap_or((text, ""));
        let (line, body) = (line.trim(), body.trim());
        let (posts, target) = match line.split_once(' ') {
            Some(("GET", target)) => (false, target.trim()),
            Some(("POST", target)) => (true, target.trim()),
            Some((other, _)) if !other.starts_with('/') => {
                return Err(format!(
                    "asks with {}, expected GET or POST",
                    other.escape_debug()
                ));
            }
            _ => (false, line),
        };
        let (address, pointer) = target.split_once('#').unwrap_or((target, ""));
        let (path, query) = match address.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (address, None),
        };
        if !path.starts_with('/') {
            return Err(format!(
                "asks for {:?}, expected a path such as /status#/errors",
                path
            ));
        }
        let leads_up = |part: &str| {
            let part = part.to_ascii_lowercase().replace("%2e", ".");
            matches!(part.as_str(), "." | "..")
        };
        if path.split(['/', '\\']).any(leads_up) {
            return Err("has `..` in its path, expected one below the address".to_owned());
        }
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return Err(format!(
                "has {:?} behind `#`, expected a JSON pointer such as /data/errors",
                pointer
            ));
        }
        if !body.is_empty() && !posts {
            return Err("has a body, which needs POST in front of the path".to_owned());
        }
        if !body.is_empty() && serde_json::from_str::<Value>(body).is_err() {
            return Err("has a body that is no JSON".to_owned());
        }
        Ok(Self {
            posts,
            path: path.to_owned(),
            query,
            pointer: pointer.to_owned(),
            body: body.to_owned(),
        })
    }

    /// Returns the pointer as a phrase: ` at /data/count`; nothing where it is the whole answer.
    pub fn place(&self) -> String {
        if self.pointer.is_empty() {
            String::new()
        } else {
            format!(" at {}", self.pointer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_line_with_a_pointer_and_a_body() {
        let shown = |text: &str| match Request::parse(text) {
            Ok(Request {
                posts,
                path,
                query,
                pointer,
                body,
            }) => {
                let method = if posts { "POST" } else { "GET" };
                format!("{method} {path} {query:?} {pointer:?} {body}")
            }
            Err(reason) => reason,
        };
        let rows = [
            "/errors",
            "/errors?service=shop#/data/0/value",
            "GET /errors",
            "POST /search#/hits\n{\"a\": {\"b\": 1}}\n",
            "POST /search",
            "errors",
            "https://other.example/errors",
            "/../errors",
            "/a/%2E./errors",
            "DELETE /errors",
            "/errors#data",
            "/errors\n{}",
            "POST /errors\n{",
            "",
        ];
        let lines: Vec<String> = rows.iter().map(|row| shown(row)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        GET /errors None "" 
        GET /errors Some("service=shop") "/data/0/value" 
        GET /errors None "" 
        POST /search None "/hits" {"a": {"b": 1}}
        POST /search None "" 
        asks for "errors", expected a path such as /status#/errors
        asks for "https://other.example/errors", expected a path such as /status#/errors
        has `..` in its path, expected one below the address
        has `..` in its path, expected one below the address
        asks with DELETE, expected GET or POST
        has "data" behind `#`, expected a JSON pointer such as /data/errors
        has a body, which needs POST in front of the path
        has a body that is no JSON
        asks for "", expected a path such as /status#/errors
        "#);
    }
}
