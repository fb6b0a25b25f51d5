#!/usr/bin/env bash
# The plugin's pure parts and its syntax: with the PHP of this machine, and with PHP 7.4 and 8.5 as
# WebAssembly. No database, no WordPress.
set -euo pipefail
cd "$(dirname "$0")"

wasm() {
  PHP="$1" node php/node_modules/@php-wasm/cli/main.js -d include_path=.:/usr/share/php -d memory_limit=512M "${@:2}"
}

used=$(php lint.php used)
php lint.php check $used
php ../harness/make-pot.php | diff -u ../livelist-sync/languages/livelist-sync.pot - ||
  { echo "The template of translations is old: make wordpress-pot" >&2; exit 1; }
# Thousands of small files that nobody needs on a disk. The other PHPs do not see that folder.
memory=$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")
TMPDIR="$memory" phpunit -c unit/phpunit.xml | tail -3
for version in 7.4 8.5; do
  wasm "$version" lint.php check $used
  # PHPUnit itself is older than PHP 8.5, and complains of itself there. Its status is lost on the way.
  file=$([ "$version" = 8.5 ] && echo lenient || echo phpunit)
  out=$(wasm "$version" /usr/bin/phpunit -c "unit/$file.xml" 2>&1) || true
  grep -q '^OK (' <<<"$out" || { tail -40 <<<"$out" >&2; echo "PHP $version: broken" >&2; exit 1; }
  echo "PHP $version: $(grep '^OK (' <<<"$out")"
done
