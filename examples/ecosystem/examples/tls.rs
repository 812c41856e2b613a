//! # TLS with futures-rustls
//!
//! Problem: between the bytes of a program and those of its socket stands a protocol that may want
//! to write in order to read.
//! Idea: `futures-rustls` wraps whatever speaks `futures_io`'s traits, and speaks them itself: an
//! echo over TLS is the echo over TCP with a line more on each side.
//! Leaves out: certificates that others trust: this one is made when the example starts.
//! Read before: `websocket.rs`. Read next: `tokio_traits.rs`.
//! Try: `cargo run -p dormouse-ecosystem --example tls`
//!
//! You should see: the version, then `"hello" came back as "hello"`

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use dormouse::net::TcpStream;
use dormouse_ecosystem::{Outcome, serve_or_try};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures_rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector};

fn main() -> Outcome {
    let made = rcgen::generate_simple_self_signed([String::from("localhost")])?;
    if let Some(file) = std::env::args().skip_while(|arg| arg != "--certificate").nth(1) {
        std::fs::write(file, made.cert.pem())?;
    }
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let acceptor = acceptor(certificate.clone(), key)?;
    serve_or_try(
        move |stream| echo(acceptor.clone(), stream),
        async |address| talk(address, certificate).await,
    )
}

fn acceptor(
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, Box<dyn Error>> {
    let config = ServerConfig::builder().with_no_client_auth();
    Ok(Arc::new(config.with_single_cert(vec![certificate], key)?).into())
}

async fn echo(acceptor: TlsAcceptor, stream: TcpStream) -> Outcome {
    // A record of TLS is sent at once, not when the peer has acknowledged the one before.
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = acceptor.accept(stream).await?.split();
    futures::io::copy(&mut reader, &mut writer).await?;
    Ok(writer.close().await?)
}

async fn talk(address: SocketAddr, certificate: CertificateDer<'static>) -> Outcome {
    let mut trusted = RootCertStore::empty();
    trusted.add(certificate)?;
    let config = ClientConfig::builder().with_root_certificates(trusted).with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(ServerName::try_from("localhost")?, stream).await?;
    println!("{:?}", stream.get_ref().1.protocol_version().ok_or("no version was agreed on")?);
    stream.write_all(b"hello").await?;
    // What rustls has not passed on yet is passed on here, and the end is said.
    stream.close().await?;
    let mut back = String::new();
    stream.read_to_string(&mut back).await?;
    println!("\"hello\" came back as {back:?}");
    Ok(())
}
