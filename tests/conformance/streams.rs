//! What comes back, and that it is all of it, however it is cut.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::thread;

use socket2::SockRef;

use crate::Traits;
use crate::impostor;
use crate::support::{Server, ask, connect, pattern, stream_through};

pub(crate) fn what_comes_in_goes_back(model: Traits) {
    let every_byte: Vec<u8> = (0..=255).collect();
    for (reply, answer) in [("upper", upper(&every_byte)), ("verbatim", every_byte.clone())] {
        let server = Server::start(model.name, &["--reply", reply]);
        let stream = server.connect();
        for _ in 0..3 {
            assert_eq!(ask(&stream, &every_byte), answer, "--reply {reply}");
        }
        // The end comes back once the server has done, and counted, all that it had to do.
        assert_eq!(stream_through(&stream, b"").unwrap(), b"");
        let stats = server.stop();
        assert_eq!((&stats["accepted"], &stats["bytes_in"]), (&1.into(), &768.into()), "{stats}");
        assert_eq!(stats["bytes_out"], 768, "{stats}");
        assert_eq!(stats["model"], model.word());
    }
    let server = Server::start(model.name, &["--reply", "none"]);
    assert_eq!(stream_through(&server.connect(), &every_byte).unwrap(), b"", "--reply none");
    let stats = server.stop();
    assert_eq!((&stats["bytes_in"], &stats["bytes_out"]), (&256.into(), &0.into()), "{stats}");
}

pub(crate) fn a_long_stream_comes_back_byte_by_byte(model: Traits) {
    let data = pattern(4 << 20);
    for (reply, answer) in [("upper", upper(&data)), ("verbatim", data.clone())] {
        let server = Server::start(model.name, &["--reply", reply]);
        check_stream(server.address, &data, &answer);
        let stats = server.stop();
        assert_eq!((&stats["accepted"], &stats["closed"]), (&1.into(), &1.into()), "{stats}");
    }
}

/// Half-closes after the last byte: the whole answer still comes, and then the end.
fn check_stream(address: SocketAddr, data: &[u8], answer: &[u8]) {
    let echo = stream_through(&connect(address), data).unwrap();
    let differs = echo.iter().zip(answer).position(|(got, wanted)| got != wanted);
    assert_eq!((echo.len(), differs), (answer.len(), None), "bytes, and the first that differs");
}

pub(crate) fn a_tiny_buffer_is_enough(model: Traits) {
    let data = pattern(50_000);
    for buffer in ["1", "7"] {
        let server = Server::start(model.name, &["--buffer", buffer]);
        check_stream(server.address, &data, &upper(&data));
    }
}

/// Told once that there is something, a server must not need a second hint for the rest.
pub(crate) fn a_burst_and_then_silence_is_answered_whole(model: Traits) {
    let server = Server::start(model.name, &["--buffer", "16"]);
    let data = pattern(1_000_000);
    let stream = server.connect();
    let mut answer = vec![0; data.len()];
    thread::scope(|scope| {
        scope.spawn(|| (&stream).write_all(&data).unwrap());
        (&stream).read_exact(&mut answer).unwrap();
    });
    assert!(answer == upper(&data));
}

pub(crate) fn one_byte_at_a_time(model: Traits) {
    let server = Server::start(model.name, &[]);
    let stream = server.connect();
    for byte in pattern(500) {
        assert_eq!(ask(&stream, &[byte]), upper(&[byte]));
    }
}

pub(crate) fn small_socket_buffers(model: Traits) {
    let server = Server::start(model.name, &[]);
    let stream = server.connect();
    // Smaller ones make the kernel's own timers the slowest part of it.
    SockRef::from(&stream).set_recv_buffer_size(16 * 1024).unwrap();
    SockRef::from(&stream).set_send_buffer_size(4096).unwrap();
    let data = pattern(1 << 20);
    assert!(stream_through(&stream, &data).unwrap() == upper(&data));
}

/// The server's own buffers, so that almost every answer is cut short.
///
/// Seen to fail when the rest of an answer is sent from its beginning again, or not at all.
pub(crate) fn an_answer_larger_than_the_send_buffer(model: Traits) {
    // The kernel takes a few KiB as a whole, where it takes them at all; of more, a part.
    for (buffer, len) in [(4096, 4 << 20), (300_000, 1 << 20)] {
        let data = pattern(len);
        let server = Server::spawn(impostor::with_small_send_buffers(model.name, buffer));
        check_stream(server.address, &data, &upper(&data));
    }
}

pub(crate) fn an_urgent_byte_loses_no_other(model: Traits) {
    let server = Server::start(model.name, &[]);
    let mut stream = server.connect();
    stream.write_all(b"before").unwrap();
    SockRef::from(&stream).send_out_of_band(b"!").unwrap();
    stream.write_all(b"behind").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"BEFOREBEHIND", "the urgent byte goes another way");
}

pub(crate) fn upper(data: &[u8]) -> Vec<u8> {
    data.to_ascii_uppercase()
}
