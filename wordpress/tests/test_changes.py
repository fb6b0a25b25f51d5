"""What happens when something changes besides the list: feeds, keys, posts, settings, the service, people.
Each test begins with a site of 300 listings and a newer list without 20 of them."""

import html
import json
import shutil
import urllib.error
import urllib.request

import pytest
from browser import Browser
from faulty import META, TYPE, Faulty

LISTINGS = 300


@pytest.fixture(scope="module")
def small(folder, database):
    running = Faulty(folder, database, "changes", listings=LISTINGS)
    yield running
    running.stop()


@pytest.fixture
def site(small):
    of_one_filter(small)
    small.reset()
    small.bind()
    small.site.sql("UPDATE wp_livelist_feeds SET again = 0")
    return small.site


def post_of(site, listing):
    return site.sql(f"SELECT post_id FROM wp_postmeta WHERE meta_key = '{META}' AND meta_value = '{listing}'")[0][0]


def status(site, post):
    return site.sql(f"SELECT post_status FROM wp_posts WHERE ID = {post}")[0][0]


def did(site, post):
    rows = site.sql(f"SELECT did FROM wp_livelist_posts WHERE post_id = {post}")
    return rows[0][0] if rows else ""


def health(site):
    return json.loads(site.eval("echo wp_json_encode(Livelist\\Sync\\Site\\SiteHealth::test());"))


def feed_of(small, **more):
    return {"feed": small.livelist.feed, "post_type": TYPE, "meta_key": META, **more}


def relist(small, keys):
    small.next_list("relist", {"keys": keys})
    small.apply()


# --- P1: feeds ------------------------------------------------------------------------------------------


def of_one_filter(small, **more):
    small.livelist.client["pairs"] = [{"mls": small.livelist.mls, "resource": "Property", **more}]
    small.livelist.clients.write_text(json.dumps(small.livelist.client))


def another_feed(small, site):
    """The client's filter changes, and with it the feed's id."""
    livelist = small.livelist
    of_one_filter(small, filter="StandardStatus ne 'Sold'")
    livelist.reconcile()
    offered = [feed["feed"] for feed in livelist.ask("/v1/feeds")["feeds"] if feed["version"]]
    return next(feed for feed in offered if feed != livelist.feed)


def test_what_was_taken_down_moves_with_a_feed_whose_id_changes(small, site):
    small.apply()
    assert small.twenty_went()
    other = another_feed(small, site)
    site.settings(small.proxy.url, small.livelist.key, [feed_of(small) | {"feed": other}])
    site.wp("apply")
    site.age()
    relist(small, small.sold[:5])
    assert set(small.sold[:5]) <= set(site.keys(TYPE, META, "publish"))
    more = small.next_list("sell", {"keys": sorted(small.livelist.live())[40:43]})
    small.apply()
    assert set(more) <= set(small.down("draft")), small.story()
    assert site.sql("SELECT DISTINCT feed FROM wp_livelist_posts WHERE did <> ''") == [[other]]


def test_take_downs_of_a_feed_that_cannot_be_placed_wait_for_a_person(small, site):
    small.apply()
    other = another_feed(small, site)
    site.sql("UPDATE wp_livelist_feeds SET mls = 'elsewhere'")
    site.settings(small.proxy.url, small.livelist.key, [feed_of(small) | {"feed": other}])
    site.wp("apply")
    site.age()
    relist(small, small.sold[:5])
    assert set(small.sold[:5]) <= set(small.down("draft"))
    assert "not set any more" in health(site)["description"]
    site.eval(f"Livelist\\Sync\\Site\\Moves::confirm('{small.livelist.feed}', Livelist\\Sync\\Site\\Settings::feed('{other}'));")
    small.apply()
    assert set(small.sold[:5]) <= set(site.keys(TYPE, META, "publish"))


def test_a_dry_run_with_another_feed_leaves_no_trace(small, site):
    other = another_feed(small, site)
    site.settings(small.proxy.url, small.livelist.key, [feed_of(small) | {"feed": other}])
    site.wp("dry-run")
    assert site.runs(1)[0]["matched"] == str(LISTINGS - 20)
    of_one_filter(small)
    small.bind()
    small.apply()
    assert small.twenty_went(), small.story()


# --- P2: keys -------------------------------------------------------------------------------------------


def test_a_key_that_was_away_for_a_while(small, site):
    small.apply()
    post = post_of(site, small.sold[0])
    site.eval(f"delete_post_meta({post}, '{META}'); add_post_meta({post}, '{META}', '{small.sold[0]}');")
    relist(small, small.sold)
    assert small.all_stay(), small.story()


def test_a_key_that_became_another_listed_one(small, site):
    small.apply()
    post = post_of(site, small.sold[0])
    fresh = small.next_list("add", {"n": 1})[0]
    site.eval(f"update_post_meta({post}, '{META}', '{fresh}');")
    small.apply()
    assert status(site, post) == "publish", small.story()


def test_a_condition_that_was_away_for_a_while(small, site):
    site.switch(post_types={TYPE: ["source"], "estate_property": []})
    site.eval(f"foreach (get_posts(array('post_type' => '{TYPE}', 'numberposts' => -1)) as $p) wp_set_object_terms($p->ID, 'a', 'source');")
    feed = feed_of(small, only="term", only_key="source", only_value="a")
    site.settings(small.proxy.url, small.livelist.key, [feed])
    small.apply()
    site.age()
    small.next_list("add", {"n": 1})
    small.apply()
    assert set(small.down("draft")) == set(small.sold)
    post = post_of(site, small.sold[0])
    site.eval(f"wp_remove_object_terms({post}, 'a', 'source');")
    relist(small, small.sold[1:])
    site.eval(f"wp_set_object_terms({post}, 'a', 'source');")
    relist(small, small.sold)
    assert status(site, post) == "publish", small.story()


def test_undo_brings_back_a_post_whose_key_is_away(small, site):
    small.apply()
    run = site.runs(1)[0]["id"]
    post = post_of(site, small.sold[0])
    site.eval(f"delete_post_meta({post}, '{META}');")
    assert "20 posts are back, 0 were left" in site.wp("undo", run)
    assert small.all_stay()


# --- P3: twins ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 2])
def test_no_second_copy_of_a_listing(small, site, days):
    small.apply()
    if days == 2:
        small.next_list("add", {"n": 1})
        small.apply()
    listing = small.sold[0]
    old = post_of(site, listing)
    site.import_posts([listing], TYPE, META)
    relist(small, small.sold)
    assert status(site, old) in ("draft", "trash"), small.story()
    assert site.keys(TYPE, META, "publish").count(listing) == 1
    # When the new one is gone, the old one comes back.
    new = site.sql(f"SELECT MAX(post_id) FROM wp_postmeta WHERE meta_value = '{listing}'")[0][0]
    site.eval(f"wp_delete_post({new}, true);")
    small.next_list("add", {"n": 1})
    small.apply()
    assert status(site, old) == "publish"


def test_a_translation_is_no_second_copy(small, site):
    mu = site.root / "wp-content" / "mu-plugins" / "translations.php"
    mu.write_text("<?php add_filter('livelist_sync_translations', function () { return range(1, 100000); });")
    try:
        small.apply()
        old = post_of(site, small.sold[0])
        site.import_posts([small.sold[0]], TYPE, META)
        relist(small, small.sold)
        assert status(site, old) == "publish"
    finally:
        mu.unlink()


def test_what_others_trash_along_comes_back(small, site):
    """A plugin of translations: what happens to a post happens to its copy."""
    copy = site.eval(f"echo wp_insert_post(array('post_type' => '{TYPE}', 'post_status' => 'publish', 'post_title' => 'Une maison'));")
    first = post_of(site, small.sold[0])
    mu = site.root / "wp-content" / "mu-plugins" / "along.php"
    mu.write_text(
        "<?php add_action('transition_post_status', function ($to, $from, $post) {"
        f"if ({first} === $post->ID && $to !== $from && get_post_status({copy}) !== $to) wp_update_post(array('ID' => {copy}, 'post_status' => $to));"
        "}, 10, 3);"
    )
    try:
        small.apply()
        assert (status(site, copy), did(site, copy)) == ("draft", "drafted")
        site.wp("undo", site.runs(1)[0]["id"])
        assert (status(site, copy), status(site, first)) == ("publish", "publish")
    finally:
        mu.unlink()


# --- P4, P5, P6: settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"meta_key": "listing_key"}, "no_keys"), ({"post_type": "estate_property"}, "no_posts"), ({"meta_key": "agent"}, "nothing_matches")],
)
def test_settings_that_match_nothing_are_told_at_once(small, site, wrong, error):
    site.eval(f"foreach (get_posts(array('post_type' => '{TYPE}', 'numberposts' => -1)) as $p) add_post_meta($p->ID, 'agent', 'agent-' . $p->ID);")
    site.settings(small.proxy.url, small.livelist.key, [feed_of(small) | wrong])
    told = small.apply()
    assert error in told
    assert small.error() == error
    assert health(site)["status"] != "good"
    assert error in health(site)["description"]
    if error == "no_keys":
        assert f"0 of {LISTINGS} posts have a key in listing_key" in told
    found = json.loads(site.eval(f"echo wp_json_encode(Livelist\\Sync\\Site\\Proposals::find('{small.livelist.feed}', ''));"))
    assert [(pair["type"], pair["meta"]) for pair in found] == [(TYPE, META)]
    assert found[0]["listed"] > 150
    small.bind()
    small.apply()
    assert small.all_stay()


def test_a_small_site_waits_as_well(small, site):
    kept = ",".join(row[0] for row in site.sql(f"SELECT ID FROM wp_posts WHERE post_type = '{TYPE}' ORDER BY ID LIMIT 51"))
    site.sql(f"DELETE FROM wp_posts WHERE post_type = '{TYPE}' AND ID NOT IN ({kept}); DELETE FROM wp_livelist_map WHERE post_id NOT IN ({kept})")
    shown = site.keys(TYPE, META, "publish")
    live = [key for key in shown if key in set(small.livelist.live())]
    # 50 of 51 go, in steps that the service itself lets through.
    for part in (live[1:25], live[25:]):
        small.next_list("sell", {"keys": part})
    small.apply()
    run = site.runs(1)[0]
    assert (run["state"], run["error"]) == ("held", "too_many"), small.story()
    assert site.counts(TYPE) == {"publish": 51}


def test_the_limit_holds_for_a_day(small, site):
    small.apply()
    assert small.twenty_went()
    more = sorted(set(small.livelist.live()) & set(site.keys(TYPE, META, "publish")))[:31]
    small.livelist.act("sell", {"keys": more})
    small.livelist.reconcile()
    small.apply()
    assert site.runs(1)[0]["state"] == "held", small.story()
    assert small.twenty_went()


def test_a_mistake_in_the_form_loses_nothing(small, site):
    wrong = feed_of(small) | {"feed": "My Feed!", "was": small.livelist.feed}
    with pytest.raises(RuntimeError, match="My Feed"):
        site.settings(small.proxy.url, small.livelist.key, [wrong])
    kept = json.loads(site.eval("echo wp_json_encode(get_option('livelist_sync_settings'));"))
    assert [feed["feed"] for feed in kept["feeds"]] == [small.livelist.feed]
    many = [feed_of(small) | {"feed": f"feed-{n}", "meta_key": f"key_{n}"} for n in range(21)]
    with pytest.raises(RuntimeError, match="20 feeds"):
        site.settings(small.proxy.url, small.livelist.key, many)
    with pytest.raises(RuntimeError, match="site key was not saved"):
        site.settings(small.proxy.url, "a key", [feed_of(small)])


def test_a_key_goes_to_no_other_host(small, site):
    other = small.proxy.url.replace("127.0.0.1", "localhost")
    site.php(__import__("local_wordpress").HERE / "settings.php", json.dumps({"api_url": other, "feeds": [feed_of(small)]}), "", "")
    assert site.eval("echo strlen(Livelist\\Sync\\Site\\Settings::site_key());") == "0"


# --- P8: age --------------------------------------------------------------------------------------------


def test_an_old_list_is_told(small, site):
    def old(answer):
        if answer.kind == "live" and answer.status == 200:
            answer.manifest(as_of="2026-11-01T00:00:00Z", stale=True)

    small.apply()
    assert health(site)["status"] == "good"
    small.site.sql("UPDATE wp_livelist_feeds SET told_at = 0, as_of = 1, told_as_of = 1")
    small.proxy.fault = old
    small.apply()
    told = health(site)
    assert "is old: it is of 2026-11-01" in told["description"]
    assert told["status"] == "critical"


def test_a_cache_that_says_nothing_is_new_for_ever(small, site):
    small.apply()
    more = small.next_list("sell", {"n": 2})

    def stubborn(answer):
        # The cache holds "not modified" for whoever asks with a tag.
        if answer.kind == "live" and small.proxy.headers[-1].get("If-None-Match"):
            answer.status, answer.body = 304, b""

    small.proxy.fault = stubborn
    small.apply()
    assert set(more).isdisjoint(small.down("draft"))
    # The daily run reads the whole manifest.
    site.sql("UPDATE wp_livelist_feeds SET told_at = told_at - 80000")
    small.apply()
    assert set(more) <= set(small.down("draft")), small.story()


def test_the_same_list_looked_at_again_a_day_later_is_a_second_look(small, site):
    small.apply()
    site.a_day_passes()
    site.sql("UPDATE wp_livelist_feeds SET told_at = told_at - 80000, as_of = as_of - 86400")
    small.apply()
    assert set(small.down("trash")) == set(small.sold), small.story()


# --- P9: deleted and installed again --------------------------------------------------------------------

AGAIN = (
    "require ABSPATH . 'wp-admin/includes/plugin.php'; deactivate_plugins('livelist-sync/livelist-sync.php');"
    "uninstall_plugin('livelist-sync/livelist-sync.php');"
)


def test_deleted_and_installed_again(small, site):
    small.apply()
    small.next_list("add", {"n": 1})
    small.apply()
    assert set(small.down("trash")) == set(small.sold)
    forged = post_of(site, sorted(site.keys(TYPE, META, "publish"))[0])
    copied = site.sql(f"SELECT meta_value FROM wp_postmeta WHERE post_id = {post_of(site, small.sold[0])} AND meta_key = '_livelist_sync_down'")
    text = copied[0][0].replace("'", "")
    site.eval(f"wp_update_post(array('ID' => {forged}, 'post_status' => 'draft'));")
    site.sql(f"INSERT INTO wp_postmeta (post_id, meta_key, meta_value) VALUES ({forged}, '_livelist_sync_down', '{text}')")
    touched = post_of(site, small.sold[1])
    site.eval(AGAIN)
    site.sql(f"UPDATE wp_posts SET post_modified_gmt = '2026-01-01 00:00:00' WHERE ID = {touched}")
    try:
        site.php(__import__("local_wordpress").HERE / "activate.php")
        small.bind()
        small.apply()
        relist(small, small.sold)
        assert set(small.down("trash")) == {small.sold[1]}, small.story()
        assert status(site, forged) == "draft"
        assert did(site, touched) == "unsure"
        site.wp("restore", touched)
        assert status(site, touched) == "publish"
    finally:
        for table in ("wp_livelist_map", "wp_livelist_posts", "wp_livelist_feeds"):
            site.sql(f"DELETE FROM {table}")
        site.sql("UPDATE wp_options SET autoload = 'no' WHERE option_name LIKE 'livelist%'")


def test_an_update_of_the_plugin_keeps_what_was_taken_down(small, site):
    """As the first version left the database: what was done stood in the map."""
    small.apply()
    site.sql(
        "ALTER TABLE wp_livelist_map ADD did VARCHAR(10) NOT NULL DEFAULT '', ADD prior VARCHAR(20) NOT NULL DEFAULT '', ADD missed BIGINT NOT NULL DEFAULT 0;"
        "UPDATE wp_livelist_map m JOIN wp_livelist_posts d ON d.post_id = m.post_id SET m.did = d.did, m.prior = d.prior, m.missed = 2;"
        "DROP TABLE wp_livelist_posts;"
        "ALTER TABLE wp_livelist_feeds DROP epoch, DROP told_epoch, DROP told_as_of, DROP told_at, DROP stale, DROP again, DROP unknown, DROP mls, DROP resource;"
        "ALTER TABLE wp_livelist_runs DROP approved, DROP epoch;"
        "UPDATE wp_options SET option_value = '1' WHERE option_name = 'livelist_sync_db_version'"
    )
    try:
        small.site.wp("status")
        small.next_list("relist", {"keys": small.sold[:5]})
        small.apply()
        assert set(small.down("draft")) | set(small.down("trash")) == set(small.sold[5:]), small.story()
    finally:
        site.sql(
            "ALTER TABLE wp_livelist_map DROP did, DROP prior, DROP missed;"
            "DROP TABLE wp_livelist_feeds; CREATE TABLE wp_livelist_feeds LIKE kept_wp_livelist_feeds"
        )


# --- P10: by hand ---------------------------------------------------------------------------------------


def test_a_scheduled_post_of_a_gone_listing_goes(small, site):
    post = post_of(site, small.sold[0])
    site.sql(f"UPDATE wp_posts SET post_status = 'future', post_date = '2030-01-01 00:00:00', post_date_gmt = '2030-01-01 00:00:00' WHERE ID = {post}")
    small.apply()
    assert status(site, post) == "draft", small.story()
    relist(small, small.sold)
    assert status(site, post) == "future"


def test_what_a_person_publishes_by_hand_is_an_exception(small, site):
    small.apply()
    edited, quick, rested = (post_of(site, key) for key in small.sold[:3])
    site.serve()
    try:
        browser = Browser(site.url)
        browser.publish(edited)
        assert (status(site, edited), did(site, edited)) == ("publish", "kept")
        page = browser.get(f"/wp-admin/edit.php?post_type={TYPE}")
        nonce = page.split('name="_inline_edit" value="', 1)[1].split('"', 1)[0]
        form = {"action": "inline-save", "post_ID": quick, "post_type": TYPE, "_status": "publish", "_inline_edit": nonce}
        form |= {"post_title": "x", "post_name": "x", "screen": f"edit-{TYPE}", "mm": "01", "jj": "15", "aa": "2026", "hh": "12", "mn": "00", "ss": "00"}
        browser.post("/wp-admin/admin-ajax.php", form)
        assert (status(site, quick), did(site, quick)) == ("publish", "kept")
    finally:
        site.stop()
    for _ in range(2):
        small.next_list("add", {"n": 1})
        small.apply()
        site.age(48)
    assert (status(site, edited), status(site, quick)) == ("publish", "publish")
    # Until the person ends it: then it is looked at again at once.
    site.wp("exception", edited, "--end")
    small.apply()
    assert status(site, edited) == "draft", small.story()
    assert status(site, quick) == "publish"
    assert status(site, rested) == "trash"


def test_by_the_rest_api(small, site):
    mu = site.root / "wp-content" / "mu-plugins" / "rest.php"
    mu.write_text("<?php add_filter('register_post_type_args', function ($a, $t) { return 'property' === $t ? array('show_in_rest' => true) + $a : $a; }, 10, 2);")
    try:
        small.apply()
        mine, along = (post_of(site, key) for key in small.sold[:2])
        # What a request does to another post than its own is no person's hand.
        site.eval(
            "define('REST_REQUEST', true); wp_set_current_user(1);"
            f"add_action('save_post', function ($id) {{ if ({mine} === $id) wp_publish_post({along}); }});"
            f"$r = new WP_REST_Request('POST', '/wp/v2/property/{mine}'); $r->set_body_params(array('status' => 'publish')); rest_do_request($r);"
        )
        assert (status(site, mine), did(site, mine)) == ("publish", "kept")
        assert (status(site, along), did(site, along)) == ("publish", "")
    finally:
        mu.unlink()


def test_an_importer_that_publishes_again_makes_no_exceptions_and_is_told(small, site):
    small.apply()
    post = post_of(site, small.sold[0])
    for _ in range(3):
        site.eval(f"wp_set_current_user(1); wp_update_post(array('ID' => {post}, 'post_status' => 'publish'));")
        assert did(site, post) == ""
        site.age(48)
        small.next_list("add", {"n": 1})
        small.apply()
        assert status(site, post) == "draft", small.story()
    assert "again and again" in health(site)["description"]


def test_posts_that_code_or_a_term_keeps(small, site):
    site.switch(post_types={TYPE: ["mine"], "estate_property": []})
    post = post_of(site, small.sold[0])
    site.eval(f"wp_set_object_terms({post}, 'sold-by-us', 'mine');")
    site.settings(small.proxy.url, small.livelist.key, [feed_of(small, keep_key="mine", keep_value="sold-by-us")])
    mu = site.root / "wp-content" / "mu-plugins" / "keep.php"
    mu.write_text(f"<?php add_filter('livelist_sync_keep', function ($keeps, $post, $feed, $key) {{ return $keeps || '{small.sold[1]}' === $key; }}, 10, 4);")
    try:
        small.apply()
        assert set(small.down("draft")) == set(small.sold[2:]), small.story()
    finally:
        mu.unlink()


def test_statuses_of_themes_count_where_they_are_ticked(small, site):
    post = post_of(site, small.sold[0])
    mu = site.root / "wp-content" / "mu-plugins" / "status.php"
    mu.write_text("<?php add_action('init', function () { register_post_status('featured', array('public' => true, 'label' => 'Featured')); });")
    site.sql(f"UPDATE wp_posts SET post_status = 'featured' WHERE ID = {post}")
    try:
        small.apply()
        assert status(site, post) == "featured"
        site.settings(small.proxy.url, small.livelist.key, [feed_of(small, statuses=["featured"])])
        small.apply()
        assert status(site, post) == "draft", small.story()
        relist(small, small.sold)
        assert status(site, post) == "featured"
    finally:
        mu.unlink()


def test_private_instead_of_draft_and_never_to_the_trash(small, site):
    site.settings(small.proxy.url, small.livelist.key, [feed_of(small, down="private", trash_days=-1)])
    small.apply()
    assert set(small.down("private")) == set(small.sold)
    small.next_list("add", {"n": 1})
    small.apply()
    assert set(small.down("private")) == set(small.sold)
    relist(small, small.sold)
    assert small.all_stay()


# --- P11: undo and go on --------------------------------------------------------------------------------


def test_what_was_brought_back_is_looked_at_at_once(small, site):
    small.apply()
    site.wp("undo", site.runs(1)[0]["id"])
    assert small.all_stay()
    told = site.wp("hold", small.livelist.feed, "--off", check=False)
    assert "20 posts that you brought back would go" in told
    assert site.feed(small.livelist.feed)["paused"] == "1"
    site.wp("hold", small.livelist.feed, "--off", "--undone=down")
    small.apply()
    assert small.twenty_went(), small.story()
    site.wp("undo", site.runs(1)[0]["id"])
    site.wp("hold", small.livelist.feed, "--off", "--undone=keep")
    small.apply()
    assert small.all_stay(), small.story()


# --- P12: addresses -------------------------------------------------------------------------------------


def answer(url):
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    try:
        return urllib.request.build_opener(Stay).open(url, timeout=60).status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("gone", [404, 410])
def test_the_address_of_a_gone_listing_leads_nowhere_else(small, site, gone):
    site.settings(small.proxy.url, small.livelist.key, [feed_of(small, answer=gone)])
    site.eval("update_option('permalink_structure', '/%postname%/'); flush_rewrite_rules(false);")
    post = post_of(site, small.sold[0])
    near = post_of(site, next(key for key in site.keys(TYPE, META, "publish") if key not in small.sold))
    site.sql(f"UPDATE wp_posts SET post_name = 'house' WHERE ID = {post}; UPDATE wp_posts SET post_name = 'house-by-the-lake' WHERE ID = {near}")
    site.serve()
    try:
        address = f"{site.url}/{TYPE}/house/"
        assert answer(address) == 200
        small.apply()
        assert answer(address) == gone
        # Another address still is guessed.
        assert answer(f"{site.url}/{TYPE}/house-by/") == 301
        # Somebody takes the address meanwhile: the listing comes back under another.
        site.sql(f"UPDATE wp_posts SET post_name = 'house' WHERE ID = {near}")
        relist(small, small.sold)
        assert answer(address) == 200
        names = {row[0] for row in site.sql(f"SELECT post_name FROM wp_posts WHERE ID IN ({post}, {near})")}
        assert names == {"house", "house-2"}
    finally:
        site.stop()
        site.eval("update_option('permalink_structure', ''); flush_rewrite_rules(false);")


# --- P7: numbered anew ----------------------------------------------------------------------------------


def test_lists_that_are_numbered_anew_wait_for_a_person(small, site):
    def second(answer):
        if answer.kind == "live" and answer.status == 200:
            said = json.loads(answer.body)
            answer.manifest(epoch="two", sequence=1, version=said["version"] + "-b")
        if answer.kind == "check" and answer.status == 200:
            answer.manifest(version=json.loads(answer.body)["version"] + "-b")

    small.apply()
    assert small.twenty_went()
    more = small.next_list("sell", {"n": 2})
    small.proxy.fault = second
    small.apply()
    assert small.error() == "other_epoch"
    assert set(more).isdisjoint(small.down("draft"))
    assert '"two"' in site.wp("forget", small.livelist.feed)
    assert "Error" in site.wp("forget", small.livelist.feed, "--epoch=three", check=False)
    site.wp("forget", small.livelist.feed, "--epoch=two")
    small.apply()
    assert set(more) <= set(small.down("draft")), small.story()


def test_a_service_that_was_set_up_anew(small, site):
    small.apply()
    assert small.twenty_went()
    shutil.rmtree(small.livelist.folder / "data")
    small.livelist.reconcile()
    now = small.livelist.manifest()
    assert now["sequence"] == 1
    small.apply()
    assert small.error() == "other_epoch"
    assert "numbers its lists anew" in health(site)["description"]
    site.wp("forget", small.livelist.feed, f"--epoch={now['epoch']}")
    small.apply()
    assert (small.error(), site.feed(small.livelist.feed)["version"]) == ("", now["version"])
    assert small.twenty_went(), small.story()


# --- The pages ------------------------------------------------------------------------------------------


def test_the_pages_say_what_happened(small, site):
    site.serve()
    try:
        browser = Browser(site.url)
        settings = "/wp-admin/options-general.php?page=livelist-sync"
        page = browser.get(settings)
        site.wp("hold", small.livelist.feed, "--on")
        assert "The feed is paused" in browser.order(page, "apply", feed=small.livelist.feed)
        assert "the feed is paused" in small.apply()
        site.wp("hold", small.livelist.feed, "--off")
        assert "20 to draft" in small.apply()
        assert "nothing new" in small.apply()
        page = browser.get("/wp-admin/tools.php?page=livelist-sync-listings")
        for key in small.sold:
            assert f"<td>{html.escape(key, quote=True).replace('&#x27;', '&#039;')}</td>" in page
        post = post_of(site, small.sold[0])
        assert "The post is back" in browser.order(page, "restore", post=post)
        assert (status(site, post), did(site, post)) == ("publish", "kept")
        page = browser.get(f"/wp-admin/tools.php?page=livelist-sync-listings&seek={small.sold[1]}")
        assert small.sold[1] in page and small.sold[2] not in page
        assert "down" in browser.get(f"/wp-admin/edit.php?post_type={TYPE}&post_status=draft")

        def unknown(answer):
            if answer.kind == "live":
                answer.status = 401

        small.proxy.fault = unknown
        page = browser.get(settings)
        assert "does not know this site key" in browser.order(page, "dry", feed=small.livelist.feed)
        assert "does not know this site key" in browser.order(page, "apply", feed=small.livelist.feed)
        assert "does not know this site key" in browser.get("/wp-admin/index.php")
        assert browser.get(settings).count('id="_wpnonce"') == 0
    finally:
        site.stop()


def test_a_person_decides_about_what_the_service_cannot_say(small, site):
    site.import_posts(["never-listed"], TYPE, META)
    site.age()
    small.apply()
    post = post_of(site, "never-listed")
    assert status(site, post) == "publish"
    site.serve()
    try:
        browser = Browser(site.url)
        page = browser.get("/wp-admin/tools.php?page=livelist-sync-listings")
        assert "does not call it gone" in page
        assert "The post is down" in browser.order(page, "down", post=post, key="never-listed", feed=small.livelist.feed)
        assert (status(site, post), did(site, post)) == ("draft", "drafted")
        # Who may not edit others' posts sees and does nothing.
        site.eval("wp_insert_user(array('user_login' => 'author', 'user_pass' => 'a-password-of-a-test', 'user_email' => 'a@example.test', 'role' => 'author'));")
        author = Browser(site.url, "author")
        with pytest.raises(urllib.error.HTTPError):
            author.get("/wp-admin/tools.php?page=livelist-sync-listings")
        link = next(part for part in page.split('href="') if "action=livelist_sync_csv" in part).split('"', 1)[0]
        csv = browser.get(html.unescape(link).removeprefix(site.url)).splitlines()
        assert csv[0] == '"post","title","key","feed","what","since","list"'
        assert any('"never-listed"' in line for line in csv)
    finally:
        site.stop()


def test_one_mail_an_episode(small, site):
    mu = site.root / "wp-content" / "mu-plugins" / "mail.php"
    mails = site.folder / "mails"
    mu.write_text(f"<?php add_filter('pre_wp_mail', function ($done, $mail) {{ file_put_contents('{mails}', wp_json_encode($mail) . \"\\n\", FILE_APPEND); return true; }}, 10, 2);")
    site.eval("$s = get_option('livelist_sync_settings'); $s['mail'] = 'owner@example.test'; update_option('livelist_sync_settings', $s);")

    def unknown(answer):
        if answer.kind == "live":
            answer.status = 401

    try:
        small.proxy.fault = unknown
        for _ in range(3):
            small.apply()
        sent = [json.loads(line) for line in mails.read_text().splitlines()]
        assert [mail["to"] for mail in sent] == ["owner@example.test"]
        assert "does not know this site key" in sent[0]["message"]
        assert small.livelist.key not in sent[0]["message"]
        # A week later it is said once more; when it is over, nothing is.
        site.sql("UPDATE wp_options SET option_value = CONCAT(SUBSTRING_INDEX(option_value, '|', 1), '|1') WHERE option_name = 'livelist_sync_mailed'")
        small.apply()
        assert len(mails.read_text().splitlines()) == 2
        small.proxy.fault = None
        small.apply()
        assert len(mails.read_text().splitlines()) == 2
    finally:
        mu.unlink()


def test_set_up_by_overlap(small, site):
    site.settings(small.proxy.url, small.livelist.key, [])
    site.sql("DELETE FROM wp_livelist_feeds; DELETE FROM wp_livelist_map")
    site.serve()
    try:
        browser = Browser(site.url)
        settings = "/wp-admin/options-general.php?page=livelist-sync"
        page = browser.get(settings)
        assert small.livelist.feed in page
        page = browser.order(page, "propose", id=small.livelist.feed)
        assert f"{TYPE} / {META}" in page
        page = browser.order(page, "bind", id=small.livelist.feed, type=TYPE, meta=META, key_field="ListingKey")
        assert "Turn on" in page
        assert "The first list takes nothing down" in page
        page = browser.order(page, "dry", feed=small.livelist.feed)
        page = browser.order(page, "resume", feed=small.livelist.feed)
        assert "The list was used" in page, page
        assert site.feed(small.livelist.feed)["paused"] == "0"
    finally:
        site.stop()


def test_no_complaints(small):
    assert small.site.complaints() == []
