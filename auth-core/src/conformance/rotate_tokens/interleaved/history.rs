use super::plan::{CAP, Call, LOG_INS};
use crate::{
    AccessToken, Advance, Advanced, Generation, TokenKind, UserId, conformance::rotate_tokens::KINDS,
};

/// The outcome of a call.
pub(super) enum Answer<Id> {
    Inserted,
    Touched,
    Found(Option<AccessToken<Id>>),
    Advanced(Advance, Option<Advanced<Id>>),
    Deleted(bool),
    DeletedAll(u64),
    Listed(Vec<AccessToken<Id>>),
}

/// A call, its answer, and when it began and ended. What ended at an earlier tick than another began came before it. Two others
/// overlapped.
pub(super) struct Event<Id> {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) call: Call,
    pub(super) answer: Answer<Id>,
}

impl<Id> Event<Id> {
    /// The token that the answer has, if it is about one and has it.
    pub(super) fn token(&self) -> Option<&AccessToken<Id>> {
        match &self.answer {
            Answer::Found(token) => token.as_ref(),
            Answer::Advanced(_, answer) => answer.as_ref().map(|answer| &answer.token),
            _ => None,
        }
    }
}

/// A look at a log-in that was inserted before, or is there.
struct Sight<'a, Id> {
    log_in: usize,
    start: u64,
    end: u64,
    token: Option<&'a AccessToken<Id>>,
}

/// All that happened to the log-ins of a user, until all were deleted.
pub(super) struct History<Id> {
    /// As they were inserted.
    log_ins: Vec<AccessToken<Id>>,
    /// When each insertion had ended.
    inserted: Vec<Option<u64>>,
    events: Vec<Event<Id>>,
}

impl<Id: UserId> History<Id> {
    pub(super) fn new(log_ins: Vec<AccessToken<Id>>, events: Vec<Event<Id>>) -> Self {
        let mut inserted = vec![None; LOG_INS];
        for event in &events {
            if let Call::Insert(n) = event.call {
                inserted[n] = Some(event.end);
            }
        }
        Self {
            log_ins,
            inserted,
            events,
        }
    }

    /// Fails unless every promise was kept.
    pub(super) fn check(&self) {
        let sights = self.sights();
        self.a_generation_is_replaced_once();
        self.a_token_is_as_the_steps_left_it(&sights);
        self.no_generation_goes_back(&sights);
        self.nothing_is_found_after_it_was_removed(&sights);
        self.the_cap_holds();
        self.every_log_in_is_accounted_for();
    }

    fn is_inserted_before(&self, log_in: usize, tick: u64) -> bool {
        self.inserted[log_in].is_some_and(|end| end < tick)
    }

    fn sights(&self) -> Vec<Sight<'_, Id>> {
        let mut sights = Vec::new();
        for event in &self.events {
            let mut add = |log_in, token: Option<_>| {
                if token.is_some() || self.is_inserted_before(log_in, event.start) {
                    sights.push(Sight {
                        log_in,
                        start: event.start,
                        end: event.end,
                        token,
                    });
                }
            };
            match (&event.answer, event.call.log_in()) {
                (Answer::Found(_) | Answer::Advanced(..), Some(n)) => add(n, event.token()),
                (Answer::Listed(list), _) => {
                    for (n, log_in) in self.log_ins.iter().enumerate() {
                        add(n, list.iter().find(|token| token.id == log_in.id));
                    }
                }
                _ => {}
            }
        }
        sights
    }

    /// The steps that were made, of the `log_in`'s tokens of `kind`.
    fn steps(&self, log_in: usize, kind: TokenKind) -> impl Iterator<Item = &Advance> {
        self.events.iter().filter_map(move |event| match &event.answer {
            Answer::Advanced(step, Some(answer)) if answer.by_this_call => {
                (event.call.log_in() == Some(log_in) && step.kind == kind).then_some(step)
            }
            _ => None,
        })
    }

    fn a_generation_is_replaced_once(&self) {
        for event in &self.events {
            let Answer::Advanced(step, Some(answer)) = &event.answer else {
                continue;
            };
            let now = answer.token.generation(step.kind);
            if answer.by_this_call {
                let next = Generation::new(step.from + 1, Some(step.at));
                assert!(now == next, "a step that is made is in its answer");
            } else {
                assert!(
                    now.number != step.from,
                    "a step from the present generation is made"
                );
            }
        }
        for log_in in 0..LOG_INS {
            for kind in KINDS {
                let mut replaced: Vec<_> = self.steps(log_in, kind).map(|step| step.from).collect();
                replaced.sort_unstable();
                let each_once = (0..).zip(&replaced).all(|(n, from)| n == *from);
                assert!(each_once, "each generation is replaced once, one after another");
            }
        }
    }

    fn a_token_is_as_the_steps_left_it(&self, sights: &[Sight<'_, Id>]) {
        for sight in sights {
            let Some(token) = sight.token else { continue };
            let inserted = &self.log_ins[sight.log_in];
            let rest = AccessToken {
                expires_at: token.expires_at,
                last_used_at: token.last_used_at,
                access_generation: token.access_generation,
                refresh_generation: token.refresh_generation,
                ..inserted.clone()
            };
            assert!(*token == rest, "nothing else of a log-in changes");
            assert!(
                token.expires_at <= token.absolute_expires_at,
                "a step does not move the expiry past the absolute limit"
            );
            for kind in KINDS {
                let Generation { number, since, .. } = token.generation(kind);
                let step = self
                    .steps(sight.log_in, kind)
                    .find(|step| step.from == number - 1);
                assert!(
                    since == step.map(|step| step.at),
                    "a generation has the instant of its step"
                );
            }
        }
    }

    fn no_generation_goes_back(&self, sights: &[Sight<'_, Id>]) {
        for earlier in sights {
            for later in sights {
                let (Some(before), Some(after)) = (earlier.token, later.token) else {
                    continue;
                };
                if earlier.log_in == later.log_in && earlier.end < later.start {
                    for kind in KINDS {
                        let (before, after) = (before.generation(kind), after.generation(kind));
                        assert!(before.number <= after.number, "a generation never goes back");
                    }
                }
            }
        }
    }

    fn nothing_is_found_after_it_was_removed(&self, sights: &[Sight<'_, Id>]) {
        for log_in in 0..LOG_INS {
            let mine = || sights.iter().filter(move |sight| sight.log_in == log_in);
            let deletions = || {
                self.events.iter().filter(move |event| match event.answer {
                    Answer::Deleted(_) => event.call.log_in() == Some(log_in),
                    Answer::DeletedAll(_) => true,
                    _ => false,
                })
            };
            let removed = deletions().filter(|event| {
                matches!(event.answer, Answer::Deleted(true)) || self.is_inserted_before(log_in, event.start)
            });
            let missing = mine().filter(|sight| sight.token.is_none());
            let gone = removed
                .map(|event| event.end)
                .chain(missing.map(|sight| sight.end))
                .min();
            let Some(gone) = gone else { continue };
            assert!(
                mine().all(|sight| sight.token.is_none() || sight.start <= gone),
                "nothing is found after it was removed"
            );
            let hits = deletions().filter(|event| matches!(event.answer, Answer::Deleted(true)));
            let hits: Vec<_> = hits.map(|event| event.start).collect();
            assert!(
                hits.len() <= 1 && hits.iter().all(|start| *start <= gone),
                "a deletion finds nothing that was removed before"
            );
        }
    }

    fn the_cap_holds(&self) {
        for event in &self.events {
            let Answer::Listed(list) = &event.answer else {
                continue;
            };
            for token in list {
                let count = list.iter().filter(|other| other.backend == token.backend).count();
                assert!(
                    count <= CAP.most.get() as usize,
                    "a backend never has more log-ins than the cap"
                );
            }
        }
    }

    /// By the end everything is deleted, so what no deletion has counted was removed by the cap.
    fn every_log_in_is_accounted_for(&self) {
        let counted = self.events.iter().map(|event| match event.answer {
            Answer::Deleted(true) => 1,
            Answer::DeletedAll(count) => count,
            _ => 0,
        });
        let counted: u64 = counted.sum();
        let (mut inserted, mut beyond) = (0, 0);
        for backend in 0..2 {
            let of_backend = self.inserted.iter().skip(backend).step_by(2).flatten().count() as u64;
            inserted += of_backend;
            beyond += of_backend.saturating_sub(CAP.most.get().into());
        }
        assert!(
            (inserted - beyond..=inserted).contains(&counted),
            "each log-in is removed by one deletion, or by the cap"
        );
    }
}
