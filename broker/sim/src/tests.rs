//! The simulator, held against itself: seeds pass, repeat, reach what they should, and find
//! mistakes.

use super::*;

/// Seeds that once found something, and what that was. They no longer take the same way, since the
/// simulator has changed; they cost nothing.
const PAST: [(u64, &str); 27] = [
    (744_343_926_012, "the model: what compaction left out for a batch that was cut off later"),
    (809_614, "a rename that failed in the middle of a swap left readers with a hole"),
    (4, "names that one life left unsynced were never synced by the next"),
    (5, "metadata was committed on top of pages whose sync had failed in the life before"),
    (6, "what recovery read from the page cache was taken for synced"),
    (10, "a log cut within the batch of its start"),
    (19, "the newest record was not found where an older one lay before the start"),
    (20, "a failed sync of a directory did not poison"),
    (28, "a clean shutdown sealed pages that had never reached the disk"),
    (98, "a first block that a failed sync had dropped was never written again"),
    (148, "an index that was never synced was trusted, and hid the first record of a time"),
    (242, "a batch was acknowledged that a kill had left in the page cache alone"),
    (284, "the indexes of a segment that ends at the recovery point were trusted"),
    (1_815, "a truncation into a batch left the recovery point behind the batch's base"),
    (20_928, "the rest of a failed write, cut off and not synced, came back behind a segment"),
    (569, "a truncation left a hole before the start, behind which recovery stopped"),
    (1_882_614_066_583_906, "an empty segment took up the indexes of what a power cut had taken"),
    (1_882_614_627_566_212, "a batch was served whose leader epoch could not be written"),
    (501_087, "offsets were given twice after a truncation into the batch of a new start"),
    (3_002_223, "the model went on promising the batch of the start, which was cut into"),
    (1_882_614_897_049_963, "leader epochs that recovery had found were never checkpointed"),
    (1_882_615_927_802_914, "the model forgot the tail that the first of two starts had lost"),
    (900_000_001_066, "the epoch of a batch before the start was forgotten with the checkpoint"),
    (937, "the epochs before a start that a crash took back were forgotten"),
    (2_225, "the epoch of records that were all deleted was forgotten, and what followed was lost"),
    (304_929_906_850, "the model took a group's deletion for that of offsets committed after it"),
    (17_810, "indexes of a segment that compaction had replaced came back beside its successor"),
];

/// Seeds among which each mistake has to be found.
const BOUND: u64 = 150;

fn quiet() {
    // mistakes lead to panics that are expected, and caught
    std::panic::set_hook(Box::new(|_| ()));
}

#[test]
fn past_failures_stay_fixed() {
    for (seed, what) in PAST {
        assert_eq!(run(seed, None).failure, None, "seed {seed} is back: {what}");
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 1_000..1_006 {
        let (first, second) = (run(seed, None), run(seed, None));
        assert_eq!(first, second, "seed {seed} does not repeat itself");
        assert_ne!(first.hash, run(seed + 1, None).hash);
    }
}

#[test]
fn a_batch_of_seeds_holds_and_reaches_what_is_rare() {
    let mut counters = Counters::default();
    let mut seed = 0;
    // as many as it takes, within bounds
    while seed < 40
        || seed < 300 && !(counters.missed().is_empty() && counters.vacuous().is_empty())
    {
        let outcome = run(seed, None);
        assert_eq!(outcome.failure, None, "seed {seed}");
        counters.add(&outcome.counters);
        seed += 1;
    }
    assert_eq!(counters.missed(), [], "after {seed} seeds");
    assert_eq!(counters.vacuous(), [], "after {seed} seeds");
}

fn is_caught(mutant: Mutant) {
    quiet();
    let caught = (0..BOUND).find_map(|seed| run(seed, Some(mutant)).failure);
    let (violation, _) = caught.unwrap_or_else(|| panic!("{mutant:?} lives after {BOUND} seeds"));
    assert!(!violation.what.starts_with("nothing was tested"), "{mutant:?}: {violation}");
}

#[test]
fn mistakes_of_the_disk_are_caught() {
    Mutant::ALL.into_iter().take(5).for_each(is_caught);
}

#[test]
fn mistakes_of_the_data_path_are_caught() {
    Mutant::ALL.into_iter().skip(5).take(12).for_each(is_caught);
}

#[test]
fn mistakes_of_groups_metadata_and_upkeep_are_caught() {
    Mutant::ALL.into_iter().skip(17).take(7).for_each(is_caught);
}

#[test]
fn mistakes_of_compaction_are_caught() {
    Mutant::ALL.into_iter().skip(24).take(6).for_each(is_caught);
}

#[test]
fn mistakes_of_deletion_and_epochs_are_caught() {
    Mutant::ALL.into_iter().skip(30).for_each(is_caught);
}
