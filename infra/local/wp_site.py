#!/usr/bin/env python3
"""A WordPress site on this machine that follows a feed with the plugin in wordpress/livelist-sync.

    wp_site.py API_URL FEED SITE_KEY      makes a post of each listing, follows the feed, stays up

Needs PHP, MariaDB and WordPress: make wordpress-tools."""

import contextlib
import gzip
import json
import shutil
import signal
import sys
import tempfile
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "wordpress" / "harness"))

from local_wordpress import Database, Missing, WordPress, require  # noqa: E402

POST_TYPE, META_KEY = "estate_property", "ListingKey"
__all__ = ["Missing", "Site", "require"]


class Site:
    """A site with a post for each listing of a feed."""

    def __init__(self, api: str, feed: str, key: str):
        self.api, self.feed, self.key = api.rstrip("/"), feed, key

    def start(self) -> "Site":
        require()
        # Short, because a socket's path has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="livelist-site-", dir="/tmp"))
        self.database = Database(self.folder / "db").start()
        self.wordpress = WordPress(self.folder / "site", self.database).install()
        self.wordpress.import_posts(self.listed(), POST_TYPE, META_KEY)
        self.wordpress.settings(self.api, self.key, [{"feed": self.feed, "post_type": POST_TYPE, "meta_key": META_KEY}])
        self.wordpress.serve()
        self.follow()
        return self

    def manifest(self) -> dict:
        request = urllib.request.Request(
            f"{self.api}/v1/feeds/{self.feed}/live", headers={"Authorization": f"Bearer {self.key}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def listed(self) -> list[str]:
        with urllib.request.urlopen(self.manifest()["full"]["url"], timeout=60) as answer:
            return gzip.decompress(answer.read()).decode().splitlines()

    def a_day_passes(self) -> None:
        """What the site has, it has since yesterday: posts that came after a list are left alone."""
        self.wordpress.age(24)

    def follow(self) -> None:
        """The daily event is due, and visitors come until it is done."""
        version = self.manifest()["version"]
        self.wordpress.due()
        self.wordpress.cron(lambda: self.wordpress.feed(self.feed)["version"] == version or self.held())

    def held(self) -> bool:
        return int(self.wordpress.feed(self.feed)["held_run"] or 0) > 0

    def told(self) -> str:
        """Published, drafts and trash in a line."""
        counts = self.wordpress.counts(POST_TYPE)
        return ", ".join(f"{counts.get(status, 0)} {name}" for status, name in (("publish", "published"), ("draft", "drafts"), ("trash", "in the trash")))

    def stop(self) -> None:
        for part in ("wordpress", "database"):
            if hasattr(self, part):
                getattr(self, part).stop()
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder, ignore_errors=True)


def main() -> int:
    if len(sys.argv) != 4:
        print(__doc__)
        return 2
    site = Site(*sys.argv[1:])
    try:
        site.start()
        print(f"{site.wordpress.url} follows {site.feed}: {site.told()}")
        print(f"Administration: {site.wordpress.url}/wp-admin/ (admin, a-password-of-a-test). Ctrl-C ends it.")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    except Missing as missing:
        print(f"wp_site.py: {missing}", file=sys.stderr)
        return 1
    finally:
        site.stop()
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
