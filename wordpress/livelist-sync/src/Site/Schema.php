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
	const VERSION = '2';
	const OPTION  = 'livelist_sync_db_version';
	const TABLES  = array( 'livelist_map', 'livelist_posts', 'livelist_feeds', 'livelist_runs', 'livelist_plan' );

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
				PRIMARY KEY (feed, listing_key, post_id),
				KEY post_id (post_id)
			) ENGINE=InnoDB ROW_FORMAT=DYNAMIC {$collate}"
		);
		Db::change(
			"CREATE TABLE IF NOT EXISTS {$wpdb->prefix}livelist_posts (
				post_id BIGINT UNSIGNED NOT NULL,
				feed VARBINARY(100) NOT NULL,
				listing_key VARBINARY(255) NOT NULL,
				did VARCHAR(10) NOT NULL DEFAULT '',
				set_status VARCHAR(20) NOT NULL DEFAULT '',
				prior VARCHAR(20) NOT NULL DEFAULT '',
				path VARBINARY(255) NOT NULL DEFAULT '',
				missed BIGINT NOT NULL DEFAULT 0,
				down_at BIGINT NOT NULL DEFAULT 0,
				run_id BIGINT UNSIGNED NOT NULL DEFAULT 0,
				times INT NOT NULL DEFAULT 0,
				PRIMARY KEY (post_id),
				KEY did (did, feed),
				KEY path (path)
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
				epoch VARCHAR(100) NOT NULL DEFAULT '',
				told_epoch VARCHAR(100) NOT NULL DEFAULT '',
				told_as_of BIGINT NOT NULL DEFAULT 0,
				told_at BIGINT NOT NULL DEFAULT 0,
				stale TINYINT NOT NULL DEFAULT 0,
				again TINYINT NOT NULL DEFAULT 0,
				unknown BIGINT NOT NULL DEFAULT 0,
				mls VARCHAR(100) NOT NULL DEFAULT '',
				resource VARCHAR(100) NOT NULL DEFAULT '',
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
				approved TINYINT NOT NULL DEFAULT 0,
				started_by VARCHAR(20) NOT NULL DEFAULT '',
				state VARCHAR(20) NOT NULL,
				phase VARCHAR(20) NOT NULL DEFAULT '',
				version VARCHAR(100) NOT NULL DEFAULT '',
				seq BIGINT NOT NULL DEFAULT 0,
				as_of BIGINT NOT NULL DEFAULT 0,
				sha256 CHAR(64) NOT NULL DEFAULT '',
				etag VARCHAR(200) NOT NULL DEFAULT '',
				epoch VARCHAR(100) NOT NULL DEFAULT '',
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
		if ( '1' === get_option( self::OPTION ) ) {
			self::from_first();
		} elseif ( false === get_option( self::OPTION ) ) {
			// A new installation: what a former one did is read from the posts themselves.
			update_option( Mirror::TO_READ, '1', false );
		}
		update_option( self::OPTION, self::VERSION, false );
	}

	/** What version 1 did not have. */
	private static function from_first(): void {
		global $wpdb;
		$wanted = array(
			'livelist_feeds' => array( "epoch VARCHAR(100) NOT NULL DEFAULT ''", "told_epoch VARCHAR(100) NOT NULL DEFAULT ''", 'told_as_of BIGINT NOT NULL DEFAULT 0', 'told_at BIGINT NOT NULL DEFAULT 0', 'stale TINYINT NOT NULL DEFAULT 0', 'again TINYINT NOT NULL DEFAULT 1', 'unknown BIGINT NOT NULL DEFAULT 0', "mls VARCHAR(100) NOT NULL DEFAULT ''", "resource VARCHAR(100) NOT NULL DEFAULT ''" ),
			'livelist_runs'  => array( 'approved TINYINT NOT NULL DEFAULT 0', "epoch VARCHAR(100) NOT NULL DEFAULT ''" ),
		);
		foreach ( $wanted as $table => $columns ) {
			$has = array_column( Db::rows( "SHOW COLUMNS FROM {$wpdb->prefix}{$table}" ), 0 );
			foreach ( $columns as $column ) {
				if ( ! in_array( strtok( $column, ' ' ), $has, true ) ) {
					Db::change( "ALTER TABLE {$wpdb->prefix}{$table} ADD COLUMN {$column}" );
				}
			}
		}
		// The first miss counts from now: its instant was not kept.
		Db::change(
			"INSERT IGNORE INTO {$wpdb->prefix}livelist_posts (post_id, feed, listing_key, did, set_status, prior, missed, down_at)
			SELECT post_id, feed, listing_key, did, IF(did = 'trashed', 'trash', 'draft'), prior, %d, %d FROM {$wpdb->prefix}livelist_map WHERE did <> ''",
			time(),
			time()
		);
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
