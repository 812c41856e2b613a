//! The server on tokio's runtimes: that of the current thread, and that of many.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::BUFFER;

pub(super) fn serve(listener: std::net::TcpListener) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(accept_all(listener))
}

pub(super) fn serve_on_two_workers(listeners: Vec<std::net::TcpListener>) -> io::Result<()> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build()?;
    // Tasks, as the workers run them: a future that is blocked on stays on a thread of its own.
    let accepting = listeners.into_iter().map(|listener| runtime.spawn(accept_all(listener)));
    let accepting: Vec<_> = accepting.collect();
    accepting.into_iter().try_for_each(|one| runtime.block_on(one).map_err(io::Error::other)?)
}

async fn accept_all(listener: std::net::TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _peer) = listener.accept().await?;
        tokio::spawn(echo(stream));
    }
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
