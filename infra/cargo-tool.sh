#!/usr/bin/env bash
# Brings a tool of cargo: infra/cargo-tool.sh FOLDER/NAME-VERSION puts it into FOLDER/NAME-VERSION/bin.
# A prebuilt wheel takes seconds; where there is none for this machine, it is built, which takes minutes.
set -euo pipefail

root=$1
tool=$(basename "$root")
version=${tool##*-}
name=${tool%-*}

rm -rf "$root"
mkdir -p "$(dirname "$root")"
echo "Installing $name $version into the cache …"
# Into a place of its own first, so that an install that was interrupted leaves nothing that looks whole.
draft=$(mktemp -d "$root.XXXXXX")
trap 'rm -rf "$draft"' EXIT

wheel() {
  python3 -m venv "$draft/venv" &&
    "$draft/venv/bin/pip" install --quiet --no-deps --only-binary :all: \
      "astral-dev-toolchain-$name==$version" &&
    mkdir "$draft/bin" && cp "$draft/venv/bin/$name" "$draft/bin/" &&
    "$draft/bin/$name" --version >/dev/null
}

# Unoptimised: it compiles in a fraction of the time, and what it does is quick.
source_build() {
  echo "There is no prebuilt $name $version for this machine; building it takes some minutes …"
  local features=()
  [ "$name" != cargo-deny ] || features=(--no-default-features)
  CARGO_TARGET_DIR="$draft/build" CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install --quiet --locked "${features[@]}" --root "$draft" --version "$version" "$name"
}

wheel 2>/dev/null || { rm -rf "$draft/bin"; source_build; }
mkdir "$root"
mv "$draft/bin" "$root/bin"
