#!/bin/sh
# Writes the records to standard output. SOURCE=FILE reads a file instead: ./test does so.
set -eu
: "${SOURCE:={{SOURCE}}}"
case $SOURCE in
    http://* | https://*) page=$(curl -fsS --retry 3 "$SOURCE") ;;
    *) page=$(cat "$SOURCE") ;;
esac
printf '%s\n' "$page"{{FILTER}}
