//! # Serve: a listener, a task per connection, and who talks to them
//!
//! Problem: each example needs the same dozen lines around the few that are its own.
//! Idea: it gives what a connection is served with, and a client for when it runs alone.
//! Leaves out: a limit of connections: see `servers/accept.rs`.
//! Read next: `for_hyper.rs`.
//! Try: `cargo run -p dormouse-ecosystem --example http1`

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use dormouse::net::{TcpListener, TcpStream};
use dormouse::{spawn, time};

/// What an example comes to: an error of any kind ends it.
pub type Outcome = Result<(), Box<dyn Error>>;

/// Listens on a free port of this machine, and serves each connection with `serve`. `client` is
/// given the address, and ends it; with `--serve` the end of the standard input does.
///
/// # Errors
///
/// Those of `client`, and where this machine refuses a listener.
pub fn serve_or_try<S: Future<Output = Outcome> + 'static>(
    serve: impl Fn(TcpStream) -> S + 'static,
    client: impl AsyncFnOnce(SocketAddr) -> Outcome,
) -> Outcome {
    dormouse::block_on(async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
        let address = listener.local_addr()?;
        let server = spawn(serve_each(listener, serve));
        if std::env::args().any(|arg| arg == "--serve") {
            println!("listening on {address}");
            thread::spawn(end_with_input);
            server.await?;
        }
        client(address).await
    })
}

/// Spawns a task for each connection.
async fn serve_each<S: Future<Output = Outcome> + 'static>(
    mut listener: TcpListener,
    serve: impl Fn(TcpStream) -> S + 'static,
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let connection = serve(stream);
                spawn(async move {
                    if let Err(error) = connection.await {
                        eprintln!("{peer}: {error}");
                    }
                });
            }
            Err(error) => {
                eprintln!("accept: {error}");
                // Out of descriptors, say: the connection waits, and no event announces it again.
                time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Whoever started this process holds the other end, so it can't outlive them.
fn end_with_input() {
    let failed = io::copy(&mut io::stdin(), &mut io::sink()).is_err();
    std::process::exit(i32::from(failed))
}
