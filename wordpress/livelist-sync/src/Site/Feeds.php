<?php
/**
 * What is known of each feed between runs: the list that was used last, what is due, what is paused,
 * what went wrong. Depends on Db.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

// phpcs:disable WordPress.DB

/**
 * The table livelist_feeds.
 */
final class Feeds {
	/** Columns that are whole numbers. */
	const NUMBERS = array( 'due_at', 'attempts', 'paused', 'indexed_to', 'rebuilt_at', 'seq', 'as_of', 'held_run', 'checked_at', 'error_at', 'told_as_of', 'told_at', 'stale', 'again', 'unknown' );
	const TEXTS   = array( 'fingerprint', 'version', 'etag', 'error', 'error_text', 'epoch', 'told_epoch', 'mls', 'resource' );

	private static function table(): string {
		global $wpdb;
		return $wpdb->prefix . 'livelist_feeds';
	}

	/**
	 * What is known of a feed; its row is made if it is missing.
	 *
	 * @param string $feed The feed.
	 */
	public static function state( string $feed ): \stdClass {
		$columns = array_merge( self::NUMBERS, self::TEXTS );
		$sql     = 'SELECT ' . implode( ', ', $columns ) . ' FROM ' . self::table() . ' WHERE feed = ' . Db::bytes( $feed );
		$rows    = Db::rows( $sql );
		if ( array() === $rows ) {
			Db::change( 'INSERT IGNORE INTO ' . self::table() . ' (feed) VALUES (' . Db::bytes( $feed ) . ')' );
			$rows = Db::rows( $sql );
		}
		$state = (object) array_combine( $columns, $rows[0] );
		foreach ( self::NUMBERS as $column ) {
			$state->$column = (int) $state->$column;
		}
		return $state;
	}

	/**
	 * Changes what is known.
	 *
	 * @param string                    $feed   The feed.
	 * @param array<string, int|string> $values By column.
	 */
	public static function set( string $feed, array $values ): void {
		$set = array();
		$all = array();
		foreach ( $values as $column => $value ) {
			$set[] = $column . ( is_int( $value ) ? ' = %d' : ' = %s' );
			$all[] = $value;
		}
		self::state( $feed );
		Db::change( 'UPDATE ' . self::table() . ' SET ' . implode( ', ', $set ) . ' WHERE feed = ' . Db::bytes( $feed ), ...$all );
	}

	/**
	 * Asks for work at an instant, if it is not to be done earlier already.
	 *
	 * @param string $feed The feed.
	 * @param int    $at   Unix seconds.
	 */
	public static function ask( string $feed, int $at ): void {
		self::state( $feed );
		Db::change( 'UPDATE ' . self::table() . ' SET due_at = %d WHERE (due_at = 0 OR due_at > %d) AND feed = ' . Db::bytes( $feed ), $at, $at );
	}
}
