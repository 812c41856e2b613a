//! The server on smol's `LocalExecutor`.

use std::io;
use std::net::{TcpListener, TcpStream};

use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::{Async, LocalExecutor};

use super::BUFFER;

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let listener = Async::new(listener)?;
        loop {
            let (stream, _peer) = listener.accept().await?;
            executor.spawn(echo(stream)).detach();
        }
    }))
}

fn echo(mut stream: Async<TcpStream>) -> impl Future<Output = io::Result<()>> {
    async move {
        let mut buffer = vec![0; BUFFER];
        loop {
            match stream.read(&mut buffer).await? {
                0 => return Ok(()),
                n => stream.write_all(&buffer[..n]).await?,
            }
        }
    }
}
