//! The address of a client behind reverse proxies.

use std::net::IpAddr;

use auth_core::ConfigError;
use ipnet::IpNet;

use crate::RequestHead;

/// The reverse proxies whose `X-Forwarded-For` is trusted. By default there is none, and a client's address is that of
/// its connection.
///
/// # Security
/// Name only proxies that every request from outside passes, and that append the address of the request's sender to
/// `X-Forwarded-For`. Otherwise, clients can choose the address that they are listed and counted under.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// The proxies in `list`: addresses and networks such as `10.0.0.0/8`, separated by commas.
    ///
    /// ```
    /// use portcullis::http::TrustedProxies;
    ///
    /// let proxies = TrustedProxies::parse("127.0.0.1, 10.0.0.0/8, fd00::/8")?;
    /// # assert!(TrustedProxies::parse("proxy.internal").is_err());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] naming `trusted proxies` if an entry is neither an address nor a network.
    pub fn parse(list: &str) -> Result<Self, ConfigError> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let networks = entries.map(|entry| {
            let address = entry.parse().map(|address: IpAddr| IpNet::from(address.to_canonical()));
            // A network of IPv4 addresses that are written as IPv6 would never match: addresses are compared as IPv4.
            let network = || entry.parse().ok().filter(|network: &IpNet| !is_mapped(network));
            address.or_else(|_| network().ok_or(())).map_err(|()| {
                let problem = format_args!(
                    "{entry:?} is neither an address nor a network: write `10.0.0.7` or `10.0.0.0/8`, with commas between them"
                );
                ConfigError::new("trusted proxies", problem)
            })
        });
        networks.collect::<Result<_, _>>().map(Self)
    }

    /// The address of the client that made the request.
    pub(crate) fn client(&self, head: &impl RequestHead) -> Option<IpAddr> {
        let mut address = head.peer()?.to_canonical();
        if !self.trusts(address) {
            return Some(address);
        }
        let mut forwarded = Vec::new();
        head.headers("x-forwarded-for", &mut |value| {
            forwarded.extend(value.split(|byte| *byte == b','));
        });
        // Each proxy appended the address of its peer, so the last entries are the most trustworthy.
        for entry in forwarded.into_iter().rev() {
            match parsed(entry) {
                Some(before) => address = before,
                // The entry is not an address, so the proxy that sent it is the last known one.
                None => break,
            }
            if !self.trusts(address) {
                break;
            }
        }
        Some(address)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn is_mapped(network: &IpNet) -> bool {
    matches!(network, IpNet::V6(network) if network.addr().to_ipv4_mapped().is_some())
}

/// An address as proxies write it: alone, or with a port. IPv6 then has brackets.
fn parsed(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?.trim();
    let address = match entry.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next()?.parse(),
        None => match entry.parse() {
            Ok(address) => Ok(address),
            Err(_) => entry
                .rsplit_once(':')?
                .0
                .parse::<std::net::Ipv4Addr>()
                .map(IpAddr::V4),
        },
    };
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::test_head::Head;

    fn client(proxies: &str, peer: &str, forwarded: &[&str]) -> String {
        let proxies = TrustedProxies::parse(proxies).expect("proxies");
        let headers: Vec<_> = forwarded
            .iter()
            .map(|value| ("x-forwarded-for", *value))
            .collect();
        let head = Head::new("GET", &headers).sent_by(peer.parse().expect("an address"));
        proxies.client(&head).expect("a client").to_string()
    }

    #[test]
    fn c9_the_address_of_a_client_is_the_last_that_no_trusted_proxy_has() {
        for (proxies, peer, forwarded, expected) in [
            ("", "192.0.2.1", &["203.0.113.9"][..], "192.0.2.1"),
            ("10.0.0.0/8", "192.0.2.1", &["203.0.113.9"], "192.0.2.1"),
            ("10.0.0.0/8", "10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            // What the client itself sent stands before.
            (
                "10.0.0.0/8",
                "10.0.0.1",
                &["127.0.0.1, 203.0.113.9"],
                "203.0.113.9",
            ),
            (
                "10.0.0.0/8",
                "10.0.0.1",
                &["127.0.0.1", "203.0.113.9, 10.0.0.2"],
                "203.0.113.9",
            ),
            ("10.0.0.0/8", "10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.0/8", "10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            (
                "fd00::/8, 10.0.0.1",
                "fd00::1",
                &["[2001:db8::9]:4711, 10.0.0.1"],
                "2001:db8::9",
            ),
            (
                "10.0.0.1",
                "::ffff:10.0.0.1",
                &["::ffff:203.0.113.9"],
                "203.0.113.9",
            ),
        ] {
            assert_eq!(client(proxies, peer, forwarded), expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn c9_a_proxy_that_is_no_address_is_an_error_that_names_the_setting() {
        for list in [
            "proxy.internal",
            "10.0.0.0/33",
            "10.0.0.1; 10.0.0.2",
            "::ffff:10.0.0.0/104",
        ] {
            let error = TrustedProxies::parse(list).expect_err(list);
            assert_eq!(error.setting(), "trusted proxies");
        }
    }
}
