//! # Blocking work, files and names with blocking
//!
//! Problem: the system resolves names and reads files in calls that wait, and a call that waits on
//! the runtime's thread holds up every task.
//! Idea: `blocking` keeps threads for that. `unblock` runs a function there; `Unblock` makes of a
//! file something that can be awaited.
//! Leaves out: cancelling: a call that has begun goes on to its end.
//! Read before: `tokio_traits.rs`. Read next: `channels.rs`.
//! Try: `cargo run -p dormouse-ecosystem --example blocking`, or with `HOST:PORT FILE`, to send a
//! file to whoever listens there.
//!
//! You should see: `localhost:… is [127.0.0.1:…]`, then how many bytes were sent.

use std::fs::File;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::thread;

use blocking::{Unblock, unblock};
use dormouse::net::TcpStream;
use dormouse_ecosystem::Outcome;
use futures::io::{AsyncWriteExt, copy};

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [host, file] = args.as_slice() {
        return dormouse::block_on(send(host.clone(), file.clone()));
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let host = format!("localhost:{}", listener.local_addr()?.port());
    let peer = thread::spawn(move || receive(&listener));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    dormouse::block_on(send(host, file.to_owned()))?;
    let came = peer.join().map_err(|_| "the receiver panicked")??;
    println!("{came} bytes came");
    Ok(())
}

async fn send(host: String, name: String) -> Outcome {
    let addresses = resolve(host.clone()).await?;
    println!("{host} is {addresses:?}");
    let mut stream = connect(&addresses).await?;
    let named = |error: io::Error| format!("{name}: {error}");
    let opened = {
        let name = name.clone();
        unblock(move || File::open(name)).await
    };
    let file = Unblock::new(opened.map_err(named)?);
    // Read on another thread, a piece ahead; written on this one.
    let sent = copy(file, &mut stream).await.map_err(named)?;
    stream.close().await?;
    println!("{sent} bytes of {name} sent");
    Ok(())
}

async fn resolve(host: String) -> io::Result<Vec<SocketAddr>> {
    unblock(move || Ok(host.to_socket_addrs()?.collect())).await
}

/// To the first of them that answers: a name may have several, and not all of them be served.
async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match TcpStream::connect(*address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn receive(listener: &TcpListener) -> io::Result<usize> {
    let (mut stream, _peer) = listener.accept()?;
    stream.read_to_end(&mut Vec::new())
}
