//! # HTTP/1.1 with hyper
//!
//! Problem: hyper brings HTTP, and no runtime.
//! Idea: a connection in `for_hyper::Io` is all that a server needs; with a `Timer` it also turns
//! away who does not finish what he asks.
//! Read next: `http2.rs`.
//! Try: `cargo run -p dormouse-ecosystem --example http1 -- --serve`, and what it says in a
//! browser or with `curl`.
//!
//! You should see: `GET /: 200 OK, "hello from a dormouse\n"`, then a line for `POST /echo`.

use std::net::SocketAddr;
use std::time::Duration;

use dormouse::net::TcpStream;
use dormouse::spawn;
use dormouse_ecosystem::answer::answer;
use dormouse_ecosystem::for_hyper::{Io, Timer};
use dormouse_ecosystem::{Outcome, serve_or_try};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{client, server};

fn main() -> Outcome {
    serve_or_try(serve, ask)
}

async fn serve(stream: TcpStream) -> Outcome {
    stream.set_nodelay(true)?;
    let connection = server::conn::http1::Builder::new()
        .timer(Timer)
        .header_read_timeout(Duration::from_secs(2))
        .serve_connection(Io(stream), service_fn(answer));
    Ok(connection.await?)
}

/// Two requests on one connection.
async fn ask(address: SocketAddr) -> Outcome {
    let stream = TcpStream::connect(address).await?;
    let (mut requests, connection) = client::conn::http1::handshake(Io(stream)).await?;
    // It moves the bytes while `requests` is used, and ends when that is dropped.
    let connection = spawn(connection);
    for (method, path, body) in [("GET", "/", ""), ("POST", "/echo", "what comes back")] {
        let request = Request::builder().method(method).uri(path).header("host", "localhost");
        let response = requests.send_request(request.body(Full::new(Bytes::from(body)))?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        println!("{method} {path}: {status}, {:?}", String::from_utf8_lossy(&body));
    }
    drop(requests);
    Ok(connection.await??)
}
