<?php
/**
 * The plugin's own tables. They are made where they are missing, so that each site of a network gets
 * its own when it first needs them. Depends on Db.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

/**
 * Tables.
 */
final class Schema {
	const VERSION = '1';
	const OPTION  = 'livelist_sync_db_version';
	const TABLES  = array( 'livelist_map', 'livelist_feeds', 'livelist_runs', 'livelist_plan' );

	/**
	 * Makes what is missing.
	 */
	public static function ensure(): void {
		if ( get_option( self::OPTION ) === self::VERSION ) {
			return;
		}
		global $wpdb;
		$collate = $wpdb->get_charset_collate();
		// Keys are bytes: a text collation would call ABC and abc equal.
		Db::change(
			"CREATE TABLE IF NOT EXISTS {$wpdb->prefix}livelist_map (
				feed VARBINARY(100) NOT NULL,
				listing_key VARBINARY(255) NOT NULL,
				post_id BIGINT UNSIGNED NOT NULL,
				seen BIGINT NOT NULL,
				did VARCHAR(10) NOT NULL DEFAULT '',
				prior VARCHAR(20) NOT NULL DEFAULT '',
				missed BIGINT NOT NULL DEFAULT 0,
				PRIMARY KEY (feed, listing_key, post_id),
				KEY post_id (post_id)
			) ENGINE=InnoDB ROW_FORMAT=DYNAMIC {$collate}"
		);
		Db::change(
			"CREATE TABLE IF NOT EXISTS {$wpdb->prefix}livelist_feeds (
				feed VARBINARY(100) NOT NULL,
				due_at BIGINT NOT NULL DEFAULT 0,
				attempts INT NOT NULL DEFAULT 0,
				paused TINYINT NOT NULL DEFAULT 0,
				fingerprint CHAR(40) NOT NULL DEFAULT '',
				indexed_to BIGINT NOT NULL DEFAULT 0,
				rebuilt_at BIGINT NOT NULL DEFAULT 0,
				version VARCHAR(100) NOT NULL DEFAULT '',
				seq BIGINT NOT NULL DEFAULT 0,
				as_of BIGINT NOT NULL DEFAULT 0,
				etag VARCHAR(200) NOT NULL DEFAULT '',
				held_run BIGINT NOT NULL DEFAULT 0,
				checked_at BIGINT NOT NULL DEFAULT 0,
				error VARCHAR(40) NOT NULL DEFAULT '',
				error_text VARCHAR(500) NOT NULL DEFAULT '',
				error_at BIGINT NOT NULL DEFAULT 0,
				PRIMARY KEY (feed)
			) ENGINE=InnoDB {$collate}"
		);
		Db::change(
			"CREATE TABLE IF NOT EXISTS {$wpdb->prefix}livelist_runs (
				id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
				feed VARBINARY(100) NOT NULL,
				dry TINYINT NOT NULL DEFAULT 0,
				started_by VARCHAR(20) NOT NULL DEFAULT '',
				state VARCHAR(20) NOT NULL,
				phase VARCHAR(20) NOT NULL DEFAULT '',
				version VARCHAR(100) NOT NULL DEFAULT '',
				seq BIGINT NOT NULL DEFAULT 0,
				as_of BIGINT NOT NULL DEFAULT 0,
				sha256 CHAR(64) NOT NULL DEFAULT '',
				etag VARCHAR(200) NOT NULL DEFAULT '',
				listed BIGINT NOT NULL DEFAULT 0,
				file VARCHAR(500) NOT NULL DEFAULT '',
				position LONGTEXT NULL,
				local_total BIGINT NOT NULL DEFAULT 0,
				matched BIGINT NOT NULL DEFAULT 0,
				missing BIGINT NOT NULL DEFAULT 0,
				young BIGINT NOT NULL DEFAULT 0,
				left_alone BIGINT NOT NULL DEFAULT 0,
				going BIGINT NOT NULL DEFAULT 0,
				drafted BIGINT NOT NULL DEFAULT 0,
				trashed BIGINT NOT NULL DEFAULT 0,
				restored BIGINT NOT NULL DEFAULT 0,
				error VARCHAR(40) NOT NULL DEFAULT '',
				error_text VARCHAR(500) NOT NULL DEFAULT '',
				started_at BIGINT NOT NULL,
				updated_at BIGINT NOT NULL,
				ended_at BIGINT NOT NULL DEFAULT 0,
				PRIMARY KEY (id),
				KEY feed_state (feed, state)
			) ENGINE=InnoDB ROW_FORMAT=DYNAMIC {$collate}"
		);
		Db::change(
			"CREATE TABLE IF NOT EXISTS {$wpdb->prefix}livelist_plan (
				id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
				run_id BIGINT UNSIGNED NOT NULL,
				post_id BIGINT UNSIGNED NOT NULL,
				listing_key VARBINARY(255) NOT NULL,
				action VARCHAR(10) NOT NULL,
				state VARCHAR(10) NOT NULL DEFAULT 'planned',
				from_status VARCHAR(20) NOT NULL DEFAULT '',
				reason VARCHAR(40) NOT NULL DEFAULT '',
				PRIMARY KEY (id),
				UNIQUE KEY once (run_id, listing_key, post_id),
				KEY next_step (run_id, state, action, id)
			) ENGINE=InnoDB ROW_FORMAT=DYNAMIC {$collate}"
		);
		update_option( self::OPTION, self::VERSION, false );
	}

	/**
	 * The tables of this site, with its prefix.
	 *
	 * @return string[]
	 */
	public static function names(): array {
		global $wpdb;
		$prefix = $wpdb->prefix;
		return array_map(
			function ( $table ) use ( $prefix ) {
				return $prefix . $table;
			},
			self::TABLES
		);
	}
}
