//! # Payload: bytes that know their place
//!
//! Problem: a server that loses, repeats or swaps bytes still sends as many as it should.
//! Idea: what is sent at a position of the stream depends on that position, and on the connection.
//! What comes back is compared with it, every byte.
//! Leaves out: lower-case letters, so that an answer in upper case and a verbatim one are the same.
//! Read before: `load/plan.rs`. Read next: `load/ledger.rs`.
//! Try: `cargo test payload`

use std::rc::Rc;

/// After so many bytes the payload begins again. A prime: no buffer's size is a multiple of it, so
/// a buffer lost or sent twice shows.
const PERIOD: u16 = 4093;

/// The bytes of all connections.
#[derive(Debug)]
pub struct Payload {
    /// One period, and behind it the begin of the next, so that each piece lies in one slice.
    bytes: Vec<u8>,
}

impl Payload {
    /// Makes one that can be cut into pieces of up to `longest` bytes.
    pub fn new(longest: usize) -> Rc<Payload> {
        let len = usize::from(PERIOD) + longest;
        Rc::new(Payload { bytes: (0..PERIOD).map(letter).cycle().take(len).collect() })
    }

    /// The bytes that belong at `position` of the stream of `connection`.
    pub fn at(&self, connection: usize, position: u64, len: usize) -> &[u8] {
        // Neighbours begin far apart, so that one's bytes don't pass for the other's.
        const STEP: u64 = 1511;
        let period = u64::from(PERIOD);
        let begin = (connection as u64 % period * STEP + position % period) % period;
        #[allow(clippy::cast_possible_truncation, reason = "it is less than the period")]
        let begin = begin as usize;
        &self.bytes[begin..begin + len]
    }
}

/// One of the 64 letters from space to underscore, as if by chance, but always the same.
fn letter(place: u16) -> u8 {
    // The multiplier of Knuth's MMIX; the high bits of a product are the well mixed ones.
    const MIX: u64 = 6_364_136_223_846_793_005;
    let mixed = (u64::from(place) + 1).wrapping_mul(MIX).rotate_left(25).wrapping_mul(MIX);
    b' ' + u8::try_from(mixed >> 58).expect("six bits are left")
}

/// Compares what comes back on one connection with what was sent there.
#[derive(Debug)]
pub struct Checker {
    payload: Rc<Payload>,
    connection: usize,
    position: u64,
}

impl Checker {
    /// Begins at the first byte of `connection`.
    pub fn new(payload: Rc<Payload>, connection: usize) -> Checker {
        Checker { payload, connection, position: 0 }
    }

    /// How many bytes have come back, all of them right.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Takes the next bytes that came back.
    ///
    /// # Errors
    ///
    /// One line that says where the first wrong byte is.
    pub fn check(&mut self, came: &[u8]) -> Result<(), String> {
        let right = self.payload.at(self.connection, self.position, came.len());
        // The slices are equally long: where they differ there is a place at which they do.
        if right != came
            && let Some(wrong) = right.iter().zip(came).position(|(right, came)| right != came)
        {
            return Err(format!(
                "connection {}, byte {}: '{}' was sent, '{}' came back",
                self.connection,
                self.position + wrong as u64,
                right[wrong].escape_ascii(),
                came[wrong].escape_ascii(),
            ));
        }
        self.position += came.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: usize = 64;

    fn stream(len: usize) -> Vec<u8> {
        Payload::new(len).at(3, 0, len).to_vec()
    }

    fn check(bytes: &[u8]) -> Result<(), String> {
        let mut checker = Checker::new(Payload::new(bytes.len()), 3);
        bytes.chunks(7).try_for_each(|chunk| checker.check(chunk))
    }

    #[test]
    fn what_was_sent_is_right_in_pieces_of_any_size() {
        let bytes = stream(3 * usize::from(PERIOD));
        assert_eq!(check(&bytes), Ok(()));
        assert_eq!(Checker::new(Payload::new(bytes.len()), 3).check(&bytes), Ok(()));
    }

    #[test]
    fn upper_case_changes_nothing() {
        let bytes = stream(2 * usize::from(PERIOD));
        assert_eq!(bytes.to_ascii_uppercase(), bytes);
        assert!(bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' '));
    }

    #[test]
    fn a_lost_byte_message_or_buffer_is_found() {
        for lost in [1, MESSAGE, 4096, 65_536] {
            let mut bytes = stream(lost + 10 * MESSAGE);
            bytes.drain(2 * MESSAGE..2 * MESSAGE + lost);
            let said = check(&bytes).unwrap_err();
            assert!(said.starts_with("connection 3, byte 1"), "{lost}: {said}");
        }
    }

    #[test]
    fn a_message_that_came_twice_is_found() {
        let mut bytes = stream(10 * MESSAGE);
        let twice = bytes[MESSAGE..2 * MESSAGE].to_vec();
        bytes.splice(2 * MESSAGE..2 * MESSAGE, twice);
        assert!(check(&bytes).is_err());
    }

    #[test]
    fn swapped_messages_are_found() {
        let mut bytes = stream(10 * MESSAGE);
        let (front, back) = bytes.split_at_mut(2 * MESSAGE);
        front[..MESSAGE].swap_with_slice(&mut back[..MESSAGE]);
        assert!(check(&bytes).is_err());
    }

    #[test]
    fn another_connections_message_is_found() {
        let payload = Payload::new(MESSAGE);
        for other in (0..200).filter(|other| *other != 3) {
            let foreign = payload.at(other, 0, MESSAGE);
            assert!(Checker::new(payload.clone(), 3).check(foreign).is_err(), "{other}");
        }
    }

    #[test]
    fn a_changed_byte_is_named() {
        let mut bytes = stream(MESSAGE);
        bytes[5] = b'\n';
        let said = check(&bytes).unwrap_err();
        assert!(said.contains("byte 5") && said.contains(r"'\n' came back"), "{said}");
    }
}
