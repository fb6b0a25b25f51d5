#!/usr/bin/env bash
# Runs what Plugin Check says of the plugin's code: its own rule set and sniffs, at a pinned commit, with no
# error allowed. Sources come from their public repositories into the cache; SOURCES=folder takes clones that
# are there already (folder/OWNER+NAME/repo).
set -euo pipefail
cd "$(dirname "$0")"

# What the plugin says it needs at least; deprecated functions are judged by it.
wordpress=6.1
cache="${XDG_CACHE_HOME:-$HOME/.cache}/livelist/plugin-check"
sources=(
  WordPress/plugin-check@da1e4d6c9b5fa71e552e8830c037b512f3b3b662
  WordPress/WordPress-Coding-Standards@7ee7992c65e0a5e114d6b6f3062a75b92dfc0c30
  PHPCSStandards/PHP_CodeSniffer@91fbbd54f66dc1bd40f0e7e4271be5c4ca9df955
  PHPCSStandards/PHPCSUtils@a6a0a723bc4efce5b8a12646f28bb83c4610dfac
  PHPCSStandards/PHPCSExtra@d0304203dd7c6f8eab21ed8adabe5e3be380bdbe
)

for source in "${sources[@]}"; do
  name="${source%@*}" commit="${source#*@}"
  into="$cache/${name#*/}-$commit"
  [ -e "$into" ] && continue
  from="$cache/git/${name/\//+}"
  if [ -n "${SOURCES:-}" ]; then
    from="$SOURCES/${name/\//+}/repo"
  elif [ ! -e "$from" ]; then
    git clone --quiet --bare "https://github.com/$name" "$from"
  fi
  mkdir -p "$into.new"
  git -C "$from" archive "$commit" | tar -x -C "$into.new"
  mv "$into.new" "$into"
done

at() { for source in "${sources[@]}"; do case "$source" in */"$1"@*) echo "$cache/$1-${source#*@}" ;; esac; done; }
standards="$(at WordPress-Coding-Standards),$(at PHPCSUtils),$(at PHPCSExtra),$(at plugin-check)/phpcs-sniffs"
for rules in "$(at plugin-check)/phpcs-rulesets/plugin-review.xml" plugin-check.xml; do
  php -d error_reporting=0 "$(at PHP_CodeSniffer)/bin/phpcs" --standard="$rules" --extensions=php --report=emacs -n -q \
    --runtime-set installed_paths "$standards" --runtime-set minimum_wp_version "$wordpress" livelist-sync
done
echo "Plugin Check: no error in the plugin's code"
