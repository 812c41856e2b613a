//! The two servers: all but the runtime is the same.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use dormouse_bench::servers::Serve;
use dormouse_ecosystem::answer::answer;
use dormouse_ecosystem::for_hyper::{Io, Timer};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

/// Each with its name; dormouse first.
pub(crate) const SERVERS: [(&str, Serve); 2] =
    [("hyper on dormouse", on_dormouse), ("hyper on tokio", on_tokio)];

/// How long the head of a request may take: as a server has it that others can reach.
const PATIENCE: Duration = Duration::from_secs(30);

fn on_dormouse(listener: TcpListener, _buffer: usize) -> io::Result<()> {
    dormouse::Runtime::new()?.block_on(async {
        let mut listener = dormouse::net::TcpListener::from_std(listener)?;
        let mut http = Builder::new();
        http.timer(Timer).header_read_timeout(PATIENCE);
        loop {
            let (stream, _peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            dormouse::spawn(http.serve_connection(Io(stream), service_fn(answer)));
        }
    })
}

fn on_tokio(listener: TcpListener, _buffer: usize) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let mut http = Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        loop {
            let (stream, _peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    })
}
