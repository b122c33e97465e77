#!/bin/sh
# A first plan, reviewed and applied, on a simulated node with eight H100. Leaves nothing behind.
set -eu

examples=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

cp "$examples/profiles/power-cap.es" .
run esnode sim init -board H100-SXM -count 8 world.yaml
export ESNODE_SIMULATE=world.yaml
run esnode plan -f power-cap.es -out plan.json
run esnode show plan.json
run esnode apply plan.json
run esnode plan -f power-cap.es | tee again.txt
grep -q '^No changes\.' again.txt
