//! Sockets with a path: bytes, ends, a path that was left over, and a queue that is full.
//!
//! Guards against: a restart that fails at its own path, a live server's path or a regular file
//! that is taken (tokio-rs/tokio#5678, lanl/halo#4), a full queue taken for a connection
//! (tokio-rs/tokio#3879), a short read taken for the end of what there is, where a descriptor
//! came along (unix(7)), a path cut to what fits.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::fs;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use dormouse::net::{UnixListener, UnixStream};
use dormouse::time::sleep;
use dormouse::{spawn, yield_now};
use futures_lite::{AsyncReadExt, AsyncWriteExt, StreamExt};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

use support::{assert_falls_silent, in_a_process, lab, open_descriptors};

/// A path of this test's own; whatever it holds is gone afterwards.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let name = format!("dormouse-{}-{name}", std::process::id());
        Place(std::env::temp_dir().join(name))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

#[test]
fn bytes_go_both_ways_and_the_end_comes_last() {
    const LEN: usize = 4 << 20;
    let place = Place::new("echo");
    lab(|runtime| {
        runtime.block_on(async {
            let mut listener = UnixListener::bind(&place.0).unwrap();
            assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*place.0));
            let echoes = spawn(async move {
                let stream = listener.incoming().next().await.unwrap().unwrap();
                assert!(stream.peer_addr().unwrap().is_unnamed());
                let (mut reader, mut writer) = stream.split();
                futures_lite::io::copy(&mut reader, &mut writer).await.unwrap();
            });
            let (mut reader, mut writer) = UnixStream::connect(&place.0).await.unwrap().split();
            let task = spawn(async move {
                let bytes: Vec<u8> = (0..=250).cycle().take(LEN).collect();
                writer.write_all(&bytes).await.unwrap();
            });
            let mut back = Vec::new();
            reader.read_to_end(&mut back).await.unwrap();
            assert!(back.len() == LEN && back.iter().copied().eq((0..=250).cycle().take(LEN)));
            task.await.unwrap();
            echoes.await.unwrap();
        });
    });
}

/// A read stops where a descriptor came along, and no event says that there is more.
#[test]
fn a_read_that_stops_at_a_descriptor_is_followed_by_the_rest() {
    lab(|runtime| {
        runtime.block_on(async {
            let (ours, mut theirs) = StdStream::pair().unwrap();
            let mut stream = UnixStream::from_std(ours).unwrap();
            for _ in 0..10 {
                theirs.write_all(b"before").unwrap();
                let rights = [theirs.as_raw_fd()];
                let along = [ControlMessage::ScmRights(&rights)];
                let part = [IoSlice::new(b"with it")];
                sendmsg::<()>(theirs.as_raw_fd(), &part, &along, MsgFlags::empty(), None).unwrap();
                theirs.write_all(b"behind").unwrap();
                // A park, in which the event for all of it is taken: no other one will follow.
                sleep(Duration::from_millis(1)).await;
                let mut all = [0; 19];
                stream.read_exact(&mut all).await.unwrap();
                assert_eq!(&all, b"beforewith itbehind");
            }
        });
    });
}

#[test]
fn a_path_left_over_is_taken_and_that_of_a_live_server_is_not() {
    let place = Place::new("left");
    lab(|runtime| {
        runtime.block_on(async {
            drop(StdListener::bind(&place.0).unwrap());
            let listener = UnixListener::bind(&place.0).unwrap();
            let taken = UnixListener::bind(&place.0).unwrap_err();
            assert_eq!(taken.kind(), ErrorKind::AddrInUse);
            assert!(taken.to_string().contains(place.0.to_str().unwrap()), "{taken}");
            UnixStream::connect(&place.0).await.unwrap();
            drop(listener);
            let refused = UnixStream::connect(&place.0).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        });
    });
}

#[test]
fn neither_a_file_nor_a_link_to_one_is_taken() {
    let (file, link) = (Place::new("file"), Place::new("link"));
    fs::write(&file.0, "precious").unwrap();
    std::os::unix::fs::symlink(&file.0, &link.0).unwrap();
    lab(|runtime| {
        runtime.block_on(async {
            for place in [&file, &link] {
                let error = UnixListener::bind(&place.0).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::AddrInUse);
            }
        });
    });
    assert_eq!(fs::read_to_string(&link.0).unwrap(), "precious");
}

#[test]
fn a_path_that_is_too_long_is_refused_and_not_cut() {
    lab(|runtime| {
        runtime.block_on(async {
            let path = std::env::temp_dir().join("x".repeat(108));
            assert_eq!(UnixListener::bind(&path).unwrap_err().kind(), ErrorKind::InvalidInput);
            let error = UnixStream::connect(&path).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("connect /"), "{error}");
        });
    });
}

/// The kernel says 'not yet' and then reports the socket as writable, though nothing is under way.
#[test]
fn a_full_queue_is_an_error_at_once_and_leaves_nothing() {
    in_a_process("a_full_queue_is_an_error_at_once_and_leaves_nothing", || {
        let place = Place::new("full");
        lab(|runtime| {
            let before = open_descriptors();
            runtime.block_on(async {
                let listener = StdListener::bind(&place.0).unwrap();
                nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap())
                    .unwrap();
                let mut waiting = Vec::new();
                let error = loop {
                    match UnixStream::connect(&place.0).await {
                        Ok(stream) => waiting.push(stream),
                        Err(error) => break error,
                    }
                };
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                yield_now().await;
                assert_eq!(open_descriptors(), before + 1 + waiting.len());
                // One accepted is one more that can connect.
                let mut accepted = listener.accept().unwrap().0;
                let mut stream = UnixStream::connect(&place.0).await.unwrap();
                stream.write_all(b"in").await.unwrap();
                drop(waiting);
                assert_eq!(accepted.read(&mut [0; 8]).unwrap(), 0);
                assert_falls_silent(runtime).await;
            });
        });
    });
}

#[test]
fn a_pair_talks_across_threads() {
    lab(|runtime| {
        runtime.block_on(async {
            let (ours, mut theirs) = StdStream::pair().unwrap();
            let mut stream = UnixStream::from_std(ours).unwrap();
            let peer = thread::spawn(move || {
                let mut text = String::new();
                theirs.write_all(b"hello").unwrap();
                theirs.read_to_string(&mut text).unwrap();
                text
            });
            stream.readable().await.unwrap();
            let mut hello = [0; 5];
            stream.read_exact(&mut hello).await.unwrap();
            stream.writable().await.unwrap();
            stream.write_all(&hello).await.unwrap();
            stream.close().await.unwrap();
            assert_eq!(peer.join().unwrap(), "hello");
            let (mut one, mut other) = UnixStream::pair().unwrap();
            one.write_all(b"pair").await.unwrap();
            drop(one);
            let mut text = String::new();
            other.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "pair");
        });
    });
}
