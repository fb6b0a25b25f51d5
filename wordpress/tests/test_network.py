"""Activation, deactivation and deletion; a network of sites."""

from faulty import META, TYPE
from local_wordpress import WordPress

TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE '%livelist%'"
OPTIONS = "SELECT option_name FROM {} WHERE option_name LIKE '%livelist%'"
# As WordPress does it when somebody deletes the plugin.
UNINSTALL = "require ABSPATH . 'wp-admin/includes/plugin.php'; deactivate_plugins('livelist-sync/livelist-sync.php'{}); uninstall_plugin('livelist-sync/livelist-sync.php');"
FEED = {"feed": "island-property-12345678", "post_type": TYPE, "meta_key": META}


def test_deleting_the_plugin_leaves_every_listing(folder, database):
    site = WordPress(folder / "uninstall", database, "uninstall").install()
    site.settings("https://lists.example.com", "a-key", [FEED])
    site.import_posts(["a", "b"], TYPE, META)
    site.eval("update_option('mine', 'stays');")
    posts = site.sql("SELECT * FROM wp_posts ORDER BY ID")
    meta = site.sql("SELECT * FROM wp_postmeta ORDER BY meta_id")
    assert len(site.sql(TABLES)) == 5
    assert "livelist_sync_daily" in site.eval("echo wp_json_encode(_get_cron_array());")
    site.eval(UNINSTALL.format(""))
    assert site.sql(TABLES) == []
    assert site.sql(OPTIONS.format("wp_options")) == []
    assert "livelist" not in site.eval("echo wp_json_encode(get_option('cron'));")
    assert site.sql("SELECT * FROM wp_posts ORDER BY ID") == posts
    assert site.sql("SELECT * FROM wp_postmeta ORDER BY meta_id") == meta
    assert site.complaints() == []


def test_each_site_of_a_network_has_its_own(folder, database):
    site = WordPress(folder / "network", database, "network", multisite=True).install()
    made = "$id = wpmu_create_blog(parse_url(network_home_url(), PHP_URL_HOST) . ':' . parse_url(network_home_url(), PHP_URL_PORT), '/two/', 'Two', 1);"
    made += "echo is_wp_error($id) ? $id->get_error_message() : $id;"
    assert site.eval(made).strip() == "2"
    # Nobody activated it there; it makes what it needs when it needs it.
    site.eval("switch_to_blog(2); Livelist\\Sync\\Site\\Plugin::activate(); restore_current_blog();")
    tables = {row[0] for row in site.sql(TABLES)}
    assert {"wp_livelist_map", "wp_2_livelist_map", "wp_livelist_runs", "wp_2_livelist_runs"} <= tables
    # The network's owner hears which site needs a look.
    feed = "array('feed' => 'island-property-12345678', 'post_type' => 'property', 'meta_key' => 'ListingKey')"
    site.eval(
        f"switch_to_blog(2); update_option('livelist_sync_settings', array('api_url' => 'https://lists.example.com', 'feeds' => array({feed})));"
        "update_option('livelist_sync_site_key', 'a-key'); Livelist\\Sync\\Site\\Feeds::set('island-property-12345678', array('error' => 'unauthorized')); restore_current_blog();"
    )
    told = site.eval("wp_set_current_user(1); Livelist\\Sync\\Site\\Notices::show_network();")
    assert "Livelist Sync, Two: " in told and "does not know this site key" in told
    # A site that is removed takes its tables along.
    second = site.eval(made.replace("/two/", "/three/")).strip()
    site.eval(f"switch_to_blog({second}); Livelist\\Sync\\Site\\Plugin::activate(); restore_current_blog();")
    site.eval(f"require ABSPATH . 'wp-admin/includes/ms.php'; wpmu_delete_blog({second}, true);")
    assert not any(row[0].startswith(f"wp_{second}_") for row in site.sql(TABLES))
    site.eval(UNINSTALL.format(", false, true"))
    assert site.sql(TABLES) == []
    for table in ("wp_options", "wp_2_options"):
        assert site.sql(OPTIONS.format(table)) == []
