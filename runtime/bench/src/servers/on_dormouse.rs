//! The server on dormouse.

use std::io;

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

fn echo(mut stream: TcpStream) -> impl Future<Output = io::Result<()>> {
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
