//! # Idle without a buffer: ten thousand connections wait, and one buffer serves them all
//!
//! Problem: whoever begins to read before anything has come keeps memory to read into, for as long
//! as the peer is silent: with 4096 bytes that is ten times what the connection itself takes.
//! Idea: wait until there is something to read, and only then borrow a buffer.
//! Leaves out: what the kernel keeps for a socket, and what the allocator adds to a block.
//! Try: `cargo run --release -p dormouse --example idle_without_buffer`
//! You should see: `10000 idle connections: … bytes of heap for each, in all`, at most 600.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::{process::Command, rc::Rc, time::Duration};

use allocation_counter::measure;
use dormouse::net::{TcpListener, TcpStream};
use dormouse::{Runtime, spawn, time::timeout};
use futures_lite::{AsyncReadExt, AsyncWriteExt, future::poll_once};

fn main() -> io::Result<()> {
    let count = rlimit::increase_nofile_limit(u64::MAX)?.saturating_sub(50).min(10_000);
    if let Some(server) = std::env::args().nth(1) {
        return clients(&server, count);
    }
    let runtime = Runtime::new()?;
    let mut listener = runtime.block_on(async { TcpListener::bind(([127, 0, 0, 1], 0).into()) })?;
    // Clients in a process of their own: here, they would take as many descriptors again.
    let server = listener.local_addr()?.to_string();
    let mut process = Command::new(std::env::current_exe()?).arg(server).spawn()?;
    let mut end = Ok(());
    let heap = measure(|| end = runtime.block_on(serve(&mut listener, count)));
    end?;
    let each = u64::try_from(heap.bytes_current).expect("they live") / count;
    let why = if count < 10_000 { " (no more: the limit of descriptors)" } else { "" };
    println!("{count} idle connections: {each} bytes of heap for each, in all{why}");
    assert!(each <= 600, "at most 600 bytes for each");
    runtime.block_on(serve(&mut listener, 0))?; // They only slept: each answers once more.
    assert!(process.wait()?.success(), "the clients get back what they send");
    Ok(())
}

/// Serves `count` connections; one more says that each of them has got its answer.
async fn serve(listener: &mut TcpListener, count: u64) -> io::Result<()> {
    let spare = Rc::default();
    let all = async {
        for _ in 0..count {
            spawn(echo(listener.accept().await?.0, Rc::clone(&spare)));
        }
        listener.accept().await.map(drop)
    };
    timeout(Duration::from_secs(60), all).await?
}

async fn echo(mut stream: TcpStream, spare: Rc<Cell<Vec<u8>>>) -> io::Result<()> {
    loop {
        stream.readable().await?;
        // IDEA: a buffer only while there is something in it. If another connection has the spare
        // one, as its peer is slow to take the answer, this one makes its own.
        let mut buffer = spare.take();
        buffer.resize(4096, 0);
        match poll_once(stream.read(&mut buffer)).await.transpose()? {
            Some(0) => return Ok(()),
            Some(n) => stream.write_all(&buffer[..n]).await?,
            None => {} // Not yet: 'readable' may be said too often, but never too rarely.
        }
        spare.set(buffer);
    }
}

/// The other process: all connect, then each sends and receives, twice.
fn clients(server: &str, count: u64) -> io::Result<()> {
    let connect = |_| std::net::TcpStream::connect(server);
    let mut all = (0..count).map(connect).collect::<io::Result<Vec<_>>>()?;
    for message in [b"once", b"more"] {
        let mut answer = *message;
        for client in &mut all {
            // What one gets back, the next one sends: in the end it still is what it was.
            client.write_all(&answer)?;
            client.read_exact(&mut answer)?;
        }
        assert_eq!(&answer, message);
        connect(0)?;
    }
    Ok(())
}
