//! Processes that stand ready for the next test: a start for each would take longer than all that the tests ask.

use std::{
    env,
    process::Command,
    sync::{
        LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{Place, Service, Setting};

/// Two for each place and setting that there are. Each takes some 30 MiB, and some connections of the servers.
const MOST: usize = 40;

static IDLE: Mutex<Vec<Service>> = Mutex::new(Vec::new());

/// Tests that are still to end.
static REMAINING: LazyLock<AtomicUsize> = LazyLock::new(|| AtomicUsize::new(tests_of_this_run()));

fn idle() -> MutexGuard<'static, Vec<Service>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process at `place` that nobody else uses until it is given back, with no user.
pub(crate) async fn take(place: Place, setting: Setting) -> Service {
    let ready = {
        let mut idle = idle();
        let found = idle.iter().position(|service| service.is_at(place, setting));
        found.map(|index| idle.remove(index))
    };
    match ready {
        None => Service::start(place, setting).await,
        Some(mut service) => {
            service.renew().await;
            service
        }
    }
}

/// It stands ready for the next test; where too many do, the one ends that has waited for longest.
pub(crate) async fn give_back(service: Service) {
    let longest = {
        let mut idle = idle();
        idle.push(service);
        (idle.len() > MOST).then(|| idle.remove(0))
    };
    if let Some(service) = longest {
        service.end().await;
    }
}

/// A test has ended. The last one ends what stands ready.
pub(crate) async fn finish() {
    if REMAINING.fetch_sub(1, Ordering::AcqRel) == 1 {
        let all = std::mem::take(&mut *idle());
        for service in all {
            service.end().await;
        }
    }
}

/// How many tests run in this process, as its own harness counts them: it tells nobody which is the last.
fn tests_of_this_run() -> usize {
    let ignored = ["--ignored", "--include-ignored"];
    if env::args().any(|argument| ignored.contains(&&*argument)) {
        listed(&[])
    } else {
        // All are listed, and the ignored ones do not run.
        listed(&[]) - listed(&["--ignored"])
    }
}

fn listed(more: &[&str]) -> usize {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(env::args_os().skip(1)).args(more);
    let output = command.arg("--list").output().expect("a list");
    let list = String::from_utf8(output.stdout).expect("UTF-8");
    let tests = list.lines().filter_map(|line| line.strip_suffix(": test"));
    tests.filter(|path| is_of_a_place(path)).count()
}

/// The others take no process. See the macros in `main`.
fn is_of_a_place(path: &str) -> bool {
    path.contains("::open::") || path.contains("::verified_only::")
}
