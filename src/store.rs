//! The contracts of stores and strategies: for an adapter of your own, an import, or a call past the user manager.
//!
//! - [`UserStore`] holds [`User`](crate::User)s, and [`AccessTokenStore`] the digests of opaque tokens. The suite in
//!   [`testing`](crate::testing) shows whether an implementation keeps their promises.
//! - [`SessionStore`] holds sessions with data.
//! - [`Strategy`] issues and reads credentials, and [`RevocableStrategy`] also revokes them.
//!   [`OpaqueStrategy`](crate::OpaqueStrategy) is both, over any [`AccessTokenStore`]. A tracked JWT, of the feature `jwt`,
//!   needs a store that can [`RotateTokens`].
//! - Each trait has async functions: write [`#[async_trait]`](crate::async_trait) above its `impl`.

pub use auth_core::{
    Abilities, AccessToken, AccessTokenIndex, AccessTokenStore, Advance, Advanced, CacheFence, CacheMark,
    CacheTicket, Cached, Cap, ClientInfo, Clock, DEFAULT_CAP, DEFAULT_DEADLINE, Generation, InsertTokenError,
    InsertUserError, IssueError, Issued, IssuedToken, ListUsers, LoadedUser, MAX_ROLES, MAX_SESSION_BYTES,
    NewLogIn, NewUser, NormalizedEmail, Outcome, OutdatedEmail, PasswordHash, Predecessor, ProfileShape,
    Provenance, PurgeExpired, ReadError, RefreshStrategy, Rejection, ReplaceStrategy, RevocableStrategy,
    RotateStrategy, RotateTokens, Scope, ServerAddress, SessionChange, SessionStore, SessionWrite, ShardTag,
    StoredSession, Strategy, Subject, SystemClock, TokenDigest, TokenId, TokenKind, TokenLookup, Unreachable,
    UpdateUserError, UserCache, UserStore, admit, admit_latest, checked_deadline, from_unix_milliseconds,
    generate_token, outdated_emails, sample_profile, unix_milliseconds, unreadable_url, user_id_from_text,
    with_deadline, written_fields,
};
