#!/usr/bin/env bash
# Brings what a local WordPress needs: PHP, MariaDB's programs and PHPUnit as Debian packages, where they
# are missing, and WordPress itself unpacked into the cache, without its web server. Nothing is started.
set -euo pipefail

cache="${XDG_CACHE_HOME:-$HOME/.cache}/livelist/wordpress"
packages=(php-cli php-mysql php-curl php-xml php-mbstring phpunit mariadb-server-core mariadb-client-core)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || { echo "PHP, MariaDB and PHPUnit are needed; this is no Debian" >&2; exit 1; }
  if [ "$(id -u)" != 0 ]; then
    echo "As root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  echo "Installing with apt-get: ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if [ ! -e "$cache/wp-load.php" ]; then
  echo "Unpacking WordPress into $cache"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  # The unprivileged user of apt has to be able to write here.
  chmod 755 "$work"
  (cd "$work" && apt-get download -qq wordpress 2>/dev/null && dpkg -x wordpress_*.deb unpacked)
  mkdir -p "$(dirname "$cache")"
  # Links that lead out of the package (scripts of the administration) are left behind.
  find "$work/unpacked/usr/share/wordpress" -xtype l -delete
  rm -rf "$cache.new"
  cp -rL "$work/unpacked/usr/share/wordpress" "$cache.new"
  mv "$cache.new" "$cache"
fi
