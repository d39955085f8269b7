//! The commands that each call costs, counted by the driver's events.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use auth_core::{
    AccessTokenIndex as _, AccessTokenStore as _, Advance, Cap, ClientInfo, ExposeSecret as _, Lifetime,
    NewLogIn, OpaqueStrategy, Outcome, RotateTokens as _, Strategy as _, Subject, TokenKind, UserStore as _,
    admit,
};
use auth_mongo::{
    MongoAccessTokenStore, MongoUserStore,
    mongodb::{
        bson::Document,
        event::{EventHandler, command::CommandEvent},
    },
};
use uuid::Uuid;

use super::database::{TestDatabase, new_token, new_user, options};

#[derive(Clone, Default)]
pub(crate) struct Commands(Arc<Mutex<Vec<Document>>>);

impl Commands {
    fn handler(&self) -> EventHandler<CommandEvent> {
        let commands = self.clone();
        EventHandler::callback(move |event| {
            if let CommandEvent::Started(started) = event {
                commands.lock().push(started.command);
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Document>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take(&self) -> Vec<Document> {
        std::mem::take(&mut *self.lock())
    }

    /// The names of the commands since the last time.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |command: Document| command.keys().next().cloned().unwrap_or_default();
        self.take().into_iter().map(name).collect()
    }
}

pub(crate) async fn database(commands: &Commands) -> TestDatabase {
    let mut options = options().await;
    options.command_event_handler = Some(commands.handler());
    TestDatabase::with(options)
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn an_authenticated_request_costs_one_command_for_the_token_and_one_for_the_user() {
    let commands = Commands::default();
    let database = database(&commands).await;
    let users = MongoUserStore::<Uuid>::builder(&database.database)
        .build()
        .expect("a store");
    let tokens = MongoAccessTokenStore::<Uuid>::builder(&database.database)
        .build()
        .expect("a store");
    users.create_indexes().await.expect("indexes");
    tokens.create_indexes().await.expect("indexes");
    let user = users.insert(new_user("ada", ())).await.expect("a user");
    let lifetime = Lifetime::from_secs(60).expect("a minute");
    let strategy = OpaqueStrategy::new(Arc::new(tokens), lifetime);
    commands.take();
    let issued = strategy
        .issue(&NewLogIn::new(
            "api",
            &Subject::from(&user),
            &ClientInfo::default(),
        ))
        .await
        .expect("a token");
    assert_eq!(commands.names(), ["find", "insert"], "the cap takes a look");

    for _request in 0..3 {
        strategy
            .read("api", issued.access.secret.expose_secret())
            .await
            .expect("a credential");
        assert_eq!(commands.names(), ["find"]);
        let outcome = admit(
            &users,
            strategy.read("api", issued.access.secret.expose_secret()).await,
        )
        .await;
        assert!(matches!(outcome, Outcome::Authenticated(..)), "{outcome:?}");
        assert_eq!(commands.names(), ["find", "find"]);
    }
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn each_call_costs_one_command_and_an_insertion_under_a_cap_two() {
    let commands = Commands::default();
    let database = database(&commands).await;
    let users = MongoUserStore::<Uuid>::builder(&database.database)
        .build()
        .expect("a store");
    let tokens = MongoAccessTokenStore::<Uuid>::builder(&database.database)
        .build()
        .expect("a store");
    users.create_indexes().await.expect("indexes");
    tokens.create_indexes().await.expect("indexes");
    commands.take();

    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    assert_eq!(commands.names(), ["insert"]);
    users
        .find_by_email(ada.email.normalized())
        .await
        .expect("an answer");
    assert_eq!(commands.names(), ["find"]);
    users.update(&ada).await.expect("an update");
    assert_eq!(commands.names(), ["update"]);

    let one = NonZeroU32::new(1).map(Cap::new);
    let (first_key, first) = new_token(&ada.id, "first");
    let (key, second) = new_token(&ada.id, "second");
    tokens.insert(&first, one).await.expect("a token");
    assert_eq!(commands.names(), ["find", "insert"]);
    tokens.insert(&second, one).await.expect("a token");
    assert_eq!(commands.names(), ["find", "update"]);
    assert_eq!(tokens.find(&first_key).await.expect("an answer"), None);
    commands.take();
    let at = second.created_at;
    tokens.touch(&key, at, None).await.expect("an answer");
    assert_eq!(commands.names(), ["update"]);
    let mut step = Advance::new(TokenKind::Refresh, 0, at);
    step.keep_until = Some(at + time::Duration::days(14));
    for (made, expected) in [
        (true, &["findAndModify"][..]),
        (false, &["findAndModify", "find"]),
    ] {
        let advanced = tokens.advance(&key, &step).await.expect("an answer");
        assert_eq!(advanced.map(|advanced| advanced.by_this_call), Some(made));
        assert_eq!(commands.names(), expected);
    }
    tokens.list(&ada.id, 0).await.expect("an answer");
    assert_eq!(commands.names(), ["find"]);
    assert!(tokens.delete(&key).await.expect("an answer"));
    assert_eq!(commands.names(), ["delete"]);
    tokens.delete_all(&ada.id).await.expect("an answer");
    assert_eq!(commands.names(), ["delete"]);
    assert!(users.delete(&ada.id).await.expect("an answer"));
    assert_eq!(commands.names(), ["delete"]);
}

/// A database whose client asks for less than the stores do.
pub(crate) async fn with_other_defaults(commands: &Commands) -> TestDatabase {
    let mut options = auth_mongo::mongodb::options::ClientOptions::parse(format!(
        "{}?w=1&readConcernLevel=local&readPreference=secondaryPreferred",
        super::database::url()
    ))
    .await
    .expect("a URL");
    options.command_event_handler = Some(commands.handler());
    TestDatabase::with(options)
}

/// Fails unless the command is a look-up on the primary of what a majority has, or a write that a majority confirms.
pub(crate) fn assert_majority(command: &Document) {
    let same = |concern: &str, field: &str| {
        let concern = command.get_document(concern).expect("a concern");
        concern.get_str(field).expect("a level").to_owned()
    };
    if command.contains_key("find") {
        assert_eq!(same("readConcern", "level"), "majority", "{command}");
        assert!(command.get_document("$readPreference").is_err(), "{command}");
    } else {
        assert_eq!(same("writeConcern", "w"), "majority", "{command}");
    }
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_credential_is_on_a_majority_whatever_the_clients_defaults_are() {
    let commands = Commands::default();
    let database = with_other_defaults(&commands).await;
    let users = MongoUserStore::<Uuid>::builder(&database.database)
        .build()
        .expect("a store");
    let tokens = MongoAccessTokenStore::<Uuid>::builder(&database.database)
        .build()
        .expect("a store");
    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    let (key, token) = new_token(&ada.id, "a token");
    tokens
        .insert(&token, NonZeroU32::new(1).map(Cap::new))
        .await
        .expect("a token");
    commands.take();

    users.find(&ada.id).await.expect("an answer");
    tokens.find(&key).await.expect("an answer");
    users.update(&ada).await.expect("an update");
    let step = Advance::new(TokenKind::Access, 0, token.created_at);
    tokens.advance(&key, &step).await.expect("an answer");
    tokens.delete(&key).await.expect("an answer");
    tokens.insert(&token, None).await.expect("a token");
    tokens.delete_all(&ada.id).await.expect("an answer");
    users.delete(&ada.id).await.expect("an answer");
    let commands = commands.take();
    assert_eq!(commands.len(), 8);
    for command in commands {
        assert_majority(&command);
    }
}
