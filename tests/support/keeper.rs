//! Keeps a server for this test program: it ends with who keeps it, or with the whole program, however that ends.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Ends the server when it is dropped, or when the program, and with it the pipe, is gone; then removes its folder.
pub(crate) struct Keeper(Child);

impl Keeper {
    /// Starts a server whose output goes to the file `log` of its folder; `farewell` are shell lines before its end, which
    /// see `$folder` and `$pid`.
    pub(crate) fn start(server: &Command, folder: &Path, farewell: &str) -> Keeper {
        let line = format!(
            "folder=$1; shift; \"$@\" >\"$folder/log\" 2>&1 & pid=$!; echo $pid >\"$folder/server.pid\"; cat >/dev/null; {farewell}
            kill -TERM $pid 2>/dev/null; wait $pid; rm -rf \"$folder\""
        );
        let variables = server.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let mut keeper = Command::new("sh");
        keeper.args(["-c", &line, "sh"]).arg(folder).arg(server.get_program()).args(server.get_args());
        // Out of reach of a Ctrl-C, after which it has its work to do.
        keeper.envs(variables).current_dir(folder).process_group(0);
        Keeper(keeper.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// True when the server of this folder has ended by itself.
    pub(crate) fn has_failed(folder: &Path) -> bool {
        let pid = std::fs::read_to_string(folder.join("server.pid")).unwrap_or_default();
        let is_gone = |pid: &str| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z'))
        };
        !pid.trim().is_empty() && is_gone(pid.trim())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
