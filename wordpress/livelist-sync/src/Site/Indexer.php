<?php
/**
 * Fills the map from post meta, in slices that follow the meta table's own numbers: no offsets, and no
 * walk over what was read already. Depends on Db, Map, Mirror, Feeds, Checks.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Key;

// phpcs:disable WordPress.DB

/**
 * Reading post meta.
 */
final class Indexer {
	/** Numbers of the meta table that one statement looks at. */
	const WINDOW = 20000;
	/** A whole walk once a week finds what was changed behind WordPress's back. */
	const REBUILD = 604800;

	/**
	 * Goes on; says whether it has come to the end.
	 *
	 * @param Feed     $feed     The feed.
	 * @param Lock     $lock     The lock.
	 * @param Deadline $deadline The slice.
	 */
	public static function advance( Feed $feed, Lock $lock, Deadline $deadline ): bool {
		global $wpdb;
		if ( ! Mirror::read( $lock, $deadline ) ) {
			return false;
		}
		$state = Feeds::state( $feed->id );
		$at    = $state->indexed_to;
		if ( $feed->fingerprint() !== $state->fingerprint ) {
			Map::clear( $feed->id );
			$at = 0;
			Feeds::set(
				$feed->id,
				array(
					'fingerprint' => $feed->fingerprint(),
					'indexed_to'  => 0,
					'rebuilt_at'  => time(),
				)
			);
		} elseif ( time() - $state->rebuilt_at > self::REBUILD ) {
			$at = 0;
			Feeds::set(
				$feed->id,
				array(
					'indexed_to' => 0,
					'rebuilt_at' => time(),
				)
			);
		}
		$end = (int) Db::value( "SELECT MAX(meta_id) FROM {$wpdb->postmeta}" );
		while ( $at < $end ) {
			$lock->confirm();
			$to   = min( $end, $at + self::WINDOW );
			$rows = Db::rows(
				"SELECT m.meta_value, m.post_id FROM {$wpdb->postmeta} m FORCE INDEX (PRIMARY) JOIN {$wpdb->posts} p ON p.ID = m.post_id
				WHERE m.meta_id > %d AND m.meta_id <= %d AND m.meta_key = %s AND p.post_type = %s AND " . str_replace( '%', '%%', Checks::condition( $feed ) ),
				$at,
				$to,
				$feed->meta_key,
				$feed->post_type
			);
			Map::add( $feed->id, array_filter( $rows, array( self::class, 'is_usable' ) ) );
			$at = $to;
			Feeds::set( $feed->id, array( 'indexed_to' => $at ) );
			if ( $deadline->is_over() && $at < $end ) {
				return false;
			}
		}
		return true;
	}

	/**
	 * Makes the map's rows of one post right.
	 *
	 * @param Feed $feed The feed.
	 * @param int  $post The post.
	 */
	public static function refresh( Feed $feed, int $post ): void {
		global $wpdb;
		$is_of = '1' === (string) Db::value( "SELECT 1 FROM {$wpdb->posts} p WHERE p.ID = %d AND p.post_type = %s AND " . str_replace( '%', '%%', Checks::condition( $feed ) ), $post, $feed->post_type );
		$keys  = array();
		if ( $is_of ) {
			$rows = Db::rows( "SELECT meta_value FROM {$wpdb->postmeta} WHERE post_id = %d AND meta_key = %s", $post, $feed->meta_key );
			$keys = Map::usable( array_column( $rows, 0 ) );
		}
		Map::refresh( $feed->id, $post, $keys );
	}

	/** @param array<int, mixed> $row */
	private static function is_usable( array $row ): bool {
		return Key::is_usable( $row[0] );
	}
}
