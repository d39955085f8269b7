//! The real thing: a strategy over real stores.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use portcullis::{
    ExposeSecret as _, Lifetime, SigningSecret, StoreError, User,
    jwt::{JwtStrategy, RefreshTokens, Rotation, TrackedJwtStrategy},
    store::{
        ClientInfo, Clock as _, IssueError, Issued, NewLogIn, NewUser, Outcome as Admission, ReadError,
        RefreshStrategy as _, RevocableStrategy as _, RotateStrategy as _, RotateTokens, Strategy as _,
        Subject, UpdateUserError, UserStore, admit,
    },
    testing::ManualClock,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    rules::{ACCESS, IDLE, Instant, LOG_IN, ROTATION_GRACE, Rules, SECOND},
    seen::Seen,
    shuffled::{Shuffled, Waits},
    step::{BACKENDS, Door, LogInNumber, Outcome, PEOPLE, Person, Step, Token},
};

/// The stores of one sequence. Others may use them at the same time.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) users: Arc<dyn UserStore>,
    pub(crate) tokens: Arc<dyn RotateTokens>,
}

pub(crate) struct World {
    clock: Arc<ManualClock>,
    users: Arc<dyn UserStore>,
    tokens: Arc<dyn RotateTokens>,
    waits: Arc<Waits>,
    people: Vec<Uuid>,
    strategy: TrackedJwtStrategy,
    /// Reads a token without asking a store.
    reader: TrackedJwtStrategy,
    seen: Mutex<Seen>,
}

/// What came of a step, or why it could not be made.
type Made = Result<Outcome, StoreError>;

impl World {
    pub(crate) async fn new(rules: Rules, stores: &Stores, seed: u64) -> Self {
        let now = OffsetDateTime::now_utc().replace_nanosecond(0).expect("a second");
        let waits = Arc::new(Waits::new(seed));
        let tokens = Arc::new(Shuffled {
            store: Arc::clone(&stores.tokens),
            waits: Arc::clone(&waits),
        });
        let mut people = Vec::new();
        for _ in 0..PEOPLE {
            let email = format!("{}@camelot.example", Uuid::new_v4().simple());
            let user = NewUser::new(email.parse().expect("an e-mail"), (), now);
            people.push(stores.users.insert(user).await.expect("inserted").id);
        }
        let clock = Arc::new(ManualClock::new(now));
        let secret = SigningSecret::generate().expect("randomness");
        let new = || {
            let jwt =
                JwtStrategy::hs256(&secret, Lifetime::new(span(ACCESS)).expect("positive")).expect("valid");
            let log_in = Lifetime::new(span(LOG_IN)).expect("positive");
            TrackedJwtStrategy::new(jwt, tokens.clone(), log_in)
                .expect("valid")
                .clock(clock.clone())
        };
        let refresh = |grace| {
            let tokens = RefreshTokens::new(&secret).idle(span(IDLE)).expect("allowed");
            tokens.grace(span(grace)).expect("allowed")
        };
        let reader = new().refresh_tokens(refresh(0)).check_at_refresh_only();
        Self {
            strategy: configured(new(), rules, refresh),
            reader: reader.expect("valid"),
            clock,
            users: Arc::clone(&stores.users),
            tokens,
            waits,
            people,
            seen: Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        milliseconds(self.clock.now())
    }

    pub(crate) fn pass(&self, time: Instant) {
        self.clock.advance(time::Duration::milliseconds(time));
    }

    /// What `read` finds in the tokens that were issued so far.
    pub(crate) fn issued<T>(&self, read: impl FnOnce(&[Token]) -> T) -> T {
        read(self.seen().tokens())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn make(&self, step: &Step) -> Outcome {
        let made = self.try_to_make(step).await;
        made.unwrap_or_else(|error| Outcome::Failed(error.to_string()))
    }

    async fn try_to_make(&self, step: &Step) -> Made {
        Ok(match step {
            Step::LogIn {
                number,
                person,
                backend,
            } => return self.log_in(*number, *person, backend).await,
            Step::Present { door, token, at } => return self.present(*door, &token.text, at).await,
            Step::Forge { door, text } => return self.present(*door, text, BACKENDS[0]).await,
            Step::Revoke { log_in, person } => {
                let id = self.seen().id(*log_in);
                Outcome::Ended(self.tokens.delete_by_id(&self.people[*person], id).await?)
            }
            Step::RevokeAll(person) => {
                self.strategy.revoke_all(&self.people[*person]).await?;
                Outcome::Done
            }
            Step::Activate(person) => return self.change(*person, |user| user.is_active = true).await,
            Step::ChangePassword(person) => {
                return self.change(*person, |user| user.security_epoch += 1).await;
            }
            Step::Deactivate(person) => {
                let disable = |user: &mut User| {
                    user.is_active = false;
                    user.security_epoch += 1;
                };
                return self.change(*person, disable).await;
            }
            Step::List(person) => return self.list(*person).await,
        })
    }

    async fn user(&self, person: Person) -> Result<User, StoreError> {
        let user = self.users.find(&self.people[person]).await?;
        self.waits.wait().await;
        Ok(user.expect("nobody is deleted"))
    }

    async fn change(&self, person: Person, change: impl Fn(&mut User)) -> Made {
        loop {
            let mut user = self.user(person).await?;
            change(&mut user);
            match self.users.update(&user).await {
                Ok(_updated) => return Ok(Outcome::Done),
                Err(UpdateUserError::Conflict) => {}
                Err(UpdateUserError::Store(error)) => return Err(error),
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn log_in(&self, number: LogInNumber, person: Person, backend: &'static str) -> Made {
        let user = self.user(person).await?;
        if !user.is_active {
            return Ok(Outcome::Refused);
        }
        let (subject, client) = (Subject::from(&user), ClientInfo::default());
        let log_in = NewLogIn::new(backend, &subject, &client);
        let issued = match self.strategy.issue(&log_in).await {
            Ok(issued) => issued,
            Err(IssueError::Unavailable(error)) => return Err(error),
            Err(error) => panic!("{error}"),
        };
        let access = issued.access.secret.expose_secret();
        let credential = self.reader.read(backend, access).await.expect("just issued");
        let id = credential.id.expect("an id");
        let mut seen = self.seen();
        seen.name(access, number, person, id);
        Ok(Outcome::Issued(seen.note(&issued)))
    }

    async fn present(&self, door: Door, text: &str, at: &str) -> Made {
        match door {
            Door::Use => match admit(&*self.users, self.strategy.read(at, text).await).await {
                Admission::Authenticated((_user, credential)) => Ok(Outcome::Good {
                    rotation_due: credential.rotation_due,
                }),
                Admission::Rejected(_) => Ok(Outcome::Refused),
                Admission::Unavailable(error) => Err(error),
                Admission::Anonymous => panic!("a token was presented"),
            },
            Door::Rotate => match self.strategy.rotate(at, text).await {
                Ok(next) => {
                    let note = |next| self.seen().note(&Issued::new(next));
                    Ok(Outcome::Rotated(next.map(note)))
                }
                Err(error) => refused(error),
            },
            Door::LogOut => {
                self.strategy.revoke(at, text).await?;
                Ok(Outcome::Done)
            }
            Door::LogOutByRefresh => match self.strategy.end_by_refresh(at, text).await {
                Ok(()) => Ok(Outcome::Ended(true)),
                Err(ReadError::Rejected(_)) => Ok(Outcome::Ended(false)),
                Err(ReadError::Unavailable(error)) => Err(error),
            },
            Door::Refresh => self.refresh(text, at).await,
        }
    }

    /// As the route does it: the user and the epoch first, then the store.
    async fn refresh(&self, text: &str, at: &str) -> Made {
        let Ok(holder) = self.strategy.holder_of(at, text) else {
            return Ok(Outcome::Refused);
        };
        let subject = holder.subject;
        let person = self.people.iter().position(|id| *id == subject.user_id);
        let user = self.user(person.expect("somebody")).await?;
        if !user.is_active || Subject::from(&user) != subject {
            return Ok(Outcome::Refused);
        }
        match self.strategy.refresh(at, text).await {
            Ok(issued) => Ok(Outcome::Issued(self.seen().note(&issued))),
            Err(error) => refused(error),
        }
    }

    async fn list(&self, person: Person) -> Made {
        let epoch = self.user(person).await?.security_epoch;
        let rows = self.tokens.list(&self.people[person], epoch).await?;
        let (now, seen) = (self.clock.now(), self.seen());
        let live = rows.iter().filter(|row| row.is_live(now));
        Ok(Outcome::Listed(live.map(|row| seen.log_in(row.id)).collect()))
    }
}

fn configured(
    mut strategy: TrackedJwtStrategy,
    rules: Rules,
    refresh: impl Fn(Instant) -> RefreshTokens,
) -> TrackedJwtStrategy {
    if let Some(grace) = rules.refresh {
        strategy = strategy.refresh_tokens(refresh(grace));
    }
    if let Some(age) = rules.rotate_after {
        let rotation = Rotation::after(span(age)).grace(span(ROTATION_GRACE));
        strategy = strategy.rotation(rotation.expect("allowed")).expect("valid");
    }
    if let Some(cap) = rules
        .cap
        .and_then(|cap| NonZeroU32::new(u32::try_from(cap).ok()?))
    {
        strategy = strategy.cap(cap);
    }
    if !rules.looks_up {
        strategy = strategy.check_at_refresh_only().expect("valid");
    }
    strategy
}

fn refused(error: ReadError) -> Made {
    match error {
        ReadError::Rejected(_) => Ok(Outcome::Refused),
        ReadError::Unavailable(error) => Err(error),
    }
}

fn span(time: Instant) -> Duration {
    Duration::from_millis(time.unsigned_abs())
}

fn milliseconds(instant: OffsetDateTime) -> Instant {
    instant.unix_timestamp() * SECOND + Instant::from(instant.millisecond())
}
