#!/bin/bash
# kcat (librdkafka 2.0) walks through a broker: walk.sh HOST:PORT FOLDER
#
# It makes no topics itself: the broker creates them on first use, with num.partitions=2. Prints `ok STEP` for every step;
# what kcat says on stderr is kept in FOLDER and shown at the end, so that librdkafka's error lines are seen.
set -u
broker=$1
folder=$2
cd "$folder" || exit 1

fail() {
    echo "FAILED $1"
    cat ./*.err
    exit 1
}

same() { # what, wanted, got
    [ "$2" = "$3" ] || fail "$1: wanted <$2>, got <$3>"
}

produce() { # topic partition, then options; values on stdin, one a line
    local topic=$1 partition=$2
    shift 2
    timeout 30 kcat -b "$broker" -P -t "$topic" -p "$partition" -X acks=all "$@" 2>>produce.err || fail "produce to $topic"
}

group() { # group topic, then options
    local group=$1 topic=$2
    shift 2
    timeout 30 kcat -b "$broker" -G "$group" -X auto.offset.reset=earliest -X fetch.wait.max.ms=100 -q "$@" "$topic" 2>>group.err
}

# walk-through: jerry goes to partition 0, tom to partition 1, and a group reads both
echo '{"name":"tom","location":"south"}' | produce rider-updates 1 -k location-update
echo '{"name":"jerry","location":"north"}' | produce rider-updates 0 -k location-update
got=$(group user-1 rider-updates -c 2 -f 'user-1: [%t] PART:%p: %k %s\n' | sort)
same walk-through 'user-1: [rider-updates] PART:0: location-update {"name":"jerry","location":"north"}
user-1: [rider-updates] PART:1: location-update {"name":"tom","location":"south"}' "$got"
echo "$got"
echo ok walk-through

# committed: the group has left its offsets behind, so only what is new comes
echo new | produce rider-updates 0
same committed 'new' "$(group user-1 rider-updates -e -f '%s\n')"
echo ok committed

# rebalance: kcat tells on stderr what it was assigned
member() { # name
    timeout 60 kcat -b "$broker" -G two -X auto.offset.reset=earliest -X heartbeat.interval.ms=200 -X session.timeout.ms=6000 \
        rider-updates >/dev/null 2>"$1.err" &
}
last() { # name: how many partitions the newest assignment of a member has
    grep 'assigned:' "$1.err" | tail -n 1 | grep -o 'rider-updates \[' | wc -l
}
wait_for() { # shares: NAME=COUNT...
    local try
    for try in $(seq 600); do
        local good=1 share
        for share in "$@"; do [ "$(last "${share%=*}")" = "${share#*=}" ] || good=0; done
        [ $good = 1 ] && return
        sleep 0.05
    done
    fail "no such assignment within 30 s: $*"
}
member first
first=$!
wait_for first=2
member second
second=$!
wait_for first=1 second=1
kill -TERM $second
wait $second
wait_for first=2
kill -TERM $first
wait $first
echo ok rebalance

# every codec librdkafka has: 300 values through one batch
seq 300 | sed 's/.*/value & & & & & & & & & & & & & & & &/' >values
for codec in gzip snappy lz4 zstd; do
    produce "codec-$codec" 0 -z $codec -X linger.ms=200 <values
    timeout 30 kcat -b "$broker" -C -t "codec-$codec" -p 0 -o beginning -e -q >"read-$codec" 2>>consume.err || fail "consume $codec"
    cmp values "read-$codec" || fail "the values came back different through $codec"
    echo "ok codec-$codec"
done

# idempotent
produce exact 0 -X enable.idempotence=true -X linger.ms=0 <values
timeout 30 kcat -b "$broker" -C -t exact -p 0 -o beginning -e -q >read-exact 2>>consume.err || fail 'consume exact'
cmp values read-exact || fail 'idempotent values came back different'
echo ok idempotent

# long value
head -c 900000 /dev/zero | tr '\0' 'x' >long
produce long 0 long
timeout 30 kcat -b "$broker" -C -t long -p 0 -o beginning -e -q -c 1 -D '' >read-long 2>>consume.err || fail 'consume long'
cmp <(head -c 900000 read-long) long || fail 'the long value came back different'
echo ok long-value

# offsets by timestamp
echo one | produce timed 0
between=$(date +%s%3N)
echo two | produce timed 0
same offsets-by-timestamp 'timed [0] offset 1' "$(timeout 30 kcat -b "$broker" -Q -t "timed:0:$((between + 1))" 2>>query.err)"
same offsets-by-timestamp 'timed [0] offset 0' "$(timeout 30 kcat -b "$broker" -Q -t timed:0:-2 2>>query.err)"
same offsets-by-timestamp 'timed [0] offset 2' "$(timeout 30 kcat -b "$broker" -Q -t timed:0:-1 2>>query.err)"
echo ok offsets-by-timestamp

# metadata
timeout 30 kcat -b "$broker" -L -t rider-updates 2>>query.err | grep -q 'topic "rider-updates" with 2 partitions' || fail 'metadata'
echo ok metadata

cat ./*.err
echo ok all
