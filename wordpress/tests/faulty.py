"""A site behind a proxy that breaks answers."""

from local_livelist import Livelist, Proxy
from local_wordpress import HERE, WordPress

LISTINGS = 5_000
TYPE, META = "property", "ListingKey"
TABLES = ("wp_posts", "wp_postmeta", "wp_livelist_map", "wp_livelist_posts", "wp_livelist_feeds")


class Faulty:
    """A site that has used a list, and a newer list without 20 of its listings. Each test breaks
    the way to that list, sees that all posts stay, mends it, and sees 20 drafts: the control."""

    def __init__(self, folder, database, name, transport="curl", listings=LISTINGS):
        self.streams = transport == "streams"
        self.listings = listings
        self.livelist = Livelist(folder / f"{name}-livelist", listings)
        self.proxy = Proxy(self.livelist.url)
        self.livelist.start(public_url=self.proxy.url)
        self.site = WordPress(folder / name, database, name).install()
        self.imported = self.livelist.live()
        self.site.import_posts(self.imported, TYPE, META)
        self.bind()
        self.first = self.livelist.manifest()
        self.first_answer = None
        self.proxy.fault = self._remember
        self.site.wp("apply", streams=self.streams)
        self.proxy.fault = None
        self.site.age()
        self.sold = sorted(self.livelist.act("sell", {"n": 20}), key=str.encode)
        self.livelist.reconcile()
        self.livelist.keep()
        for table in TABLES:
            self.site.sql(f"CREATE TABLE kept_{table} LIKE {table}; INSERT INTO kept_{table} SELECT * FROM {table}")

    def bind(self):
        feed = {"feed": self.livelist.feed, "post_type": TYPE, "meta_key": META}
        self.site.settings(self.proxy.url, self.livelist.key, [feed])

    def _remember(self, answer):
        if answer.kind == "live" and answer.status == 200:
            self.first_answer = answer.body

    def reset(self):
        """As it was before the newer list."""
        self.proxy.fault = None
        self.proxy.asked.clear()
        self.livelist.go_back([key for key in self.imported if key not in self.sold])
        self.site.switch(slice_seconds=None, kill_at=None, kill_query=None, kill_hook=None, slow=None, break_query=None)
        for table in TABLES:
            self.site.sql(f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}")
        self.site.sql("DELETE FROM wp_livelist_runs; DELETE FROM wp_livelist_plan")
        self.site.sql("DELETE FROM wp_options WHERE option_name = 'livelist_sync_lock'")

    def apply(self):
        return self.site.wp("apply", streams=self.streams, check=False)

    def slice(self, *arguments):
        return self.site.php(HERE / "slice.php", *arguments, streams=self.streams, check=False)

    def expire_lock(self):
        """A minute passes for the lock."""
        self.site.sql(
            "UPDATE wp_options SET option_value = CONCAT(SUBSTRING_INDEX(option_value, '|', 1), '|1') "
            "WHERE option_name = 'livelist_sync_lock'"
        )

    def next_list(self, verb, body):
        """A day passes, the MLS changes, and there is another list; the keys that it was about."""
        self.site.a_day_passes()
        keys = self.livelist.act(verb, body)
        self.livelist.reconcile()
        return sorted(keys, key=str.encode)

    def down(self, status):
        return self.site.keys(TYPE, META, status)

    def error(self):
        return self.site.feed(self.livelist.feed)["error"]

    def all_stay(self):
        return self.site.counts(TYPE) == {"publish": self.listings}

    def twenty_went(self):
        return self.site.keys(TYPE, META, "draft") == self.sold and self.site.counts(TYPE) == {
            "publish": self.listings - 20,
            "draft": 20,
        }

    def story(self):
        """What a test tells when it fails."""
        plan = "SELECT run_id, action, state, reason, COUNT(*) FROM wp_livelist_plan GROUP BY run_id, action, state, reason"
        done = "SELECT did, prior, missed, COUNT(*) FROM wp_livelist_posts GROUP BY did, prior, missed"
        parts = [self.site.counts(TYPE), self.site.runs(), self.site.feed(self.livelist.feed)]
        return "\n".join(map(str, [*parts, self.site.sql(plan), self.site.sql(done)]))

    def stop(self):
        self.livelist.stop()
        self.proxy.stop()
