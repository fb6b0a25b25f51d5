"""The rules of the plugin, one by one, on a site of 300 listings."""

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request

import pytest
from browser import Browser
from faulty import META, TYPE, Faulty

LISTINGS = 300
SECRET = "whsec_" + base64.b64encode(b"a secret of at least 24 bytes").decode()


@pytest.fixture(scope="module")
def small(folder, database):
    running = Faulty(folder, database, "rules", listings=LISTINGS)
    yield running
    running.stop()


@pytest.fixture
def site(small):
    small.reset()
    small.bind()
    return small.site


def key(site, number):
    return site.keys(TYPE, META, "publish")[number]


def post_of(site, listing):
    return site.sql(f"SELECT post_id FROM wp_postmeta WHERE meta_key = '{META}' AND meta_value = '{listing}'")[0][0]


def left(site):
    """The keys of posts that stay because the service does not call them gone."""
    rows = site.sql("SELECT HEX(listing_key) FROM wp_livelist_plan WHERE state = 'skipped' AND reason = 'unknown'")
    return {bytes.fromhex(row[0]).decode() for row in rows}


# --- What is left alone -----------------------------------------------------------------------------


def test_a_dry_run_changes_nothing_and_shows_what_would_happen(small, site):
    before = site.sql("SELECT ID, post_status, post_modified FROM wp_posts ORDER BY ID")
    told = site.wp("dry-run", "--keys=100")
    assert site.sql("SELECT ID, post_status, post_modified FROM wp_posts ORDER BY ID") == before
    for listing in small.sold:
        assert f"  {listing}\n" in told
    assert told.count("draft  post ") == 20
    small.apply()
    assert small.twenty_went()


def test_posts_that_came_after_the_list_stay(small, site):
    site.import_posts(["brand-new", "back-dated"], TYPE, META)
    site.import_posts(["dated-after-the-list"], TYPE, META, date="2027-03-01 10:00:00", status="publish")
    small.apply()
    assert set(small.down("draft")) == set(small.sold)
    assert site.runs(1)[0]["young"] == "3"
    # The importer's date says nothing, the day on which the site saw it does: then the service is asked.
    # No list ever had them, so it does not call them gone.
    site.age()
    small.next_list("add", {"n": 1})
    small.apply()
    assert set(small.down("trash")) == set(small.sold)
    assert small.down("draft") == []
    # The date of a scheduled post says when it comes, not since when the site has it.
    assert left(site) == {"brand-new", "back-dated", "dated-after-the-list"}


def test_posts_of_others_stay(small, site):
    site.import_posts(["of-another-type"], "estate_property", META)
    site.import_posts(["another-meta-key"], TYPE, "reference")
    site.import_posts(["hidden-draft"], TYPE, META, status="draft")
    site.import_posts(["private-listing"], TYPE, META, status="private")
    site.import_posts([" spaces-around ", "x" * 300], TYPE, META)
    site.eval(f"add_post_meta({post_of(site, key(site, 5))}, '{META}', 'a-second-value');")
    site.age()
    small.apply()
    assert small.down("trash") == []
    assert set(small.down("draft")) - {"hidden-draft"} == set(small.sold)
    assert site.counts("estate_property") == {"publish": 1}


def test_keys_are_bytes(small, site):
    listing = key(site, 0)
    other = listing.upper() if listing.upper() != listing else listing.lower()
    site.import_posts([other, "1e3", "ключ", "clé-à-part"], TYPE, META)
    site.age()
    small.apply()
    assert set(small.down("draft")) == set(small.sold)
    # They match no key of the list, and no list ever had them.
    assert left(site) == {"1e3", "ключ", "clé-à-part"} | ({other} if other != listing else set())
    assert listing in site.keys(TYPE, META, "publish")


def test_where_the_service_cannot_say_nothing_goes(small, site):
    def unavailable(answer):
        if answer.kind == "check":
            answer.status = 503

    small.proxy.fault = unavailable
    small.apply()
    assert small.all_stay()
    assert small.error() == "unavailable"
    small.proxy.fault = None
    small.apply()
    assert small.twenty_went()


def an_older_service(said):
    # What is not in the list was gone for it.
    del said["unknown"]


def another_list(said):
    said["version"] = "2026-01-01T00:00:00Z-000001"


def all_unknown(said):
    said["gone"], said["unknown"] = [], said["gone"]


@pytest.mark.parametrize("change", [an_older_service, another_list, all_unknown])
def test_what_the_service_does_not_call_gone_stays(small, site, change):
    def fault(answer):
        if answer.kind == "check":
            said = json.loads(answer.body)
            change(said)
            answer.body = json.dumps(said).encode()

    small.proxy.fault = fault
    small.apply()
    assert small.all_stay()
    assert left(site) == set(small.sold)
    assert site.runs(1)[0]["state"] == "applied"
    # The next list asks again.
    small.proxy.fault = None
    small.next_list("add", {"n": 1})
    small.apply()
    assert small.twenty_went()


def test_a_key_that_changed_without_a_hook_is_seen(small, site):
    # The map says the sold one; the post says one that is live.
    post = post_of(site, small.sold[0])
    live = key(site, 40)
    live = live if live not in small.sold else key(site, 41)
    site.sql(f"UPDATE wp_postmeta SET meta_value = '{live}' WHERE post_id = {post} AND meta_key = '{META}'")
    small.apply()
    assert set(small.down("draft")) == set(small.sold[1:])


def test_what_a_person_does_holds(small, site):
    small.apply()
    mine, theirs = small.sold[0], small.sold[1]
    site.eval(f"wp_publish_post({post_of(site, mine)}); wp_trash_post({post_of(site, theirs)});")
    small.next_list("add", {"n": 1})
    small.apply()
    # The one that was published again counts as new; the one that was trashed belongs to a person.
    assert mine in site.keys(TYPE, META, "publish")
    assert set(small.down("trash")) == set(small.sold[1:])
    small.next_list("relist", {"keys": small.sold})
    small.apply()
    assert small.down("trash") == [theirs]


def test_published_again_behind_the_back_of_wordpress(small, site):
    small.apply()
    post = post_of(site, small.sold[0])
    site.sql(f"UPDATE wp_posts SET post_status = 'publish' WHERE ID = {post}")
    small.next_list("add", {"n": 1})
    small.apply()
    assert small.sold[0] in site.keys(TYPE, META, "publish")
    assert set(small.down("trash")) == set(small.sold[1:])


def test_without_a_trash_posts_stay_drafts(small, site):
    site.configure(EMPTY_TRASH_DAYS=0)
    try:
        small.apply()
        small.next_list("add", {"n": 1})
        small.apply()
        assert set(small.down("draft")) == set(small.sold)
        assert site.sql("SELECT reason, COUNT(*) FROM wp_livelist_plan WHERE state = 'skipped' GROUP BY reason") == [
            ["no_trash", "20"]
        ]
    finally:
        site.configure(EMPTY_TRASH_DAYS=30)


def test_the_content_stays_as_it_is(small, site):
    tour = '<iframe src="https://tours.example.com/1"></iframe><script>tour();</script> back\\slash "quotes"'
    post = post_of(site, small.sold[0])
    site.eval(f"kses_remove_filters(); wp_update_post(wp_slash(array('ID' => {post}, 'post_content' => '{tour}')));")
    before = site.sql(f"SELECT post_content, post_name, post_date_gmt, post_title FROM wp_posts WHERE ID = {post}")
    assert "iframe" in before[0][0]
    small.apply()
    small.next_list("add", {"n": 1})
    small.apply()
    assert small.sold[0] in small.down("trash")
    small.next_list("relist", {"keys": small.sold})
    small.apply()
    assert site.sql(f"SELECT post_content, post_name, post_date_gmt, post_title FROM wp_posts WHERE ID = {post}") == before


def test_two_posts_with_one_key_go_together(small, site):
    site.import_posts([small.sold[0]], TYPE, META)
    site.age()
    small.apply()
    assert small.down("draft").count(small.sold[0]) == 2


def test_nothing_is_ever_deleted(small, site):
    count = site.sql("SELECT COUNT(*) FROM wp_posts")
    for _ in range(3):
        small.apply()
        small.next_list("add", {"n": 1})
    assert set(small.down("trash")) == set(small.sold)
    assert site.sql("SELECT COUNT(*) FROM wp_posts") == count


# --- Holding, undoing, pausing ----------------------------------------------------------------------


@pytest.fixture
def many(small, site):
    """A list without 80 of 300 listings; in two days, or Livelist itself would hold it."""
    return sorted(small.sold + sell(small, 30) + sell(small, 30), key=str.encode)


def sell(small, number):
    """Sells what the site shows."""
    shown = set(small.livelist.live()) & set(small.site.keys(TYPE, META, "publish"))
    return small.next_list("sell", {"keys": sorted(shown)[:number]})


def test_too_many_wait_for_a_person(small, site, many):
    small.apply()
    assert small.all_stay()
    run = site.runs(1)[0]
    assert (run["state"], run["error"], run["going"]) == ("held", "too_many", "80")
    assert "80" in site.wp("hold")
    assert "applied" in site.wp("hold", f"--approve={run['id']}")
    assert small.down("draft") == many


def test_what_a_person_rejects_is_not_asked_again(small, site, many):
    small.apply()
    run = site.runs(1)[0]["id"]
    assert "rejected" in site.wp("hold", f"--reject={run}")
    small.apply()
    assert small.all_stay()
    assert site.feed(small.livelist.feed)["held_run"] == "0"
    assert site.runs(1)[0]["id"] == run
    # Nor on the next day, when the whole manifest is read.
    site.sql("UPDATE wp_livelist_feeds SET told_at = told_at - 80000")
    small.apply()
    assert site.runs(1)[0]["id"] == run
    assert "Error" in site.wp("hold", f"--approve={run}", check=False)


def test_what_comes_back_does_not_wait(small, site, many):
    # Down already: the 80, approved by a person. Then others go, too many, and some come back.
    small.apply()
    site.wp("hold", f"--approve={site.runs(1)[0]['id']}")
    others = sell(small, 30) + sell(small, 25)
    back = many[:5]
    small.next_list("relist", {"keys": back})
    small.apply()
    assert site.runs(1)[0]["state"] == "held"
    assert set(back) <= set(site.keys(TYPE, META, "publish"))
    assert set(others) <= set(site.keys(TYPE, META, "publish"))


def test_an_approval_is_of_one_list_only(small, site, many):
    small.apply()
    run = site.runs(1)[0]["id"]
    small.next_list("relist", {"keys": many[:10]})
    assert "superseded" in site.wp("hold", f"--approve={run}")
    assert small.all_stay()
    assert site.runs(1)[0]["state"] == "held"
    assert site.runs(1)[0]["going"] == "70"


def test_a_wrong_meta_key_on_a_small_site_takes_nothing_down(small, site):
    site.import_posts([f"office-{n}" for n in range(30)], "estate_property", "reference")
    feed = {"feed": small.livelist.feed, "post_type": "estate_property", "meta_key": "reference"}
    site.settings(small.proxy.url, small.livelist.key, [feed])
    small.apply()
    site.age()
    small.next_list("add", {"n": 1})
    small.apply()
    assert site.runs(1)[0]["error"] == "nothing_matches"
    assert site.counts("estate_property") == {"publish": 30}


def test_undo_restores_everything_of_one_run(small, site):
    small.apply()
    first = site.runs(1)[0]["id"]
    more = sell(small, 4)
    small.apply()
    second = site.runs(1)[0]["id"]
    assert (set(small.down("trash")), set(small.down("draft"))) == (set(small.sold), set(more))

    site.wp("undo", second)
    assert (set(small.down("trash")), set(small.down("draft"))) == (set(), set(small.sold))
    site.wp("undo", first)
    assert site.counts(TYPE) == {"publish": LISTINGS}
    assert [run["state"] for run in site.runs(2)] == ["undone", "undone"]
    # It would do the same again: so it waits until a person lets it go on.
    assert site.feed(small.livelist.feed)["paused"] == "1"
    small.apply()
    assert small.all_stay()
    site.wp("hold", small.livelist.feed, "--off", "--undone=down")


def test_undo_in_slices(small, site):
    small.apply()
    run = site.runs(1)[0]["id"]
    site.switch(slice_seconds=0.0)
    site.wp("undo", run)
    assert small.all_stay()
    assert site.runs(1)[0]["state"] == "undone"


def test_a_paused_feed_is_left_alone(small, site):
    site.wp("hold", small.livelist.feed, "--on")
    small.apply()
    assert small.all_stay()
    site.wp("hold", small.livelist.feed, "--off", "--undone=down")
    small.apply()
    assert small.twenty_went()


# --- Several feeds ----------------------------------------------------------------------------------


def test_feeds_that_cannot_be_told_apart_are_not_saved(small, site):
    one = {"feed": small.livelist.feed, "post_type": TYPE, "meta_key": META}
    with pytest.raises(RuntimeError, match="overlap"):
        site.settings(small.proxy.url, small.livelist.key, [one, one | {"feed": "other-property-12345678"}])
    kept = json.loads(site.eval("echo wp_json_encode(get_option('livelist_sync_settings'));"))
    assert [feed["feed"] for feed in kept["feeds"]] == [small.livelist.feed]


@pytest.mark.parametrize("only", ["meta", "term"])
def test_each_feed_touches_its_own_posts(small, site, only):
    site.switch(post_types={TYPE: ["source"], "estate_property": []})
    site.import_posts(["of-a-b", "of-b-only"], TYPE, META, meta={"mls": "b"}, terms={"source": "b"})
    posts = "SELECT ID FROM wp_posts WHERE post_type = 'property' AND post_title NOT LIKE '%of-%'"
    ids = ",".join(row[0] for row in site.sql(posts))
    site.eval(
        f"foreach (array({ids}) as $id) {{ add_post_meta($id, 'mls', 'a'); wp_set_object_terms($id, 'a', 'source'); }}"
    )
    feed = {"feed": small.livelist.feed, "post_type": TYPE, "meta_key": META, "only": only}
    feed |= {"only_key": "mls" if only == "meta" else "source", "only_value": "a"}
    site.settings(small.proxy.url, small.livelist.key, [feed])
    small.apply()
    site.age()
    small.next_list("add", {"n": 1})
    small.apply()
    assert set(small.down("draft")) == set(small.sold)
    assert {"of-a-b", "of-b-only"} <= set(site.keys(TYPE, META, "publish"))


# --- Settings, notices, health ----------------------------------------------------------------------


def test_the_key_is_kept_apart_and_never_shown(small, site):
    options = "SELECT option_name, autoload FROM wp_options WHERE option_name LIKE 'livelist%' AND option_name NOT LIKE '%lock'"
    # WordPress 6.6 says "off" where others say "no".
    assert {autoload for _, autoload in site.sql(options)} <= {"no", "off"}
    shown = site.eval(
        "wp_set_current_user(1); define('WP_ADMIN', true); require_once ABSPATH . 'wp-admin/includes/admin.php';"
        "Livelist\\Sync\\Site\\Admin::register(); Livelist\\Sync\\Site\\Admin::settings(); Livelist\\Sync\\Site\\AdminPage::show();"
    )
    assert "Test connection" in shown
    assert small.livelist.key not in shown
    assert small.livelist.key not in site.wp("status")
    assert small.livelist.key not in site.wp("apply")
    # An empty field keeps it, and nothing but https is taken.
    site.eval("update_option('livelist_sync_site_key', Livelist\\Sync\\Site\\Settings::clean_secret('', 'livelist_sync_site_key'));")
    assert site.eval("echo strlen(get_option('livelist_sync_site_key'));") == str(len(small.livelist.key))
    assert site.eval("var_dump(Livelist\\Sync\\Site\\Settings::clean_url('http://lists.example.com'));").strip() == "NULL"


def test_the_settings_page_works_in_a_browser(small, site):
    site.serve()
    try:
        browser = Browser(site.url)
        page = browser.get("/wp-admin/options-general.php?page=livelist-sync")
        assert "Test connection" in page
        assert small.livelist.key not in page
        assert "It works" in browser.order(page, "test", feed=small.livelist.feed)
        assert "No post was changed" in browser.order(page, "dry", feed=small.livelist.feed)
        assert small.all_stay()
        assert site.runs(1)[0]["state"] == "dry"
        # Without the nonce nothing happens.
        with pytest.raises(urllib.error.HTTPError) as refused:
            browser.order(page.replace('name="_wpnonce" value="', 'name="_wpnonce" value="0'), "apply", feed=small.livelist.feed)
        assert refused.value.code == 403
        assert small.all_stay()
        assert "20 posts taken down" in browser.order(page, "apply", feed=small.livelist.feed)
        assert small.twenty_went()
        # The same list again does not repeat what the former run did.
        assert "Nothing is new" in browser.order(page, "apply", feed=small.livelist.feed)
    finally:
        site.stop()


def notify(site, body, sent=None, name="msg_1", when=None, secret=SECRET):
    when = str(int(time.time())) if when is None else str(when)
    text = f"{name}.{when}.".encode() + body
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), text, hashlib.sha256).digest()
    headers = {"webhook-id": name, "webhook-timestamp": when, "Content-Type": "application/json"}
    headers["webhook-signature"] = "v1,AAAA v1," + base64.b64encode(digest).decode()
    request = urllib.request.Request(f"{site.url}/?rest_route=/livelist/v1/notify", sent or body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_notice_makes_the_site_ask(small, site):
    feed = {"feed": small.livelist.feed, "post_type": TYPE, "meta_key": META}
    site.settings(small.proxy.url, small.livelist.key, [feed], SECRET)
    body = json.dumps({"type": "head.changed", "data": {"feed": small.livelist.feed}}).encode()
    site.serve()
    try:
        now = int(time.time())
        assert notify(site, body, sent=body + b" ") == 401
        assert notify(site, body, secret="whsec_" + base64.b64encode(b"another secret of 24 byt").decode()) == 401
        assert notify(site, body, when=now - 301) == 401
        assert notify(site, body, when=now + 320) == 401
        assert site.feed(small.livelist.feed)["due_at"] == "0"
        assert small.all_stay()
        assert notify(site, body, when=now) == 202
        assert notify(site, body, when=now) == 409
        # The answer came first, the work behind it; nobody visits.
        deadline = time.monotonic() + 60
        while not small.twenty_went():
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert notify(site, body, when=now + 1) == 202
    finally:
        site.stop()


def test_without_a_secret_there_are_no_notices(small, site):
    site.eval("update_option('livelist_sync_notify_secret', '');")
    site.serve()
    try:
        assert notify(site, b"{}") == 401
    finally:
        site.stop()


def health(site):
    return json.loads(site.eval("echo wp_json_encode(Livelist\\Sync\\Site\\SiteHealth::test());"))


def test_site_health(small, site):
    small.apply()
    assert health(site)["status"] == "good"
    site.sql("UPDATE wp_livelist_feeds SET checked_at = checked_at - 200000")
    assert health(site)["status"] == "recommended"
    site.sql("UPDATE wp_livelist_feeds SET checked_at = checked_at - 200000")
    assert health(site)["status"] == "critical"
    site.sql("UPDATE wp_livelist_feeds SET checked_at = UNIX_TIMESTAMP(), error = 'unauthorized', error_text = '<b>x</b>'")
    told = health(site)
    assert told["status"] == "critical"
    assert "<b>x" not in told["description"]


def test_transient_failures_are_tried_again_and_others_are_not(small, site):
    def broken(answer):
        if answer.kind == "live":
            answer.status = 503
            answer.headers["retry-after"] = "7200"

    small.proxy.fault = broken
    small.apply()
    wait = int(site.feed(small.livelist.feed)["due_at"]) - time.time()
    assert 7_000 < wait < 7_300
    assert int(site.eval("echo wp_next_scheduled('livelist_sync_continue');")) - time.time() > 7_000

    def unknown(answer):
        if answer.kind == "live":
            answer.status = 401

    small.proxy.fault = unknown
    small.apply()
    assert site.feed(small.livelist.feed)["due_at"] == "0"


def test_action_scheduler_is_used_where_it_is(small, site):
    mu = site.root / "wp-content" / "mu-plugins" / "actions.php"
    mu.write_text(ACTION_SCHEDULER)
    try:
        site.eval("wp_clear_scheduled_hook('livelist_sync_daily'); Livelist\\Sync\\Site\\Schedule::ensure();")
        assert "livelist_sync_daily" in site.eval("echo wp_json_encode(get_option('test_actions'));")
        assert site.eval("var_dump(wp_next_scheduled('livelist_sync_daily'));").strip() == "bool(false)"
        site.switch(slice_seconds=0.0)
        site.sql("UPDATE wp_livelist_feeds SET due_at = 1")
        assert small.slice() == "more"
        assert "livelist_sync_continue" in site.eval("echo wp_json_encode(get_option('test_actions'));")
    finally:
        mu.unlink()
        site.eval("delete_option('test_actions'); Livelist\\Sync\\Site\\Schedule::ensure();")


ACTION_SCHEDULER = r"""<?php
add_action( 'init', function () { do_action( 'action_scheduler_init' ); }, 1 );
function test_actions( $hook, $at ) {
	$all = (array) get_option( 'test_actions', array() );
	if ( $at ) { $all[ $hook ] = $at; } else { unset( $all[ $hook ] ); }
	update_option( 'test_actions', $all );
}
function as_next_scheduled_action( $hook ) { $all = (array) get_option( 'test_actions', array() ); return isset( $all[ $hook ] ) ? $all[ $hook ] : false; }
function as_schedule_recurring_action( $at, $every, $hook ) { test_actions( $hook, $at ); }
function as_schedule_single_action( $at, $hook ) { test_actions( $hook, $at ); }
function as_unschedule_all_actions( $hook ) { test_actions( $hook, 0 ); }
"""


def test_no_complaints(small):
    assert small.site.complaints() == []
