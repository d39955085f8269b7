//! What only this database limits.

use auth_core::{PurgeExpired as _, UserStore as _};
use time::Duration;

use crate::{
    backend::{Place, Tokens, Users},
    server::sample::{new_user, now},
};

#[test]
#[ignore = "needs MariaDB"]
fn a_purge_may_remove_more_than_a_statement_takes_values() {
    auth_core::conformance::run(async {
        let place = Place::migrated().await;
        let database = place.database(1);
        Users::new(&database)
            .insert(new_user("ada", ()))
            .await
            .expect("a user");
        place
            .run(
                "SET foreign_key_checks = 0;
                 INSERT INTO access_tokens (id, digest, user_id, epoch, created_at, expires_at, last_used_at)
                 SELECT UNHEX(LPAD(seq, 32, 0)), UNHEX(LPAD(seq, 64, 0)), users.id, 0, '2026-01-01', '2026-01-01', '2026-01-01'
                 FROM seq_1_to_66000 JOIN users",
            )
            .await;
        let purge = Tokens::new(&database)
            .purge_expired(now() + Duration::DAY, u32::MAX)
            .await;
        assert_eq!(purge.expect("an answer"), 66_000);
    });
}
