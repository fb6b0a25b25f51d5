<?php
/**
 * A slice of work: whoever asks for it, this is the one way in. Takes the lock, goes on with what was
 * begun, begins what is due, and sees to it that the rest is done later, even if this process is
 * killed. Depends on everything else of Site.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Refused;

/**
 * Slices.
 */
final class Worker {
	/** A slice that dies is gone on with after the lock has ended. */
	const AFTER_DEATH = 75;
	/** So often a list that could not be had is asked for again before the next day. */
	const ATTEMPTS = 4;

	/**
	 * Asks for all feeds and works: the daily event.
	 */
	public static function daily(): void {
		try {
			Schema::ensure();
			foreach ( Settings::feeds() as $feed ) {
				Feeds::set( $feed->id, array( 'attempts' => 0 ) );
				Feeds::ask( $feed->id, time() );
			}
		} catch ( Refused $refused ) {
			// The database fails: in an hour once more.
			Schedule::at( time() + HOUR_IN_SECONDS );
			return;
		}
		self::slice( 'cron' );
	}

	/**
	 * Works: the event that continues.
	 */
	public static function on(): void {
		self::slice( 'cron' );
	}

	/**
	 * Works for the length of a slice; says whether nothing is left to do now. False also means that
	 * another process is at work.
	 *
	 * @param string $by Who asks.
	 */
	public static function slice( string $by ): bool {
		try {
			Schema::ensure();
			Schedule::at( time() + self::AFTER_DEATH );
			$lock = Lock::take();
			if ( null === $lock ) {
				return false;
			}
			try {
				$is_done = self::feeds( $by, $lock );
			} finally {
				$lock->release();
			}
			self::plan_next( $is_done );
			Notices::mail();
			return $is_done;
		} catch ( Refused $refused ) {
			// The lock was lost, or the database fails: the event that was asked for first goes on.
			return false;
		}
	}

	/** Goes on with all feeds; says whether nothing is left to do now. */
	private static function feeds( string $by, Lock $lock ): bool {
		/**
		 * Seconds of a slice.
		 *
		 * @param float $seconds 15 by default.
		 */
		$deadline = new Deadline( (float) apply_filters( 'livelist_sync_slice_seconds', Deadline::SLICE ) );
		$is_done  = true;
		foreach ( Settings::feeds() as $feed ) {
			$is_done = self::feed( $feed, $by, $lock, $deadline ) && $is_done;
		}
		return $is_done;
	}

	/** Goes on with a feed; says whether nothing is left to do for it now. */
	private static function feed( Feed $feed, string $by, Lock $lock, Deadline $deadline ): bool {
		do {
			$run = Run::current( $feed->id );
			if ( null === $run ) {
				$state = Feeds::state( $feed->id );
				if ( 0 === $state->due_at || $state->due_at > time() || 0 !== $state->paused ) {
					return true;
				}
				// In this order: a process that dies in between leaves one run too many, not none.
				// Whoever asks from here on gets another run.
				$run = Run::begin( $feed->id, $by, false );
				Feeds::set( $feed->id, array( 'due_at' => 0 ) );
			}
			if ( ! self::advance( $feed, $run, $lock, $deadline ) ) {
				return false;
			}
		} while ( ! $deadline->is_over() );
		return null === Run::current( $feed->id );
	}

	private static function advance( Feed $feed, Run $run, Lock $lock, Deadline $deadline ): bool {
		if ( Run::UNDOING === $run->state ) {
			return Undo::advance( $run, $lock, $deadline );
		}
		if ( 0 !== Feeds::state( $feed->id )->paused && 0 === $run->dry ) {
			$run->end( Run::SUPERSEDED );
			return true;
		}
		$client = new Client();
		try {
			$is_done = ( new Engine( $client, $lock ) )->advance( $feed, $run, $deadline );
		} catch ( Refused $refused ) {
			if ( 'lock_lost' === $refused->name() ) {
				throw $refused;
			}
			if ( 'database' === $refused->name() ) {
				// As if the process had died: what was begun is gone on with when the database works.
				self::told( $feed, $refused );
				throw $refused;
			}
			self::refused( $feed, $run, $refused );
			$is_done = true;
		}
		if ( $is_done && 0 === $run->dry && in_array( $run->state, array( Run::APPLIED, Run::HELD, Run::REFUSED ), true ) ) {
			self::ack( $client, $feed, $run );
		}
		return $is_done;
	}

	/** Nothing was changed by a list that is refused; the site keeps what it has. */
	private static function refused( Feed $feed, Run $run, Refused $refused ): void {
		$run->error      = $refused->name();
		$run->error_text = $refused->facts();
		if ( 0 === $run->dry ) {
			$state = Feeds::state( $feed->id );
			if ( $refused->soon() && $state->attempts < self::ATTEMPTS ) {
				$wait = ( 15 * MINUTE_IN_SECONDS * ( 1 << $state->attempts ) * random_int( 75, 125 ) ) / 100;
				$wait = min( DAY_IN_SECONDS, max( (int) $wait, $refused->retry_after() ) );
				Feeds::ask( $feed->id, time() + $wait );
			}
			self::told( $feed, $refused );
			Feeds::set(
				$feed->id,
				array(
					'attempts' => $state->attempts + 1,
					// What was to be looked at again still is.
					'again'    => 1,
				)
			);
		}
		if ( 0 !== $run->approved && in_array( $run->phase, array( 'recheck', 'ask' ), true ) ) {
			$run->approved = 0;
			$run->state    = Run::HELD;
			$run->save();
			return;
		}
		$run->end( Run::REFUSED );
	}

	/** What went wrong, for those who look. */
	private static function told( Feed $feed, Refused $refused ): void {
		Feeds::set(
			$feed->id,
			array(
				'error'      => $refused->name(),
				'error_text' => $refused->facts(),
				'error_at'   => time(),
			)
		);
	}

	/** An ack that fails changes nothing. */
	private static function ack( Client $client, Feed $feed, Run $run ): void {
		try {
			$client->ack(
				$feed,
				array(
					'version'     => '' === $run->version ? null : $run->version,
					'local_total' => $run->local_total,
					'missing'     => $run->missing,
					'removed'     => $run->drafted + $run->trashed,
					'held'        => Run::HELD === $run->state ? $run->going : 0,
					'error'       => '' === $run->error ? null : $run->error,
				)
			);
		} catch ( Refused $refused ) {
			return;
		}
	}

	private static function plan_next( bool $is_done ): void {
		if ( ! $is_done ) {
			Schedule::at( time() + 1 );
			return;
		}
		$next = 0;
		foreach ( Settings::feeds() as $feed ) {
			$state = Feeds::state( $feed->id );
			if ( 0 !== $state->due_at && 0 === $state->paused ) {
				$next = 0 === $next ? $state->due_at : min( $next, $state->due_at );
			}
		}
		if ( 0 === $next ) {
			Schedule::nothing();
		} else {
			Schedule::at( max( $next, time() + 1 ) );
		}
	}
}
