//! The description of the running servers: a file for tests, lines for a shell.

use serde_json::{Map, Value, json};

use crate::services::orphans;
use crate::services::server::{Process, Server};

/// The JSON in the file that `TEST_SERVICES` names.
pub(super) fn services<'a>(servers: impl IntoIterator<Item = (&'a str, &'a Server)>) -> Value {
    let entries = servers.into_iter().map(|(name, server)| {
        let processes: Vec<Value> = server.processes.iter().map(process).collect();
        (
            name.to_owned(),
            json!({ "url": server.url, "processes": processes }),
        )
    });
    Value::Object(entries.collect::<Map<_, _>>())
}

fn process(process: &Process) -> Value {
    json!({
        "pid": process.pid,
        "command": process.command,
        "folder": process.folder,
        "port": process.port,
        "stop": orphans::stop_signal(&process.command),
    })
}

/// A line that sets `name` in a shell.
pub(super) fn export(name: &str, value: &str) -> String {
    format!("export {name}='{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_word_to_a_shell() {
        assert_eq!(export("A", "redis://h?a=1&b=2"), "export A='redis://h?a=1&b=2'");
        assert_eq!(export("A", "it's"), r"export A='it'\''s'");
    }
}
