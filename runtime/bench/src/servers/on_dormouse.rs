//! The server on dormouse.

use std::io;
use std::thread;

use dormouse::net::{TcpListener, TcpStream};
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use super::{BUFFER, is_swallowed};

pub(super) fn serve(listener: std::net::TcpListener, buffer: usize) -> io::Result<()> {
    dormouse::Runtime::new()?.block_on(async {
        let mut listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _peer) = listener.accept().await?;
            dormouse::spawn(echo(stream, vec![0; buffer]));
        }
    })
}

/// A runtime on a thread for each listener.
pub(super) fn serve_shards(listeners: Vec<std::net::TcpListener>) -> io::Result<()> {
    let shard = |listener| thread::spawn(|| serve(listener, BUFFER));
    let shards: Vec<_> = listeners.into_iter().map(shard).collect();
    shards.into_iter().try_for_each(|shard| shard.join().expect("it does not panic"))
}

fn echo(mut stream: TcpStream, mut buffer: Vec<u8>) -> impl Future<Output = io::Result<()>> {
    async move {
        loop {
            let n = stream.read(&mut buffer).await?;
            if n == 0 {
                return Ok(());
            }
            if !is_swallowed(&buffer[..n]) {
                stream.write_all(&buffer[..n]).await?;
            }
        }
    }
}
