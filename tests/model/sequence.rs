//! A random sequence of steps, and the comparison.

use futures_util::future::join;

use crate::{
    model::Model,
    random::Random,
    rules::{Instant, ROTATION_GRACE, Rules, SECOND},
    step::{BACKENDS, Door, Outcome, PEOPLE, Step, Token},
    world::{Stores, World},
};

const STEPS: usize = 20;

/// Makes the sequence of `seed`.
///
/// # Panics
/// With the seed and the steps, if something came out that the model does not allow.
pub(crate) async fn run(stores: &Stores, seed: u64) {
    let mut random = Random::new(seed);
    let rules = Rules::random(&mut random);
    let mut sequence = Sequence {
        world: World::new(rules, stores, random.next()).await,
        rules,
        random,
        states: vec![Model::new(rules)],
        log_ins: Vec::new(),
        seed,
        made: Vec::new(),
    };
    for _ in 0..STEPS {
        sequence.let_time_pass();
        if sequence.random.chance(25) {
            sequence.make_two().await;
        } else {
            let step = sequence.step();
            sequence.make(&step).await;
        }
    }
    for person in 0..PEOPLE {
        sequence.make(&Step::List(person)).await;
    }
}

struct Sequence {
    world: World,
    rules: Rules,
    random: Random,
    /// All that can hold now.
    states: Vec<Model>,
    /// The user of each log-in.
    log_ins: Vec<usize>,
    seed: u64,
    made: Vec<Made>,
}

/// What was done so far, to be printed if it fails.
#[derive(Debug)]
#[expect(dead_code, reason = "it is printed")]
enum Made {
    TimePassed(Instant),
    One(Step),
    Both(Step, Step),
}

impl Sequence {
    /// Often to where something changes, or to the millisecond before or after.
    fn let_time_pass(&mut self) {
        let now = self.world.now();
        let time = if self.random.chance(40) {
            self.random.pick(&[0, 1, 500, SECOND, 5 * SECOND, 30 * SECOND])
        } else {
            let age = self.rules.rotate_after.unwrap_or_default();
            let ahead: Vec<Instant> = self.world.issued(|tokens| {
                let ends = tokens.iter().flat_map(|token| {
                    let surely_due = token.issued + ROTATION_GRACE + SECOND;
                    [token.end, token.issued + age, surely_due]
                });
                let boundaries = self.states[0].boundaries().chain(ends);
                boundaries
                    .filter(|at| (now + 1..now + 120 * SECOND).contains(at))
                    .collect()
            });
            match ahead.as_slice() {
                [] => 1,
                ahead => self.random.pick(ahead) - now + self.random.pick(&[-1, 0, 1]),
            }
        };
        if time > 0 {
            self.world.pass(time);
            self.made.push(Made::TimePassed(time));
        }
    }

    fn step(&mut self) -> Step {
        let issued = self.world.issued(<[Token]>::len);
        let person = self.random.below(PEOPLE);
        let roll = self.random.below(100);
        if issued == 0 || roll < 14 {
            self.log_ins.push(person);
            return Step::LogIn {
                number: self.log_ins.len() - 1,
                person,
                backend: self.random.pick(&BACKENDS),
            };
        }
        // The newest tokens most of the time, as a client has them.
        let newest = if self.random.chance(60) {
            issued.min(4)
        } else {
            issued
        };
        let at = issued - 1 - self.random.below(newest);
        let token = self.world.issued(|tokens| tokens[at].clone());
        match roll {
            14..84 => {
                let door = self.door(&token);
                let at = if self.random.chance(95) {
                    token.backend
                } else {
                    self.random.pick(&BACKENDS)
                };
                Step::Present { door, token, at }
            }
            84..88 => {
                let mut text = token.text.clone();
                let at = self.random.below(text.len());
                let with = if text[at..].starts_with('A') { "B" } else { "A" };
                text.replace_range(at..=at, with);
                Step::Forge {
                    door: self.door(&token),
                    text,
                }
            }
            88..91 => Step::Revoke {
                log_in: token.log_in,
                person: self.log_ins[token.log_in],
            },
            91 => Step::Revoke {
                log_in: token.log_in,
                person,
            },
            92 => Step::RevokeAll(person),
            93..95 => Step::ChangePassword(person),
            95 => Step::Deactivate(person),
            96..98 => Step::Activate(person),
            _ => Step::List(person),
        }
    }

    /// Mostly one that takes such a token, and seldom one that ends its log-in.
    fn door(&mut self, token: &Token) -> Door {
        loop {
            let door = self.random.pick(&Door::ALL);
            let ends = matches!(door, Door::LogOut | Door::LogOutByRefresh);
            let is_fit = door.takes() == token.kind || self.random.chance(5);
            let is_there = door != Door::Rotate || self.rules.rotate_after.is_some();
            if is_there && is_fit && (!ends || self.random.chance(15)) {
                return door;
            }
        }
    }

    async fn make(&mut self, step: &Step) {
        self.made.push(Made::One(step.clone()));
        let now = self.world.now();
        let outcome = self.world.make(step).await;
        let is_log_in = matches!(step, Step::LogIn { .. });
        self.keep_those(&outcome, |state| state.after(step, now));
        if is_log_in {
            // No two log-ins are of the same instant, so that it is known which is older.
            self.world.pass(1);
        }
    }

    async fn make_two(&mut self) {
        let (one, two) = (self.step(), self.step());
        let both = [&one, &two];
        let log_ins = both
            .iter()
            .filter(|step| matches!(step, Step::LogIn { .. }))
            .count();
        // Of two log-ins of the same instant, it is not known which is older.
        let is_ambiguous = log_ins == 2 && self.rules.cap.is_some_and(|cap| cap > 1);
        // A list is read after the user.
        if is_ambiguous || both.iter().any(|step| matches!(step, Step::List(_))) {
            self.make(&one).await;
            return self.make(&two).await;
        }
        self.made.push(Made::Both(one.clone(), two.clone()));
        let now = self.world.now();
        let outcomes = join(self.world.make(&one), self.world.make(&two)).await;
        let outcomes: [Outcome; 2] = outcomes.into();
        self.keep_those(&outcomes, |state| state.after_both([&one, &two], now));
        self.world.pass(1);
    }

    /// Keeps what can hold after this `outcome`.
    fn keep_those<T: PartialEq + std::fmt::Debug>(
        &mut self,
        outcome: &T,
        after: impl Fn(&Model) -> Vec<(T, Model)>,
    ) {
        let possible: Vec<_> = self.states.iter().flat_map(after).collect();
        let mut states: Vec<Model> = Vec::new();
        for (expected, state) in &possible {
            if expected == outcome && !states.contains(state) {
                states.push(state.clone());
            }
        }
        if states.is_empty() {
            let expected: Vec<_> = possible.iter().map(|(expected, _)| expected).collect();
            let (seed, rules) = (self.seed, self.rules);
            let made: Vec<_> = self.made.iter().map(|made| format!("{made:?}")).collect();
            let made = made.join("\n");
            panic!("seed {seed}, {rules:?}\n{made}\ncame to {outcome:?}\ninstead of one of {expected:?}");
        }
        self.states = states;
    }
}
