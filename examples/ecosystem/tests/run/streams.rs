//! The examples with protocols on `futures_io`'s traits, and on tokio's.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tungstenite::{Message, client};

use crate::example::{LIMIT, Server, run};

#[test]
fn websocket_alone() {
    let printed = run("websocket", &[]);
    assert_eq!(printed, "\"one\": \"one\"\n\"two\": \"two\"\n\"three\": \"three\"\n");
}

/// Blocking, on std's sockets.
#[test]
fn websocket_serves_tungstenite() {
    let server = Server::start("websocket");
    let url = format!("ws://{}/", server.address);
    let (mut socket, _response) = client(&*url, server.connect()).unwrap();
    let long = vec![7; 1 << 20];
    for message in [Message::text("text"), Message::binary(vec![]), Message::binary(long)] {
        socket.send(message.clone()).unwrap();
        assert!(socket.read().unwrap() == message);
    }
    socket.send(Message::Ping("are you there?".into())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong("are you there?".into()));
    socket.close(None).unwrap();
    assert!(socket.read().unwrap().is_close());
    server.stop();
}

#[test]
fn tls_alone() {
    assert_eq!(run("tls", &[]), "TLSv1_3\n\"hello\" came back as \"hello\"\n");
}

/// A megabyte each way at once would fill all buffers: it comes back while it is sent.
#[test]
fn tls_serves_rustls_of_std() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("certificate.pem");
    let server = Server::start_with("tls", &["--certificate", file.to_str().unwrap()]);
    let mut stream = tls(&server, &[CertificateDer::from_pem_file(file).unwrap()]);
    for number in 0..100 {
        let message = [number; 10_000];
        stream.write_all(&message).unwrap();
        let mut back = [0; 10_000];
        stream.read_exact(&mut back).unwrap();
        assert!(message == back);
    }
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    // The end is said inside, too: nobody in between can have cut it off.
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0);

    let mut distrustful = tls(&server, &[]);
    let refused = distrustful.write_all(b"hello").unwrap_err();
    assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
    server.stop();
}

fn tls(
    server: &Server,
    trusted: &[CertificateDer<'static>],
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(trusted.iter().cloned());
    assert_eq!(added, trusted.len());
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), server.connect())
}

#[test]
fn tokio_traits_alone() {
    assert_eq!(run("tokio_traits", &[]), "1: FIRST\n2: SECOND\n3: THIRD\n");
}

/// Lines in pieces that end anywhere.
#[test]
fn tokio_traits_serve_std() {
    let server = Server::start("tokio_traits");
    let mut stream = server.connect();
    for piece in ["o", "ne\ntw", "o\n", "three\nfour"] {
        stream.write_all(piece.as_bytes()).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    let mut back = String::new();
    stream.read_to_string(&mut back).unwrap();
    assert_eq!(back, "1: ONE\n2: TWO\n3: THREE\n4: FOUR\n");
    server.stop();
}

#[test]
fn tokio_traits_serve_tokio() {
    let server = Server::start("tokio_traits");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let talk = async {
        let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let codec = tokio_util::codec::LinesCodec::new();
        let mut lines = tokio_util::codec::Framed::new(stream, codec);
        for number in 1..=100 {
            lines.send(format!("line {number}")).await.unwrap();
            let back = lines.next().await.unwrap().unwrap();
            assert_eq!(back, format!("{number}: LINE {number}"));
        }
    };
    runtime.block_on(async { tokio::time::timeout(LIMIT, talk).await.unwrap() });
    server.stop();
}
