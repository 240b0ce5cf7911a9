#!/bin/sh
# Collects the table `{{TABLE}}`. `dc merge .. -- ./collect` runs the program behind `--`, and merges what it writes only
# when it has ended with 0: a source that breaks off changes nothing.
set -eu
exec "$DC_BIN" merge {{TABLE}} --create{{FLAGS}} -- ./collect
