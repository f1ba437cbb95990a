//! Replaying the metadata log gives the image that was there: everything committed, and of what was
//! not committed a prefix.
//!
//! C17 of `reliability.md` 5.3, and (g) of 1.7. A snapshot of the image replays to it as well.

use kastellan_core::metadata::Image;

use super::{Check, Invariant, Violation, ensure};
use crate::model::{Ending, Model};

const INVARIANT: Invariant = Invariant::MetadataReplaysToTheSameImage;

/// A restart replayed the log to `image`. True when something uncommitted was lost.
pub(crate) fn check(model: &Model, image: &Image, ending: Ending) -> Result<bool, Violation> {
    let taken = model.uncommitted.iter().rposition(|(_, taken)| *taken).map_or(0, |at| at + 1);
    let least = if ending == Ending::PowerCut { 0 } else { taken };
    let committed = std::iter::once(&model.committed);
    let known = committed.chain(model.uncommitted.iter().map(|(image, _)| image));
    let found = known.collect::<Vec<_>>().iter().rposition(|known| *known == image);
    ensure(found >= Some(least), INVARIANT, || {
        let count = image.topic_count();
        format!(
            "after {ending:?} the image at {} with {count} topics is none of those at {} and {:?}",
            image.offset(),
            model.committed.offset(),
            model.uncommitted.iter().map(|(it, taken)| (it.offset(), *taken)).collect::<Vec<_>>()
        )
    })?;
    Ok(found < Some(taken))
}

/// The records of a snapshot fold to the image that it is of.
pub(crate) fn snapshot(image: &Image) -> Check {
    let mut folded = Image::default();
    let fits = image.snapshot().all(|record| folded.apply(&record).is_ok());
    folded.advance(image.offset());
    ensure(fits && folded == *image, INVARIANT, || {
        format!("the snapshot of the image at {} is another image", image.offset())
    })
}
