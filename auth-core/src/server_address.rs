//! The message for an operator when a server cannot be reached.

use std::{fmt, io, sync::Arc};

/// Advice on characters that have a meaning in a URL.
const ENCODE: &str = "percent-encode each character of the user and the password that has a meaning in a URL: \
    `@` is `%40`, `:` is `%3A`, `/` is `%2F`, `?` is `%3F`, `#` is `%23`, `%` is `%25`";

/// A server as its operator knows it, for errors and logs: the setting that names it, its hosts, the database and the
/// user. It has no password.
///
/// ```
/// use portcullis::store::{ServerAddress, Unreachable};
///
/// let address = ServerAddress::new("DATABASE_URL", ["db.example.com:5432"])
///     .database("app")
///     .user("ada");
/// assert_eq!(
///     address.problem(Unreachable::Refused, "connection refused"),
///     "DATABASE_URL: no connection to `db.example.com:5432`, database `app`, user `ada`: connection refused. \
///      Is the server running, and is this its port?"
/// );
/// ```
#[derive(Clone, Debug)]
pub struct ServerAddress {
    setting: Arc<str>,
    place: String,
}

/// The reason that a server cannot be used, as far as known. It decides the next step in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreachable {
    /// No process listens at the address.
    Refused,
    /// The host name is unknown.
    UnknownHost,
    /// There is no answer.
    Silent,
    /// The server refuses the user or the password.
    Credentials,
    /// The server has no such database.
    NoDatabase,
    /// The server does not admit this user, or this host.
    Forbidden,
    /// The server and the client do not agree on TLS, or the certificate is not trusted.
    Tls,
    /// Another reason, which the cause explains.
    Other,
}

impl Unreachable {
    /// The reason of an `error` from a socket or from looking up a host.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Self::Refused,
            io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Self::Silent
            }
            // By the standard library's words, because such an error has no kind.
            _ if error.to_string().contains("failed to lookup address") => Self::UnknownHost,
            _ => Self::Other,
        }
    }

    fn next_step(self) -> &'static str {
        match self {
            Self::Refused => "Is the server running, and is this its port?",
            Self::UnknownHost => "Is the host spelt correctly?",
            Self::Silent => "Is this the server's address, and does no firewall stand in between?",
            Self::Credentials => "Check the user and the password.",
            Self::NoDatabase => "Create the database, or correct its name.",
            Self::Forbidden => "Grant the user access to the database from this host.",
            Self::Tls => "Check what the URL says about TLS, and the server's certificate.",
            Self::Other => "",
        }
    }
}

impl ServerAddress {
    /// The server that `setting` names, at `hosts`.
    pub fn new(setting: &str, hosts: impl IntoIterator<Item = impl fmt::Display>) -> Self {
        let hosts: Vec<_> = hosts.into_iter().map(|host| format!("`{host}`")).collect();
        Self {
            setting: setting.into(),
            place: hosts.join(", "),
        }
    }

    /// Adds the name of the database.
    #[must_use]
    pub fn database(mut self, name: impl fmt::Display) -> Self {
        self.place += &format!(", database `{name}`");
        self
    }

    /// Adds the name of the user.
    #[must_use]
    pub fn user(mut self, name: impl fmt::Display) -> Self {
        self.place += &format!(", user `{name}`");
        self
    }

    /// The name of the setting.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// The message for the operator: the setting, the address, the cause and the next step.
    pub fn problem(&self, reason: Unreachable, cause: impl fmt::Display) -> String {
        let cause = cause.to_string();
        let mut problem = format!(
            "{}: no connection to {}: {}. {}",
            self.setting,
            self.place,
            cause.trim_end_matches('.'),
            reason.next_step()
        );
        if matches!(reason, Unreachable::Credentials | Unreachable::UnknownHost) {
            problem += &format!(" In a URL, {ENCODE}.");
        }
        problem.trim_end().to_owned()
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.place, self.setting)
    }
}

/// `problem` of a URL that cannot be read, with its most likely cause. It repeats nothing of the URL, because any part
/// may belong to the password.
pub fn unreadable_url(problem: impl fmt::Display) -> String {
    format!("{problem}. If the password is right, {ENCODE}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n10_a_problem_names_the_setting_the_address_the_cause_and_the_next_step() {
        let address = ServerAddress::new("DATABASE_URL", ["one:5432", "two:5433"]).database("app");
        let io = |kind| Unreachable::from_io(&io::Error::from(kind));
        for (reason, next_step) in [
            (io(io::ErrorKind::ConnectionRefused), "Is the server running"),
            (io(io::ErrorKind::TimedOut), "firewall"),
            (
                Unreachable::from_io(&io::Error::other(
                    "failed to lookup address information: Name or service not known",
                )),
                "Is the host spelt correctly?",
            ),
            (Unreachable::Credentials, "`@` is `%40`"),
            (Unreachable::NoDatabase, "Create the database"),
        ] {
            let problem = address.problem(reason, "the cause.");
            let start = "DATABASE_URL: no connection to `one:5432`, `two:5433`, database `app`: the cause. ";
            assert!(problem.starts_with(start), "{problem}");
            assert!(problem.contains(next_step), "{problem}");
        }
        assert_eq!(io(io::ErrorKind::BrokenPipe), Unreachable::Other);
        let other = address.problem(Unreachable::Other, "the cause");
        assert!(other.ends_with("the cause."), "{other}");
    }
}
