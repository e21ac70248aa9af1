//! Where CopyData messages begin and end in a stream of bytes that arrives in arbitrary pieces. Their contents are of no
//! interest, and neither is their size: a message of a gigabyte is followed piece by piece.

/// A CopyData message has the same form in both directions: a tag, the length (with these four bytes), the data.
const TAG: u8 = b'd';
const HEADER: usize = 5;

#[derive(Debug, Default)]
pub struct Frames {
    header: [u8; HEADER],
    /// How much of the header has arrived.
    filled: usize,
    /// How much of the message is still to come.
    left: usize,
}

/// A length that no message can have.
#[derive(Debug, PartialEq, Eq)]
pub struct BadLength(pub u32);

impl Frames {
    /// How many of these bytes belong to CopyData: all, or those before the first other message.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<usize, BadLength> {
        let mut at = 0;
        loop {
            let step = self.left.min(bytes.len() - at);
            at += step;
            self.left -= step;
            if at == bytes.len() || (self.filled == 0 && bytes[at] != TAG) {
                return Ok(at);
            }
            let step = (HEADER - self.filled).min(bytes.len() - at);
            self.header[self.filled..self.filled + step].copy_from_slice(&bytes[at..at + step]);
            self.filled += step;
            at += step;
            if self.filled == HEADER {
                self.enter()?;
            }
        }
    }

    fn enter(&mut self) -> Result<(), BadLength> {
        let [_, length @ ..] = self.header;
        let length = u32::from_be_bytes(length);
        self.filled = 0;
        self.left = (length as usize).checked_sub(4).ok_or(BadLength(length))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(tag: u8, data: &[u8]) -> Vec<u8> {
        let mut message = vec![tag];
        message.extend((data.len() as u32 + 4).to_be_bytes());
        message.extend(data);
        message
    }

    #[test]
    fn the_first_other_message_ends_it() {
        let mut bytes = [message(b'd', b"one"), message(b'd', b""), message(b'd', b"dd")].concat();
        let data = bytes.len();
        bytes.extend(message(b'c', b""));
        assert_eq!(Frames::default().scan(&bytes), Ok(data));
    }

    #[test]
    fn a_length_that_cannot_be_is_an_error() {
        assert_eq!(Frames::default().scan(&[b'd', 0, 0, 0, 3]), Err(BadLength(3)));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(sizes in proptest::collection::vec(0_usize..40, 0..20), cut in 1_usize..50) {
            let mut bytes: Vec<u8> = sizes.iter().flat_map(|size| message(b'd', &vec![b'd'; *size])).collect();
            let data = bytes.len();
            bytes.extend(message(b'C', b"COPY 1\0"));
            let mut frames = Frames::default();
            let mut passed = 0;
            for piece in bytes.chunks(cut) {
                let step = frames.scan(piece).unwrap();
                passed += step;
                if step < piece.len() {
                    break;
                }
            }
            prop_assert_eq!(passed, data);
        }
    }
}
