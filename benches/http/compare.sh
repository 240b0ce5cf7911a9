#!/usr/bin/env bash
# Measures many requests at once beside reqwest, aiohttp, httpx and wrk, against nginx on loopback, in turns, in one run; and what
# 500 slow requests in flight cost in memory. All are measured from outside, alike. Writes RESULTS.md. A minute after the build;
# nginx and wrk must be installed.
#
#   benches/http/compare.sh [REQUESTS] [CONCURRENCY]
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cd "$here/../.."
requests="${1:-2000}" concurrency="${2:-100}"
for program in nginx wrk; do
    command -v "$program" > /dev/null || { echo "$program is not installed: apt-get install nginx-light wrk" >&2; exit 1; }
done

cargo build --release --quiet --example fetch
fetch="${CARGO_TARGET_DIR:-target}/release/examples/fetch"
CARGO_TARGET_DIR=target/http-bench-reqwest cargo build --release --quiet --manifest-path benches/http/reqwest/Cargo.toml
reqwest=target/http-bench-reqwest/release/dc-http-bench-reqwest
python="target/http-bench-python"
if [ ! -x "$python/bin/python" ]; then
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet httpx==0.28.1 aiohttp==3.12.15
fi
folder="$(mktemp -d)"
trap 'kill $(cat "$folder/nginx.pid" "$folder/slow.pid" 2> /dev/null) 2> /dev/null; rm -rf "$folder"' EXIT
port=$((20000 + RANDOM % 20000))
head -c 2000 /dev/urandom | base64 > "$folder/page"
cat > "$folder/nginx.conf" <<CONF
worker_processes 1; pid $folder/nginx.pid; error_log /dev/null; daemon on;
events { worker_connections 2048; }
http { access_log off; keepalive_requests 1000000; client_body_temp_path $folder; proxy_temp_path $folder;
  fastcgi_temp_path $folder; uwsgi_temp_path $folder; scgi_temp_path $folder;
  server { listen 127.0.0.1:$port backlog=1024; root $folder; } }
CONF
nginx -c "$folder/nginx.conf" 2> /dev/null
sleep 0.5
url="http://127.0.0.1:$port/page"
# who, seconds, good answers, peak memory in KiB
run() {
    measure="$python/bin/python benches/http/measure.py"
    case "$1" in
        dc-*) $measure "$fetch" "${1#dc-}" "$2" "$3" "$4" ;;
        reqwest) $measure "$reqwest" "$2" "$3" "$4" ;;
        aiohttp) $measure "$python/bin/python" benches/http/aiohttp_client.py "$2" "$3" "$4" ;;
        httpx-*) $measure "$python/bin/python" benches/http/httpx_client.py "${1#httpx-}" "$2" "$3" "$4" ;;
    esac
}
ways="dc-threads dc-async dc-fetch reqwest aiohttp httpx-threads httpx-async"
for round in 1 2 3 4 5; do
    for way in $ways; do
        run "$way" "$url" "$requests" "$concurrency" >> "$folder/$way"
        echo "round $round: $way $(tail -1 "$folder/$way")"
    done
    # wrk counts by time, and reads no answer: what the server can do
    wrk -t1 -c"$concurrency" -d1s "$url" | awk '/Requests\/sec/ {print $2}' >> "$folder/wrk"
done
"$python/bin/python" benches/http/slow.py 3 > "$folder/slow.port" & echo $! > "$folder/slow.pid"
sleep 1
slow="http://127.0.0.1:$(cat "$folder/slow.port")/"
for way in $ways; do
    run "$way" "$slow" 1 1 > "$folder/$way.one"
    run "$way" "$slow" 500 500 > "$folder/$way.slow"
    echo "slow: $way $(cat "$folder/$way.slow")"
done
median() { awk -v c="$2" '{print $c}' "$folder/$1" | sort -n | sed -n 3p; }
{
    echo "# Many requests at once"
    echo
    echo "Written by \`benches/http/compare.sh $requests $concurrency\`, $(nproc) cores, with nginx on the same ones."
    echo "$requests requests of a page of 2.7 KB, $concurrency at once; medians of five runs in turns. wrk reads no answers."
    echo "Memory is the most that the process had, seen from outside."
    echo
    echo "| who | requests a second | good answers | peak memory, MiB |"
    echo "|---|--:|--:|--:|"
    for way in $ways; do
        seconds="$(median "$way" 2)" good="$(median "$way" 3)" peak="$(median "$way" 4)"
        awk -v w="$way" -v n="$requests" -v s="$seconds" -v g="$good" -v p="$peak" \
            'BEGIN { printf "| %s | %d | %d | %.1f |\n", w, n / s, g, p / 1024 }'
    done
    printf '| wrk | %.0f | | |\n' "$(sort -n "$folder/wrk" | sed -n 3p)"
    echo
    echo "500 requests in flight that are answered after 3 seconds. Per request: the peak less that of the same program with one."
    echo
    echo "| who | seconds | good answers | peak memory, MiB | KiB a request |"
    echo "|---|--:|--:|--:|--:|"
    for way in $ways; do
        awk -v w="$way" -v one="$(awk '{print $4}' "$folder/$way.one")" \
            '{ printf "| %s | %.2f | %d | %.1f | %.0f |\n", w, $2, $3, $4 / 1024, ($4 - one) / 499 }' "$folder/$way.slow"
    done
} > benches/http/RESULTS.md
cat benches/http/RESULTS.md
