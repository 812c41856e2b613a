//! # A crate on tokio's traits
//!
//! Problem: many crates ask for `tokio::io::{AsyncRead, AsyncWrite}`, and not for `futures_io`'s.
//! Idea: both say the same; `tokio_util::compat` turns one into the other. What only reads,
//! writes and computes runs then: here `tokio`'s own lines, and `tokio_util`'s codecs.
//! Leaves out: what asks tokio's runtime for a socket, a timer or a task. See DESIGN.md, "What
//! does not, and why".
//! Read before: `tls.rs`. Read next: `blocking.rs`.
//! Try: `cargo run -p dormouse-ecosystem --example tokio_traits`
//!
//! You should see: `1: FIRST`, `2: SECOND`, `3: THIRD`

use std::net::SocketAddr;

use dormouse::net::TcpStream;
use dormouse_ecosystem::{Outcome, serve_or_try};
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio_util::codec::{Framed, LinesCodec};
use tokio_util::compat::FuturesAsyncReadCompatExt;

fn main() -> Outcome {
    serve_or_try(serve, talk)
}

/// Sends lines back in upper case, numbered.
async fn serve(stream: TcpStream) -> Outcome {
    let (reader, mut writer) = tokio::io::split(stream.compat());
    let mut lines = BufReader::new(reader).lines();
    let mut number = 0;
    while let Some(line) = lines.next_line().await? {
        number += 1;
        writer.write_all(format!("{number}: {}\n", line.to_uppercase()).as_bytes()).await?;
    }
    Ok(writer.shutdown().await?)
}

async fn talk(address: SocketAddr) -> Outcome {
    let stream = TcpStream::connect(address).await?.compat();
    let mut lines = Framed::new(stream, LinesCodec::new());
    for line in ["first", "second", "third"] {
        lines.send(line).await?;
        println!("{}", lines.next().await.ok_or("the server left")??);
    }
    Ok(())
}
