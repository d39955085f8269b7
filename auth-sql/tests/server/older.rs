//! Log-ins in tables of a release that knew neither backends nor generations.

use std::num::NonZeroU32;

use auth_core::{
    AccessToken, Advance, Advanced, Cap, RotateTokens, Subject, TokenId, TokenKind, TokenLookup,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Log-ins of a user, a second apart and for a day each. The first two are written as that release did.
pub(crate) struct LogIns {
    user: Uuid,
    pub(crate) oldest: AccessToken,
    pub(crate) older: AccessToken,
    newest: AccessToken,
}

fn key(name: &str) -> TokenLookup {
    TokenLookup::new(name)
}

impl LogIns {
    pub(crate) fn of(user: Uuid) -> Self {
        let log_in = |name: &str, second: i64| {
            let at = OffsetDateTime::from_unix_timestamp(1_790_000_000 + second).expect("an instant");
            let token = AccessToken::new(TokenId::generate(), key(name).digest, Subject::new(user, 0), at);
            token.ending(Some(at + Duration::DAY))
        };
        Self {
            user,
            oldest: log_in("oldest", 0),
            older: log_in("older", 1),
            newest: log_in("newest", 2),
        }
    }

    /// Once the tables were migrated.
    pub(crate) async fn are_listed_advanced_and_counted_by_a_cap(self, tokens: &dyn RotateTokens) {
        let Self {
            user,
            oldest,
            mut older,
            mut newest,
        } = self;
        let list = async || tokens.list(&user, 0).await.expect("a list");
        assert_eq!(list().await, [older.clone(), oldest]);

        for kind in [TokenKind::Access, TokenKind::Refresh] {
            let mut step = Advance::new(kind, 0, older.created_at + Duration::HOUR);
            // It still ends when it would have ended.
            step.keep_until = Some(older.created_at + Duration::days(30));
            older = older.advanced(&step).expect("a step from the first generation");
            for by_this_call in [true, false] {
                let advanced = tokens.advance(&key("older"), &step).await.expect("an answer");
                assert_eq!(advanced, Some(Advanced::new(older.clone(), by_this_call)));
            }
        }

        newest.backend = "web".to_owned();
        tokens
            .insert(&newest, NonZeroU32::new(2).map(Cap::new))
            .await
            .expect("a token");
        assert_eq!(list().await, [newest, older]);
    }
}
