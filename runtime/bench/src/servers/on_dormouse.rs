//! The server on dormouse.

use std::io;

use dormouse::net::{TcpListener, TcpStream};
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use super::is_swallowed;

pub(super) fn serve(listener: std::net::TcpListener, buffer: usize) -> io::Result<()> {
    dormouse::Runtime::new()?.block_on(async {
        let mut listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _peer) = listener.accept().await?;
            dormouse::spawn(echo(stream, vec![0; buffer]));
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
