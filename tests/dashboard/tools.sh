#!/usr/bin/env bash
# Brings the browser that the tests of the dashboard look with: Debian's Chromium, where it is missing.
set -euo pipefail

chromium="${CHROMIUM:-/usr/bin/chromium}"
[ -x "$chromium" ] && exit 0
command -v apt-get >/dev/null || { echo "Chromium is needed: set CHROMIUM to where it is" >&2; exit 1; }
if [ "$(id -u)" != 0 ]; then
  echo "As root: apt-get install --no-install-recommends chromium" >&2
  exit 1
fi
echo "Installing with apt-get: chromium"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
