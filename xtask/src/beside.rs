//! Steps that run beside the tests. Tests spend half of their time waiting for servers and clocks. Compiling uses the
//! idle processors, with a lower priority than the tests.

use std::fs::{self, File};
use std::io::Write;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use std::{env, io, thread};

use crate::metadata::Workspace;
use crate::{Fallible, process};

/// The command of such a process: `cargo xtask beside STEP`.
pub(crate) const BESIDE: &str = "beside";

/// The steps that were started, one after the other.
pub(crate) struct Beside(Receiver<Ended>);

/// A step, with its output.
struct Ended {
    name: &'static str,
    outcome: Result<(), String>,
    said: Vec<u8>,
    took: Duration,
}

impl Beside {
    /// Starts `steps`, in their order.
    pub(crate) fn start(workspace: &Workspace, steps: Vec<&'static str>) -> Fallible<Self> {
        let folder = workspace.target.join("beside");
        fs::create_dir_all(&folder)?;
        let own = env::current_exe()?;
        let nice = process::find(&["nice"]);
        let (sender, ended) = channel();
        thread::spawn(move || {
            for name in steps {
                let start = Instant::now();
                let mut command = match &nice {
                    Some(nice) => {
                        let mut command = Command::new(nice);
                        command.args(["-n", "19"]).arg(&own);
                        command
                    }
                    None => Command::new(&own),
                };
                command.args([BESIDE, name]);
                let log = folder.join(format!("{name}.log"));
                let outcome = run(&mut command, &log).and_then(|()| Ok(fs::read(&log)?));
                let (outcome, said) = match outcome {
                    Ok(said) => (Ok(()), said),
                    Err(error) => (Err(error.to_string()), fs::read(&log).unwrap_or_default()),
                };
                let took = start.elapsed();
                // If the check itself has ended, nothing waits for it.
                let _ = sender.send(Ended {
                    name,
                    outcome,
                    said,
                    took,
                });
            }
        });
        Ok(Self(ended))
    }

    /// Waits for the step, prints what it has printed, and says how long it took.
    pub(crate) fn wait(&self, name: &str) -> Fallible<(Fallible<()>, Duration)> {
        let ended = self.0.recv()?;
        if ended.name != name {
            return Err(format!("{} ends where {name} should", ended.name).into());
        }
        io::stdout().write_all(&ended.said)?;
        Ok((ended.outcome.map_err(Into::into), ended.took))
    }
}

fn run(command: &mut Command, log: &std::path::Path) -> Fallible<()> {
    let log = File::create(log)?;
    command.stdout(log.try_clone()?).stderr(log);
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(status.to_string().into())
    }
}
