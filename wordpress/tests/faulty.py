"""A site of 5,000 listings behind a proxy that breaks answers."""

from local_livelist import Livelist, Proxy
from local_wordpress import WordPress

LISTINGS = 5_000
TYPE, META = "property", "ListingKey"


class Faulty:
    """A site that has used a list, and a newer list without 20 of its listings. Each test breaks
    the way to that list, sees that all posts stay, mends it, and sees 20 drafts: the control."""

    def __init__(self, folder, database, name, transport):
        self.streams = transport == "streams"
        self.proxy = None
        self.livelist = Livelist(folder / f"{name}-livelist", LISTINGS)
        self.proxy = Proxy(self.livelist.url)
        self.livelist.start(public_url=self.proxy.url)
        self.site = WordPress(folder / name, database, name).install()
        self.site.import_posts(self.livelist.live(), TYPE, META)
        self.bind()
        self.first = self.livelist.manifest()
        self.first_answer = None
        self.proxy.fault = self._remember
        self.site.wp("apply", streams=self.streams)
        self.proxy.fault = None
        self.site.age()
        self.sold = sorted(self.livelist.act("sell", {"n": 20}), key=str.encode)
        self.livelist.reconcile()
        self.tables = {}
        for table in ("wp_posts", "wp_postmeta", "wp_livelist_map", "wp_livelist_feeds"):
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
        self.site.switch(slice_seconds=None, kill_at=None, kill_query=None, kill_hook=None, slow=None)
        for table in ("wp_posts", "wp_postmeta", "wp_livelist_map", "wp_livelist_feeds"):
            self.site.sql(f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}")
        self.site.sql("DELETE FROM wp_livelist_runs; DELETE FROM wp_livelist_plan")
        self.site.sql("DELETE FROM wp_options WHERE option_name = 'livelist_sync_lock'")

    def apply(self):
        return self.site.wp("apply", streams=self.streams, check=False)

    def error(self):
        return self.site.feed(self.livelist.feed)["error"]

    def all_stay(self):
        return self.site.counts(TYPE) == {"publish": LISTINGS}

    def twenty_went(self):
        return self.site.keys(TYPE, META, "draft") == self.sold and self.site.counts(TYPE) == {
            "publish": LISTINGS - 20,
            "draft": 20,
        }

    def stop(self):
        self.livelist.stop()
        self.proxy.stop()
