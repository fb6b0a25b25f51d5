<?php
/**
 * Loads the site of WP_ROOT in a process of its own, as WP-CLI does.
 */

$root = getenv( 'WP_ROOT' );
$_SERVER += array(
	'SERVER_PROTOCOL' => 'HTTP/1.1',
	'REQUEST_METHOD'  => 'GET',
	'REQUEST_URI'     => '/',
);
preg_match( "#define\( '(?:WP_HOME', 'http://|DOMAIN_CURRENT_SITE', ')([^']+)'#", file_get_contents( $root . '/wp-config.php' ), $found );
$_SERVER['HTTP_HOST']   = $found ? $found[1] : '127.0.0.1';
$_SERVER['SERVER_NAME'] = '127.0.0.1';
require $root . '/wp-load.php';
