<?php
/**
 * What this plugin did to a post, and what it was told about one, by the post's number: keys, conditions and
 * feeds may change, the post stays the same. A post is *down* if this says so, whatever its status is. The
 * mirror in post meta (Mirror) follows. Depends on Db, Mirror, Core.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;
use Livelist\Sync\Core\Feed;

// phpcs:disable WordPress.DB -- statements of the plugin's own table.

/**
 * The table livelist_posts.
 */
final class Memory {
	/** Changed while the plugin was off: a person has to look. */
	const UNSURE = 'unsure';

	const COLUMNS = array( 'post_id', 'feed', 'listing_key', 'did', 'set_status', 'prior', 'path', 'missed', 'down_at', 'run_id', 'times' );
	const NUMBERS = array( 'post_id', 'missed', 'down_at', 'run_id', 'times' );

	/**
	 * The table's name.
	 */
	public static function table(): string {
		global $wpdb;
		return $wpdb->prefix . 'livelist_posts';
	}

	/**
	 * What is remembered of a post; null if nothing is.
	 *
	 * @param int $post The post.
	 * @return \stdClass|null With the columns as members.
	 */
	public static function find( int $post ): ?\stdClass {
		$found = self::read( 'WHERE post_id = %d', $post );
		return array() === $found ? null : $found[0];
	}

	/**
	 * The posts of an address; those that were taken down.
	 *
	 * @param string $path A path, as Path::of() gives it.
	 * @return \stdClass[]
	 */
	public static function at( string $path ): array {
		return self::read( 'WHERE path = ' . Db::bytes( $path ) . ' AND did IN (%s, %s) LIMIT 5', Decision::DRAFTED, Decision::TRASHED );
	}

	/**
	 * Remembers what is about to be done to a post. It is written first and done afterwards, so that what was
	 * done is known whenever the process dies.
	 *
	 * @param int                       $post   The post.
	 * @param array<string, int|string> $values By column; the others stay as they are.
	 */
	public static function note( int $post, array $values ): void {
		Db::change( 'INSERT IGNORE INTO ' . self::table() . " (post_id, feed, listing_key) VALUES (%d, '', '')", $post );
		$set = array();
		$all = array();
		foreach ( $values as $column => $value ) {
			if ( is_int( $value ) ) {
				$set[] = "$column = %d";
				$all[] = $value;
			} else {
				$set[] = "$column = " . str_replace( '%', '%%', Db::bytes( $value ) );
			}
		}
		$all[] = $post;
		Db::change( 'UPDATE ' . self::table() . ' SET ' . implode( ', ', $set ) . ' WHERE post_id = %d', ...$all );
	}

	/**
	 * Remembers nothing of a post any more, but how often something published it again.
	 *
	 * @param int $post The post.
	 */
	public static function forget( int $post ): void {
		Db::change( 'DELETE FROM ' . self::table() . ' WHERE post_id = %d AND times = 0', $post );
		Db::change( 'UPDATE ' . self::table() . " SET did = '', set_status = '', path = '' WHERE post_id = %d", $post );
		Mirror::remove( $post );
	}

	/**
	 * Forgets a post that is no more.
	 *
	 * @param int $post The post.
	 */
	public static function gone( int $post ): void {
		Db::change( 'DELETE FROM ' . self::table() . ' WHERE post_id = %d', $post );
	}

	/**
	 * A person wants the post up, until a person ends that.
	 *
	 * @param int    $post The post.
	 * @param string $feed Its feed.
	 * @param string $key  Its key.
	 */
	public static function keep( int $post, string $feed, string $key ): void {
		self::note(
			$post,
			array(
				'feed'        => $feed,
				'listing_key' => $key,
				'did'         => Decision::KEPT,
				'set_status'  => '',
				'path'        => '',
				'down_at'     => time(),
				'times'       => 0,
			)
		);
		Mirror::write( $post );
	}

	/**
	 * How many posts there are of a feed, by what was done.
	 *
	 * @param string $feed The feed.
	 * @return array<string, int> With every value of `did` that is asked for anywhere.
	 */
	public static function counts( string $feed ): array {
		$counts = array_fill_keys( array( Decision::DRAFTED, Decision::TRASHED, Decision::KEPT, Decision::UNDONE, self::UNSURE ), 0 );
		foreach ( Db::rows( 'SELECT did, COUNT(*) FROM ' . self::table() . " WHERE did <> '' AND feed = " . Db::bytes( $feed ) . ' GROUP BY did' ) as $row ) {
			$counts[ $row[0] ] = (int) $row[1];
		}
		return $counts;
	}

	/**
	 * How many posts of a feed something else than a person published again, three times or more.
	 *
	 * @param string $feed The feed.
	 */
	public static function republished( string $feed ): int {
		return (int) Db::value( 'SELECT COUNT(*) FROM ' . self::table() . ' WHERE times >= 3 AND feed = ' . Db::bytes( $feed ) );
	}

	/**
	 * Takes all posts of a feed from one state to another.
	 *
	 * @param string $feed The feed.
	 * @param string $from What was done.
	 * @param string $to   What it counts as now.
	 */
	public static function turn( string $feed, string $from, string $to ): void {
		Db::change( 'UPDATE ' . self::table() . ' SET did = %s WHERE did = %s AND feed = ' . Db::bytes( $feed ), $to, $from );
	}

	/**
	 * What was brought back by "undo" becomes exceptions.
	 *
	 * @param string $feed The feed.
	 */
	public static function keep_undone( string $feed ): void {
		do {
			$rows = self::read( 'WHERE did = %s AND feed = ' . Db::bytes( $feed ) . ' LIMIT 200', Decision::UNDONE );
			foreach ( $rows as $row ) {
				self::keep( $row->post_id, $row->feed, $row->listing_key );
			}
		} while ( array() !== $rows );
	}

	/**
	 * Feeds that posts were taken down for, and that the site does not have any more: how many posts each.
	 *
	 * @return array<string, int> By feed.
	 */
	public static function orphans(): array {
		$known = array_map(
			function ( Feed $feed ) {
				return $feed->id;
			},
			Settings::feeds()
		);
		$count = array();
		foreach ( Db::rows( 'SELECT feed, COUNT(*) FROM ' . self::table() . ' WHERE did IN (%s, %s) GROUP BY feed', Decision::DRAFTED, Decision::TRASHED ) as $row ) {
			if ( ! in_array( $row[0], $known, true ) ) {
				$count[ (string) $row[0] ] = (int) $row[1];
			}
		}
		return $count;
	}

	/**
	 * Moves what was taken down for one feed to another, where the post is one of the other's. The first miss
	 * counts for the other, too: it was the same listing.
	 *
	 * @param string $from A feed that the site does not have any more.
	 * @param Feed   $to   The feed.
	 */
	public static function move( string $from, Feed $to ): int {
		global $wpdb;
		return Db::change(
			'UPDATE ' . self::table() . " d JOIN {$wpdb->posts} p ON p.ID = d.post_id SET d.feed = " . Db::bytes( $to->id )
			. ' WHERE d.feed = ' . Db::bytes( $from ) . ' AND p.post_type = %s AND ' . str_replace( '%', '%%', Checks::condition( $to ) ),
			$to->post_type
		);
	}

	/**
	 * Posts to look at, newest first.
	 *
	 * @param string[] $did   What was done.
	 * @param string   $seek  A part of the key or of the title; empty for all.
	 * @param int      $most  At most so many.
	 * @param int      $after Leaves out so many.
	 * @return \stdClass[] With the columns, and title and status of the post.
	 */
	public static function listed( array $did, string $seek, int $most, int $after = 0 ): array {
		global $wpdb;
		$sql    = 'SELECT d.' . implode( ', d.', self::COLUMNS ) . ', p.post_title, p.post_status FROM ' . self::table() . " d LEFT JOIN {$wpdb->posts} p ON p.ID = d.post_id WHERE d.did IN (" . Db::texts( $did ) . ')';
		$values = array();
		if ( '' !== $seek ) {
			$like   = '%' . $wpdb->esc_like( $seek ) . '%';
			$sql   .= ' AND (d.listing_key LIKE %s OR p.post_title LIKE %s)';
			$values = array( $like, $like );
		}
		$rows = Db::rows( $sql . ' ORDER BY d.down_at DESC, d.post_id DESC LIMIT %d OFFSET %d', ...array_merge( $values, array( $most, $after ) ) );
		return array_map(
			function ( array $row ) {
				$found         = self::made( array_slice( $row, 0, count( self::COLUMNS ) ) );
				$found->title  = (string) $row[ count( self::COLUMNS ) ];
				$found->status = (string) $row[ count( self::COLUMNS ) + 1 ];
				return $found;
			},
			$rows
		);
	}

	/**
	 * @param string $where     The end of a statement.
	 * @param mixed  ...$values Values.
	 * @return \stdClass[]
	 */
	private static function read( string $where, ...$values ): array {
		return array_map( array( self::class, 'made' ), Db::rows( 'SELECT ' . implode( ', ', self::COLUMNS ) . ' FROM ' . self::table() . ' ' . $where, ...$values ) );
	}

	/** @param array<int, string|null> $row */
	private static function made( array $row ): \stdClass {
		$found = (object) array_combine( self::COLUMNS, $row );
		foreach ( self::NUMBERS as $column ) {
			$found->$column = (int) $found->$column;
		}
		return $found;
	}
}
