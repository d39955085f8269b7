//! Finds the processes of a run in the system's list, including those that a test started again, and those of a run
//! that was killed before it could stop them.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use crate::{Fallible, process};

/// The possible names of a server's process. A pager that shows its log must not be stopped.
const PROGRAMS: &[&str] = &[
    "ferretdb",
    "mariadbd",
    "mongod",
    "mysqld",
    "postgres",
    "redis-sentinel",
    "redis-server",
    "valkey-server",
];

/// A server that takes longer to stop is killed. Its data is thrown away anyway.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, PartialEq, Eq)]
struct Listed {
    pid: u32,
    arguments: Vec<String>,
}

/// The signal that stops a server without waiting for its clients.
pub(super) fn stop_signal(arguments: &[String]) -> &'static str {
    let is_postgres = arguments.iter().any(|argument| file_name(argument) == "postgres");
    if is_postgres { "INT" } else { "TERM" }
}

/// Stops the servers of every run below `base` whose keeper is gone, and removes their data.
pub(super) fn clear(base: &Path, keeper: &str) -> Fallible<()> {
    let listed = list()?;
    for entry in fs::read_dir(base)? {
        let folder = entry?.path();
        if is_stale(&folder, keeper, &listed) {
            eprintln!("stopping what an earlier run left in {}", folder.display());
            stop(&folder)?;
            match fs::remove_dir_all(folder) {
                // Another run, which is starting now, has done it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
    }
    Ok(())
}

/// The folder of a run is named after its keeper's process. The number alone may belong to another process by now.
fn is_stale(folder: &Path, keeper: &str, listed: &[Listed]) -> bool {
    let name = folder.file_name().map(|name| name.to_string_lossy());
    let Some(pid) = name.and_then(|name| name.parse::<u32>().ok()) else {
        return false;
    };
    let lives =
        |process: &Listed| process.pid == pid && process.arguments.iter().any(|argument| argument == keeper);
    pid == std::process::id() || !listed.iter().any(lives)
}

/// Stops every server whose data is below `folder`, and returns when all are gone.
pub(super) fn stop(folder: &Path) -> Fallible<()> {
    for forced in [None, Some("KILL")] {
        for process in ours(folder)? {
            let signal = forced.unwrap_or_else(|| stop_signal(&process.arguments));
            // Built into every shell. It is not a failure if the server has just ended by itself.
            let line = format!("kill -{signal} {} 2>&-; true", process.pid);
            process::output(Command::new("sh").args(["-c", &line]))?;
        }
        let asked = Instant::now();
        while asked.elapsed() < STOP_TIMEOUT {
            if ours(folder)?.is_empty() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    Err(format!("servers in {} are killed and still there", folder.display()).into())
}

fn ours(folder: &Path) -> Fallible<Vec<Listed>> {
    let mut listed = list()?;
    listed.retain(|process| is_ours(process, folder));
    Ok(listed)
}

fn is_ours(process: &Listed, folder: &Path) -> bool {
    let below = format!("{}/", folder.display());
    let program = process.arguments.first().map_or("", |program| file_name(program));
    PROGRAMS.iter().any(|known| program.starts_with(known))
        && process.arguments.iter().any(|argument| argument.contains(&below))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn list() -> Fallible<Vec<Listed>> {
    match fs::read_dir("/proc") {
        Ok(entries) => Ok(entries
            .flatten()
            .filter_map(|entry| in_proc(&entry.path()))
            .collect()),
        Err(_) => {
            let lines = process::output(Command::new("ps").args(["-axww", "-o", "pid=,command="]))?;
            Ok(lines.lines().filter_map(in_ps).collect())
        }
    }
}

fn in_proc(folder: &Path) -> Option<Listed> {
    let pid = folder.file_name()?.to_str()?.parse().ok()?;
    let line = fs::read(folder.join("cmdline")).ok()?;
    let arguments = line
        .split(|byte| *byte == 0)
        .filter(|argument| !argument.is_empty());
    let arguments = arguments.map(|argument| String::from_utf8_lossy(argument).into_owned());
    Some(Listed {
        pid,
        arguments: arguments.collect(),
    })
}

fn in_ps(line: &str) -> Option<Listed> {
    let (pid, command) = line.trim_start().split_once(' ')?;
    Some(Listed {
        pid: pid.parse().ok()?,
        arguments: command.split_whitespace().map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;

    use super::*;

    fn listed(pid: u32, line: &str) -> Listed {
        in_ps(&format!("  {pid} {line}")).expect("a line of ps")
    }

    #[test]
    fn a_server_is_ours_by_its_program_and_the_folder_that_it_names() {
        let folder = Path::new("/t/services/41");
        let ours = |line| is_ours(&listed(9, line), folder);
        assert!(ours("/usr/bin/redis-server /t/services/41/redis/redis.conf"));
        assert!(ours(
            "/usr/sbin/mariadbd --defaults-file=/t/services/41/mariadb/my.cnf"
        ));
        assert!(!ours("/usr/bin/redis-server /t/services/412/redis/redis.conf"));
        assert!(!ours("/usr/bin/redis-server /etc/redis/redis.conf"));
        assert!(!ours("less /t/services/41/redis/server.log"));
    }

    #[test]
    fn a_run_is_stale_when_its_number_is_nobodys_or_another_programs() {
        let running = [
            listed(41, "xtask keep-services a b"),
            listed(42, "vim keep-services.rs"),
        ];
        let stale = |name: &str| is_stale(&Path::new("/t/services").join(name), "keep-services", &running);
        assert!(!stale("41"));
        assert!(stale("42"));
        assert!(stale("43"));
        assert!(!stale("bin"));
    }

    #[test]
    fn what_a_killed_run_left_is_stopped_and_removed() {
        let gone = Command::new("true").spawn().and_then(|mut child| {
            child.wait()?;
            Ok(child.id())
        });
        let base = std::env::temp_dir().join(format!("xtask-orphans-{}", std::process::id()));
        let run = base.join(gone.expect("true runs").to_string());
        let log = run.join("redis/server.log");
        fs::create_dir_all(run.join("redis"))
            .and_then(|()| fs::write(&log, ""))
            .expect("a run's folder");
        // Not a server, but what the list of processes shows of one.
        let mut command = Command::new("tail");
        let server = CommandExt::arg0(&mut command, "redis-server")
            .arg("-f")
            .arg(&log)
            .spawn();
        let mut server = server.expect("tail starts");
        while ours(&run).expect("a list").is_empty() {
            thread::sleep(Duration::from_millis(1));
        }

        clear(&base, "keep-services").expect("it is cleared");

        let ended = server.wait().expect("it ends");
        assert_eq!(
            (ended.code(), run.exists()),
            (None, false),
            "ended by a signal, and the folder is gone"
        );
        fs::remove_dir_all(base).expect("the folder goes");
    }

    #[test]
    fn postgres_is_told_not_to_wait_for_its_clients() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            stop_signal(&words(
                "setpriv --reuid=x /usr/lib/postgresql/15/bin/postgres -D d"
            )),
            "INT"
        );
        assert_eq!(stop_signal(&words("redis-server d/redis.conf")), "TERM");
    }
}
