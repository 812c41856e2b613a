//! Thousands of clients, in a process of their own: each end of a connection takes a descriptor,
//! and a process may have so many.

use std::io::{BufRead, BufReader, Lines, Read, Write, stdin};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::support::{is_alone, raise_descriptor_limit, this_test_alone};

/// What each client sends, and gets back.
pub(crate) const MESSAGE: &[u8; 64] = &[b'm'; 64];

const ADDRESS: &str = "DORMOUSE_TEST_ADDRESS";
const COUNT: &str = "DORMOUSE_TEST_CLIENTS";

/// Tests with so many descriptors take turns.
static TURN: Mutex<()> = Mutex::new(());

/// As many connections as one end of fits into this process, `wanted` at most; and the turn.
pub(crate) fn as_many_as_possible(wanted: usize) -> (usize, MutexGuard<'static, ()>) {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // Room for the other tests of this process.
    let possible = usize::try_from(raise_descriptor_limit().saturating_sub(400)).unwrap();
    if possible < wanted {
        println!("only {possible} connections, not {wanted}: the limit of descriptors");
    }
    (wanted.min(possible), turn)
}

/// The process of the clients, as its parent sees it. It does what it is told, line by line.
pub(crate) struct Clients {
    process: Child,
    told: ChildStdin,
    says: Lines<BufReader<ChildStdout>>,
}

impl Clients {
    /// Starts `count` clients of `address`; `test` is the test that calls this, and has to begin
    /// with [`obeys`].
    pub(crate) fn start(test: &str, address: SocketAddr, count: usize) -> Self {
        let mut command = this_test_alone(test, Command::new(std::env::current_exe().unwrap()));
        command.env(ADDRESS, address.to_string()).env(COUNT, count.to_string());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let told = process.stdin.take().unwrap();
        let says = BufReader::new(process.stdout.take().unwrap()).lines();
        Clients { process, told, says }
    }

    pub(crate) fn tell(&mut self, what: &str) {
        writeln!(self.told, "{what}").unwrap();
    }

    /// Waits, and blocks the thread, until they say that they have done `what`.
    pub(crate) fn have(&mut self, what: &str) {
        // The harness begins the line with the name of the test.
        assert!(self.says.by_ref().any(|line| line.unwrap().ends_with(what)), "they never {what}");
    }

    /// Has each of them receive its answer.
    pub(crate) fn receive(mut self) -> Self {
        self.tell("receive");
        self.have("received");
        self
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// The other side: in the process of the clients, does what it is told, and returns true.
pub(crate) fn obeys() -> bool {
    if !is_alone() {
        return false;
    }
    raise_descriptor_limit();
    let address: SocketAddr = std::env::var(ADDRESS).unwrap().parse().unwrap();
    let count = std::env::var(COUNT).unwrap().parse().unwrap();
    let mut clients: Vec<_> = (0..count).map(|_| TcpStream::connect(address).unwrap()).collect();
    println!("connected");
    for line in stdin().lines() {
        match line.unwrap().as_str() {
            "send" => {
                for client in &mut clients {
                    client.write_all(MESSAGE).unwrap();
                }
                println!("sent");
            }
            "receive" => {
                for client in &mut clients {
                    let mut answer = [0; MESSAGE.len()];
                    client.read_exact(&mut answer).unwrap();
                    assert_eq!(&answer, MESSAGE);
                }
                println!("received");
            }
            other => panic!("what is '{other}'?"),
        }
    }
    true
}
