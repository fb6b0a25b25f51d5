<?php
/**
 * What people can ask for, from the settings page and from the command line alike. Each order is a
 * small change of state; a slice carries it out. Depends on Feeds, Run, Lock, Worker.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Refused;

/**
 * Orders.
 */
final class Orders {
	/**
	 * Asks the service for the manifest, and nothing else.
	 *
	 * @param Feed $feed The feed.
	 * @throws Refused Why it does not work.
	 */
	public static function test( Feed $feed ): \Livelist\Sync\Core\Manifest {
		$answer = ( new Client() )->manifest( $feed, '' );
		if ( null === $answer ) {
			throw new Refused( 'unavailable', 'The service gave no list.' );
		}
		return $answer[0];
	}

	/**
	 * Uses the newest list now.
	 *
	 * @param Feed $feed The feed.
	 */
	public static function apply( Feed $feed ): void {
		Schema::ensure();
		Feeds::ask( $feed->id, time() );
	}

	/**
	 * Begins a run that only looks.
	 *
	 * @param Feed   $feed The feed.
	 * @param string $by   Who asks.
	 * @throws Refused The name is busy.
	 */
	public static function dry( Feed $feed, string $by ): Run {
		return self::locked(
			function () use ( $feed, $by ) {
				if ( null !== Run::current( $feed->id ) ) {
					throw new Refused( 'busy', 'A run is at work.' );
				}
				return Run::begin( $feed->id, $by, true );
			}
		);
	}

	/**
	 * Lets a held run go on, or ends it.
	 *
	 * @param int  $id      The run.
	 * @param bool $approve Which of the two.
	 * @throws Refused Names: busy, not_held.
	 */
	public static function decide( int $id, bool $approve ): Run {
		return self::locked(
			function () use ( $id, $approve ) {
				$run = Run::find( $id );
				if ( null === $run || Run::HELD !== $run->state ) {
					throw new Refused( 'not_held', 'That run does not wait for anybody.' );
				}
				if ( ! $approve ) {
					$run->end( Run::REJECTED );
					Feeds::set( $run->feed, array( 'held_run' => 0 ) );
					return $run;
				}
				if ( null !== Run::current( $run->feed ) ) {
					throw new Refused( 'busy', 'A run is at work.' );
				}
				if ( 0 !== Feeds::state( $run->feed )->paused ) {
					throw new Refused( 'paused', 'The feed is paused.' );
				}
				$run->state    = Run::RUNNING;
				$run->phase    = 'recheck';
				$run->position = array( 'approved' => true );
				$run->ended_at = 0;
				$run->save();
				return $run;
			}
		);
	}

	/**
	 * Begins to undo a run, and pauses its feed.
	 *
	 * @param int $id The run.
	 * @throws Refused Names: busy, not_undoable.
	 */
	public static function undo( int $id ): Run {
		return self::locked(
			function () use ( $id ) {
				$run = Run::find( $id );
				if ( null === $run || 0 !== $run->dry || ! in_array( $run->state, array( Run::APPLIED, Run::REFUSED, Run::SUPERSEDED ), true ) ) {
					throw new Refused( 'not_undoable', 'That run did nothing that can be undone.' );
				}
				$current = Run::current( $run->feed );
				if ( null !== $current ) {
					if ( Run::UNDOING === $current->state ) {
						throw new Refused( 'busy', 'A run is at work.' );
					}
					$current->end( Run::SUPERSEDED );
				}
				Feeds::set( $run->feed, array( 'paused' => 1 ) );
				$run->state    = Run::UNDOING;
				$run->ended_at = 0;
				$run->save();
				return $run;
			}
		);
	}

	/**
	 * Stops using lists of a feed, or goes on.
	 *
	 * @param Feed $feed   The feed.
	 * @param bool $paused Which of the two.
	 */
	public static function pause( Feed $feed, bool $paused ): void {
		Schema::ensure();
		Feeds::set( $feed->id, array( 'paused' => (int) $paused ) );
	}

	/**
	 * Works until nothing is left to do, or until the time is over.
	 *
	 * @param string $by      Who asks.
	 * @param int    $seconds How long at most.
	 */
	public static function work( string $by, int $seconds ): bool {
		$end = time() + $seconds;
		do {
			if ( Worker::slice( $by ) ) {
				return true;
			}
			usleep( 200000 );
		} while ( time() < $end );
		return false;
	}

	private static function locked( callable $work ): Run {
		Schema::ensure();
		$lock = Lock::take();
		if ( null === $lock ) {
			throw new Refused( 'busy', 'Another process is at work.' );
		}
		try {
			return $work();
		} finally {
			$lock->release();
		}
	}
}
