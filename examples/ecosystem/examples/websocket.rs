//! # WebSocket with async-tungstenite
//!
//! Problem: a WebSocket is a stream of messages on a connection that began as HTTP.
//! Idea: `async-tungstenite` asks for `futures_io`'s traits, which a `TcpStream` here speaks: it
//! needs no adapter.
//! Read before: `http2.rs`. Read next: `tls.rs`.
//! Try: `cargo run -p dormouse-ecosystem --example websocket -- --serve`, and in a browser's
//! console `new WebSocket("ws://…").onmessage = …`.
//!
//! You should see: `"one": "one"`, then `"two"` and `"three"` likewise.

use std::net::SocketAddr;

use async_tungstenite::tungstenite::Message;
use async_tungstenite::{accept_async, client_async};
use dormouse::net::TcpStream;
use dormouse_ecosystem::{Outcome, serve_or_try};
use futures::{SinkExt, StreamExt};

fn main() -> Outcome {
    serve_or_try(echo, talk)
}

/// Sends back texts and bytes. Pings are answered, and the end is said, while it reads.
async fn echo(stream: TcpStream) -> Outcome {
    stream.set_nodelay(true)?;
    let mut socket = accept_async(stream).await?;
    while let Some(message) = socket.next().await.transpose()? {
        if message.is_text() || message.is_binary() {
            SinkExt::send(&mut socket, message).await?;
        }
    }
    Ok(())
}

async fn talk(address: SocketAddr) -> Outcome {
    let stream = TcpStream::connect(address).await?;
    let (mut socket, _response) = client_async(format!("ws://{address}/"), stream).await?;
    for text in ["one", "two", "three"] {
        SinkExt::send(&mut socket, Message::text(text)).await?;
        let back = socket.next().await.ok_or("the server left")??;
        println!("{text:?}: {:?}", back.to_text()?);
    }
    Ok(socket.close(None).await?)
}
