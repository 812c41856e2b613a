//! # Stamp: when a message was on its way, as the kernel saw it
//!
//! Problem: a client knows when its write began and ended; the server may have the bytes before the
//! write has ended.
//! Idea: the kernel stamps a packet as it goes out (`SO_TIMESTAMPING` in socket(7)); on loopback it
//! comes in there at once, and the server's calls need not be changed to learn of it.
//! Leaves out: the stamp of the receiver (`SO_TIMESTAMPNS`). It comes a little later, and only
//! with `recvmsg`, which `uring`, `async` and a plain read do not call.
//! Read before: `record/clock.rs`. Read next: `scene/client.rs`.
//! Try: `cargo test --lib stamp`

use std::io::{self, IoSliceMut};
use std::net::TcpStream;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::sockopt::Timestamping;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, TimestampingFlag, recvmsg, setsockopt,
};

use crate::record::clock::real_time_is_ahead;

/// When a byte went out, and all before it.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// The number of the byte, from 0 on.
    pub byte: u32,
    /// When, in nanoseconds of the clock that all processes share.
    pub at: u64,
}

/// Asks for a stamp for each write from now on.
///
/// # Errors
///
/// What the kernel says.
pub fn ask_for_stamps(stream: &TcpStream) -> io::Result<()> {
    let flags = TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE
        | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE
        | TimestampingFlag::SOF_TIMESTAMPING_OPT_ID
        // The stamp alone, without the packet.
        | TimestampingFlag::SOF_TIMESTAMPING_OPT_TSONLY;
    Ok(setsockopt(stream, Timestamping, &flags)?)
}

/// Takes the oldest stamp that is there.
///
/// # Errors
///
/// What the kernel says.
pub fn next(stream: &TcpStream) -> io::Result<Option<Stamp>> {
    // For three times, and for a report with the number of the byte: stamps come as errors do.
    let mut control = nix::cmsg_space!([i64; 6], [u32; 16]);
    let mut nothing = [0; 1];
    let mut parts = [IoSliceMut::new(&mut nothing)];
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let fd = stream.as_raw_fd();
    let message = match recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut control), flags) {
        Ok(message) => message,
        Err(Errno::EAGAIN) => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let (mut byte, mut at) = (None, None);
    for part in message.cmsgs()? {
        match part {
            ControlMessageOwned::ScmTimestampsns(stamps) => {
                let real = std::time::Duration::from(stamps.system).as_nanos();
                at = u64::try_from(real).ok().map(|real| real.saturating_sub(real_time_is_ahead()));
            }
            ControlMessageOwned::Ipv4RecvErr(about, _) => byte = Some(about.ee_data),
            _ => {}
        }
    }
    Ok(byte.zip(at).map(|(byte, at)| Stamp { byte, at }))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use nix::sys::socket::sockopt::ReceiveTimestampns;

    use super::*;
    use crate::record::clock::now;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        ask_for_stamps(&client).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn each_write_is_stamped_between_its_begin_and_its_end() {
        let (mut client, mut server) = pair();
        for message in 1..=100 {
            let before = now();
            client.write_all(&[b'x'; 1000]).unwrap();
            let after = now();
            let stamp = next(&client).unwrap().expect("the write has its stamp");
            assert_eq!(stamp.byte, message * 1000 - 1);
            // The two clocks are read one after the other.
            let slack = 1000;
            assert!(before - slack <= stamp.at && stamp.at <= after + slack);
            server.read_exact(&mut [0; 1000]).unwrap();
        }
        assert!(next(&client).unwrap().is_none());
    }

    /// Receives a message; what the receiver's own stamp, with which the sender's is to be compared,
    /// says, if there is one.
    fn received_at(server: &TcpStream) -> Option<u64> {
        let mut control = nix::cmsg_space!([i64; 2]);
        let mut buffer = [0; 2000];
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let flags = MsgFlags::empty();
        let message =
            recvmsg::<SockaddrStorage>(server.as_raw_fd(), &mut parts, Some(&mut control), flags);
        let stamp = message.unwrap().cmsgs().unwrap().find_map(|part| match part {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp),
            _ => None,
        });
        let real = std::time::Duration::from(stamp?).as_nanos();
        Some(u64::try_from(real).unwrap() - real_time_is_ahead())
    }

    #[test]
    fn the_receivers_own_stamp_comes_shortly_after() {
        let (mut client, server) = pair();
        setsockopt(&server, ReceiveTimestampns, &true).unwrap();
        let (mut later, begin) = (Vec::new(), now());
        while later.len() < 101 {
            client.write_all(&[b'x'; 1000]).unwrap();
            let after = now();
            let sent = next(&client).unwrap().expect("the write has its stamp").at;
            // The kernel begins to stamp what comes in some time after it was asked.
            let Some(received) = received_at(&server) else {
                assert!(now() - begin < 10_000_000_000, "no stamp in ten seconds");
                continue;
            };
            assert!(received <= after + 1000, "it is there before the write has ended");
            later.push(received.cast_signed() - sent.cast_signed());
        }
        later.sort_unstable();
        println!("least {} median {} most {} ns", later[0], later[50], later[100]);
        assert!(later[50] >= -1000, "sent before it is received: {later:?}");
    }
}
