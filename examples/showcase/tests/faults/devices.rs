//! Devices with refresh tokens: each refreshes and uses what it holds again and again, whatever happens to the service.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::{
    load::Load,
    process::Showcase,
    site::{Answer, PASSWORD, Pair, Site},
};

pub(crate) const BACKENDS: [&str; 2] = ["jwt-tracked", "jwt-tracked-cookie"];

/// How many stay logged in. Each has a user, so that some are on most nodes of a cluster.
const STAYING: usize = 6;

/// How many log out soon, each in another way at first, and in again.
const LEAVING: usize = 3;

/// Between two requests of a device: others need the machine, too.
const PAUSE: Duration = Duration::from_millis(25);

/// How long a replaced access token yields its successor, which is not replaced before.
const ROTATION_GRACE: Duration = Duration::from_secs(10);

/// The program tells the time in milliseconds, by another clock than the tests.
const CLOCKS_DIFFER: Duration = Duration::from_millis(5);

/// What the log says of a refresh token that was presented like a stolen one.
pub(crate) const REUSED: &str = "used again after its grace";

/// What the devices do, by name.
pub(crate) const STEPS: &[&str] = &["refresh", "use"];

/// The devices, and what they remember.
pub(crate) struct Devices {
    staying: Vec<Device>,
    leaving: Vec<Leaver>,
}

/// A log-in on a device, which has one request at a time.
struct Device {
    /// What it got last.
    pair: Pair,
    /// Since when it has asked with its access token, and got none in its place.
    asking: Option<Instant>,
    /// Between which two instants its access token took the place of another.
    replaced: Option<[Instant; 2]>,
}

/// Somebody who logs out soon.
struct Leaver {
    backend: &'static str,
    email: String,
    /// What they held of log-ins whose end was acknowledged, from first to last.
    ended: Vec<[Pair; 2]>,
}

/// Devices do what they do while something `happens`, and a while before and after it. Then what they hold is good, and what
/// they ended is not.
pub(crate) async fn meanwhile(showcase: &Showcase, happens: impl AsyncFnOnce(&Load)) {
    let load = Load::on(Site::new(showcase));
    let mut devices = Devices::gather(&load).await;
    tokio::join!(devices.run(&load), async {
        load.gets_on(STEPS).await;
        happens(&load).await;
        load.gets_on(STEPS).await;
        load.end();
    });
    devices.hold(showcase).await;
}

impl Devices {
    pub(crate) async fn gather(load: &Load) -> Self {
        let (mut staying, mut leaving) = (Vec::new(), Vec::new());
        for n in 0..STAYING {
            let email = load.person(&format!("staying-{n}")).await;
            let pair = load.site().pair(BACKENDS[n % 2], &email).await;
            staying.push(Device::new(pair));
        }
        for n in 0..LEAVING {
            leaving.push(Leaver {
                backend: BACKENDS[n % 2],
                email: load.person(&format!("leaving-{n}")).await,
                ended: Vec::new(),
            });
        }
        Self { staying, leaving }
    }

    /// Runs every device until the load ends.
    pub(crate) async fn run(&mut self, load: &Load) {
        let staying = self.staying.iter_mut().map(async |device| {
            while load.goes_on() {
                device.refresh(load).await;
                device.visit(load).await;
            }
        });
        let leaving = self.leaving.iter_mut().enumerate().map(async |(n, leaver)| {
            let mut life = n;
            while load.goes_on() {
                leaver.live(load, life).await;
                life += 1;
            }
        });
        tokio::join!(join_all(staying), join_all(leaving));
    }

    /// Nobody was logged out, and whoever has logged out is.
    pub(crate) async fn hold(self, showcase: &Showcase) {
        let site = Site::new(showcase);
        for device in self.staying {
            device.holds(&site).await;
        }
        for leaver in self.leaving {
            assert!(!leaver.ended.is_empty(), "too little was done to tell");
            for pair in leaver.ended.iter().flatten() {
                site.read(&pair.access).send().await.is(401);
                site.refresh(pair).send().await.is(401);
            }
        }
        assert!(!showcase.log().contains(REUSED), "an owner was taken for a thief");
    }
}

impl Device {
    fn new(pair: Pair) -> Self {
        Self {
            pair,
            asking: None,
            replaced: None,
        }
    }

    /// Gets the next pair. If it is told to come again, it holds what it held.
    async fn refresh(&mut self, load: &Load) {
        sleep(PAUSE).await;
        let call = load.site().refresh(&self.pair);
        if let Some(answer) = load.answer("refresh", call, &[200, 204]).await {
            self.take_refreshed(&answer);
        }
    }

    #[track_caller]
    fn take_refreshed(&mut self, answer: &Answer) {
        let before = self.pair.rotations();
        self.pair.take_refreshed(answer);
        // Otherwise it goes on asking: a use without an answer may still replace the token.
        if self.pair.rotations() > before {
            self.was_replaced(answer);
        }
    }

    /// Takes the access token that the answer brings, if it brings one.
    #[track_caller]
    fn take_rotated(&mut self, answer: &Answer) {
        if self.pair.take_rotated(answer) {
            self.was_replaced(answer);
        }
    }

    /// Its access token is another now: because it asked with the one before, and not before the grace of the one before that
    /// was over.
    #[track_caller]
    fn was_replaced(&mut self, answer: &Answer) {
        assert!(self.asking.is_some(), "by a refresh: {answer:?}");
        let (since, now) = (self.asks(), Instant::now());
        assert!(since <= now, "{:?} too early: {answer:?}", since - now);
        self.replaced = Some([since, now]);
        self.asking = None;
    }

    /// Reads something, and gets the next access token.
    async fn visit(&mut self, load: &Load) {
        sleep(PAUSE).await;
        let since = self.asks();
        let call = load.site().read(&self.pair.access);
        let Some(answer) = load.answer("use", call, &[200, 401]).await else {
            return;
        };
        if !is_too_late(&answer, since) {
            self.take_rotated(&answer);
        }
    }

    /// Asks with its access token, unless it has asked before. Returns the earliest instant at which its token can have been
    /// replaced: not before it asked, and not before the grace of the token before is over.
    fn asks(&mut self) -> Instant {
        let asking = *self.asking.get_or_insert_with(Instant::now);
        let after_grace = |[since, _]: [Instant; 2]| since + ROTATION_GRACE - CLOCKS_DIFFER;
        self.replaced
            .map_or(asking, |replaced| asking.max(after_grace(replaced)))
    }

    /// Ends the log-in. True if that is acknowledged, false if it had ended before: by an end that was not.
    async fn leave(&mut self, load: &Load, way: usize) -> Option<bool> {
        sleep(PAUSE).await;
        let site = load.site();
        let call = match way {
            0 => site.log_out(&self.pair.access),
            1 => site.log_out_everywhere(&self.pair),
            _ => {
                self.asks();
                let answer = load.answer("list", site.log_ins(&self.pair), &[200, 401]).await?;
                if answer.status == 401 {
                    return Some(false);
                }
                self.take_rotated(&answer);
                let own = answer.current_log_in();
                site.end_log_in(&self.pair, own["id"].as_str().expect("an id"))
            }
        };
        let answer = load.answer("leave", call, &[204, 401, 404]).await?;
        Some(answer.status == 204)
    }

    /// It is logged in, by the last pair that it got, and has as many rotations behind it as its time allows.
    async fn holds(mut self, site: &Site) {
        let refreshes = self.pair.refreshes();
        assert!(
            refreshes > 1,
            "too little was done to tell: {refreshes} refreshes"
        );
        let [_, at] = self.replaced.expect("the first use already brings another");
        let is_due = at.elapsed() >= ROTATION_GRACE + CLOCKS_DIFFER;
        let (before, since) = (self.pair.rotations(), self.asks());
        let answer = site.read(&self.pair.access).send().await;
        if !is_too_late(&answer, since) {
            answer.is(200);
            self.take_rotated(&answer);
            assert!(self.pair.rotations() > before || !is_due, "{answer:?}");
        }
        let answer = site.refresh(&self.pair).send().await;
        self.take_refreshed(&answer);
        site.read(&self.pair.access).send().await.is(200);
    }
}

impl Leaver {
    /// Logs in, gets other tokens, and logs out until that is acknowledged.
    async fn live(&mut self, load: &Load, life: usize) {
        let log_in = load.site().log_in(self.backend, &self.email, PASSWORD);
        let Some(answer) = load.answer("log in again", log_in, &[200, 204]).await else {
            return;
        };
        let pair = Pair::issued(self.backend, &answer);
        let first = pair.clone();
        let mut device = Device::new(pair);
        device.refresh(load).await;
        device.visit(load).await;
        let mut has_left = None;
        while has_left.is_none() && load.goes_on() {
            has_left = device.leave(load, life % LEAVING).await;
        }
        if has_left == Some(true) {
            self.ended.push([first, device.pair]);
        }
    }
}

/// Whether the answer is that the access token is not good. That may only be if it was replaced, and every answer that had
/// the next one got lost for the whole grace.
#[track_caller]
fn is_too_late(answer: &Answer, since: Instant) -> bool {
    let is_refused = answer.status == 401;
    assert!(!is_refused || since.elapsed() >= ROTATION_GRACE, "{answer:?}");
    is_refused
}
