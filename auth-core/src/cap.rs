use std::num::NonZeroU32;

use crate::TokenDigest;

/// How many tokens of a user and backend are left by an [insertion](crate::AccessTokenStore::insert).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cap {
    /// The number of tokens that are left at most, with the inserted one.
    pub most: NonZeroU32,
    /// The digest of a token that does not count and stays. It is left beside the others.
    pub replaced: Option<TokenDigest>,
}

impl Cap {
    /// At most that many tokens, all of which count.
    #[must_use]
    pub const fn new(most: NonZeroU32) -> Self {
        Self { most, replaced: None }
    }

    /// The same cap, which leaves out the token of `digest`: the inserted one replaces it. The store keeps it all the same, so
    /// whoever inserts deletes it afterwards.
    #[must_use]
    pub fn not_counting(mut self, digest: TokenDigest) -> Self {
        self.replaced = Some(digest);
        self
    }

    /// The number of others that are left beside the inserted token.
    #[must_use]
    pub fn others(&self) -> u32 {
        self.most.get() - 1
    }
}
