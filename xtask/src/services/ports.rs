//! Free ports.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::Fallible;

/// Below the ports that systems use for outgoing connections. One of those could take the port of a server that a test has
/// stopped and will start again.
const RANGE: Range<u16> = 20_000..32_000;

/// The number of ports that were tried.
static TRIED: AtomicU16 = AtomicU16::new(0);

/// A port of 127.0.0.1 that is free now, and that no later call returns again.
pub(super) fn free() -> Fallible<u16> {
    loop {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        if tried >= RANGE.end - RANGE.start {
            return Err(format!("no free port in {RANGE:?}").into());
        }
        let port = candidate(std::process::id(), tried);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
}

/// Each process starts at another port, so that two do not compete for the same ones.
fn candidate(process: u32, tried: u16) -> u16 {
    let size = u32::from(RANGE.end - RANGE.start);
    let offset = (process % size * 97 + u32::from(tried)) % size;
    RANGE.start + u16::try_from(offset).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once() {
        let (one, other) = (free().expect("a port"), free().expect("a port"));
        assert_ne!(one, other);
    }

    #[test]
    fn every_process_tries_every_port_of_the_range() {
        let size = RANGE.end - RANGE.start;
        let mut all: Vec<u16> = (0..size).map(|tried| candidate(u32::MAX, tried)).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(RANGE));
    }

    #[test]
    fn neighbouring_processes_begin_at_different_ports() {
        assert!(candidate(4711, 0).abs_diff(candidate(4712, 0)) > 20);
    }
}
