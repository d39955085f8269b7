use auth_core::{Email, Profile, StoreError};
use diesel::{QueryResult, result::Error};

use super::{Answer, Database, ErrorClass, Server};
use crate::{
    ColumnId,
    refusal::Refusal,
    statement::{AnyDatabase, OnDisconnect, Query, RowWrite, Statement},
    user::{EmailColumns, UserCalls, UserTable, email_columns},
};

/// An insertion on a database that does not return the inserted row.
pub struct ThenLastId<I, Q, Id> {
    /// The insertion.
    pub insert: I,
    /// The id, if the application gave one.
    pub given: Option<Id>,
    /// The query for the id that the database gave.
    pub last: Q,
}

impl<S, I, Q, Id> RowWrite<Database<S>, Id> for ThenLastId<I, Q, Id>
where
    S: Server,
    I: Statement<Database<S>>,
    Q: Query<Database<S>, Id>,
    Id: Send + 'static,
{
    fn write(self, connection: &mut S::Connection) -> Answer<'_, Option<Id>> {
        Box::pin(async move {
            self.insert.execute(connection).await?;
            match self.given {
                Some(id) => Ok(Some(id)),
                None => self.last.first(connection).await,
            }
        })
    }
}

/// Updates that match no row of a [`UserTable`]. They find out which value the server refuses: PostgreSQL checks the values
/// before it looks for rows, but its error does not name the column. MySQL's error does.
pub trait UserProbes<D: AnyDatabase, Id: ColumnId, P: Profile>: UserTable<D, Id, P> {
    /// An update without any value that could be refused.
    fn any() -> impl Statement<D>;

    /// A probe for each field that a client sends.
    fn each(email: EmailColumns, profile: P) -> Vec<Probe<D>>;
}

type Call<D> = Box<
    dyn for<'c> FnOnce(&'c mut <D as AnyDatabase>::Connection) -> <D as AnyDatabase>::Answer<'c, usize>
        + Send,
>;

/// Two updates that match no row.
pub struct Probe<D: AnyDatabase> {
    field: &'static str,
    value: Call<D>,
    itself: Call<D>,
}

impl<D: AnyDatabase> Probe<D> {
    /// For a `field`: one update sets its column to a value, the other sets it to itself.
    pub fn new(field: &'static str, value: impl Statement<D>, itself: impl Statement<D>) -> Self {
        Self {
            field,
            value: Box::new(|connection| value.execute(connection)),
            itself: Box::new(|connection| itself.execute(connection)),
        }
    }
}

impl<S, T, Id, P> UserCalls<T, Id, P> for Database<S>
where
    S: Server,
    T: UserProbes<Self, Id, P>,
    Id: ColumnId,
    P: Profile,
{
    async fn refusal(&self, error: &Error, email: &Email, profile: &P) -> Result<Refusal, StoreError> {
        let name = match error {
            Error::DatabaseError(_, problem) => S::named(&**problem),
            _ => None,
        };
        if let Some(refusal) = Refusal::from_kind(error, name, T::FIELDS) {
            return Ok(refusal);
        }
        Ok(match (error, ErrorClass::new::<S>(error)) {
            (Error::DatabaseError(_, problem), _) if S::refuses_value(&**problem) => {
                Refusal::value(name, T::FIELDS)
            }
            (_, ErrorClass::StalePlan | ErrorClass::Unknown) => {
                let (email, profile) = (email_columns(email), profile.clone());
                let refused = self.try_call(OnDisconnect::Retry, move |connection| {
                    Box::pin(refused_field::<S, T, Id, P>(
                        connection,
                        email.clone(),
                        profile.clone(),
                    ))
                });
                match refused.await? {
                    Ok(Some(field)) => Refusal::field(field),
                    Ok(None) | Err(_) => Refusal::Failed,
                }
            }
            _ => Refusal::Failed,
        })
    }
}

async fn refused_field<S: Server, T: UserProbes<Database<S>, Id, P>, Id: ColumnId, P: Profile>(
    connection: &mut S::Connection,
    email: EmailColumns,
    profile: P,
) -> QueryResult<Option<&'static str>> {
    T::any().execute(connection).await?;
    for probe in T::each(email, profile) {
        if (probe.value)(connection).await.is_err() {
            // If the server refuses even the column's own value, the reason is another: a right, or a lost connection.
            (probe.itself)(connection).await?;
            return Ok(Some(probe.field));
        }
    }
    Ok(None)
}
