<?php
/**
 * Keeps the map right while importers and people work. Whatever fails here is found by the next walk
 * over the meta table; it must not disturb what the importer does. Depends on Indexer, Map, Memory,
 * Hand, Settings.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;
use Livelist\Sync\Core\Refused;

/**
 * Hooks on posts.
 */
final class MapHooks {
	/**
	 * Hooks in.
	 */
	public static function register(): void {
		add_action( 'added_post_meta', array( self::class, 'meta' ), 10, 3 );
		add_action( 'updated_post_meta', array( self::class, 'meta' ), 10, 3 );
		add_action( 'deleted_post_meta', array( self::class, 'meta' ), 10, 3 );
		add_action( 'added_term_relationship', array( self::class, 'terms' ), 10, 3 );
		add_action( 'deleted_term_relationships', array( self::class, 'terms' ), 10, 3 );
		add_action( 'transition_post_status', array( self::class, 'status' ), 10, 3 );
		add_action( 'deleted_post', array( self::class, 'deleted' ) );
	}

	/**
	 * Meta changed.
	 *
	 * @param mixed $meta_ids Unused.
	 * @param mixed $post     The post.
	 * @param mixed $key      The meta key.
	 */
	public static function meta( $meta_ids, $post, $key ): void {
		foreach ( Settings::feeds() as $feed ) {
			if ( $key === $feed->meta_key || ( 'meta' === $feed->only && $key === $feed->only_key ) ) {
				self::quietly(
					function () use ( $feed, $post ) {
						Indexer::refresh( $feed, (int) $post );
					}
				);
			}
		}
	}

	/**
	 * Terms changed.
	 *
	 * @param mixed $post     The post.
	 * @param mixed $terms    Unused.
	 * @param mixed $taxonomy The taxonomy.
	 */
	public static function terms( $post, $terms, $taxonomy ): void {
		foreach ( Settings::feeds() as $feed ) {
			if ( 'term' === $feed->only && $taxonomy === $feed->only_key ) {
				self::quietly(
					function () use ( $feed, $post ) {
						Indexer::refresh( $feed, (int) $post );
					}
				);
			}
		}
	}

	/**
	 * A status changed. What a person decides about a post holds; what an importer does makes it count as new.
	 *
	 * @param mixed    $to   New status.
	 * @param mixed    $from Old status.
	 * @param \WP_Post $post The post.
	 */
	public static function status( $to, $from, $post ): void {
		$id = (int) $post->ID;
		if ( $to === $from || 'new' === $from || 'auto-draft' === $from || Posts::busy_with() === $id ) {
			return;
		}
		self::quietly(
			function () use ( $to, $from, $id ) {
				if ( 0 !== Posts::busy_with() ) {
					Posts::along( $id, (string) $from, (string) $to );
					return;
				}
				$row = Memory::find( $id );
				if ( null === $row || ! ( Decision::is_down( $row->did ) || Memory::UNSURE === $row->did ) ) {
					return;
				}
				$is_up = in_array( $to, Checks::visible(), true );
				if ( ( $is_up || 'trash' === $from ) && Hand::is_by( $id ) ) {
					Memory::keep( $id, $row->feed, $row->listing_key );
				} elseif ( $is_up ) {
					Posts::published_again( $id );
				} else {
					Memory::forget( $id );
					Map::seen_now( $id );
				}
			}
		);
	}

	/**
	 * A post is no more.
	 *
	 * @param mixed $post The post.
	 */
	public static function deleted( $post ): void {
		if ( array() === Settings::feeds() ) {
			return;
		}
		self::quietly(
			function () use ( $post ) {
				Map::forget( (int) $post );
				Memory::gone( (int) $post );
			}
		);
	}

	private static function quietly( callable $work ): void {
		global $wpdb;
		if ( get_option( Schema::OPTION ) !== Schema::VERSION ) {
			return;
		}
		$shown = $wpdb->suppress_errors();
		try {
			$work();
		} catch ( Refused $refused ) {
			// Told to filters that look for it, not to the importer.
			do_action( 'livelist_sync_map_failed', $refused->name() );
		} finally {
			$wpdb->suppress_errors( $shown );
		}
	}
}
