//! The server on tokio's runtimes: that of the current thread, and that of many.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{BUFFER, is_swallowed};

pub(super) fn serve(listener: std::net::TcpListener, buffer: usize) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(accept_all(listener, buffer))
}

pub(super) fn serve_on_two_workers(listeners: Vec<std::net::TcpListener>) -> io::Result<()> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build()?;
    // Tasks, as the workers run them: a future that is blocked on stays on a thread of its own.
    let accepting =
        listeners.into_iter().map(|listener| runtime.spawn(accept_all(listener, BUFFER)));
    let accepting: Vec<_> = accepting.collect();
    accepting.into_iter().try_for_each(|one| runtime.block_on(one).map_err(io::Error::other)?)
}

async fn accept_all(listener: std::net::TcpListener, buffer: usize) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _peer) = listener.accept().await?;
        tokio::spawn(echo(stream, vec![0; buffer]));
    }
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
