#!/bin/sh
# Hostile bytes against every target, SECONDS each (60 unless said otherwise), as many at a time as
# there are cores. Fails on the first crash, with the input that reproduces it. Needs stable Rust and
# a C++ compiler, nothing else. What was found interesting is kept for the next time.
#
# usage: run.sh [SECONDS [TARGET...]]
set -eu

seconds=${1:-60}
[ $# -eq 0 ] || shift
here=$(cd "$(dirname "$0")" && pwd)
host=$(rustc -vV | sed -n 's/^host: //p')
built=${CARGO_TARGET_DIR:-$here/../../target}/fuzz
kept=${XDG_CACHE_HOME:-$HOME/.cache}/kastellan/fuzz
[ $# -gt 0 ] || set -- frame request record_batch segment_recovery sasl metadata_record

# coverage as cargo-fuzz asks for it; with --target it spares build scripts and macros
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares" \
    cargo build --quiet --release --locked --manifest-path "$here/Cargo.toml" \
    --target "$host" --target-dir "$built"
bin=$built/$host/release

one() {
    mkdir -p "$kept/corpus/$1" "$kept/seeds/$1" "$kept/crashes"
    log=$kept/$1.log
    if KASTELLAN_SEEDS=$kept/seeds/$1 "$bin/$1" "$kept/corpus/$1" "$kept/seeds/$1" -max_total_time="$seconds" -max_len=16384 \
        -rss_limit_mb=512 -timeout=10 -reload=0 -print_final_stats=1 \
        -artifact_prefix="$kept/crashes/$1-" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
        echo "fuzz $1: $runs inputs in ${seconds} s, $covered edges, no crash"
    else
        grep -v '^#' "$log" | tail -n 40 >&2
        input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        echo "fuzz $1: crashed. Reproduce: $bin/$1 ${input:-(no input was written, see $log)}" >&2
        return 1
    fi
}

failed=0
group=
finish_group() {
    for pid in $group; do
        wait "$pid" || failed=1
    done
    group=
}
# all take the same time, so groups are as good as a queue
for target in "$@"; do
    one "$target" &
    group="$group $!"
    [ "$(echo "$group" | wc -w)" -lt "$(nproc)" ] || finish_group
done
finish_group
exit "$failed"
