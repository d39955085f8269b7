//! What a node remembers.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use auth_core::{LoadedUser, TokenDigest};
use quick_cache::{Equivalent, Weighter, sync::Cache};

use super::lease::Lease;
use crate::key;

/// What an entry takes beside its key and what it holds: the counts of references, the lease and the place in the cache.
const OVERHEAD: usize = 160;

/// An average entry, which only decides how many are made room for at once.
const AVERAGE: u64 = 1024;

/// There are this many shard tags.
const TAGS: usize = 1 << 14;

pub(super) struct Memory {
    entries: Cache<OwnedName, Arc<Entry>, Weight>,
    /// What has happened to the keys of each shard tag.
    tags: Box<[Tag]>,
    /// The length of the prefix of keys.
    prefix: usize,
}

/// What something is remembered by. A log-in needs no more than its digest, so that a look-up builds no key.
#[derive(Clone, Copy, Hash)]
pub(super) enum Name<'a> {
    Row(TokenDigest),
    /// The key of the user on the server.
    User(&'a str),
}

/// The same, with the same hash.
#[derive(PartialEq, Eq, Hash)]
enum OwnedName {
    Row(TokenDigest),
    User(Box<str>),
}

impl From<Name<'_>> for OwnedName {
    fn from(name: Name<'_>) -> Self {
        match name {
            Name::Row(digest) => Self::Row(digest),
            Name::User(key) => Self::User(key.into()),
        }
    }
}

impl Equivalent<OwnedName> for Name<'_> {
    fn equivalent(&self, owned: &OwnedName) -> bool {
        match (self, owned) {
            (Self::Row(digest), OwnedName::Row(other)) => digest == other,
            (Self::User(key), OwnedName::User(other)) => **key == **other,
            _ => false,
        }
    }
}

/// Two counters. What was read earlier than the last change is not kept. What was kept earlier than the last end is void.
#[derive(Default)]
struct Tag {
    changes: AtomicU64,
    ends: AtomicU64,
}

pub(super) struct Entry {
    held: Held,
    tag: u16,
    ends: u64,
    lease: Arc<Lease>,
    number: u64,
    /// The first instant at which it is not good any more.
    until: u64,
    bytes: usize,
}

/// What is remembered.
#[derive(Clone)]
pub(super) enum Held {
    /// The row of a log-in. The type of its ids is that of the store.
    Row(Arc<dyn Any + Send + Sync>),
    User(LoadedUser),
}

#[derive(Clone)]
struct Weight;

impl Weighter<OwnedName, Arc<Entry>> for Weight {
    fn weight(&self, name: &OwnedName, entry: &Arc<Entry>) -> u64 {
        let name = match name {
            OwnedName::Row(_) => 0,
            OwnedName::User(key) => key.len(),
        };
        (name + entry.bytes + OVERHEAD) as u64
    }
}

/// A read of a server that began under a lease.
pub(super) struct Begun {
    pub(super) lease: Arc<Lease>,
    pub(super) number: u64,
    tag: u16,
    changes: u64,
    ends: u64,
}

impl Memory {
    pub(super) fn new(bytes: u64, prefix: &str) -> Self {
        Self {
            entries: Cache::with_weighter((bytes / AVERAGE) as usize, bytes, Weight),
            tags: (0..TAGS).map(|_| Tag::default()).collect(),
            prefix: prefix.len(),
        }
    }

    pub(super) fn get(&self, name: Name<'_>, now: u64) -> Option<Held> {
        let entry = self.entries.get(&name)?;
        let is_good = now < entry.until
            && entry.lease.covers(entry.number, now)
            && self.tag(entry.tag).ends.load(Ordering::SeqCst) == entry.ends;
        is_good.then(|| entry.held.clone())
    }

    /// Call it before the server is asked.
    pub(super) fn begin(&self, tag: u16, lease: &Arc<Lease>, now: u64) -> Option<Begun> {
        Some(Begun {
            number: lease.number_at(now)?,
            lease: Arc::clone(lease),
            tag,
            changes: self.tag(tag).changes.load(Ordering::SeqCst),
            ends: self.tag(tag).ends.load(Ordering::SeqCst),
        })
    }

    /// Remembers what the server answered, unless a key of the same tag was invalidated since the read began. It may be used until
    /// just before `until`.
    pub(super) fn keep(&self, begun: &Begun, name: Name<'_>, held: Held, bytes: usize, until: u64) {
        let is_unchanged = || self.tag(begun.tag).changes.load(Ordering::SeqCst) == begun.changes;
        if !is_unchanged() {
            return;
        }
        let entry = Entry {
            held,
            tag: begun.tag,
            ends: begun.ends,
            lease: Arc::clone(&begun.lease),
            number: begun.number,
            until,
            bytes,
        };
        self.entries.insert(name.into(), Arc::new(entry));
        // An invalidation counts first and removes then. One that came before the insertion shows here; a later one removes it.
        if !is_unchanged() {
            self.entries.remove(&name);
        }
    }

    /// Drops what the server says has changed.
    pub(super) fn invalidate(&self, key: &str) {
        if let Some(tag) = self.tag_of(key) {
            self.tag(tag).changes.fetch_add(1, Ordering::SeqCst);
        }
        if let Some(name) = self.name_of(key) {
            self.entries.remove(&name);
        }
    }

    /// Drops all that has the tag of a `key` that this process has changed, and what is being read of it. Once this returns,
    /// nothing from before is found.
    pub(super) fn end(&self, key: &str) {
        if let Some(tag) = self.tag_of(key) {
            self.tag(tag).changes.fetch_add(1, Ordering::SeqCst);
            self.tag(tag).ends.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(super) fn clear(&self) {
        self.entries.clear();
    }

    pub(super) fn entries(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.entries.weight()
    }

    fn tag(&self, tag: u16) -> &Tag {
        &self.tags[usize::from(tag) % TAGS]
    }

    /// The tag in a key of the server. None of the keys without one is remembered.
    fn tag_of(&self, key: &str) -> Option<u16> {
        let digits = self.tagged(key)?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    }

    /// What that which stands at a key of the server is remembered by, if it can be.
    fn name_of<'a>(&self, key: &'a str) -> Option<Name<'a>> {
        let kind = self.tagged(key)?.get(4..)?;
        if let Some(digest) = kind.strip_prefix("}:t:") {
            return key::decode(digest.as_bytes()).map(Name::Row);
        }
        kind.starts_with("}:c:").then_some(Name::User(key))
    }

    /// What stands behind the bracket that begins the tag.
    fn tagged<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.get(self.prefix..)?.strip_prefix('{')
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const KEY: &str = "p:{00ab}:c:x";
    const NAME: Name<'_> = Name::User(KEY);

    fn scene() -> (Memory, Arc<Lease>, u16) {
        let lease = Arc::new(Lease::default());
        lease.renew(0, Duration::from_secs(1));
        (Memory::new(100_000, "p:"), lease, 0xab)
    }

    fn keep(memory: &Memory, begun: &Begun) -> bool {
        memory.keep(begun, NAME, Held::Row(Arc::new(7)), 10, u64::MAX);
        memory.get(NAME, 1).is_some()
    }

    #[test]
    fn what_was_read_is_remembered_until_it_is_invalidated() {
        let (memory, lease, tag) = scene();
        let begun = memory.begin(tag, &lease, 1).expect("a lease");
        assert!(keep(&memory, &begun));
        assert!(memory.get(NAME, 1_000_000).is_none(), "the lease is over");
        memory.invalidate(KEY);
        assert!(memory.get(NAME, 1).is_none());
    }

    #[test]
    fn a_log_in_is_remembered_by_its_digest_and_invalidated_by_its_key() {
        let (memory, lease, tag) = scene();
        let digests = [1, 2].map(|byte| TokenDigest::from_bytes([byte; 32]));
        let begun = memory.begin(tag, &lease, 1).expect("a lease");
        for digest in digests {
            memory.keep(&begun, Name::Row(digest), Held::Row(Arc::new(7)), 10, u64::MAX);
        }
        memory.invalidate(&format!("p:{{00ab}}:t:{}", key::encode(&digests[0])));
        let is_there = digests.map(|digest| memory.get(Name::Row(digest), 1).is_some());
        assert_eq!(is_there, [false, true]);
    }

    #[test]
    fn what_was_read_before_an_invalidation_or_under_another_lease_is_not_remembered() {
        let (memory, lease, tag) = scene();
        let begun = memory.begin(tag, &lease, 1).expect("a lease");
        memory.invalidate("p:{00ab}:c:another key of the same user");
        assert!(!keep(&memory, &begun));
        let begun = memory.begin(tag, &lease, 1).expect("a lease");
        lease.end();
        assert!(memory.begin(tag, &lease, 1).is_none());
        lease.renew(0, Duration::from_secs(1));
        assert!(!keep(&memory, &begun));
        for foreign in ["", "p:", "p:{", "p:{00a", "p:{00\u{e4}}", "p:f:x", "q:{00ab}:t:x"] {
            memory.invalidate(foreign);
        }
    }

    #[test]
    fn nothing_from_before_an_own_change_is_found_whatever_its_key() {
        let (memory, lease, tag) = scene();
        let begun = memory.begin(tag, &lease, 1).expect("a lease");
        assert!(keep(&memory, &begun));
        memory.end("p:{00ab}:u:the index of the user");
        assert!(memory.get(NAME, 1).is_none());
        assert!(!keep(&memory, &begun), "it was read before");
        let begun = memory.begin(tag, &lease, 1).expect("a lease");
        assert!(keep(&memory, &begun));
        memory.end("p:{00ac}:t:another user's");
        assert!(memory.get(NAME, 1).is_some());
    }

    #[test]
    fn it_takes_no_more_than_its_bytes() {
        let (memory, lease, tag) = scene();
        let begun = memory.begin(tag, &lease, 1).expect("a lease");
        for n in 0..10_000 {
            let key = format!("p:{{00ab}}:c:{n}");
            memory.keep(&begun, Name::User(&key), Held::Row(Arc::new(n)), 100, u64::MAX);
        }
        assert!((1..=100_000).contains(&memory.bytes()), "{}", memory.bytes());
        assert!(memory.entries() > 100);
    }
}
