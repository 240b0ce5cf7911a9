# What CI runs, and what is handy besides. `just --list` shows them all.

# fmt, clippy and rustdoc with warnings denied, dependencies, all tests: what .ci/run does, and cargo-deny
check: lint deny test

# format and lint
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

# advisories, licences and duplicates of dependencies; it needs `cargo install cargo-deny`
deny:
    cargo deny check

# the README's test command, with servers of its own whose files are in memory
test:
    tests/support/in-memory cargo test

# the tests that are neither slow nor need a server or another program; most wait, so three times as many as processors
test-fast:
    DC_TEST_WITHOUT=postgres cargo nextest run --test-threads $(($(nproc) * 3)) --lib --bins --test plain --test postgres -E 'not test(/(^|::)(slow|simulation)::/)'

# the tests again and again under load: which fail how often; wants cargo-nextest. `just flaky 5 --test plain` runs some
flaky rounds="20" *arguments="":
    tests/support/flaky {{rounds}} {{arguments}}

# write the man pages anew after a change of the command line
man:
    cargo run --quiet -- man man
    packaging/link-pages

# look longer for inputs that break a parser: a name under fuzz/corpus, or all; with libFuzzer where cargo-fuzz and a nightly are
fuzz target="" mutations="200000" seed=`date +%s`:
    #!/bin/sh
    set -eu
    if [ -n "{{target}}" ] && cargo +nightly fuzz --version >/dev/null 2>&1; then
        mkdir -p fuzz/found/{{target}}
        exec cargo +nightly fuzz run {{target}} fuzz/found/{{target}} fuzz/corpus/{{target}} -- -runs={{mutations}}
    fi
    DC_TEST_MUTATIONS={{mutations}} DC_TEST_SEED={{seed}} exec cargo test --lib fuzzing::check::{{target}}

# does a test fail when the code is wrong? FILES such as src/redact.rs or 'src/hash/*.rs'; TESTS by a part of their names
mutants files tests="":
    cargo mutants --file '{{files}}' --no-shuffle -- --lib {{tests}}

# how fast a merge is beside other tools and beside what the databases can do at best; writes benches/merge/RESULTS.md
bench rows="1000000":
    benches/merge/compare.sh {{rows}}

# what the store of secrets bears, and the time to the first secret; writes benches/secrets/RESULTS.md
bench-secrets:
    benches/secrets/measure.sh

# the logging pipeline beside tracing-appender and structlog; writes benches/logs/RESULTS.md
bench-logs records="1000000":
    benches/logs/compare.sh {{records}}

# start rate and captured lines of a manager beside supervisord and PM2; writes benches/manager/RESULTS.md
bench-manager apps="200" lines="1000000":
    benches/manager/compare.sh {{apps}} {{lines}}

# three managers killed and stopped, the database (or mariadb) and RabbitMQ restarted: every run against what the apps wrote
chaos minutes="10" apps="200" server="postgres":
    cargo build --release
    python3 benches/manager/chaos.py target/release/dc {{minutes}} {{apps}} {{server}}

# two hosts made of namespaces on one PostgreSQL: packets dropped, clocks moved, hosts lost; as root
chaos-hosts minutes="10" apps="12" *seed="":
    cargo build --release
    python3 benches/manager/two_hosts.py target/release/dc {{minutes}} {{apps}} {{seed}}

# how late apps start that are due every minute, and what an idle manager costs
latency minutes="3" apps="500":
    cargo build --release
    python3 benches/manager/latency.py target/release/dc {{minutes}} {{apps}}

# text, tables and recognition beside pdfplumber, OCRmyPDF, Tesseract and RapidOCR; writes benches/ocr/RESULTS.md
bench-ocr pdfs="":
    benches/ocr/compare.sh {{pdfs}}

# storing a large file beside `cp` plus `sha256sum` in one pass
bench-storage mib="10240":
    cargo build --release
    benches/documents/storage.sh target/release/dc {{mib}}

# many requests at once beside httpx, against nginx on loopback; writes benches/http/RESULTS.md
bench-http requests="2000" concurrency="100":
    benches/http/compare.sh {{requests}} {{concurrency}}

# the requests of dc and of zeep for the WSDLs of a folder; benches/soap/RESULTS.md says which folder it was
bench-soap folder results="/tmp/soap.jsonl":
    cargo build --example soap
    benches/soap/compare.py {{folder}} target/debug/examples/soap {{results}}

# four collectors beside plain Python, dlt and Scrapy, and producers killed at random moments; benches/authors/RESULTS.md
bench-authors python="target/authors-python" kills="220":
    test -x {{python}}/bin/python || { python3 -m venv {{python}} && {{python}}/bin/pip install --quiet -r benches/authors/requirements.txt; }
    python3 benches/authors/compare.py target/release/dc {{python}}/bin/python
    python3 benches/authors/kills.py target/release/dc {{python}}/bin/python {{kills}}

# CPU a message of an actor beside Python's Dramatiq; writes benches/documents/DRAMATIQ.md
bench-dramatiq messages="20000" rounds="3":
    benches/documents/dramatiq.sh {{messages}} {{rounds}}

# where the time of the first build goes, beside the budget of crates and of the binary
timings *options:
    benches/build/timings.py {{options}}

# a release: the version in Cargo.toml, the date in CHANGELOG.md, all checks, the tag, and the artefacts in target/artefacts
release version:
    benches/build/release.sh {{version}}

# bring the rules of the Public Suffix List up to date, out of the package `publicsuffixlist`
registries:
    benches/build/registries.sh

# documents a second through three stages, beside Celery and Dramatiq; writes benches/documents/RESULTS.md
bench-documents files="10000" rounds="3":
    benches/documents/compare.sh {{files}} {{rounds}}

# thousands of documents while workers, managers and stages are killed, connections are cut and the disk is full
chaos-documents documents="10000" seed="1":
    cargo build --release
    python3 benches/documents/chaos.py target/release/dc {{documents}} {{seed}}
