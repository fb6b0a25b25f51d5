<?php
/**
 * Takes back what one run took down. What it restored stays: undoing never takes a listing down. The
 * feed is paused; when it goes on, a person says what becomes of these posts. Depends on Plan, Posts, Feeds.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;

/**
 * Undoing a run.
 */
final class Undo {
	/**
	 * Goes on; says whether it has ended.
	 *
	 * @param Run      $run      The run.
	 * @param Lock     $lock     The lock.
	 * @param Deadline $deadline The slice.
	 */
	public static function advance( Run $run, Lock $lock, Deadline $deadline ): bool {
		do {
			$steps = Plan::next( $run->id, Plan::DONE, array( Decision::DRAFT, Decision::TRASH ) );
			foreach ( $steps as $step ) {
				$lock->confirm();
				Plan::end( $step->id, Plan::UNDONE, Posts::undo( $step ) );
				if ( $deadline->is_over() ) {
					$run->save();
					return false;
				}
			}
		} while ( array() !== $steps );
		$run->end( Run::UNDONE );
		return true;
	}
}
