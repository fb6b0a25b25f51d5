<?php
/**
 * Installs WordPress: install.php URL single|multisite
 */

define( 'WP_INSTALLING', true );
if ( 'multisite' === $argv[2] ) {
	define( 'WP_ALLOW_MULTISITE', true );
}
require __DIR__ . '/load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
add_filter( 'pre_wp_mail', '__return_true' );
wp_install( 'A site', 'admin', 'admin@example.test', true, '', 'a-password-of-a-test' );
update_option( 'siteurl', $argv[1] );
update_option( 'home', $argv[1] );
if ( 'multisite' === $argv[2] ) {
	foreach ( $wpdb->tables( 'ms_global' ) as $table => $prefixed ) {
		$wpdb->$table = $prefixed;
	}
	install_network();
	populate_network( 1, preg_replace( '#^http://#', '', $argv[1] ), 'admin@example.test', 'A network', '/', false );
}
