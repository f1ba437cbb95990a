//! The simulator, held against itself.

use super::*;

#[test]
fn a_few_seeds_pass() {
    for seed in 0..20 {
        let outcome = run(seed, None);
        assert_eq!(outcome.failure, None, "seed {seed}");
    }
}
