//! Peers in another language, which behave as the articles' programs do.

use std::io::BufReader;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Traits;
use crate::support::{DORMOUSE, Server, first_line};

/// The first article's client sends, and never reads; its server prints, and never answers.
pub(crate) fn the_article_s_client_is_heard(model: Traits) {
    for reply in ["none", "upper"] {
        let server = Server::start(model.name, &["--reply", reply, "--print"]);
        let mut client = python("client.py");
        let address = server.address;
        client.args([address.ip().to_string(), address.port().to_string()]);
        client.args(["消息 m", "3"]);
        assert!(client.status().unwrap().success());
        let stats = server.stop_when_all_have_left();
        assert_eq!((&stats["accepted"], &stats["bytes_in"]), (&1.into(), &24.into()), "{stats}");
        let answered = if reply == "none" { 0 } else { 24 };
        assert_eq!(stats["bytes_out"], answered, "--reply {reply}: {stats}");
    }
}

/// The second article's server, lists and all, answers our client.
pub(crate) fn our_client_and_load_talk_to_the_article_s_server() {
    let mut server = python("server.py");
    let child = server.args(["127.0.0.1", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut server = Killed(child);
    let first = first_line(&mut BufReader::new(server.0.stdout.take().unwrap()));
    let address = first.strip_prefix("listening on ").unwrap_or_else(|| panic!("{first:?}"));
    let client = Command::new(DORMOUSE)
        .args(["client", "--addr", address, "--message", "hi", "--count", "3", "--every", "200ms"])
        .output()
        .unwrap();
    assert!(client.status.success(), "{client:?}");
    assert_eq!(String::from_utf8_lossy(&client.stdout), "HI\nHI\nHI\n");
    let load = Command::new(DORMOUSE)
        .args(["load", "--addr", address, "--connections", "4", "--duration", "500ms", "--json"])
        .output()
        .unwrap();
    assert!(load.status.success(), "{load:?}");
    let report: serde_json::Value = serde_json::from_slice(&load.stdout).unwrap();
    assert!(report["messages"].as_u64() > Some(0), "{report}");
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign");
    command.arg(folder.join(script)).stdin(Stdio::null());
    command
}

/// Why these can't run here, if they can't.
pub(crate) fn missing() -> Option<String> {
    let version = Command::new("python3").arg("--version").output();
    match version {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("python3 --version: {}", output.status)),
        Err(e) => Some(format!("no python3: {e}")),
    }
}
