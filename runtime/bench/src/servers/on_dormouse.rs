//! The server on dormouse.

use std::io;
use std::thread;

use dormouse::net::{TcpListener, TcpStream};
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use super::BUFFER;

pub(super) fn serve(listener: std::net::TcpListener) -> io::Result<()> {
    dormouse::Runtime::new()?.block_on(async {
        let mut listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _peer) = listener.accept().await?;
            dormouse::spawn(echo(stream));
        }
    })
}

/// A runtime on a thread for each listener.
pub(super) fn serve_shards(listeners: Vec<std::net::TcpListener>) -> io::Result<()> {
    let shard = |listener| thread::spawn(|| serve(listener));
    let shards: Vec<_> = listeners.into_iter().map(shard).collect();
    shards.into_iter().try_for_each(|shard| shard.join().expect("it does not panic"))
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}
