#!/bin/sh
# docs/troubleshooting.md has every message that the source can print, and what to do about it.
set -u
cd "$(dirname "$0")/../.." || exit 1
echo 1..1
if tables=$(scripts/messages) && [ "$(sed '1,/^<!-- scripts.messages /d' docs/troubleshooting.md)" = "$tables" ]; then
	echo "ok 1 - docs/troubleshooting.md is what scripts/messages prints"
else
	echo "not ok 1 - docs/troubleshooting.md is not what scripts/messages prints: run it and put that there"
fi
