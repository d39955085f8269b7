//! What of a request the library looks at.

/// The head of a request, as a binding to a framework presents it.
pub trait RequestHead {
    /// The method, in upper case.
    fn method(&self) -> &str;

    /// The authority that the client asked for: `Host`, or `:authority` in HTTP/2.
    fn host(&self) -> Option<&str>;

    /// The address of the peer, for lists of sessions: a proxy's where one stands in front.
    fn client_address(&self) -> Option<String>;

    /// Calls `each` with the value of every header called `name` (given in lower case), in their order.
    fn headers<'a>(&'a self, name: &'static str, each: &mut dyn FnMut(&'a [u8]));
}

/// The values of a header of which there should be at most one.
pub(crate) enum Header<'a> {
    Absent,
    One(&'a [u8]),
    Many,
}

pub(crate) fn header<'a>(head: &'a (impl RequestHead + ?Sized), name: &'static str) -> Header<'a> {
    let mut found = Header::Absent;
    head.headers(name, &mut |value| {
        found = match found {
            Header::Absent => Header::One(value),
            Header::One(_) | Header::Many => Header::Many,
        };
    });
    found
}

/// Whether the method may change nothing (RFC 9110 §9.2.1).
pub(crate) fn is_safe(head: &(impl RequestHead + ?Sized)) -> bool {
    matches!(head.method(), "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

#[cfg(test)]
pub(crate) mod test_head {
    use super::RequestHead;

    /// A request head made by hand.
    pub(crate) struct Head {
        pub(crate) method: &'static str,
        pub(crate) headers: Vec<(&'static str, Vec<u8>)>,
    }

    impl Head {
        pub(crate) fn new(method: &'static str, headers: &[(&'static str, &str)]) -> Self {
            let headers = headers
                .iter()
                .map(|(name, value)| (*name, value.as_bytes().to_vec()))
                .collect();
            Self { method, headers }
        }
    }

    impl RequestHead for Head {
        fn method(&self) -> &str {
            self.method
        }

        fn host(&self) -> Option<&str> {
            self.headers
                .iter()
                .find(|(name, _)| *name == "host")
                .and_then(|(_, v)| std::str::from_utf8(v).ok())
        }

        fn client_address(&self) -> Option<String> {
            None
        }

        fn headers<'a>(&'a self, name: &'static str, each: &mut dyn FnMut(&'a [u8])) {
            self.headers
                .iter()
                .filter(|(n, _)| *n == name)
                .for_each(|(_, value)| each(value));
        }
    }
}
