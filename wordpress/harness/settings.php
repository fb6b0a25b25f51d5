<?php
/**
 * Sets the plugin through the same cleaning as its settings page: settings.php JSON KEY SECRET
 */

use Livelist\Sync\Site\Settings;

require __DIR__ . '/load.php';
Settings::ensure();
$told  = array();
$clean = Settings::clean(
	json_decode( $argv[1], true ),
	function ( $name, $message ) use ( &$told ) {
		$told[] = "$name: $message";
	}
);
update_option( Settings::OPTION, $clean );
update_option( Settings::KEY, Settings::clean_secret( $argv[2], Settings::KEY ) );
update_option( Settings::SECRET, Settings::clean_secret( $argv[3], Settings::SECRET ) );
echo implode( "\n", $told );
exit( array() === $told ? 0 : 1 );
