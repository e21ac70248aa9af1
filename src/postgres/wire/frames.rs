//! CopyData messages: where they begin and end in a stream of bytes that arrives in arbitrary pieces, and how to write one.
//! What is in them is of no interest, and neither is their size: a message of a gigabyte is followed piece by piece.

use bytes::{BufMut, BytesMut};

/// A CopyData message has the same form in both directions: a tag, the length (with these four bytes), the data.
const TAG: u8 = b'd';
const HEADER: usize = 5;
const LENGTH: usize = 4;

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
    /// How many of these bytes belong to CopyData: all, or those before the first other message. `data` gets what is in
    /// the messages.
    pub fn scan(&mut self, bytes: &[u8], mut data: impl FnMut(&[u8])) -> Result<usize, BadLength> {
        let mut at = 0;
        loop {
            let step = self.left.min(bytes.len() - at);
            data(&bytes[at..at + step]);
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
        self.left = (length as usize).checked_sub(LENGTH).ok_or(BadLength(length))?;
        Ok(())
    }
}

/// Appends one message to `output`, holding what `fill` appends; none if that is nothing.
pub fn message<T>(output: &mut BytesMut, fill: impl FnOnce(&mut BytesMut) -> T) -> T {
    let begin = output.len();
    output.put_u8(TAG);
    output.put_u32(0);
    let filled = fill(output);
    let length = u32::try_from(output.len() - begin - 1).expect("what was read at once is far below 4 GB");
    if output.len() == begin + HEADER {
        output.truncate(begin);
    } else {
        output[begin + 1..begin + HEADER].copy_from_slice(&length.to_be_bytes());
    }
    filled
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn a_message(tag: u8, data: &[u8]) -> Vec<u8> {
        let mut message = vec![tag];
        message.extend((data.len() as u32 + 4).to_be_bytes());
        message.extend(data);
        message
    }

    #[test]
    fn the_first_other_message_ends_it() {
        let mut bytes = [a_message(b'd', b"one"), a_message(b'd', b""), a_message(b'd', b"dd")].concat();
        let data = bytes.len();
        bytes.extend(a_message(b'c', b""));
        let mut contents: Vec<u8> = vec![];
        assert_eq!(Frames::default().scan(&bytes, |piece| contents.extend(piece)), Ok(data));
        assert_eq!(contents, b"onedd");
    }

    #[test]
    fn one_message_holds_what_came_in_several() {
        let bytes = [a_message(b'd', b"one"), a_message(b'd', b"two")].concat();
        let mut output = BytesMut::new();
        let mut pack = |bytes: &[u8]| {
            message(&mut output, |output| Frames::default().scan(bytes, |piece| output.extend_from_slice(piece)))
        };
        assert_eq!(pack(&bytes), Ok(bytes.len()));
        assert_eq!(pack(&a_message(b'c', b"")), Ok(0));
        assert_eq!(output, a_message(b'd', b"onetwo"));
    }

    #[test]
    fn a_length_that_cannot_be_is_an_error() {
        assert_eq!(Frames::default().scan(&[b'd', 0, 0, 0, 3], |_| ()), Err(BadLength(3)));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(sizes in proptest::collection::vec(0_usize..40, 0..20), cut in 1_usize..50) {
            let mut bytes: Vec<u8> = sizes.iter().flat_map(|size| a_message(b'd', &vec![b'd'; *size])).collect();
            let data = bytes.len();
            bytes.extend(a_message(b'C', b"COPY 1\0"));
            let mut frames = Frames::default();
            let (mut passed, mut contents) = (0, 0);
            for piece in bytes.chunks(cut) {
                let step = frames.scan(piece, |data| contents += data.len()).unwrap();
                passed += step;
                if step < piece.len() {
                    break;
                }
            }
            prop_assert_eq!(passed, data);
            prop_assert_eq!(contents, sizes.iter().sum::<usize>());
        }
    }
}
