//! What a process must not keep: connections whose other end is gone, and children.

use std::collections::{HashMap, HashSet};
use std::fs::{read_dir, read_link, read_to_string};

/// A socket's number (its inode), as the kernel names it.
type Number = String;

/// The sockets that the process has open.
pub(crate) fn sockets(pid: u32) -> HashSet<Number> {
    let descriptors = read_dir(format!("/proc/{pid}/fd")).unwrap();
    let targets = descriptors.filter_map(|entry| read_link(entry.ok()?.path()).ok());
    let socket = |target: &str| Some(target.strip_prefix("socket:[")?.strip_suffix(']')?.into());
    targets.filter_map(|target| socket(&target.to_string_lossy())).collect()
}

/// Those of `sockets`, connections of the server at `port`, that nobody has the other end of any
/// more: who still has them open has missed the end of the connection, or forgot to close it.
pub(crate) fn without_peer(sockets: HashSet<Number>, port: u16) -> HashSet<Number> {
    // From here to there, as proc_net_tcp(5) lists them, the socket's number in the tenth column: 0
    // where no process has it open. What was reset is not listed any more.
    let table = read_to_string("/proc/net/tcp").unwrap();
    let port = format!(":{port:04X} ");
    let rows = table.lines().filter(|line| line.contains(&port));
    let rows: Vec<Vec<&str>> = rows.map(|line| line.split_whitespace().collect()).collect();
    let ends: HashMap<_, _> = rows.iter().map(|row| (row[9], (row[1], row[2]))).collect();
    let open: HashSet<_> =
        rows.iter().filter(|row| row[9] != "0").map(|row| (row[1], row[2])).collect();
    let has_peer = |socket: &Number| {
        ends.get(socket.as_str()).is_some_and(|(here, there)| open.contains(&(*there, *here)))
    };
    sockets.into_iter().filter(|socket| !has_peer(socket)).collect()
}

/// The children of a process that nobody has waited for, dead or alive.
pub(crate) fn children(pid: u32) -> Vec<String> {
    let threads = read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let lists = threads.filter_map(|thread| read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(Into::into).collect::<Vec<_>>()).collect()
}
