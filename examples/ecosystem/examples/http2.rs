//! # HTTP/2 with hyper
//!
//! Problem: one connection carries many requests at once, and each must go on by itself.
//! Idea: hyper makes a future per request and gives it to an executor: `for_hyper::Executor`
//! spawns it. None of them is `Send`, and none has to be.
//! Read before: `http1.rs`. Read next: `websocket.rs`.
//! Try: `cargo run -p dormouse-ecosystem --example http2 -- --serve`, and
//! `curl --http2-prior-knowledge` with what it says.
//!
//! You should see: `16 requests at once on one connection: all 16 answers are right`

use std::net::SocketAddr;
use std::time::Duration;

use dormouse::net::TcpStream;
use dormouse::spawn;
use dormouse_ecosystem::answer::answer;
use dormouse_ecosystem::for_hyper::{Executor, Io, Timer};
use dormouse_ecosystem::{Outcome, serve_or_try};
use futures::future::try_join_all;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{client, server};

const AT_ONCE: usize = 16;

fn main() -> Outcome {
    serve_or_try(serve, ask)
}

async fn serve(stream: TcpStream) -> Outcome {
    stream.set_nodelay(true)?;
    let connection = server::conn::http2::Builder::new(Executor)
        .timer(Timer)
        // Who is silent for so long is asked for a sign of life, and has as long to give it.
        .keep_alive_interval(Duration::from_secs(1))
        .keep_alive_timeout(Duration::from_secs(1))
        .serve_connection(Io(stream), service_fn(answer));
    Ok(connection.await?)
}

async fn ask(address: SocketAddr) -> Outcome {
    let stream = TcpStream::connect(address).await?;
    let (requests, connection) = client::conn::http2::handshake(Executor, Io(stream)).await?;
    let connection = spawn(connection);
    let answers = (0..AT_ONCE).map(async |number| -> Result<bool, Box<dyn std::error::Error>> {
        let body = Bytes::from(format!("request {number}"));
        let request = Request::post(format!("http://{address}/echo"));
        let request = request.body(Full::new(body.clone()))?;
        let response = requests.clone().send_request(request).await?;
        Ok(response.into_body().collect().await?.to_bytes() == body)
    });
    let right = try_join_all(answers).await?.into_iter().filter(|right| *right).count();
    println!("{AT_ONCE} requests at once on one connection: all {right} answers are right");
    drop(requests);
    Ok(connection.await??)
}
