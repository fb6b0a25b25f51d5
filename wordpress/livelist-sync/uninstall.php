<?php
/**
 * The plugin is deleted: its own tables, options and events go, on every site of a network. Listings
 * stay as they are.
 *
 * @package Livelist\Sync
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

require __DIR__ . '/src/autoload.php';

if ( is_multisite() ) {
	$livelist_sync_after = 0;
	do {
		// By id and not by offset: sites may come and go meanwhile.
		global $wpdb;
		$livelist_sync_sites = $wpdb->get_col( $wpdb->prepare( "SELECT blog_id FROM {$wpdb->blogs} WHERE blog_id > %d ORDER BY blog_id LIMIT 100", $livelist_sync_after ) ); // phpcs:ignore WordPress.DB
		foreach ( $livelist_sync_sites as $livelist_sync_site ) {
			$livelist_sync_after = (int) $livelist_sync_site;
			switch_to_blog( $livelist_sync_after );
			Livelist\Sync\Site\Plugin::uninstall();
			restore_current_blog();
		}
	} while ( array() !== $livelist_sync_sites );
} else {
	Livelist\Sync\Site\Plugin::uninstall();
}
