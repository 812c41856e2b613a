//! Which completions come of an exchange, and what may be touched until then.

use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use socket2::SockRef;

use super::*;

const LIMIT: Duration = Duration::from_secs(20);
/// More than the buffers of a connection take: a send of it waits for the peer to read.
const LARGE: usize = 64 << 20;

/// A ring with one connection, its key, and the peer; none where the kernel gives no ring.
struct Fixture {
    ring: Ring,
    listener: TcpListener,
    _stop: io::PipeWriter,
}

impl Fixture {
    fn new() -> Option<Fixture> {
        if let Err(e) = set_up(2) {
            println!("SKIPPED: {e}");
            return None;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (asked, stop) = io::pipe().unwrap();
        let ring = Ring::new(4, listener.try_clone().unwrap(), asked).unwrap();
        Some(Fixture { ring, listener, _stop: stop })
    }

    fn connect(&mut self, buffer: usize) -> (usize, TcpStream) {
        let peer = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        peer.set_read_timeout(Some(LIMIT)).unwrap();
        let (socket, address) = self.listener.accept().unwrap();
        let buffer = Buffer::new(vec![0; buffer]).unwrap();
        (self.ring.insert(socket, address, buffer), peer)
    }

    /// Submits what was handed over, and finds that none of it is done at once.
    fn submit(&mut self) {
        while !self.ring.waiting.is_empty() {
            self.ring.wait(Some(Instant::now())).unwrap();
        }
        assert!(self.ring.next().is_none(), "it waits for the peer");
    }

    /// The next completion; and there is no further one, now or when all has ended.
    fn only_completion(&mut self) -> Completion {
        self.ring.wait(Some(Instant::now() + LIMIT)).unwrap();
        let completion = self.ring.next().expect("a completion within the limit");
        assert_eq!(self.ring.wait(Some(Instant::now())).unwrap(), 0, "one completion, not two");
        assert_eq!(self.ring.in_flight, 1, "the watch for the stop is left");
        completion
    }
}

fn reset(peer: TcpStream) {
    SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
}

#[test]
fn all_sent_and_the_next_received_is_one_completion() {
    let Some(mut fixture) = Fixture::new() else { return };
    let (key, mut peer) = fixture.connect(LARGE);
    for answer in [5, LARGE] {
        fixture.ring.exchange(key, 0..answer);
        fixture.submit();
        let peer_reads = std::thread::scope(|scope| {
            scope.spawn(|| {
                peer.read_exact(&mut vec![0; answer]).unwrap();
                peer.write_all(b"next").unwrap();
            });
            fixture.only_completion()
        });
        let Completion::Received { sent, result, .. } = peer_reads else { panic!("cut short") };
        assert_eq!((sent, result.unwrap()), (answer, 4));
    }
}

#[test]
fn a_send_that_fails_is_the_only_completion_of_both() {
    let Some(mut fixture) = Fixture::new() else { return };
    for answer in [1, LARGE] {
        let (key, peer) = fixture.connect(LARGE);
        reset(peer);
        fixture.ring.exchange(key, 0..answer);
        let Completion::CutShort { unsent, result, .. } = fixture.only_completion() else {
            panic!("nothing was received")
        };
        assert_eq!((unsent, result.unwrap_err().kind()), (0..answer, ErrorKind::ConnectionReset));
    }
}

/// What ends a send halfway.
type End = fn(&mut Ring, usize, TcpStream) -> Option<TcpStream>;

#[test]
fn a_send_cut_short_is_the_only_completion_of_both() {
    let by_reset: End = |_, _, peer| {
        reset(peer);
        None
    };
    let by_close: End = |ring, key, peer| {
        ring.close(key);
        Some(peer)
    };
    for end in [by_reset, by_close] {
        let Some(mut fixture) = Fixture::new() else { return };
        let (key, peer) = fixture.connect(LARGE);
        fixture.ring.exchange(key, 0..LARGE);
        fixture.submit();
        let _peer = end(&mut fixture.ring, key, peer);
        let Completion::CutShort { result, .. } = fixture.only_completion() else {
            panic!("nothing was received")
        };
        let sent = result.unwrap();
        assert!((1..LARGE).contains(&sent), "{sent} of {LARGE}");
    }
}

#[test]
fn a_close_ends_a_receive_that_waits() {
    let Some(mut fixture) = Fixture::new() else { return };
    let (key, mut peer) = fixture.connect(16);
    fixture.ring.exchange(key, 0..3);
    fixture.submit();
    fixture.ring.close(key);
    let Completion::Received { sent, result, .. } = fixture.only_completion() else {
        panic!("all was sent")
    };
    assert_eq!((sent, result.unwrap()), (3, 0));
    let mut heard = Vec::new();
    peer.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, [0; 3]);
}

#[test]
fn what_is_lent_is_out_of_reach() {
    let Some(mut fixture) = Fixture::new() else { return };
    let (key, _peer) = fixture.connect(16);
    fixture.ring.exchange(key, 0..0);
    // Before the kernel has heard of it, and after.
    for _ in 0..2 {
        let ring = &mut fixture.ring;
        catch_unwind(AssertUnwindSafe(|| ring.buffer(key).fill(0))).unwrap_err();
        catch_unwind(AssertUnwindSafe(|| ring.exchange(key, 0..0))).unwrap_err();
        fixture.submit();
    }
    fixture.ring.close(key);
    assert_eq!(fixture.ring.slots.len(), 1, "its key is not free before its completion is in");
    fixture.only_completion();
    fixture.ring.close(key);
    assert_eq!(fixture.ring.slots.len(), 0);
}

#[test]
fn the_kernel_gives_everything_back() {
    let Some(mut fixture) = Fixture::new() else { return };
    fixture.ring.accept();
    // Ones that wait for a message, ones that wait for room, and some not even submitted.
    let peers: Vec<_> = (0..100)
        .map(|n| {
            let (key, peer) = fixture.connect(if n % 10 == 0 { LARGE / 8 } else { 64 });
            let all = fixture.ring.buffer(key).len();
            fixture.ring.exchange(key, 0..if n % 2 == 0 { all } else { 0 });
            if n < 80 {
                fixture.submit();
            }
            peer
        })
        .collect();
    assert!(fixture.ring.settle(), "{} are in flight still", fixture.ring.in_flight);
    drop(peers);
}

/// The kernel is told of a longer buffer, or of an earlier one, than there is.
#[test]
#[cfg(debug_assertions)]
fn a_write_beyond_the_buffer_is_noticed() {
    const LENGTH: usize = 16;
    for (before, behind, noticed) in
        [(0, 0, ""), (0, 1, "beyond the end"), (1, 0, "before the beginning")]
    {
        let Some(mut fixture) = Fixture::new() else { return };
        let (key, mut peer) = fixture.connect(LENGTH);
        let ring = &mut fixture.ring;
        let Slot { socket, buffer, lent, .. } = &mut ring.slots[key];
        *lent = Some(0..0);
        let receive = entries::receive(socket, buffer.and_beyond(before, behind), key);
        ring.in_flight += 1;
        assert!(ring.push(&[receive]), "there is room for it");
        peer.write_all(&[b'x'; LENGTH + 1]).unwrap();
        ring.wait(Some(Instant::now() + LIMIT)).unwrap();
        let given_back = catch_unwind(AssertUnwindSafe(|| ring.next().is_some()));
        let said = match given_back {
            Ok(there) => String::from(if there { "" } else { "nothing was received" }),
            Err(panic) => panic.downcast_ref::<&str>().unwrap().to_string(),
        };
        assert!(said.contains(noticed) && said.is_empty() == noticed.is_empty(), "{said:?}");
        // Its end notices as well.
        ring.slots[key].lent = None;
        let slot = ring.slots.remove(key);
        let freed = catch_unwind(AssertUnwindSafe(|| drop(slot)));
        assert_eq!(freed.is_err(), !noticed.is_empty());
    }
}
