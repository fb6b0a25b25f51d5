<?php
/**
 * Which post has which key, sorted by the keys' bytes: a copy of post meta that a list can be merged
 * with. It is a hint. Before a post is taken down its own data is asked again (Checks). What this
 * plugin did to a post is kept here as well, and nowhere else. Depends on Db.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;
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
	 * The next rows behind a key and a post.
	 *
	 * @param string      $feed The feed.
	 * @param string|null $key  The last key; null to begin.
	 * @param int         $post The last post.
	 * @return array<int, array{0: string, 1: int, 2: int, 3: string, 4: int}> Key, post, seen, did, missed.
	 */
	public static function after( string $feed, ?string $key, int $post ): array {
		$from = '';
		if ( null !== $key ) {
			$bytes = Db::bytes( $key );
			// The first condition is the range in the index, the second leaves out what was had.
			$from = "AND listing_key >= $bytes AND (listing_key > $bytes OR post_id > $post)";
		}
		return Db::rows(
			'SELECT listing_key, post_id, seen, did, missed FROM ' . self::table() . ' WHERE feed = ' . Db::bytes( $feed )
			. " $from ORDER BY feed, listing_key, post_id LIMIT " . self::BATCH
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
	 * Forgets all posts of a feed but those that this plugin took down.
	 *
	 * @param string $feed The feed.
	 */
	public static function forget_untouched( string $feed ): void {
		Db::change( 'DELETE FROM ' . self::table() . " WHERE did = '' AND feed = " . Db::bytes( $feed ) );
	}

	/**
	 * Somebody else changed the post's status: it is theirs now, and as good as new.
	 *
	 * @param int $post The post.
	 */
	public static function let_go( int $post ): void {
		Db::change( 'UPDATE ' . self::table() . " SET did = '', prior = '', missed = 0, seen = %d WHERE post_id = %d", time(), $post );
	}

	/**
	 * What was done to a post: did, prior status, sequence of the first miss; null if it is unknown.
	 *
	 * @param string $feed The feed.
	 * @param string $key  The key.
	 * @param int    $post The post.
	 * @return array{0: string, 1: string, 2: int, 3: int}|null Did, prior, missed, seen.
	 */
	public static function row( string $feed, string $key, int $post ): ?array {
		$rows = Db::rows( 'SELECT did, prior, missed, seen FROM ' . self::table() . ' WHERE ' . self::where( $feed, $key, $post ) );
		return array() === $rows ? null : array( $rows[0][0], $rows[0][1], (int) $rows[0][2], (int) $rows[0][3] );
	}

	/**
	 * Notes what is about to be done to a post. It is written first and done afterwards, so that
	 * what was done is known whenever the process dies.
	 *
	 * @param string $feed   The feed.
	 * @param string $key    The key.
	 * @param int    $post   The post.
	 * @param string $did    One of Decision's.
	 * @param string $prior  The status that it had before this plugin touched it.
	 * @param int    $missed Sequence of the first miss.
	 */
	public static function note( string $feed, string $key, int $post, string $did, string $prior, int $missed ): void {
		Db::change(
			'UPDATE ' . self::table() . ' SET did = %s, prior = %s, missed = %d WHERE ' . self::where( $feed, $key, $post ),
			$did,
			$prior,
			$missed
		);
	}

	/**
	 * Posts of the feed that this plugin did not take down.
	 *
	 * @param string $feed The feed.
	 */
	public static function untouched( string $feed ): int {
		return (int) Db::value( 'SELECT COUNT(*) FROM ' . self::table() . " WHERE did = '' AND feed = " . Db::bytes( $feed ) );
	}

	/**
	 * How many posts of the feed were taken down, by what was done.
	 *
	 * @param string $feed The feed.
	 * @return array{drafted: int, trashed: int}
	 */
	public static function taken( string $feed ): array {
		$taken = array(
			Decision::DRAFTED => 0,
			Decision::TRASHED => 0,
		);
		foreach ( Db::rows( 'SELECT did, COUNT(*) FROM ' . self::table() . " WHERE did <> '' AND feed = " . Db::bytes( $feed ) . ' GROUP BY did' ) as $row ) {
			$taken[ $row[0] ] = (int) $row[1];
		}
		return $taken;
	}

	/**
	 * Which of these posts are in the map of another feed as well.
	 *
	 * @param string $feed  The feed.
	 * @param int[]  $posts At least one.
	 * @return array<int, true> By post.
	 */
	public static function shared( string $feed, array $posts ): array {
		$rows = Db::rows( 'SELECT DISTINCT post_id FROM ' . self::table() . ' WHERE post_id IN (' . Db::ids( $posts ) . ') AND feed <> ' . Db::bytes( $feed ) );
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
