"""The site of the demonstration: a WordPress that follows one feed, where PHP is there. The
demonstration shows the same without it."""

import subprocess
from collections.abc import Callable

from wp_site import Missing, Site


class Follower:
    """A site that follows a feed, or the reason why there is none."""

    def __init__(self, say: Callable[[str], None]):
        self.say = say
        self.site = None

    def begin(self, api: str, feed: str, key: str) -> None:
        site = Site(api, feed, key)
        try:
            site.start()
        except Missing as missing:
            self.say(f"\nNo WordPress site follows: {missing}.")
            return
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            site.stop()
            self.say(f"\nNo WordPress site follows, because it did not start: {error}")
            return
        self.site = site
        self.say(f"\nA WordPress site follows {feed} at {site.wordpress.url}: {site.told()}.")

    def day(self) -> None:
        """Another day of the site."""
        if self.site:
            self.site.a_day_passes()
            try:
                self.site.follow()
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                self.say(f"  the site does not follow: {error}")
                return
            self.say(f"  the site follows: {self.site.told()}")

    def stop(self) -> None:
        if self.site:
            self.site.stop()
            self.site = None
