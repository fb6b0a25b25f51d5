#!/usr/bin/env bash
# The plugin's pure parts and its syntax: with the PHP of this machine, and with PHP 7.4 and 8.5 as
# WebAssembly. No database, no WordPress.
set -euo pipefail
cd "$(dirname "$0")"

# Thousands of small files that nobody needs on a disk.
[ -w /dev/shm ] && export TMPDIR=/dev/shm

wasm() {
  PHP="$1" node php/node_modules/@php-wasm/cli/main.js -d include_path=.:/usr/share/php -d memory_limit=512M "${@:2}"
}

used=$(php lint.php used)
php lint.php check $used
php ../harness/make-pot.php | diff -u ../livelist-sync/languages/livelist-sync.pot - ||
  { echo "The template of translations is old: make wordpress-pot" >&2; exit 1; }
phpunit -c unit/phpunit.xml | tail -4
for version in 7.4 8.5; do
  wasm "$version" lint.php check $used
  # PHPUnit itself is older than PHP 8.5, and complains of itself there.
  out=$(wasm "$version" /usr/bin/phpunit -c "unit/$([ "$version" = 8.5 ] && echo lenient || echo phpunit).xml" 2>&1) || { echo "$out" | tail -40; exit 1; }
  echo "PHP $version: $(grep -E '^OK|^Tests:' <<<"$out")"
done
