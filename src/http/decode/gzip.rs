//! gzip as browsers read it: what is whole is given, and a trailer that is cut off or wrong, or what stands behind the end, is
//! told and does no harm. Data that breaks off is an error.

use std::io::{self, BufRead, Read};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::Packed;

const MAGIC: [u8; 2] = [0x1f, 0x8b];
/// What stands in each head: the mark, the method, the flags, a time, and two bytes more.
const HEAD_BYTES: usize = 10;
const TRAILER_BYTES: usize = 8;
/// Flags of a head.
const HAS_CHECKSUM: u8 = 2;
const HAS_MORE: u8 = 4;
const HAS_NAME: u8 = 8;
const HAS_COMMENT: u8 = 16;

/// A body in gzip, of one member or several.
pub(super) struct Gzip {
    packed: Packed,
    member: Option<Member>,
    is_over: bool,
}

struct Member {
    state: Decompress,
    checksum: Crc,
}

impl Gzip {
    pub(super) fn new(packed: Packed) -> io::Result<Self> {
        let mut gzip = Self { packed, member: None, is_over: false };
        match gzip.begin()? {
            true => Ok(gzip),
            false => Err(wrong("it is no gzip")),
        }
    }

    /// Reads the head of the next member; false where none begins.
    fn begin(&mut self) -> io::Result<bool> {
        let mut head = [0; HEAD_BYTES];
        let count = read_up_to(&mut self.packed, &mut head)?;
        if count < HEAD_BYTES || head[..2] != MAGIC {
            if self.member.is_some() && head[..count].iter().any(|byte| *byte != 0) {
                log::warn!("an answer has more behind the end of its gzip: it is left out");
            }
            return Ok(false);
        }
        let flags = head[3];
        if flags & HAS_MORE != 0 {
            let mut length = [0; 2];
            self.packed.read_exact(&mut length)?;
            let length = u64::from(u16::from_le_bytes(length));
            io::copy(&mut (&mut self.packed).take(length), &mut io::sink())?;
        }
        for flag in [HAS_NAME, HAS_COMMENT] {
            if flags & flag != 0 {
                self.packed.skip_until(0)?;
            }
        }
        if flags & HAS_CHECKSUM != 0 {
            self.packed.read_exact(&mut [0; 2])?;
        }
        self.member = Some(Member { state: Decompress::new(false), checksum: Crc::new() });
        Ok(true)
    }

    /// Looks at what stands behind the data of a member.
    fn end(&mut self) -> io::Result<()> {
        let mut trailer = [0; TRAILER_BYTES];
        let count = read_up_to(&mut self.packed, &mut trailer)?;
        let sum = self.member.as_ref().map(|member| (member.checksum.sum(), member.checksum.amount()));
        let (sum, amount) = sum.unwrap_or_default();
        let expected: [u8; TRAILER_BYTES] =
            [sum.to_le_bytes(), amount.to_le_bytes()].concat().try_into().unwrap_or_default();
        if count < TRAILER_BYTES {
            log::warn!("the end of the gzip of an answer is cut off: whether its data is right is not known");
        } else if trailer != expected {
            log::warn!("the checksum of the gzip of an answer does not fit its data");
        }
        self.is_over = count < TRAILER_BYTES || !self.begin()?;
        Ok(())
    }
}

impl Read for Gzip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.is_over && !buffer.is_empty() {
            let Some(member) = &mut self.member else { break };
            let input = self.packed.fill_buf()?;
            let is_end = input.is_empty();
            let (before_in, before_out) = (member.state.total_in(), member.state.total_out());
            let flush = if is_end { FlushDecompress::Finish } else { FlushDecompress::None };
            let status = member.state.decompress(input, buffer, flush).map_err(|cause| wrong(&cause.to_string()))?;
            let taken = (member.state.total_in() - before_in) as usize;
            let given = (member.state.total_out() - before_out) as usize;
            self.packed.consume(taken);
            member.checksum.update(&buffer[..given]);
            if status == Status::StreamEnd {
                self.end()?;
            } else if given == 0 && is_end {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the gzip breaks off"));
            }
            if given > 0 {
                return Ok(given);
            }
        }
        Ok(0)
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Fills as much as there is.
fn read_up_to(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        match from.read(&mut buffer[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(count)
}
