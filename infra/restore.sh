#!/usr/bin/env bash
# Restores objects of an installation's bucket from their former versions. docs/restore.md tells when and how.
#
#   restore.sh plan  BUCKET PREFIX TIME   says what would change, so that PREFIX is as it was at TIME (UTC)
#   restore.sh apply BUCKET PREFIX TIME   does it
#   restore.sh lists BUCKET FEED          brings back the lists that the head of FEED names
#
# A restore writes a new version and deletes none: it can be undone by another restore.
set -euo pipefail

fail() {
  echo "restore.sh: $*" >&2
  exit 1
}

# Every version and delete marker below a prefix: key, time, version, ETag (None: a delete marker), newest?
versions() {
  aws s3api list-object-versions --bucket "$1" --prefix "$2" --output text \
    --query '[Versions, DeleteMarkers][].[Key, LastModified, VersionId, ETag, IsLatest]'
}

# One line for each key whose content at the time is not its content now: restore, delete or new, key, version, time.
plan() {
  local at=$3
  [[ $at =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$ ]] ||
    fail "the time is UTC, such as 2026-11-21T09:00:00"
  # The newest of each key first. Two versions of one second: the one that was listed first is the newer.
  versions "$1" "$2" | sort -t $'\t' -s -k1,1 -k2,2r | awk -F '\t' -v OFS='\t' -v at="$at" '
    function tell() {
      if (key == "" || (then_version != "" && then_tag == now_tag)) return
      if (then_version != "" && then_tag != "None") print "restore", key, then_version, then_time
      else if (now_tag == "None") return
      else if (then_version != "") print "delete", key, then_version, then_time
      else print "new", key, now_version, now_time
    }
    NF < 5 { next }
    $1 != key { tell(); key = $1; then_version = ""; now_version = $3; now_tag = $4; now_time = $2 }
    $5 == "True" { now_version = $3; now_tag = $4; now_time = $2 }
    # Seconds are what the two have in common; the time itself belongs to what was before.
    then_version == "" && substr($2, 1, 19) <= at { then_version = $3; then_tag = $4; then_time = $2 }
    END { tell() }'
}

# The copy has the content and the type of the version, and no tag: nothing that was restored expires.
copy() {
  aws s3api copy-object --bucket "$1" --key "$2" --copy-source "$1/$2?versionId=$3" \
    --tagging-directive REPLACE --output text --query VersionId >/dev/null
  echo "restored $2"
}

apply() {
  local bucket=$1 verb key version time planned
  # First all of it: half a plan is none.
  planned=$(plan "$@")
  [ -n "$planned" ] || return 0
  while IFS=$'\t' read -r verb key version time; do
    case $verb in
      restore) copy "$bucket" "$key" "$version" ;;
      delete)
        aws s3api delete-object --bucket "$bucket" --key "$key" >/dev/null
        echo "deleted $key, which had been deleted by $time"
        ;;
      new) echo "left $key, which came at $time" ;;
    esac
  done <<<"$planned"
}

lists() {
  local bucket=$1 feed=$2 key version head
  head=$(aws s3 cp "s3://$bucket/feeds/$feed/head.json" -)
  grep -oE "\"feeds/$feed/(snapshots|deltas|gone)/[^\"]+\"" <<<"$head" | tr -d '"' | sort -u | while read -r key; do
    if aws s3api head-object --bucket "$bucket" --key "$key" >/dev/null 2>&1; then
      # By its tag it would expire.
      aws s3api put-object-tagging --bucket "$bucket" --key "$key" --tagging 'TagSet=[]' >/dev/null
      echo "kept $key"
      continue
    fi
    version=$(versions "$bucket" "$key" | awk -F '\t' -v key="$key" '$1 == key && $4 != "None" { print $3; exit }')
    [ -n "$version" ] || fail "$key has no version left: restore an older head, or run the feed again"
    copy "$bucket" "$key" "$version"
  done
}

case "${1:-}:$#" in
  plan:4 | apply:4 | lists:3) "$@" ;;
  *)
    sed -n '4,6s/^# *//p' "$0" >&2
    exit 2
    ;;
esac
