//! A client that sends as fast as it can, and reads what comes back as fast as it can.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use rustix::thread::gettid;

use crate::servers::SWALLOWED;

/// How much it writes or reads at a time: the server, with less, can't come to the end of it.
const BLOCK: usize = 1 << 16;

/// Sends until it is dropped.
#[derive(Debug)]
pub struct Firehose {
    stream: TcpStream,
    sent: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Firehose {
    /// Connects to `server`, and begins: a lot was sent when this returns. The server sends it
    /// back, or swallows it.
    pub fn open(server: SocketAddr, swallowed: bool) -> io::Result<Self> {
        let stream = TcpStream::connect(server)?;
        let sent = Arc::new(AtomicU64::new(0));
        let (mut writer, mut reader) = (stream.try_clone()?, stream.try_clone()?);
        let (started, first) = mpsc::sync_channel(1);
        let count = Arc::clone(&sent);
        let writing = thread::spawn(move || {
            step_aside();
            let block = vec![if swallowed { SWALLOWED[0] } else { b'F' }; BLOCK];
            while writer.write_all(&block).is_ok() {
                if count.fetch_add(BLOCK as u64, Relaxed) == 0 && started.send(()).is_err() {
                    break;
                }
            }
        });
        let reading = thread::spawn(move || {
            step_aside();
            let mut block = vec![0; BLOCK];
            while matches!(reader.read(&mut block), Ok(1..)) {}
        });
        first.recv().map_err(|_| io::Error::other("the server closes the firehose"))?;
        Ok(Firehose { stream, sent, threads: vec![writing, reading] })
    }

    /// How many bytes it has sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }
}

impl Drop for Firehose {
    fn drop(&mut self) {
        // The server may have closed it already: then both threads have ended.
        let closed = self.stream.shutdown(Shutdown::Both);
        let ended = self.threads.drain(..).all(|thread| thread.join().is_ok());
        if !ended {
            eprintln!("the firehose did not end well: {closed:?}");
        }
    }
}

/// Lets whoever shares this CPU go first: the quiet clients have to see their answers at once.
///
/// A low priority would only make its slices rarer, and whoever is woken in the midst of one waits
/// for its end. Idle threads are interrupted (sched(7), `SCHED_IDLE`).
fn step_aside() {
    let thread = gettid().as_raw_nonzero().to_string();
    let moved = Command::new("chrt").args(["--idle", "--pid", "0", &thread]).status();
    if !moved.is_ok_and(|status| status.success()) {
        println!("without `chrt`, the firehose delays the quiet clients by itself");
    }
}
