<?php
/**
 * What people can ask for, from the settings page and from the command line alike. Each order is a
 * small change of state; a slice carries it out. Depends on Feeds, Run, Lock, Worker.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;
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
			throw Refused::because( 'unavailable' );
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
					throw Refused::because( 'busy' );
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
					throw Refused::because( 'not_held' );
				}
				if ( ! $approve ) {
					$run->end( Run::REJECTED );
					Feeds::set( $run->feed, array( 'held_run' => 0 ) );
					return $run;
				}
				if ( null !== Run::current( $run->feed ) ) {
					throw Refused::because( 'busy' );
				}
				if ( 0 !== Feeds::state( $run->feed )->paused ) {
					throw Refused::because( 'paused' );
				}
				$run->state    = Run::RUNNING;
				$run->phase    = 'recheck';
				$run->position = array();
				$run->approved = 1;
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
					throw Refused::because( 'not_undoable' );
				}
				$current = Run::current( $run->feed );
				if ( null !== $current ) {
					if ( Run::UNDOING === $current->state ) {
						throw Refused::because( 'busy' );
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
	 * Stops using lists of a feed.
	 *
	 * @param Feed $feed The feed.
	 */
	public static function pause( Feed $feed ): void {
		Schema::ensure();
		Feeds::set( $feed->id, array( 'paused' => 1 ) );
	}

	/**
	 * Goes on with a feed, and looks at its posts at once. What was brought back by "undo" would go again:
	 * somebody has to say whether it shall.
	 *
	 * @param Feed   $feed   The feed.
	 * @param string $undone What becomes of those posts: 'down' or 'keep'; empty if nobody said.
	 * @throws Refused The name is undone.
	 */
	public static function resume( Feed $feed, string $undone ): void {
		Schema::ensure();
		$count = Memory::counts( $feed->id )[ Decision::UNDONE ];
		if ( $count > 0 && ! in_array( $undone, array( 'down', 'keep' ), true ) ) {
			$refused = Refused::because( 'undone', $count );
			throw $refused;
		}
		if ( 'keep' === $undone ) {
			Memory::keep_undone( $feed->id );
		}
		Memory::turn( $feed->id, Decision::UNDONE, Decision::UNTOUCHED );
		Feeds::set(
			$feed->id,
			array(
				'paused' => 0,
				'again'  => 1,
			)
		);
		Feeds::ask( $feed->id, time() );
	}

	/**
	 * Begins anew with a feed whose lists are numbered anew.
	 *
	 * @param Feed   $feed  The feed.
	 * @param string $epoch The epoch that the person saw.
	 * @throws Refused Names: epoch, and why there is no manifest.
	 */
	public static function forget( Feed $feed, string $epoch ): void {
		Schema::ensure();
		$answer = ( new Client() )->manifest( $feed, '' );
		if ( null === $answer || $epoch !== $answer[0]->epoch ) {
			throw Refused::because( 'epoch' );
		}
		// The instant of what was used last stays: no list of an earlier time is taken.
		Feeds::set(
			$feed->id,
			array(
				'epoch'      => $epoch,
				'seq'        => 0,
				'version'    => '',
				'etag'       => '',
				'error'      => '',
				'error_text' => '',
				'again'      => 1,
			)
		);
		Feeds::ask( $feed->id, time() );
	}

	/**
	 * Brings back one post, which is an exception then.
	 *
	 * @param int $post The post.
	 * @throws Refused The name is changed.
	 */
	public static function restore( int $post ): void {
		Schema::ensure();
		self::locked_work(
			function () use ( $post ) {
				if ( '' !== Posts::restore_one( $post ) ) {
					throw Refused::because( 'changed' );
				}
			}
		);
	}

	/**
	 * Takes down one post of which the service could not say that it is gone: a person decides.
	 *
	 * @param Feed   $feed The feed.
	 * @param string $key  The key.
	 * @param int    $post The post.
	 * @throws Refused The name is changed.
	 */
	public static function take_down( Feed $feed, string $key, int $post ): void {
		self::locked_work(
			function () use ( $feed, $key, $post ) {
				if ( '' !== Posts::down_one( $feed, $key, $post ) ) {
					throw Refused::because( 'changed' );
				}
			}
		);
	}

	/**
	 * Makes a post an exception, or ends that.
	 *
	 * @param int  $post The post.
	 * @param bool $kept Which of the two.
	 * @throws Refused Names: not_kept, is_down, not_of_a_feed.
	 */
	public static function keep( int $post, bool $kept ): void {
		Schema::ensure();
		$row = Memory::find( $post );
		if ( ! $kept ) {
			if ( null === $row || ! in_array( $row->did, array( Decision::KEPT, Memory::UNSURE ), true ) ) {
				throw Refused::because( 'not_kept' );
			}
			Memory::forget( $post );
			Feeds::set( $row->feed, array( 'again' => 1 ) );
			Feeds::ask( $row->feed, time() );
			return;
		}
		if ( null !== $row && Decision::is_down( $row->did ) ) {
			throw Refused::because( 'is_down' );
		}
		foreach ( Settings::feeds() as $feed ) {
			$keys = get_post_type( $post ) === $feed->post_type ? Map::usable( get_post_meta( $post, $feed->meta_key ) ) : array();
			if ( array() !== $keys ) {
				Memory::keep( $post, $feed->id, $keys[0] );
				return;
			}
		}
		throw Refused::because( 'not_of_a_feed' );
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
		return self::locked_work( $work );
	}

	/** @return mixed */
	private static function locked_work( callable $work ) {
		Schema::ensure();
		$lock = Lock::take();
		if ( null === $lock ) {
			throw Refused::because( 'busy' );
		}
		try {
			return $work();
		} finally {
			$lock->release();
		}
	}
}
