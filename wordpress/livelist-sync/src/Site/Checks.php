<?php
/**
 * Asks posts themselves, not copies or caches, whether they may be taken down. Depends on Db, Map and
 * Core.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;
use Livelist\Sync\Core\Feed;

// phpcs:disable WordPress.DB

/**
 * Checks of posts.
 */
final class Checks {
	/**
	 * Statuses that visitors see, or will.
	 *
	 * @return string[]
	 */
	public static function visible(): array {
		$public = array_values( get_post_stati( array( 'public' => true ) ) );
		return array_values( array_unique( array_merge( $public, array( 'publish', 'future' ) ) ) );
	}

	/**
	 * How many posts of the feed's type visitors see.
	 *
	 * @param Feed $feed The feed.
	 */
	public static function count_visible( Feed $feed ): int {
		global $wpdb;
		$quoted = array();
		foreach ( self::visible() as $status ) {
			$quoted[] = Db::bytes( $status );
		}
		return (int) Db::value( "SELECT COUNT(*) FROM {$wpdb->posts} WHERE post_type = %s AND post_status IN (" . implode( ',', $quoted ) . ')', $feed->post_type );
	}

	/**
	 * The condition that tells the feed's posts, on the table of posts as `p`.
	 *
	 * @param Feed $feed The feed.
	 */
	public static function condition( Feed $feed ): string {
		global $wpdb;
		$value = Db::bytes( $feed->only_value );
		if ( 'meta' === $feed->only ) {
			return $wpdb->prepare( "EXISTS (SELECT 1 FROM {$wpdb->postmeta} o WHERE o.post_id = p.ID AND o.meta_key = %s AND CAST(o.meta_value AS BINARY) = $value)", $feed->only_key );
		}
		if ( 'term' === $feed->only ) {
			return $wpdb->prepare(
				"EXISTS (SELECT 1 FROM {$wpdb->term_relationships} r JOIN {$wpdb->term_taxonomy} x ON x.term_taxonomy_id = r.term_taxonomy_id JOIN {$wpdb->terms} t ON t.term_id = x.term_id WHERE r.object_id = p.ID AND x.taxonomy = %s AND CAST(t.slug AS BINARY) = $value)",
				$feed->only_key
			);
		}
		return '1 = 1';
	}

	/**
	 * Status and reason of each post: the reason says why it must be left alone; it is empty if it
	 * may be taken down. Reasons: no_post, other_type, not_of_feed, other_key, several_keys, shared,
	 * not_visible, young.
	 *
	 * @param Feed                                 $feed  The feed.
	 * @param array<int, array{0: string, 1: int}> $rows  Keys and posts.
	 * @param int                                  $as_of Instant of the list.
	 * @param string[]                             $in    Statuses that they have to have.
	 * @return array<int, array{0: string, 1: string}> Status and reason, in the order of the rows.
	 */
	public static function posts( Feed $feed, array $rows, int $as_of, array $in ): array {
		global $wpdb;
		if ( array() === $rows ) {
			return array();
		}
		$ids   = array_values( array_unique( array_column( $rows, 1 ) ) );
		$known = array();
		foreach ( Db::rows( "SELECT p.ID, p.post_type, p.post_status, p.post_date_gmt, " . self::condition( $feed ) . " FROM {$wpdb->posts} p WHERE p.ID IN (" . Db::ids( $ids ) . ')' ) as $row ) {
			$known[ (int) $row[0] ] = $row;
		}
		$values = array();
		foreach ( Db::rows( "SELECT post_id, meta_value FROM {$wpdb->postmeta} WHERE meta_key = %s AND post_id IN (" . Db::ids( $ids ) . ')', $feed->meta_key ) as $row ) {
			$values[ (int) $row[0] ][] = (string) $row[1];
		}
		$shared = Map::shared( $feed->id, $ids );
		$found  = array();
		foreach ( $rows as $row ) {
			list( $key, $id ) = array( $row[0], (int) $row[1] );
			$post             = isset( $known[ $id ] ) ? $known[ $id ] : null;
			$has              = isset( $values[ $id ] ) ? array_values( array_unique( $values[ $id ] ) ) : array();
			$found[]          = array(
				null === $post ? '' : (string) $post[2],
				self::reason( $feed, $key, $post, $has, isset( $shared[ $id ] ), $as_of, $in ),
			);
		}
		return $found;
	}

	/**
	 * @param Feed                            $feed   The feed.
	 * @param string                          $key    The key that it is missed by.
	 * @param array<int, string|null>|null    $post   ID, type, status, created, condition.
	 * @param string[]                        $has    What its meta says.
	 * @param bool                            $shared Whether another feed has it too.
	 * @param int                             $as_of  Instant of the list.
	 * @param string[]                        $in     Statuses that it has to have.
	 */
	private static function reason( Feed $feed, string $key, ?array $post, array $has, bool $shared, int $as_of, array $in ): string {
		if ( null === $post ) {
			return 'no_post';
		}
		if ( $feed->post_type !== $post[1] ) {
			return 'other_type';
		}
		if ( '1' !== (string) $post[4] ) {
			return 'not_of_feed';
		}
		if ( ! in_array( $key, $has, true ) ) {
			return 'other_key';
		}
		if ( 1 !== count( $has ) ) {
			return 'several_keys';
		}
		if ( $shared ) {
			return 'shared';
		}
		if ( ! in_array( $post[2], $in, true ) ) {
			return 'not_visible';
		}
		// Without a date it was never published; what cannot be read counts as young.
		$created = '0000-00-00 00:00:00' === $post[3] ? 0 : strtotime( $post[3] . ' UTC' );
		if ( false === $created || Decision::is_young( $created, $as_of ) ) {
			return 'young';
		}
		return '';
	}
}
