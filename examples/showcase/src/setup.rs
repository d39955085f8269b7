//! Work in the background. A store that is down must not keep the process from starting.

use std::{sync::Arc, time::Duration};

use actix_web::{rt::time::sleep, web::Data};
use portcullis::{
    StoreError,
    users::{CreateUserError, Registration, UserManager},
};

use crate::stores::Stores;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// Prepares the stores and creates the superuser, and retries until that succeeds. Then it removes expired tokens regularly.
pub(crate) async fn run(stores: Data<Stores>, users: Arc<UserManager>, superuser: Option<Registration>) {
    let mut pause = FIRST_PAUSE;
    while let Err(error) = set_up(&stores, &users, superuser.as_ref()).await {
        let problem = error.to_string();
        tracing::warn!(
            origin = error.origin(),
            ?problem,
            ?pause,
            "the stores are not prepared; trying again"
        );
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
    stores.set_prepared();
    tracing::info!("the stores are prepared");
    loop {
        purge(&stores).await;
        sleep(PURGE_INTERVAL).await;
    }
}

async fn set_up(
    stores: &Stores,
    users: &UserManager,
    superuser: Option<&Registration>,
) -> Result<(), StoreError> {
    stores.prepare().await?;
    match superuser {
        None => Ok(()),
        Some(superuser) => make(users, superuser).await,
    }
}

/// Creates the superuser if no user has the e-mail. An existing user is left unchanged.
async fn make(users: &UserManager, superuser: &Registration) -> Result<(), StoreError> {
    let email = superuser.email.normalized();
    if let Some(user) = users.store().find_by_email(email).await? {
        if !user.is_superuser {
            tracing::warn!(user = %user.id, "SUPERUSER has the e-mail of a user who is not a superuser; the user is left unchanged");
        }
        return Ok(());
    }
    match users.create(superuser.clone()).await {
        // Another process was faster.
        Ok(_) | Err(CreateUserError::EmailTaken) => Ok(()),
        Err(CreateUserError::Unavailable(error)) => Err(error),
        Err(error) => Err(StoreError::internal("users", error)),
    }
}

async fn purge(stores: &Stores) {
    match stores.purge_expired().await {
        Ok(0) => {}
        Ok(purged) => tracing::info!(purged, "expired tokens were removed"),
        Err(error) => {
            let problem = error.to_string();
            tracing::warn!(
                origin = error.origin(),
                ?problem,
                "expired tokens were not removed"
            );
        }
    }
}
