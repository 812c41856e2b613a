//! The server on smol's `LocalExecutor`.

use std::io;
use std::net::{TcpListener, TcpStream};

use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::{Async, LocalExecutor};

use super::is_swallowed;

pub(super) fn serve(listener: TcpListener, buffer: usize) -> io::Result<()> {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let listener = Async::new(listener)?;
        loop {
            let (stream, _peer) = listener.accept().await?;
            executor.spawn(echo(stream, vec![0; buffer])).detach();
        }
    }))
}

fn echo(mut stream: Async<TcpStream>, mut buffer: Vec<u8>) -> impl Future<Output = io::Result<()>> {
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
