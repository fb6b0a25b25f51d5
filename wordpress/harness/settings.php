<?php
/**
 * Sets the plugin through the same cleaning as its settings page: settings.php JSON KEY SECRET
 */

use Livelist\Sync\Site\Settings;

require __DIR__ . '/load.php';
Settings::ensure();
$told  = array();
$tell  = function ( $name, $message ) use ( &$told ) {
	$told[] = "$name: $message";
};
$clean = Settings::clean( json_decode( $argv[1], true ), $tell );
update_option( Settings::OPTION, $clean );
update_option( Settings::KEY, Settings::clean_secret( $argv[2], Settings::KEY, $tell ) );
update_option( Settings::SECRET, Settings::clean_secret( $argv[3], Settings::SECRET, $tell ) );
echo implode( "\n", $told );
exit( array() === $told ? 0 : 1 );
