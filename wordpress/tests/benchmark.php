<?php
/**
 * One whole pass over 200,000 posts: fetch, verify, difference. Run in a site by benchmark.py; prints
 * the peak above WordPress's own memory, and the processor time of PHP.
 */

use Livelist\Sync\Site\Client;
use Livelist\Sync\Site\Deadline;
use Livelist\Sync\Site\Engine;
use Livelist\Sync\Site\Lock;
use Livelist\Sync\Site\Run;
use Livelist\Sync\Site\Settings;

define( 'DOING_CRON', true );
require dirname( __DIR__ ) . '/harness/load.php';

function cpu() {
	$used = getrusage();
	return $used['ru_utime.tv_sec'] + $used['ru_stime.tv_sec'] + ( $used['ru_utime.tv_usec'] + $used['ru_stime.tv_usec'] ) / 1e6;
}

$feed     = Settings::feeds()[0];
$lock     = Lock::take();
$run      = Run::begin( $feed->id, 'benchmark', true );
$engine   = new Engine( new Client(), $lock );
$deadline = new Deadline( 600.0 );
$own      = memory_get_usage();
$peak     = memory_get_peak_usage();
$cpu      = cpu();
$began    = microtime( true );
$is_done  = $engine->advance( $feed, $run, $deadline );
$wall     = microtime( true ) - $began;
$cpu      = cpu() - $cpu;
$lock->release();
echo json_encode(
	array(
		'done'    => $is_done,
		'state'   => $run->state,
		'matched' => $run->matched,
		'missing' => $run->missing,
		'going'   => $run->going,
		'own'     => $own,
		'before'  => $peak,
		'peak'    => memory_get_peak_usage(),
		'cpu'     => $cpu,
		'wall'    => $wall,
	)
);
