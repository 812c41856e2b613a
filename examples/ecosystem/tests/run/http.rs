//! The two examples with hyper: `http1` and `http2`.

use std::io::{Read, Write};
use std::process::Command;
use std::thread;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;

use crate::example::{Server, has, printed, run};

const HELLO: &str = "hello from a dormouse\n";

#[test]
fn http1_alone() {
    let printed = run("http1", &[]);
    assert_eq!(printed.lines().next(), Some(&*format!("GET /: 200 OK, {HELLO:?}")), "{printed}");
    assert!(printed.contains("POST /echo: 200 OK, \"what comes back\""), "{printed}");
}

#[test]
fn http2_alone() {
    let printed = run("http2", &[]);
    assert_eq!(printed, "16 requests at once on one connection: all 16 answers are right\n");
}

#[test]
fn http1_serves_curl() {
    let server = Server::start("http1");
    serves_curl(&server, "--http1.1", "1.1");
    server.stop();
}

#[test]
fn http2_serves_curl() {
    let server = Server::start("http2");
    serves_curl(&server, "--http2-prior-knowledge", "2");
    server.stop();
}

/// A get, an unknown path, and more than any buffer holds, there and back.
fn serves_curl(server: &Server, version: &str, spoken: &str) {
    if !has("curl") {
        return;
    }
    let curl = |path: &str, args: &[&str], input: &[u8]| {
        let mut command = Command::new("curl");
        let url = format!("http://{}{path}", server.address);
        command.args(["--silent", "--show-error", version, "--max-time", "20"]);
        printed(
            command.args(["--write-out", "%{http_code} %{http_version}"]).args(args).arg(url),
            input,
        )
    };
    assert_eq!(curl("/", &[], b""), format!("{HELLO}200 {spoken}"));
    assert!(curl("/nothing", &[], b"").ends_with(&format!("404 {spoken}")));
    let long = "0123456789abcdef".repeat(1 << 17);
    let echo = curl("/echo", &["--data-binary", "@-", "--header", "expect:"], long.as_bytes());
    assert!(echo == format!("{long}200 {spoken}"), "2 MB came back as {} bytes", echo.len());
}

/// One connection, many requests: each answer belongs to its request.
#[test]
fn http1_serves_a_client_on_tokio() {
    let server = Server::start("http1");
    on_tokio(async {
        let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (mut requests, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        for number in 0..500 {
            let body = Bytes::from(format!("request {number}"));
            let request = Request::post("/echo").header("host", "localhost");
            let request = request.body(Full::new(body.clone())).unwrap();
            let response = requests.send_request(request).await.unwrap();
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), body);
        }
    });
    server.stop();
}

/// The same at once.
#[test]
fn http2_serves_a_client_on_tokio() {
    let server = Server::start("http2");
    on_tokio(async {
        let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let executor = hyper_util::rt::TokioExecutor::new();
        let handshake = hyper::client::conn::http2::handshake(executor, TokioIo::new(stream));
        let (requests, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        let at_once = (0..100).map(|number| {
            let mut requests = requests.clone();
            let uri = format!("http://{}/echo", server.address);
            tokio::spawn(async move {
                let body = Bytes::from(format!("request {number}").repeat(number * 50));
                let request = Request::post(uri).body(Full::new(body.clone())).unwrap();
                let response = requests.send_request(request).await.unwrap();
                assert!(response.into_body().collect().await.unwrap().to_bytes() == body);
            })
        });
        for task in at_once.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    server.stop();
}

fn on_tokio(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(crate::example::LIMIT, future).await.unwrap() });
}

/// The timer of dormouse, used by hyper: half a request is not waited for.
#[test]
fn http1_closes_on_who_does_not_finish_a_request() {
    let server = Server::start("http1");
    let mut slow = server.connect();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: loc").unwrap();
    let mut end = Vec::new();
    slow.read_to_end(&mut end).unwrap();
    assert!(!String::from_utf8_lossy(&end).contains(HELLO));
    server.stop();
}

/// And a peer that does not answer a ping is given up.
#[test]
fn http2_closes_on_who_gives_no_sign_of_life() {
    let server = Server::start("http2");
    let mut mute = server.connect();
    // The preface, and an empty SETTINGS frame; then nothing, not even an answer to theirs.
    mute.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut end = Vec::new();
    mute.read_to_end(&mut end).unwrap();
    let ping = [0, 0, 8, 6];
    assert!(end.windows(4).any(|bytes| bytes == ping), "no ping was sent: {end:?}");
    server.stop();
}

/// Clients that come at once, each with a connection of its own, and std's blocking calls.
#[test]
fn http1_serves_many_threads() {
    let server = Server::start("http1");
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut stream = server.connect();
                let close = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
                stream.write_all(close).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
                assert!(answer.ends_with(HELLO), "{answer}");
            });
        }
    });
    server.stop();
}

/// What hyper waits for ends in the runtime's one park: nothing asks again and again.
#[test]
#[cfg(target_os = "linux")]
fn http1_sleeps_between_two_requests() {
    let server = Server::start("http1");
    let mut stream = server.connect();
    let mut ask = || {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(HELLO.as_bytes()) {
            let mut buffer = [0; 1024];
            let n = stream.read(&mut buffer).unwrap();
            assert!(n > 0, "it closed");
            answer.extend_from_slice(&buffer[..n]);
        }
    };
    ask();
    server.assert_sleeps(std::time::Duration::from_millis(300));
    ask();
    server.stop();
}
