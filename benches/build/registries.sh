#!/usr/bin/env bash
# Brings src/http/registries/rules.txt up to date: the Public Suffix List as the package publicsuffixlist carries it.
set -euo pipefail
cd "$(dirname "$0")/../.."
rules=src/http/registries/rules.txt
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip download --quiet --no-deps --no-binary :none: -d "$folder" publicsuffixlist
python3 -m zipfile -e "$folder"/publicsuffixlist-*.whl "$folder"
{
    grep '^//' "$rules"
    grep -vE '^(//|[[:space:]]*$)' "$folder/publicsuffixlist/public_suffix_list.dat" | tr -d '\r' | LC_ALL=C sort -u
} >"$folder/rules"
cp "$folder/rules" "$rules"
git --no-pager diff --stat -- "$rules"
