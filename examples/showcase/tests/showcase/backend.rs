//! The backends, as the documentation has them.

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Backend {
    pub(crate) name: &'static str,
    pub(crate) is_cookie: bool,
    pub(crate) has_logout: bool,
    pub(crate) has_refresh: bool,
}

/// The opaque tokens in the database.
pub(crate) const DB: Backend = bearer("db");

const JWT: Backend = Backend {
    has_logout: false,
    ..bearer("jwt")
};

/// Those that there are, with Redis or without.
pub(crate) fn backends(has_redis: bool) -> Vec<Backend> {
    let mut backends = vec![JWT, DB, cookie("cookie")];
    if has_redis {
        backends.extend([bearer("redis"), cookie("redis-cookie")]);
    }
    let tracked = [bearer("jwt-tracked"), cookie("jwt-tracked-cookie")];
    backends.extend(tracked.map(|backend| Backend {
        has_refresh: true,
        ..backend
    }));
    backends
}

const fn bearer(name: &'static str) -> Backend {
    Backend {
        name,
        is_cookie: false,
        has_logout: true,
        has_refresh: false,
    }
}

const fn cookie(name: &'static str) -> Backend {
    Backend {
        is_cookie: true,
        ..bearer(name)
    }
}

impl Backend {
    /// The name of its cookie.
    pub(crate) fn cookie_name(self) -> String {
        format!("__Host-{}", self.name)
    }
}
