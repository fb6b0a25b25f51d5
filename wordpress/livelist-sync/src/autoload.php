<?php
/**
 * Loads the classes of this plugin: one a file, named as its class. No Composer.
 *
 * @package Livelist\Sync
 */

spl_autoload_register(
	function ( $name ) {
		$prefix = 'Livelist\\Sync\\';
		if ( 0 === strncmp( $name, $prefix, strlen( $prefix ) ) ) {
			$file = __DIR__ . '/' . str_replace( '\\', '/', substr( $name, strlen( $prefix ) ) ) . '.php';
			if ( is_file( $file ) ) {
				require $file;
			}
		}
	}
);
