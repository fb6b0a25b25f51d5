<?php
/**
 * A copy of the memory in the posts' own meta, for the day on which the plugin is deleted and installed again.
 * The table is the authority; the copy is read once, by a new installation, and only where it says the very
 * post that it stands at: importers delete meta, duplicators copy it. Depends on Memory, Db.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;

// phpcs:disable WordPress.DB

/**
 * The meta `_livelist_sync_down`.
 */
final class Mirror {
	const META = '_livelist_sync_down';
	/** Option: the copies have to be read. */
	const TO_READ = 'livelist_sync_to_read';
	/** Copies that one statement reads. */
	const BATCH = 500;

	/** @var bool Whether this class writes. */
	private static $busy = false;

	/**
	 * Hooks in: nobody else writes, deletes or copies it.
	 */
	public static function register(): void {
		add_action(
			'init',
			function () {
				register_meta(
					'post',
					self::META,
					array(
						'type'          => 'string',
						'single'        => true,
						'show_in_rest'  => false,
						'auth_callback' => '__return_false',
					)
				);
			}
		);
		add_filter( 'delete_post_metadata', array( self::class, 'stays' ), 10, 3 );
		// WP All Import empties the fields of a post before it writes them.
		add_filter(
			'pmxi_custom_field_to_delete',
			function ( $is_deleted, $post = 0, $type = '', $options = array(), $key = '' ) {
				return self::META === $key ? false : $is_deleted;
			},
			10,
			5
		);
		add_filter(
			'pll_copy_post_metas',
			function ( $keys ) {
				return is_array( $keys ) ? array_diff( $keys, array( self::META ) ) : $keys;
			}
		);
	}

	/**
	 * Others do not delete it.
	 *
	 * @param mixed $done What others decided; null if nobody did.
	 * @param mixed $post The post.
	 * @param mixed $key  The meta key.
	 * @return mixed
	 */
	public static function stays( $done, $post, $key ) {
		return self::META === $key && ! self::$busy ? false : $done;
	}

	/**
	 * Copies what is remembered of a post. It is a copy: where it fails, nothing else does.
	 *
	 * @param int $post The post.
	 */
	public static function write( int $post ): void {
		$row = Memory::find( $post );
		if ( null === $row || ! in_array( $row->did, array( Decision::DRAFTED, Decision::TRASHED, Decision::KEPT ), true ) ) {
			self::remove( $post );
			return;
		}
		$copy = array(
			'blog'     => get_current_blog_id(),
			'post'     => $post,
			'feed'     => $row->feed,
			'key'      => bin2hex( $row->listing_key ),
			'did'      => $row->did,
			'set'      => $row->set_status,
			'prior'    => $row->prior,
			'path'     => bin2hex( $row->path ),
			'missed'   => $row->missed,
			'at'       => $row->down_at,
			'modified' => self::modified( $post ),
		);
		self::work(
			function () use ( $post, $copy ) {
				update_post_meta( $post, self::META, wp_slash( (string) wp_json_encode( $copy ) ) );
			}
		);
	}

	/**
	 * Removes the copy.
	 *
	 * @param int $post The post.
	 */
	public static function remove( int $post ): void {
		self::work(
			function () use ( $post ) {
				delete_post_meta( $post, self::META );
			}
		);
	}

	/**
	 * Reads the copies of a former installation, if there was one; says whether it has come to the end.
	 *
	 * @param Lock     $lock     The lock.
	 * @param Deadline $deadline The slice.
	 */
	public static function read( Lock $lock, Deadline $deadline ): bool {
		global $wpdb;
		$from = (int) get_option( self::TO_READ, 0 );
		if ( 0 === $from ) {
			return true;
		}
		do {
			$lock->confirm();
			$rows = Db::rows(
				"SELECT m.meta_id, m.post_id, m.meta_value, p.post_status, p.post_modified_gmt FROM {$wpdb->postmeta} m JOIN {$wpdb->posts} p ON p.ID = m.post_id
				WHERE m.meta_key = %s AND m.meta_id >= %d ORDER BY m.meta_id LIMIT " . self::BATCH,
				self::META,
				$from
			);
			foreach ( $rows as $row ) {
				$from = (int) $row[0] + 1;
				self::believe( (int) $row[1], (string) $row[2], (string) $row[3], (string) $row[4] );
			}
			update_option( self::TO_READ, (string) $from, false );
			if ( array() !== $rows && $deadline->is_over() ) {
				return false;
			}
		} while ( array() !== $rows );
		delete_option( self::TO_READ );
		return true;
	}

	/** Remembers what a copy says, if it may be believed. */
	private static function believe( int $post, string $text, string $status, string $modified ): void {
		$said = json_decode( $text, true, 4 );
		if ( ! is_array( $said ) || null !== Memory::find( $post ) ) {
			return;
		}
		foreach ( array( 'feed', 'key', 'did', 'set', 'prior', 'path', 'modified' ) as $member ) {
			if ( ! isset( $said[ $member ] ) || ! is_string( $said[ $member ] ) || strlen( $said[ $member ] ) > 600 ) {
				return;
			}
		}
		foreach ( array( 'blog', 'post', 'missed', 'at' ) as $member ) {
			if ( ! isset( $said[ $member ] ) || ! is_int( $said[ $member ] ) ) {
				return;
			}
		}
		$key  = ctype_xdigit( $said['key'] ) && 0 === strlen( $said['key'] ) % 2 ? (string) hex2bin( $said['key'] ) : '';
		$path = ctype_xdigit( $said['path'] ) && 0 === strlen( $said['path'] ) % 2 ? (string) hex2bin( $said['path'] ) : '';
		if ( get_current_blog_id() !== $said['blog'] || $post !== $said['post'] || '' === $key || strlen( $key ) > 255 || strlen( $path ) > 255 ) {
			return;
		}
		$is_kept = Decision::KEPT === $said['did'];
		if ( ! $is_kept && ( ! Decision::is_down( $said['did'] ) || ! Posts::may_be_prior( $said['prior'] ) || in_array( $status, Checks::visible(), true ) ) ) {
			return;
		}
		$is_same = $is_kept || ( $status === $said['set'] && $modified === $said['modified'] );
		Memory::note(
			$post,
			array(
				'feed'        => substr( $said['feed'], 0, 100 ),
				'listing_key' => $key,
				'did'         => $is_same ? $said['did'] : Memory::UNSURE,
				'set_status'  => substr( $said['set'], 0, 20 ),
				'prior'       => substr( $said['prior'], 0, 20 ),
				'path'        => $path,
				'missed'      => max( 0, $said['missed'] ),
				'down_at'     => max( 0, $said['at'] ),
			)
		);
	}

	private static function modified( int $post ): string {
		global $wpdb;
		return (string) Db::value( "SELECT post_modified_gmt FROM {$wpdb->posts} WHERE ID = %d", $post );
	}

	private static function work( callable $work ): void {
		$was        = self::$busy;
		self::$busy = true;
		try {
			$work();
		} finally {
			self::$busy = $was;
		}
	}
}
