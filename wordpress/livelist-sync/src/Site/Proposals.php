<?php
/**
 * Proposes which posts a feed is about, when a person asks for it: some new and some random posts of each type
 * are looked up in the verified list. Depends on Client, Core, Db, TempFiles.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\ListFile;
use Livelist\Sync\Core\Merge;
use Livelist\Sync\Core\Overlap;
use Livelist\Sync\Core\Refused;

// phpcs:disable WordPress.DB

/**
 * Proposals.
 */
final class Proposals {
	/** So many of the newest posts of a type, and as many random ones. */
	const SAMPLE = 150;
	/** Types of WordPress itself that hold no listings. */
	const NEVER = array( 'attachment', 'revision', 'nav_menu_item', 'custom_css', 'customize_changeset', 'oembed_cache', 'user_request', 'wp_block', 'wp_template', 'wp_template_part', 'wp_global_styles', 'wp_navigation' );

	/**
	 * Pairs of post type and meta key that hold the feed's keys, the best first.
	 *
	 * @param string $feed      The feed.
	 * @param string $key_field The field that its keys are values of; empty for whatever the service says.
	 * @return array<int, array{type: string, meta: string, listed: int, of: int}>
	 * @throws Refused Why there is no list to look in.
	 */
	public static function find( string $feed, string $key_field ): array {
		$asked = Feed::parse(
			array(
				'feed'      => $feed,
				'post_type' => 'post',
				'meta_key'  => 'none', // phpcs:ignore WordPress.DB.SlowDBQuery -- no query.
				'key_field' => '' === $key_field ? 'ListingKey' : $key_field,
			)
		);
		if ( null === $asked ) {
			throw Refused::because( 'no_such_feed' );
		}
		$client = new Client();
		$answer = $client->manifest( $asked, '' );
		if ( null === $answer ) {
			throw Refused::for_now( 'unavailable', 304 );
		}
		$file = TempFiles::fresh();
		try {
			$client->download( $answer[0], $file . '.part' );
			ListFile::verify( $file . '.part', $file, $answer[0]->count, $answer[0]->sha256 );
			return array_slice( self::sampled()->pairs( new Merge( $file ) ), 0, 5 );
		} finally {
			wp_delete_file( $file . '.part' );
			wp_delete_file( $file );
		}
	}

	/** Meta of some posts of each type. */
	private static function sampled(): Overlap {
		global $wpdb;
		$overlap = new Overlap();
		$types   = array_diff( array_keys( get_post_types() ), self::NEVER );
		foreach ( $types as $type ) {
			$ids = array();
			foreach ( array( 'ID DESC', 'RAND()' ) as $order ) {
				$rows = Db::rows( "SELECT ID FROM {$wpdb->posts} WHERE post_type = %s AND post_status IN (" . Db::texts( Checks::visible() ) . ") ORDER BY $order LIMIT " . self::SAMPLE, $type );
				$ids  = array_merge( $ids, array_map( 'intval', array_column( $rows, 0 ) ) );
			}
			if ( array() === $ids ) {
				continue;
			}
			$rows = Db::rows( "SELECT meta_key, meta_value FROM {$wpdb->postmeta} WHERE post_id IN (" . Db::ids( array_unique( $ids ) ) . ') AND LENGTH(meta_value) BETWEEN 1 AND 255' );
			foreach ( $rows as $row ) {
				$overlap->add( $type, (string) $row[0], (string) $row[1] );
			}
		}
		return $overlap;
	}
}
