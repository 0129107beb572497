//! Addresses without what is secret in them.

/// Takes user and password out of an address: where it is written down it stays for ever. A text that is no
/// address stays as it is.
pub fn without_userinfo(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{behind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_user_and_password_go() {
        let rows = [
            (
                "https://user:secret@git.example/app.git",
                "https://git.example/app.git",
            ),
            ("https://user:se@cret@git.example", "https://git.example"),
            (
                "https://git.example/a@b?c=d@e",
                "https://git.example/a@b?c=d@e",
            ),
            (
                "ssh://git@git.example:22/app.git",
                "ssh://git.example:22/app.git",
            ),
            ("shop/advertisements", "shop/advertisements"),
            ("git@git.example:app.git", "git@git.example:app.git"),
        ];
        for (address, expected) in rows {
            assert_eq!(without_userinfo(address), expected);
        }
    }
}
