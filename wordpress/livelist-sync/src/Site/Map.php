<?php
/**
 * Which post has which key, sorted by the keys' bytes: a copy of post meta that a list can be merged
 * with. It is a hint. Before a post is taken down its own data is asked again (Checks). What this
 * plugin did to a post is kept in Memory. Depends on Db, Memory.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Key;

// phpcs:disable WordPress.DB -- statements of the plugin's own tables, with hex literals for bytes.

/**
 * The table livelist_map.
 */
final class Map {
	/** Rows in one statement. */
	const BATCH = 500;

	/**
	 * The table's name.
	 */
	public static function table(): string {
		global $wpdb;
		return $wpdb->prefix . 'livelist_map';
	}

	/**
	 * The next rows behind a key and a post, with what is remembered of the post.
	 *
	 * @param string      $feed The feed.
	 * @param string|null $key  The last key; null to begin.
	 * @param int         $post The last post.
	 * @return array<int, array<int, string|null>> Key, post, seen, did, missed, feed and key of the memory.
	 */
	public static function after( string $feed, ?string $key, int $post ): array {
		$from = '';
		if ( null !== $key ) {
			$bytes = Db::bytes( $key );
			// The first condition is the range in the index, the second leaves out what was had.
			$from = "AND m.listing_key >= $bytes AND (m.listing_key > $bytes OR m.post_id > $post)";
		}
		return Db::rows(
			"SELECT m.listing_key, m.post_id, m.seen, COALESCE(d.did, ''), COALESCE(d.missed, 0), COALESCE(d.feed, ''), COALESCE(d.listing_key, '') FROM " . self::table()
			. ' m LEFT JOIN ' . Memory::table() . ' d ON d.post_id = m.post_id WHERE m.feed = ' . Db::bytes( $feed )
			. " $from ORDER BY m.feed, m.listing_key, m.post_id LIMIT " . self::BATCH
		);
	}

	/**
	 * Adds what is not there yet, as seen now.
	 *
	 * @param string                                $feed The feed.
	 * @param array<int, array{0: string, 1: int}>  $rows Keys and posts.
	 */
	public static function add( string $feed, array $rows ): void {
		$now = time();
		foreach ( array_chunk( $rows, self::BATCH ) as $some ) {
			$values = array();
			foreach ( $some as $row ) {
				$values[] = '(' . Db::bytes( $feed ) . ',' . Db::bytes( $row[0] ) . ',' . (int) $row[1] . ",$now)";
			}
			Db::change( 'INSERT IGNORE INTO ' . self::table() . ' (feed, listing_key, post_id, seen) VALUES ' . implode( ',', $values ) );
		}
	}

	/**
	 * Makes the rows of a post those of its values.
	 *
	 * @param string   $feed The feed.
	 * @param int      $post The post.
	 * @param string[] $keys Its usable values; none if it is not of the feed.
	 */
	public static function refresh( string $feed, int $post, array $keys ): void {
		$keep = '';
		if ( array() !== $keys ) {
			$keep = 'AND listing_key NOT IN (' . implode( ',', array_map( array( Db::class, 'bytes' ), $keys ) ) . ')';
		}
		Db::change( 'DELETE FROM ' . self::table() . ' WHERE post_id = %d AND feed = ' . Db::bytes( $feed ) . " $keep", $post );
		$rows = array();
		foreach ( $keys as $key ) {
			$rows[] = array( $key, $post );
		}
		self::add( $feed, $rows );
	}

	/**
	 * Forgets a post that is no more.
	 *
	 * @param int $post The post.
	 */
	public static function forget( int $post ): void {
		Db::change( 'DELETE FROM ' . self::table() . ' WHERE post_id = %d', $post );
	}

	/**
	 * Forgets which posts a feed has: it is bound to others now.
	 *
	 * @param string $feed The feed.
	 */
	public static function clear( string $feed ): void {
		Db::change( 'DELETE FROM ' . self::table() . ' WHERE feed = ' . Db::bytes( $feed ) );
	}

	/**
	 * A post counts as new: it takes a list that is younger than this to miss it.
	 *
	 * @param int $post The post.
	 */
	public static function seen_now( int $post ): void {
		Db::change( 'UPDATE ' . self::table() . ' SET seen = %d WHERE post_id = %d', time(), $post );
	}

	/**
	 * Since when the site has a post under a key; null if the map does not have it.
	 *
	 * @param string $feed The feed.
	 * @param string $key  The key.
	 * @param int    $post The post.
	 */
	public static function seen( string $feed, string $key, int $post ): ?int {
		$seen = Db::value( 'SELECT seen FROM ' . self::table() . ' WHERE ' . self::where( $feed, $key, $post ) );
		return null === $seen ? null : (int) $seen;
	}

	/**
	 * How many posts of the feed have a key.
	 *
	 * @param string $feed The feed.
	 */
	public static function count( string $feed ): int {
		return (int) Db::value( 'SELECT COUNT(DISTINCT post_id) FROM ' . self::table() . ' WHERE feed = ' . Db::bytes( $feed ) );
	}

	/**
	 * How many posts of the feed visitors see.
	 *
	 * @param Feed $feed The feed.
	 */
	public static function visible( Feed $feed ): int {
		global $wpdb;
		return (int) Db::value(
			'SELECT COUNT(DISTINCT m.post_id) FROM ' . self::table() . " m JOIN {$wpdb->posts} p ON p.ID = m.post_id WHERE m.feed = " . Db::bytes( $feed->id )
			. ' AND p.post_type = %s AND p.post_status IN (' . Db::texts( Checks::visible( $feed ) ) . ')',
			$feed->post_type
		);
	}

	/**
	 * Other posts with the same key that visitors see, and that came to the site at an instant or after it.
	 *
	 * @param Feed   $feed The feed.
	 * @param string $key  The key.
	 * @param int    $post The post.
	 * @param int    $from Unix seconds.
	 * @return int[]
	 */
	public static function twins( Feed $feed, string $key, int $post, int $from ): array {
		global $wpdb;
		$rows = Db::rows(
			'SELECT m.post_id FROM ' . self::table() . " m JOIN {$wpdb->posts} p ON p.ID = m.post_id WHERE m.feed = " . Db::bytes( $feed->id )
			. ' AND m.listing_key = ' . Db::bytes( $key ) . ' AND m.post_id <> %d AND m.seen >= %d AND p.post_status IN (' . Db::texts( Checks::visible( $feed ) ) . ')',
			$post,
			$from
		);
		return array_map( 'intval', array_column( $rows, 0 ) );
	}

	/**
	 * Which of some posts any feed of the site has.
	 *
	 * @param int[] $posts At least one.
	 * @return array<int, true> By post.
	 */
	public static function which( array $posts ): array {
		$feeds = array();
		foreach ( Settings::feeds() as $feed ) {
			$feeds[] = $feed->id;
		}
		if ( array() === $feeds ) {
			return array();
		}
		$rows = Db::rows( 'SELECT DISTINCT post_id FROM ' . self::table() . ' WHERE post_id IN (' . Db::ids( $posts ) . ') AND feed IN (' . Db::texts( $feeds ) . ')' );
		return array_fill_keys( array_map( 'intval', array_column( $rows, 0 ) ), true );
	}

	private static function where( string $feed, string $key, int $post ): string {
		return 'feed = ' . Db::bytes( $feed ) . ' AND listing_key = ' . Db::bytes( $key ) . " AND post_id = $post";
	}

	/**
	 * Values that can be keys, each once.
	 *
	 * @param mixed[] $values What a post has.
	 * @return string[]
	 */
	public static function usable( array $values ): array {
		$keys = array();
		foreach ( $values as $value ) {
			if ( Key::is_usable( $value ) && ! in_array( $value, $keys, true ) ) {
				$keys[] = $value;
			}
		}
		return $keys;
	}
}
