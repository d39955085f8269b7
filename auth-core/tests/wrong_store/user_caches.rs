use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use auth_core::{
    CacheFence, CacheTicket, Cached, StoreError, User, UserCache, async_trait, conformance::UserCacheFixture,
};
use uuid::Uuid;

use crate::breaks;

#[derive(Clone, Copy, PartialEq)]
enum Defect {
    ForgetsTheHash,
    ForgetsTheRoles,
    KeepsNothing,
    OneForAll,
    FenceKeepsTheUser,
    LiftBringsItBack,
    IgnoresTickets,
    TicketsSurviveFences,
    GivesTicketsBehindFences,
    AnyLiftLiftsAll,
    FailureIsMiss,
    KeepsWhatIsOlder,
    AnyFenceForgetsWhatWasWritten,
    TakesTheLastLiftForTheLastChange,
}

type Member = User<Uuid, String>;

#[derive(Default)]
struct State {
    users: HashMap<Uuid, Member>,
    dropped: HashMap<Uuid, Member>,
    fences: HashMap<Uuid, Vec<CacheFence>>,
    written: HashMap<Uuid, i64>,
    /// Counts what makes tickets void.
    drops: u128,
}

struct WrongCache {
    defect: Defect,
    is_out_of_reach: bool,
    state: Arc<Mutex<State>>,
}

impl WrongCache {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach(&self) -> Result<(), StoreError> {
        match self.is_out_of_reach {
            true => Err(StoreError::unreachable("wrong cache", "out of reach")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl UserCache<Uuid, String> for WrongCache {
    async fn find(&self, id: &Uuid) -> Result<Cached<Uuid, String>, StoreError> {
        if self.defect == Defect::FailureIsMiss && self.is_out_of_reach {
            return Ok(Cached::Miss(None));
        }
        self.reach()?;
        let state = self.state();
        let found = match self.defect {
            Defect::OneForAll => state.users.values().next(),
            _ => state.users.get(id),
        };
        if let Some(user) = found {
            return Ok(Cached::Hit(user.clone()));
        }
        let is_fenced = state.fences.get(id).is_some_and(|fences| !fences.is_empty());
        let gives = !is_fenced || self.defect == Defect::GivesTicketsBehindFences;
        Ok(Cached::Miss(gives.then_some(CacheTicket(state.drops))))
    }

    async fn put(&self, ticket: CacheTicket, user: &Member) -> Result<(), StoreError> {
        self.reach()?;
        let mut state = self.state();
        let mut user = user.clone();
        if self.defect == Defect::ForgetsTheRoles {
            user.roles.clear();
        }
        if self.defect == Defect::ForgetsTheHash {
            user.password_hash = None;
        }
        let is_fenced = state
            .fences
            .get(&user.id)
            .is_some_and(|fences| !fences.is_empty());
        let is_good = match self.defect {
            Defect::KeepsNothing => false,
            Defect::IgnoresTickets => true,
            Defect::TicketsSurviveFences => !is_fenced,
            Defect::GivesTicketsBehindFences => ticket.0 == state.drops,
            _ => ticket.0 == state.drops && !is_fenced,
        };
        let is_older = state
            .written
            .get(&user.id)
            .is_some_and(|written| user.revision < *written);
        if is_good && (!is_older || self.defect == Defect::KeepsWhatIsOlder) {
            state.users.insert(user.id, user);
        }
        Ok(())
    }

    async fn fence(&self, id: &Uuid) -> Result<CacheFence, StoreError> {
        self.reach()?;
        let mut state = self.state();
        state.drops += 1;
        if self.defect == Defect::AnyFenceForgetsWhatWasWritten {
            state.written.remove(id);
        }
        let fence = CacheFence(state.drops);
        if self.defect != Defect::FenceKeepsTheUser
            && let Some(user) = state.users.remove(id)
        {
            state.dropped.insert(*id, user);
        }
        state.fences.entry(*id).or_default().push(fence);
        Ok(fence)
    }

    async fn lift(&self, id: &Uuid, fence: CacheFence, written: Option<i64>) -> Result<(), StoreError> {
        self.reach()?;
        let mut state = self.state();
        state.drops += 1;
        let lifts_all = self.defect == Defect::AnyLiftLiftsAll;
        let fences = state.fences.entry(*id).or_default();
        fences.retain(|known| *known != fence && !lifts_all);
        state.users.remove(id);
        if let Some(written) = written {
            let before = state.written.insert(*id, written).unwrap_or(written);
            if self.defect != Defect::TakesTheLastLiftForTheLastChange {
                state.written.insert(*id, written.max(before));
            }
        }
        if self.defect == Defect::LiftBringsItBack
            && let Some(user) = state.dropped.remove(id)
        {
            state.users.insert(*id, user);
        }
        Ok(())
    }
}

struct Caches(Arc<WrongCache>);

impl Caches {
    fn new(defect: Defect) -> Self {
        Self(Arc::new(WrongCache {
            defect,
            is_out_of_reach: false,
            state: Arc::default(),
        }))
    }
}

impl UserCacheFixture for Caches {
    type Cache = WrongCache;

    fn cache(&self) -> Arc<WrongCache> {
        Arc::clone(&self.0)
    }

    async fn another_process(&self) -> Arc<WrongCache> {
        self.cache()
    }

    async fn out_of_reach(&self) -> Option<Arc<WrongCache>> {
        Some(Arc::new(WrongCache {
            defect: self.0.defect,
            is_out_of_reach: true,
            state: Arc::default(),
        }))
    }
}

breaks! { user_cache, Caches {
    a_user_that_was_put_is_found_with_every_field: ForgetsTheHash, ForgetsTheRoles, KeepsNothing;
    a_user_that_was_not_put_is_not_found: OneForAll;
    a_fence_drops_the_user: FenceKeepsTheUser, LiftBringsItBack;
    a_ticket_is_void_once_its_user_is_fenced: IgnoresTickets, TicketsSurviveFences;
    no_ticket_is_given_out_behind_a_fence: GivesTicketsBehindFences, AnyLiftLiftsAll;
    no_user_older_than_a_change_is_kept: KeepsWhatIsOlder, AnyFenceForgetsWhatWasWritten,
        TakesTheLastLiftForTheLastChange;
    no_read_is_behind_an_answered_change: LiftBringsItBack;
    every_call_of_a_cache_out_of_reach_is_a_failure: FailureIsMiss;
} }
