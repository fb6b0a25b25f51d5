"""Days of a site: 5,000 listings, the real API, a simulated MLS, and WP-Cron that visitors fire."""

import pytest
from local_livelist import Livelist
from local_wordpress import WordPress

LISTINGS = 5_000
TYPE, META = "estate_property", "ListingKey"


@pytest.fixture(scope="module")
def livelist(folder):
    running = Livelist(folder / "days-livelist", LISTINGS).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def site(folder, database, livelist):
    wordpress = WordPress(folder / "days", database, "days").install()
    wordpress.import_posts(livelist.live(), TYPE, META)
    feed = {"feed": livelist.feed, "post_type": TYPE, "meta_key": META}
    wordpress.settings(livelist.url, livelist.key, [feed])
    wordpress.serve()
    yield wordpress
    wordpress.stop()


def follow(site, livelist):
    """Visitors come until the site has used the newest list."""
    version = livelist.manifest()["version"]
    site.due()
    site.cron(lambda: site.feed(livelist.feed)["version"] == version)


def next_day(site, livelist):
    site.a_day_passes()
    livelist.reconcile()


def sorted_by_bytes(keys):
    return sorted(keys, key=str.encode)


def test_days(site, livelist):
    # The first list teaches the site what it has.
    follow(site, livelist)
    assert site.counts(TYPE) == {"publish": LISTINGS}
    site.age()

    sold = livelist.act("sell", {"n": 100})
    livelist.reconcile()
    follow(site, livelist)
    assert site.counts(TYPE) == {"publish": LISTINGS - 100, "draft": 100}
    assert site.keys(TYPE, META, "draft") == sorted_by_bytes(sold)

    # The same list again is no second miss.
    site.wp("apply")
    assert site.counts(TYPE) == {"publish": LISTINGS - 100, "draft": 100}

    more = livelist.act("sell", {"n": 3})
    next_day(site, livelist)
    follow(site, livelist)
    assert site.counts(TYPE) == {"publish": LISTINGS - 103, "draft": 3, "trash": 100}
    assert site.keys(TYPE, META, "trash") == sorted_by_bytes(sold)
    assert site.keys(TYPE, META, "draft") == sorted_by_bytes(more)

    back = [*sold[:8], *more[:2]]
    livelist.act("relist", {"keys": back})
    next_day(site, livelist)
    follow(site, livelist)
    assert site.counts(TYPE) == {"publish": LISTINGS - 93, "trash": 93}
    assert not set(back) & set(site.keys(TYPE, META, "trash"))
    assert site.keys(TYPE, META, "publish") == sorted_by_bytes(livelist.live())

    titles = site.sql("SELECT post_name FROM wp_posts WHERE post_status = 'publish' AND post_name LIKE '%trashed%'")
    assert titles == [], "a post that came back has its address again"


def test_the_plugin_left_no_complaint_in_the_log(site):
    assert site.complaints() == []
