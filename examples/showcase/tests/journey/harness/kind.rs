//! The backends of the showcase.

/// One backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Jwt,
    Db,
    Cookie,
    Redis,
    RedisCookie,
}

impl Kind {
    /// In the order in which a request's credentials are tried.
    pub(crate) const ALL: [Self; 5] = [Self::Jwt, Self::Db, Self::Cookie, Self::Redis, Self::RedisCookie];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Db => "db",
            Self::Cookie => "cookie",
            Self::Redis => "redis",
            Self::RedisCookie => "redis-cookie",
        }
    }

    pub(crate) fn cookie(self) -> Option<&'static str> {
        match self {
            Self::Jwt | Self::Db | Self::Redis => None,
            Self::Cookie => Some("__Host-cookie"),
            Self::RedisCookie => Some("__Host-redis-cookie"),
        }
    }

    /// Whether a single credential can be revoked.
    pub(crate) fn is_revocable(self) -> bool {
        self != Self::Jwt
    }

    /// Whether it is there only where `REDIS_URL` is.
    pub(crate) fn needs_redis(self) -> bool {
        matches!(self, Self::Redis | Self::RedisCookie)
    }
}
