"""Measures one whole pass over 200,000 posts: benchmark.py [--posts N] [--write FILE]

Prints a table; fails above 3 MB or 2 s. The posts are made by SQL; everything else is the real thing:
WordPress, MariaDB, `livelist serve`, a list of as many keys."""

import argparse
import json
import platform
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

from local_livelist import Livelist  # noqa: E402
from local_wordpress import Database, WordPress, require  # noqa: E402

MEMORY, SECONDS = 3_000_000, 2.0
GONE = 730


def fill(site: WordPress, keys: list[str]) -> None:
    """As many posts as keys, each with ten rows of meta, one of them the key."""
    quoted = [key.replace("\\", "\\\\").replace("'", "\\'") for key in keys]
    for at in range(0, len(quoted), 5_000):
        some = quoted[at : at + 5_000]
        posts = ",".join(
            f"({at + n + 1000},1,'2026-01-15 12:00:00','2026-01-15 12:00:00','A house.','Listing','','publish','property',"
            f"'listing-{at + n}','','','','2026-01-15 12:00:00','2026-01-15 12:00:00')"
            for n in range(len(some))
        )
        meta = ",".join(
            f"({at + n + 1000},'ListingKey','{key}')," + ",".join(f"({at + n + 1000},'field_{i}','value {n % 97}')" for i in range(9))
            for n, key in enumerate(some)
        )
        site.sql(
            "SET unique_checks = 0; INSERT INTO wp_posts (ID, post_author, post_date, post_date_gmt, post_content, post_title,"
            " post_excerpt, post_status, post_type, post_name, to_ping, pinged, post_content_filtered, post_modified,"
            f" post_modified_gmt) VALUES {posts}; INSERT INTO wp_postmeta (post_id, meta_key, meta_value) VALUES {meta};"
        )
    site.sql("ANALYZE TABLE wp_posts, wp_postmeta")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--posts", type=int, default=200_000)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    require()
    with tempfile.TemporaryDirectory(prefix="livelist-wp-", dir="/tmp") as path:
        folder = Path(path)
        database = Database(folder / "db").start()
        livelist = Livelist(folder / "livelist", arguments.posts)
        try:
            livelist.start()
            site = WordPress(folder / "site", database).install()
            began = time.monotonic()
            fill(site, livelist.live())
            print(f"{arguments.posts} posts in {time.monotonic() - began:.0f} s", file=sys.stderr)
            site.settings(livelist.url, livelist.key, [{"feed": livelist.feed, "post_type": "property", "meta_key": "ListingKey"}])
            began = time.monotonic()
            site.wp("apply")
            first = time.monotonic() - began
            site.age()
            livelist.act("sell", {"n": GONE})
            livelist.reconcile()
            passes = []
            for streams in (False, False, False, True):
                found = json.loads(site.php(HERE / "benchmark.php", streams=streams))
                assert found["done"] and found["state"] == "dry", found
                assert (found["matched"], found["going"]) == (arguments.posts - GONE, GONE), found
                passes.append((("streams" if streams else "curl"), found))
            complaints = site.complaints()
            version = site.eval("echo get_bloginfo('version'), ' / PHP ', PHP_VERSION;")
        finally:
            livelist.stop()
            database.stop()
    lines = ["| transport | memory above WordPress's own | PHP processor time | wall clock |", "|---|---|---|---|"]
    good = complaints == []
    for transport, found in passes:
        # What WordPress took while it started does not count; what is used above that does.
        above = max(0, found["peak"] - max(found["own"], 0))
        good = good and above < MEMORY and found["cpu"] < SECONDS
        lines.append(f"| {transport} | {above / 1e6:.2f} MB | {found['cpu']:.2f} s | {found['wall']:.2f} s |")
    text = "\n".join(lines)
    print(text)
    print(f"first walk over the meta of {arguments.posts} posts, with its list: {first:.1f} s; {'holds' if good else 'BROKEN'}")
    if arguments.write:
        began = arguments.write.read_text().split("<!-- figures -->")[0] if arguments.write.exists() else "# WordPress benchmark\n\n"
        arguments.write.write_text(
            f"{began}<!-- figures -->\n\n{arguments.posts:,} posts with ten rows of meta each; {GONE} of them are not in the list.\n"
            f"WordPress {version}, MariaDB 10.11, {platform.machine()}, two shared cores. The first walk over all meta\n"
            f"(once, in slices) took {first:.0f} s with its list.\n\n{text}\n"
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
