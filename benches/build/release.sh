#!/usr/bin/env bash
# Makes a release: writes the version into Cargo.toml and python/, the date into CHANGELOG.md, checks everything, commits, tags, and
# lays the binary, the man pages and their checksums into target/artefacts. Nothing is pushed.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=${1:?usage: release.sh VERSION (as 1.2.3)}
say() { echo "release: $*" >&2; exit 1; }

[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || say "\`$version\` is not a version such as 1.2.3"
[ -z "$(git status --porcelain)" ] || say "the checkout has changes that are not committed: git status"
git rev-parse -q --verify "refs/tags/v$version" >/dev/null && say "v$version was released before: git show v$version"
sed -n '/^## Unreleased$/,/^## [0-9]/p' CHANGELOG.md | grep -q '^- ' || say "CHANGELOG.md names no change under Unreleased"

sed -i "0,/^version = .*/s//version = \"$version\"/" Cargo.toml
sed -i "0,/^version = .*/s//version = \"$version\"/" python/pyproject.toml
sed -i "s/^__version__ = .*/__version__ = \"$version\"/" python/dcollect/__init__.py
sed -i "s/^## Unreleased$/## Unreleased\n\n## $version - $(date -u +%F)/" CHANGELOG.md
cargo update --workspace --quiet
cargo run --quiet -- man man
just check
git commit -qam "Release $version"
git tag -a "v$version" -m "Data Collector $version"
# the tag is the commit that the binary names
cargo build --release --locked

name="dc-$version-$(rustc -vV | sed -n 's/^host: //p')"
out=target/artefacts
rm -rf "$out" && mkdir -p "$out/$name"
cp -r target/release/dc man docs README.md CHANGELOG.md "$out/$name/"
tar -C "$out" -czf "$out/$name.tar.gz" "$name"
git archive --format=tar.gz --prefix="data-collector-$version/" -o "$out/data-collector-$version.tar.gz" "v$version"
(cd "$out" && sha256sum ./*.tar.gz >SHA256SUMS)
"$out/$name/dc" --version
ls "$out"
