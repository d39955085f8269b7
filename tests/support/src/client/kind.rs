//! The backends that a service may have.

/// A backend, by what a client sees of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    JwtBearer,
    DbBearer,
    DbCookie,
    JwtCookie,
    RedisBearer,
    RedisCookie,
}

impl Kind {
    /// Those that need no store beside the users'.
    pub const ALL: [Self; 4] = [Self::JwtBearer, Self::DbBearer, Self::DbCookie, Self::JwtCookie];

    pub fn name(self) -> &'static str {
        match self {
            Self::JwtBearer => "jwt",
            Self::DbBearer => "db",
            Self::DbCookie => "cookie",
            Self::JwtCookie => "jwt-cookie",
            Self::RedisBearer => "redis",
            Self::RedisCookie => "redis-cookie",
        }
    }

    pub fn cookie(self) -> Option<&'static str> {
        match self {
            Self::JwtBearer | Self::DbBearer | Self::RedisBearer => None,
            Self::DbCookie => Some("__Host-cookie"),
            Self::JwtCookie => Some("__Host-jwt-cookie"),
            Self::RedisCookie => Some("__Host-redis-cookie"),
        }
    }

    pub fn is_cookie(self) -> bool {
        self.cookie().is_some()
    }

    /// Whether a single credential can be revoked.
    pub fn is_revocable(self) -> bool {
        !matches!(self, Self::JwtBearer | Self::JwtCookie)
    }

    pub fn login(self) -> String {
        format!("/auth/{}/login", self.name())
    }

    pub fn logout(self) -> String {
        format!("/auth/{}/logout", self.name())
    }
}
