//! Values of many series at a few times, as bytes: column by column, names with them, compressed, with a checksum. Pure.
//!
//! Values are f32: seven digits, half the size. Within a column each is kept as its difference (XOR) to the one before, and
//! bytes of the same weight stand together: what does not change, or changes little, nearly vanishes.

use std::collections::BTreeMap;

use zstd::bulk::{Compressor, Decompressor};

/// Of the bytes of a block. A newer one is refused.
const VERSION: u8 = 1;
/// zstd's usual one: higher ones gain a few percent and cost a multiple.
const LEVEL: i32 = 3;
/// Before anything is believed of a block, it is no larger than this: six hours of 1,000 series are 1.2 MB.
const LARGEST: usize = 8 << 20;
const HEAD: usize = 5;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BlockError {
    #[error("a block of the ring is of format {0}, which this infra does not know")]
    Version(u8),
    #[error("a block of the ring is damaged")]
    Damaged,
}

/// `columns` hold `width` values a time, first all of the first kind. NaN: there was none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Block {
    pub width: usize,
    /// In units and from a beginning that the row knows.
    pub times: Vec<u16>,
    pub columns: BTreeMap<String, Vec<f32>>,
}

/// Holds what compressing needs, to be used again.
pub struct Codec {
    compressor: Compressor<'static>,
    decompressor: Decompressor<'static>,
}

impl Codec {
    pub fn new() -> Self {
        let mut compressor = Compressor::new(LEVEL).expect("the level is one that zstd has");
        compressor.include_checksum(true).expect("every zstd knows checksums");
        Self { compressor, decompressor: Decompressor::new().expect("without a dictionary nothing can be wrong") }
    }

    pub fn pack(&mut self, block: &Block) -> Vec<u8> {
        let plain = plain(block);
        let mut bytes = vec![VERSION];
        bytes.extend(u32::try_from(plain.len()).expect("a block is a few megabytes at most").to_le_bytes());
        bytes.extend(self.compressor.compress(&plain).expect("compressing into memory does not fail"));
        bytes
    }

    pub fn unpack(&mut self, bytes: &[u8]) -> Result<Block, BlockError> {
        let (head, packed) = bytes.split_at_checked(HEAD).ok_or(BlockError::Damaged)?;
        if head[0] != VERSION {
            return Err(BlockError::Version(head[0]));
        }
        let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if length > LARGEST {
            return Err(BlockError::Damaged);
        }
        let plain = self.decompressor.decompress(packed, length).map_err(|_| BlockError::Damaged)?;
        parsed(&plain).filter(|_| plain.len() == length).ok_or(BlockError::Damaged)
    }
}

/// Width, number of times and length of the names; times; names, a line each; then the values' bytes, the lowest first.
fn plain(block: &Block) -> Vec<u8> {
    let names = block.columns.keys().map(|name| format!("{name}\n")).collect::<String>();
    let number = |number: usize| u32::try_from(number).expect("a block has few parts").to_le_bytes();
    let mut plain = vec![];
    plain.extend([block.width, block.times.len(), names.len()].into_iter().flat_map(number));
    plain.extend(block.times.iter().flat_map(|time| time.to_le_bytes()));
    plain.extend(names.as_bytes());
    let differences: Vec<[u8; 4]> = block.columns.values().flat_map(|values| differences(values)).collect();
    for weight in 0..4 {
        plain.extend(differences.iter().map(|bytes| bytes[weight]));
    }
    plain
}

fn differences(values: &[f32]) -> impl Iterator<Item = [u8; 4]> + '_ {
    let mut before = 0;
    values.iter().map(move |value| {
        let bits = value.to_bits();
        (bits ^ std::mem::replace(&mut before, bits)).to_le_bytes()
    })
}

fn parsed(plain: &[u8]) -> Option<Block> {
    let mut rest = plain;
    let mut take = |length: usize| {
        let (part, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(part)
    };
    let mut number = || Some(u32::from_le_bytes(take(4)?.try_into().ok()?) as usize);
    let (width, times, names) = (number()?, number()?, number()?);
    let times: Vec<u16> =
        take(times.checked_mul(2)?)?.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
    let names: Vec<&str> = std::str::from_utf8(take(names)?).ok()?.lines().collect();
    let length = width.checked_mul(times.len())?;
    let planes = rest;
    let all = length.checked_mul(names.len())?;
    if planes.len() != all.checked_mul(4)? {
        return None;
    }
    let column = |index: usize| {
        let mut bits = 0;
        let value = |at: usize| {
            bits ^= u32::from_le_bytes([0, 1, 2, 3].map(|weight| planes[weight * all + at]));
            f32::from_bits(bits)
        };
        (index * length..(index + 1) * length).map(value).collect()
    };
    let columns = names.iter().enumerate().map(|(index, name)| ((*name).to_owned(), column(index))).collect();
    Some(Block { width, times, columns })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(block: &Block) -> Vec<(String, Vec<u32>)> {
        let bits = |values: &Vec<f32>| values.iter().map(|value| value.to_bits()).collect();
        block.columns.iter().map(|(name, values)| (name.clone(), bits(values))).collect()
    }

    prop_compose! {
        fn blocks()(width in 1_usize..5, times in proptest::collection::vec(any::<u16>(), 0..40))
            (columns in proptest::collection::btree_map("[a-z._]{1,12}(:/[a-zü ]{0,5})?",
                proptest::collection::vec(any::<f32>(), width * times.len()), 0..10),
             width in Just(width), times in Just(times)) -> Block {
            Block { width, times, columns }
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back_bit_by_bit(block in blocks()) {
            let mut codec = Codec::new();
            let packed = codec.pack(&block);
            let back = codec.unpack(&packed).unwrap();
            prop_assert_eq!((back.width, &back.times, bits(&back)), (block.width, &block.times, bits(&block)));
        }

        /// One wrong byte anywhere is noticed, and so is a missing end.
        #[test]
        fn what_is_damaged_is_refused(block in blocks(), at: prop::sample::Index, flip in 1_u8..) {
            let mut codec = Codec::new();
            let packed = codec.pack(&block);
            let at = at.index(packed.len());
            let mut damaged = packed.clone();
            damaged[at] ^= flip;
            // zstd's header has bits that mean nothing, and does not check them: then the values are right all the same.
            if let Ok(back) = codec.unpack(&damaged) {
                prop_assert_eq!(bits(&back), bits(&block));
            }
            prop_assert!(codec.unpack(&packed[..at]).is_err());
        }
    }

    #[test]
    fn a_newer_block_is_refused() {
        let mut codec = Codec::new();
        let mut packed = codec.pack(&Block::default());
        packed[0] = 2;
        assert_eq!(codec.unpack(&packed), Err(BlockError::Version(2)));
    }

    #[test]
    fn what_does_not_change_takes_no_room() {
        let columns = (0..80).map(|number| (format!("metric.number{number}"), vec![number as f32; 30])).collect();
        let block = Block { width: 1, times: (0..30).map(|time| time * 10).collect(), columns };
        let packed = Codec::new().pack(&block).len();
        assert!(packed < 1200, "{packed}");
    }
}
