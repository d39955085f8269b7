//! The error of a service that cannot listen.

use std::{fmt::Display, io};

use auth_core::ConfigError;

/// Makes an error for an operator from that of `bind`, which does not name the address: it adds `setting`, `address`,
/// the reason and the next step. Use it with `map_err`.
///
/// ```
/// # fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// use actix_web::{App, HttpServer};
///
/// let address = "127.0.0.1:8080";
/// let server = HttpServer::new(App::new)
///     .bind(address)
///     .map_err(portcullis::actix::bind_error("BIND", address))?;
/// # drop(server);
/// # Ok(()) }
/// ```
pub fn bind_error(setting: &str, address: impl Display) -> impl FnOnce(io::Error) -> ConfigError {
    move |problem| {
        let next_step = match problem.kind() {
            io::ErrorKind::AddrInUse => {
                ". Another program listens there, perhaps this one, started before: stop it, or choose another port"
            }
            io::ErrorKind::PermissionDenied => ". Choose a port above 1023, or let the process have this one",
            io::ErrorKind::AddrNotAvailable => {
                ". This machine has no such address: `0.0.0.0` is all that it has"
            }
            io::ErrorKind::InvalidInput => ". An address has a host and a port: `127.0.0.1:8080`",
            _ if problem.to_string().contains("failed to lookup address") => ". Is the host spelt correctly?",
            _ => "",
        };
        ConfigError::new(setting, format_args!("{address}: {problem}{next_step}"))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use actix_web::{App, HttpServer};

    use super::*;

    #[actix_web::test]
    async fn n10_an_address_that_cannot_be_bound_is_named_with_the_next_step() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let taken = taken.local_addr().expect("an address").to_string();
        for (address, next_step) in [
            (&*taken, "choose another port"),
            ("203.0.113.7:8080", "This machine has no such address"),
            ("127.0.0.1", "a host and a port"),
            ("no-such-host.invalid:8080", "Is the host spelt correctly?"),
        ] {
            let bound = HttpServer::new(App::new).bind(address);
            let error = bound
                .map(drop)
                .map_err(bind_error("BIND", address))
                .expect_err(address);
            assert_eq!(error.setting(), "BIND");
            let message = error.to_string();
            assert!(message.contains(address), "{message}");
            assert!(message.contains(next_step), "{message}");
        }
    }
}
