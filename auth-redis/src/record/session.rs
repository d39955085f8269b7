//! The stored form of a session. The dates stand where a token has them; up to the data, every field has a fixed place, by
//! which `script/session.lua` and `script/save_session.lua` read and replace it.

use auth_core::{StoredSession, Subject, TokenDigest, UserId};
use serde::{Deserialize, Serialize};

use super::{Instant, Malformed, beginning, packed, user_id};

/// The first byte of a session. No token begins with it.
const FORM: u8 = b's';

#[derive(Serialize, Deserialize)]
struct Record<'a> {
    form: u8,
    last_used_at: Instant,
    expires_at: Instant,
    absolute_expires_at: Instant,
    created_at: Instant,
    /// The highest byte first.
    revision: [u8; 8],
    mark: Mark,
    /// As that of a token.
    digest: [u8; 4],
    data: &'a str,
    #[serde(borrow)]
    subject: Option<StoredSubject<'a>>,
}

#[derive(Serialize, Deserialize)]
struct StoredSubject<'a> {
    /// Packed as an id. Scripts find the user's index by it.
    user_id: &'a [u8],
    epoch: i64,
}

/// Random bytes of the call that wrote the data. If the answer to a first attempt is lost, a second attempt knows by them
/// whether the first was carried out.
pub(crate) type Mark = [u8; 8];

/// The value of the key of a session that `mark`'s call creates.
pub(crate) fn write<Id: UserId>(
    digest: &TokenDigest,
    session: &StoredSession<Id>,
    mark: Mark,
) -> Result<Vec<u8>, postcard::Error> {
    let subject = session.subject.as_ref();
    let user = subject.map(|subject| (subject.user_id.to_string(), subject.epoch));
    let user = user.as_ref().map(|(id, epoch)| (packed::id(id), *epoch));
    postcard::to_allocvec(&Record {
        form: FORM,
        last_used_at: Instant::at(session.last_used_at),
        expires_at: Instant::of(session.expires_at),
        absolute_expires_at: Instant::of(session.absolute_expires_at),
        created_at: Instant::at(session.created_at),
        revision: session.revision.to_be_bytes(),
        mark,
        digest: beginning(digest),
        data: &session.data,
        subject: user.as_ref().map(|(user_id, epoch)| StoredSubject {
            user_id,
            epoch: *epoch,
        }),
    })
}

/// The part of a value that is its data.
pub(crate) fn write_data(data: &str) -> Result<Vec<u8>, postcard::Error> {
    postcard::to_allocvec(data)
}

/// The session of `digest` whose key has `value`.
pub(crate) fn read<Id: UserId>(digest: &TokenDigest, value: &[u8]) -> Result<StoredSession<Id>, Malformed> {
    if value.first() != Some(&FORM) {
        return Err(Malformed::Form);
    }
    let (record, rest) = postcard::take_from_bytes::<Record<'_>>(value)?;
    if !rest.is_empty() {
        return Err(Malformed::Form);
    }
    if record.digest != beginning(digest) {
        return Err(Malformed::Other);
    }
    let mut session = StoredSession::new(record.data.to_owned(), record.created_at.read()?);
    if let Some(StoredSubject { user_id: id, epoch }) = record.subject {
        let user_id = user_id(id)?;
        session.subject = Some(Subject::new(user_id, epoch));
    }
    session.revision = i64::from_be_bytes(record.revision);
    session.last_used_at = record.last_used_at.read()?;
    session.expires_at = record.expires_at.read_option()?;
    session.absolute_expires_at = record.absolute_expires_at.read_option()?;
    Ok(session)
}

#[cfg(test)]
mod tests {
    use auth_core::TokenLookup;
    use proptest::prelude::*;

    use super::*;
    use crate::record::tests::{LAST, at};

    prop_compose! {
        fn session()(
            subject in proptest::option::of((any::<String>(), any::<i64>())), data in any::<String>(),
            revision in any::<i64>(), created_at in 0..=LAST, last_used_at in 0..=LAST,
            ends in [proptest::option::of(0..=LAST), proptest::option::of(0..=LAST)],
        ) -> StoredSession<String> {
            let mut session = StoredSession::new(data, at(created_at));
            session.subject = subject.map(|(user_id, epoch)| Subject::new(user_id, epoch));
            session.revision = revision;
            session.last_used_at = at(last_used_at);
            [session.expires_at, session.absolute_expires_at] = ends.map(|end| end.map(at));
            session
        }
    }

    fn digest() -> TokenDigest {
        TokenLookup::new("session").digest
    }

    proptest! {
        #[test]
        fn a_session_is_read_as_it_was_written(session in session(), mark: Mark) {
            let written = write(&digest(), &session, mark).expect("written");
            prop_assert_eq!(read::<String>(&digest(), &written).expect("read"), session);
        }

        #[test]
        fn what_scripts_read_and_replace_has_its_place(session in session(), mark: Mark, data: String) {
            let mut changed = write(&digest(), &session, mark).expect("written");
            prop_assert_eq!(&changed[25..33], session.revision.to_be_bytes());
            prop_assert_eq!(&changed[33..41], mark);
            let old = write_data(&session.data).expect("written");
            changed.splice(45..45 + old.len(), write_data(&data).expect("written"));
            changed.splice(7..13, [0; 6]);
            let mut expected = session;
            (expected.data, expected.expires_at) = (data, Some(at(0)));
            prop_assert_eq!(read::<String>(&digest(), &changed).expect("read"), expected);
        }

        #[test]
        fn whatever_a_key_holds_is_a_session_or_an_error(bytes: Vec<u8>) {
            let formed = [&[FORM], &bytes[..]].concat();
            prop_assert!(read::<String>(&digest(), &bytes).is_err());
            prop_assert!(read::<String>(&digest(), &formed).is_err());
        }

        #[test]
        fn a_session_that_was_cut_or_is_another_is_an_error(
            session in session(), mark: Mark, cut in any::<prop::sample::Index>(),
        ) {
            let mut written = write(&digest(), &session, mark).expect("written");
            let other = read::<String>(&TokenLookup::new("another").digest, &written);
            prop_assert!(matches!(other, Err(Malformed::Other)));
            written.truncate(cut.index(written.len()));
            prop_assert!(read::<String>(&digest(), &written).is_err());
        }
    }

    #[test]
    fn neither_a_token_nor_a_session_is_taken_for_the_other() {
        let session = StoredSession::<String>::new("{}".to_owned(), at(0));
        let written = write(&digest(), &session, [0; 8]).expect("written");
        let token = crate::record::read::<String>(digest(), &written);
        assert!(matches!(token, Err(Malformed::Form)), "{token:?}");
        let refused = read::<String>(&digest(), &[super::super::FORM; 100]);
        assert!(matches!(refused, Err(Malformed::Form)), "{refused:?}");
    }
}
