//! The backends that a service may have.

/// A backend, by what a client sees of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    JwtBearer,
    DbBearer,
    DbCookie,
    JwtCookie,
    /// JWTs that can be revoked, with refresh tokens.
    TrackedBearer,
    TrackedCookie,
    RedisBearer,
    RedisCookie,
}

impl Kind {
    /// Those that need no store beside the users'.
    pub const ALL: [Self; 6] = [
        Self::JwtBearer,
        Self::DbBearer,
        Self::DbCookie,
        Self::JwtCookie,
        Self::TrackedBearer,
        Self::TrackedCookie,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::JwtBearer => "jwt",
            Self::DbBearer => "db",
            Self::DbCookie => "cookie",
            Self::JwtCookie => "jwt-cookie",
            Self::TrackedBearer => "jwt-tracked",
            Self::TrackedCookie => "jwt-tracked-cookie",
            Self::RedisBearer => "redis",
            Self::RedisCookie => "redis-cookie",
        }
    }

    pub fn cookie(self) -> Option<&'static str> {
        match self {
            Self::JwtBearer | Self::DbBearer | Self::TrackedBearer | Self::RedisBearer => None,
            Self::DbCookie => Some("__Host-cookie"),
            Self::JwtCookie => Some("__Host-jwt-cookie"),
            Self::TrackedCookie => Some("__Host-jwt-tracked-cookie"),
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

    /// Whether a log-in has a refresh token.
    pub fn has_refresh(self) -> bool {
        matches!(self, Self::TrackedBearer | Self::TrackedCookie)
    }

    /// The cookie of the refresh token.
    pub fn refresh_cookie(self) -> Option<&'static str> {
        (self == Self::TrackedCookie).then_some("__Secure-jwt-tracked-cookie-refresh")
    }

    pub fn refresh(self) -> String {
        format!("/auth/{}/refresh", self.name())
    }

    pub fn login(self) -> String {
        format!("/auth/{}/login", self.name())
    }

    pub fn logout(self) -> String {
        format!("/auth/{}/logout", self.name())
    }
}
