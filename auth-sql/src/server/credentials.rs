//! The user and the password in a URL.

/// True if the password of `url` goes on behind what a parser takes for the host, because it has a `/`, `?` or `#` that
/// is not percent-encoded. Its end would then be read as the name of the database, and appear in messages.
pub(crate) fn are_cut_short(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    rest[end..].split('?').next().unwrap_or_default().contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n10_a_password_that_ends_in_the_path_is_seen() {
        for url in [
            "mysql://ada:12/34@localhost/app",
            "mysql://ada:12#34@localhost/app",
            "mysql://ada:Pa@ss/word@localhost/app",
            "postgres://ada:Pa@ss#word@localhost/app",
        ] {
            assert!(are_cut_short(url), "{url}");
        }
        for url in [
            "mysql://ada:p%40ss@localhost/app",
            "mysql://ada:p@ss@localhost/app",
            "mysql://localhost/app?options=a@b",
            "mysql://localhost?user=a@b",
            "mysql://localhost",
            "",
        ] {
            assert!(!are_cut_short(url), "{url}");
        }
    }
}
