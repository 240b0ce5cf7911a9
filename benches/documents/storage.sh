#!/usr/bin/env bash
# Storing a large file beside `cp` plus `sha256sum` in one pass: seconds, the ratio, and the most memory of dc. The pass is
# made in two ways, by `tee` into both and by both at once, and the faster one counts.
#
#   benches/documents/storage.sh [DC] [MIB] [FOLDER]    target/release/dc, 10240, a temporary folder
#
# Both sides end when the bytes are on the disk. FOLDER must have room for twice the file.
set -euo pipefail
dc="$(realpath "${1:-target/release/dc}")"
mib="${2:-10240}"
folder="$(mktemp -d "${3:-/tmp}/dc-storage.XXXXXX")"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
head -c "${mib}M" /dev/urandom >big
sync
seconds() { python3 -c "import sys; print(f'{float(sys.argv[2]) - float(sys.argv[1]):.2f}')" "$1" "$2"; }
best_cp=""
best_dc=""
for round in 1 2 3; do
    began=$(date +%s.%N)
    bash -c 'tee copy <big | sha256sum >/dev/null; sync copy'
    cp_seconds=$(seconds "$began" "$(date +%s.%N)")
    rm copy
    sync
    began=$(date +%s.%N)
    bash -c 'cp big copy & sha256sum big >/dev/null; wait; sync copy'
    both_seconds=$(seconds "$began" "$(date +%s.%N)")
    rm copy
    sync
    began=$(date +%s.%N)
    "$dc" files keep big --retention transient --json >kept.json &
    pid=$!
    peak=0
    while kill -0 "$pid" 2>/dev/null; do
        now=$(awk '/VmHWM/ {print $2}' "/proc/$pid/status" 2>/dev/null || true)
        [ "${now:-0}" -gt "$peak" ] && peak=$now
        sleep 0.1
    done
    wait "$pid"
    dc_seconds=$(seconds "$began" "$(date +%s.%N)")
    rm -rf .dc
    sync
    echo "round $round: tee into sha256sum $cp_seconds s, cp and sha256sum at once $both_seconds s, dc $dc_seconds s, $((peak / 1024)) MiB"
    best_cp=$(printf '%s\n' $best_cp "$cp_seconds" "$both_seconds" | sort -n | head -1)
    best_dc=$(printf '%s\n' $best_dc "$dc_seconds" | sort -n | head -1)
done
python3 -c "import sys; cp, dc = map(float, sys.argv[1:]); print(f'speed of dc beside it: {cp / dc:.2f}')" "$best_cp" "$best_dc"
