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
	 * Statuses that visitors see, or will: published, scheduled, and what is ticked for the feed.
	 *
	 * @param Feed|null $feed The feed; null for what any feed of the site counts as visible.
	 * @return string[]
	 */
	public static function visible( ?Feed $feed = null ): array {
		$public = get_post_stati( array( 'public' => true ) );
		$ticked = array();
		foreach ( null === $feed ? Settings::feeds() : array( $feed ) as $one ) {
			$ticked = array_merge( $ticked, array_intersect( $one->statuses, $public ) );
		}
		return array_values( array_unique( array_merge( array( 'publish', 'future' ), $ticked ) ) );
	}

	/**
	 * How many posts of the feed's type visitors see.
	 *
	 * @param Feed $feed The feed.
	 */
	public static function count_visible( Feed $feed ): int {
		global $wpdb;
		return (int) Db::value( "SELECT COUNT(*) FROM {$wpdb->posts} WHERE post_type = %s AND post_status IN (" . Db::texts( self::visible( $feed ) ) . ')', $feed->post_type );
	}

	/**
	 * The condition that tells the feed's posts, on the table of posts as `p`.
	 *
	 * @param Feed $feed The feed.
	 */
	public static function condition( Feed $feed ): string {
		return self::has( $feed->only, $feed->only_key, $feed->only_value );
	}

	/**
	 * A condition on the table of posts as `p`; true for every post if there is none.
	 *
	 * @param string $kind  '', 'meta' or 'term'.
	 * @param string $key   Meta key or taxonomy.
	 * @param string $value Meta value or slug.
	 */
	private static function has( string $kind, string $key, string $value ): string {
		global $wpdb;
		$value = Db::bytes( $value );
		if ( 'meta' === $kind ) {
			return $wpdb->prepare( "EXISTS (SELECT 1 FROM {$wpdb->postmeta} o WHERE o.post_id = p.ID AND o.meta_key = %s AND CAST(o.meta_value AS BINARY) = $value)", $key );
		}
		if ( 'term' === $kind ) {
			return $wpdb->prepare(
				"EXISTS (SELECT 1 FROM {$wpdb->term_relationships} r JOIN {$wpdb->term_taxonomy} x ON x.term_taxonomy_id = r.term_taxonomy_id JOIN {$wpdb->terms} t ON t.term_id = x.term_id WHERE r.object_id = p.ID AND x.taxonomy = %s AND CAST(t.slug AS BINARY) = $value)",
				$key
			);
		}
		return '1 = 1';
	}

	/**
	 * Status and reason of each post: the reason says why it must be left alone; it is empty if it
	 * may be taken down. Reasons: no_post, other_type, not_of_feed, other_key, several_keys, shared,
	 * not_visible, young, kept.
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
		$kept  = '' === $feed->keep_key ? '1 = 0' : self::has( 'term', $feed->keep_key, $feed->keep_value );
		foreach ( Db::rows( 'SELECT p.ID, p.post_type, p.post_status, p.post_date_gmt, ' . self::condition( $feed ) . ", $kept FROM {$wpdb->posts} p WHERE p.ID IN (" . Db::ids( $ids ) . ')' ) as $row ) {
			$known[ (int) $row[0] ] = $row;
		}
		$values = array();
		foreach ( Db::rows( "SELECT post_id, meta_value FROM {$wpdb->postmeta} WHERE meta_key = %s AND post_id IN (" . Db::ids( $ids ) . ')', $feed->meta_key ) as $row ) {
			$values[ (int) $row[0] ][] = (string) $row[1];
		}
		$shared = self::shared( $feed, $ids );
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
	 * Which of these posts another feed of the site has as well. The posts are asked, not the map: that may
	 * still hold what a feed had that is not set any more.
	 *
	 * @param Feed  $feed The feed.
	 * @param int[] $ids  At least one.
	 * @return array<int, true> By post.
	 */
	private static function shared( Feed $feed, array $ids ): array {
		global $wpdb;
		$shared = array();
		foreach ( Settings::feeds() as $other ) {
			if ( $other->id === $feed->id || $other->post_type !== $feed->post_type ) {
				continue;
			}
			$rows = Db::rows(
				"SELECT p.ID FROM {$wpdb->posts} p WHERE p.ID IN (" . Db::ids( $ids ) . ") AND EXISTS (SELECT 1 FROM {$wpdb->postmeta} k WHERE k.post_id = p.ID AND k.meta_key = %s AND k.meta_value <> '') AND "
				. str_replace( '%', '%%', self::condition( $other ) ),
				$other->meta_key
			);
			foreach ( $rows as $row ) {
				$shared[ (int) $row[0] ] = true;
			}
		}
		return $shared;
	}

	/**
	 * @param Feed                            $feed   The feed.
	 * @param string                          $key    The key that it is missed by.
	 * @param array<int, string|null>|null    $post   ID, type, status, created, condition, kept.
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
		/**
		 * Whether a post stays although its listing is gone: "my own sold listings".
		 *
		 * @param bool   $keeps Whether the settings say so.
		 * @param int    $post  The post.
		 * @param string $feed  The feed.
		 * @param string $key   The key.
		 */
		if ( apply_filters( 'livelist_sync_keep', '1' === (string) $post[5], (int) $post[0], $feed->id, $key ) ) {
			return 'kept';
		}
		if ( 'future' === $post[2] ) {
			// Its date says when it will be published, not since when the site has it; the map says that.
			return '';
		}
		// Without a date it was never published; what cannot be read counts as young.
		$created = '0000-00-00 00:00:00' === $post[3] ? 0 : strtotime( $post[3] . ' UTC' );
		if ( false === $created || Decision::is_young( $created, $as_of ) ) {
			return 'young';
		}
		return '';
	}
}
