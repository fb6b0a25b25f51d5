<?php
/**
 * Activates the plugin as an administrator does.
 */

require __DIR__ . '/load.php';
require_once ABSPATH . 'wp-admin/includes/plugin.php';
$done = activate_plugin( 'livelist-sync/livelist-sync.php', '', is_multisite() );
if ( is_wp_error( $done ) ) {
	fwrite( STDERR, $done->get_error_message() . "\n" );
	exit( 1 );
}
