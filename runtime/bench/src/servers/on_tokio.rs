//! The server on tokio's current-thread runtime.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::is_swallowed;

pub(super) fn serve(listener: std::net::TcpListener, buffer: usize) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _peer) = listener.accept().await?;
            tokio::spawn(echo(stream, vec![0; buffer]));
        }
    })
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
