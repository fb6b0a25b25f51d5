<?php
/**
 * A feed gets another id when its filter or credential changes. What was taken down for the former one moves
 * to the new one, where the service says that both are of one MLS and resource; else a person decides.
 * Depends on Client, Feeds, Memory.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Refused;

/**
 * Moving what was taken down.
 */
final class Moves {
	/**
	 * Learns of which MLS and resource a feed is, and moves to it what belongs to it. It is asked for when a
	 * feed is new, and while something waits for its move.
	 *
	 * @param Feed   $feed   The feed.
	 * @param Client $client The service.
	 */
	public static function find( Feed $feed, Client $client ): void {
		$orphans = Memory::orphans();
		$state   = Feeds::state( $feed->id );
		if ( '' === $state->mls ) {
			try {
				self::learn( $client->feeds() );
			} catch ( Refused $refused ) {
				// It is no reason to leave the list unused.
				return;
			}
			$state = Feeds::state( $feed->id );
		}
		foreach ( array_keys( $orphans ) as $former ) {
			$known = Feeds::state( (string) $former );
			if ( '' !== $known->mls && $known->mls === $state->mls && $known->resource === $state->resource ) {
				Memory::move( (string) $former, $feed );
			}
		}
	}

	/**
	 * A person says that what was taken down for one feed belongs to another.
	 *
	 * @param string $former A feed that the site does not have any more.
	 * @param Feed   $feed   The feed.
	 * @return int How many posts moved.
	 * @throws Refused The name is not_found.
	 */
	public static function confirm( string $former, Feed $feed ): int {
		if ( ! isset( Memory::orphans()[ $former ] ) ) {
			throw Refused::because( 'nothing_to_move' );
		}
		$moved = Memory::move( $former, $feed );
		Feeds::set( $feed->id, array( 'again' => 1 ) );
		Feeds::ask( $feed->id, time() );
		return $moved;
	}

	/** @param array<int, array<string, mixed>> $feeds What the service says. */
	private static function learn( array $feeds ): void {
		foreach ( $feeds as $one ) {
			if ( null !== Settings::feed( $one['feed'] ) ) {
				Feeds::set(
					$one['feed'],
					array(
						'mls'      => $one['mls'],
						'resource' => $one['resource'],
					)
				);
			}
		}
	}
}
