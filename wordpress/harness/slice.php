<?php
/**
 * One slice, as a cron process: slice.php [daily]. Prints whether nothing is left to do.
 */

define( 'DOING_CRON', true );
require __DIR__ . '/load.php';
if ( isset( $argv[1] ) && 'daily' === $argv[1] ) {
	Livelist\Sync\Site\Worker::daily();
	exit;
}
echo Livelist\Sync\Site\Worker::slice( 'cron' ) ? 'done' : 'more';
