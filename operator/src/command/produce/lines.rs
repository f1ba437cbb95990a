//! stdin as lines, and the moments when there is none.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::pack::{Gone, Packer};
use crate::failure::Failure;

/// What is read at once.
const BUFFER: usize = 256 << 10;
/// The longest line.
const LONGEST: usize = 64 << 20;

/// Packs the lines of stdin to its end, or to the first that cannot be packed.
pub(super) fn pack_stdin(mut packer: Packer) {
    // stdin's own buffer would hide whether more is there
    let file = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    let result = match file {
        Ok(file) => pack(file, &mut packer),
        Err(why) => Err(Some(unreadable(&why))),
    };
    match result {
        Ok(()) | Err(None) => {}
        Err(Some(failure)) => packer.fail(failure),
    }
}

/// `Err(None)`: nobody takes batches any more.
fn pack(input: impl io::Read + AsFd, packer: &mut Packer) -> Result<(), Option<Failure>> {
    let mut reader = BufReader::with_capacity(BUFFER, input);
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        // whoever types, or writes now and then, is not kept waiting for a batch to fill
        if !reader.buffer().contains(&b'\n') && !ready(reader.get_ref().as_fd()) {
            packer.flush().map_err(|Gone| None)?;
        }
        line.clear();
        let limit = LONGEST as u64 + 1;
        let read = reader.by_ref().take(limit).read_until(b'\n', &mut line);
        if read.map_err(|why| Some(unreadable(&why)))? == 0 {
            return packer.flush().map_err(|Gone| None);
        }
        number += 1;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() > LONGEST {
            let message = format!("line {number} is longer than {} MiB", LONGEST >> 20);
            return Err(Some(Failure::new(message)));
        }
        packer.line(number, &line)?;
    }
}

fn unreadable(why: &io::Error) -> Failure {
    Failure::new(format!("read stdin: {why}"))
}

/// Whether a read would return at once.
fn ready(input: BorrowedFd<'_>) -> bool {
    let mut wanted = [PollFd::from_borrowed_fd(input, PollFlags::IN)];
    // an error is for the read to report
    poll(&mut wanted, Some(&Timespec::default())).map_or(true, |ready| ready > 0)
}
