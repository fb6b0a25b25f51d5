<?php
/**
 * Runs a class of commands as WP-CLI does, as far as `wp livelist` needs it: wp.php livelist VERB …
 * WP-CLI itself is not in Debian.
 */

// phpcs:disable

namespace {
	define( 'WP_CLI', true );

	class WP_CLI {
		public static $commands = array();

		public static function add_command( $name, $class ) {
			self::$commands[ $name ] = $class;
		}

		public static function line( $text ) {
			echo $text, "\n";
		}

		public static function success( $text ) {
			echo "Success: $text\n";
		}

		public static function warning( $text ) {
			echo "Warning: $text\n";
		}

		public static function error( $text ) {
			echo "Error: $text\n";
			exit( 1 );
		}

		public static function halt( $code ) {
			exit( $code );
		}
	}
}

namespace WP_CLI\Utils {
	function format_items( $format, $items, $fields ) {
		echo implode( "\t", $fields ), "\n";
		foreach ( $items as $item ) {
			echo implode( "\t", array_map( 'strval', array_values( $item ) ) ), "\n";
		}
	}
}

namespace {
	require __DIR__ . '/load.php';
	$words   = array();
	$options = array();
	foreach ( array_slice( $argv, 2 ) as $word ) {
		if ( preg_match( '/^--([a-z-]+)(?:=(.*))?$/s', $word, $found ) ) {
			$options[ $found[1] ] = isset( $found[2] ) ? $found[2] : true;
		} else {
			$words[] = $word;
		}
	}
	$class = WP_CLI::$commands[ $argv[1] ];
	$verb  = str_replace( '-', '_', array_shift( $words ) );
	if ( ! is_callable( array( new $class(), $verb ) ) ) {
		WP_CLI::error( 'There is no such verb.' );
	}
	( new $class() )->$verb( $words, $options );
}
