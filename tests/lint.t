#!/bin/sh
# The sources pass clang's warnings, the scripts pass shellcheck.
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS

echo 1..1
if output=$(make --no-print-directory BUILD="${BUILD:-build}" lint 2>&1); then
	echo "ok 1 - make lint"
else
	echo "not ok 1 - make lint"
	echo "$output" | sed 's/^/# /'
fi
