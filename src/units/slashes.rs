//! Paths as git and all the files that shipgate reads write them: with `/`.

use std::path::MAIN_SEPARATOR;

/// Returns a path of this system as git writes it. It changes nothing but on Windows, where `\` stands between
/// folders.
pub fn with_slashes(path: &str) -> String {
    path.replace(MAIN_SEPARATOR, "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_folders_is_a_slash() {
        let path: std::path::PathBuf = ["apps", "shop", "prod.yaml"].iter().collect();
        let shown = path.display().to_string();
        assert_eq!(with_slashes(&shown), "apps/shop/prod.yaml");
        assert_eq!(with_slashes("apps/shop"), "apps/shop");
        let other = r"apps\shop";
        let expected = if cfg!(windows) { "apps/shop" } else { other };
        assert_eq!(with_slashes(other), expected);
    }
}
