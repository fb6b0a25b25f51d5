<?php
/**
 * What the site's owner has set. The site key is never loaded with every page, and never given to
 * anything that prints. Depends on the options of WordPress and Core.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Signature;

/**
 * Settings.
 */
final class Settings {
	const OPTION = 'livelist_sync_settings';
	const KEY    = 'livelist_sync_site_key';
	const SECRET = 'livelist_sync_notify_secret';
	const ALL    = array( self::OPTION, self::KEY, self::SECRET );
	const MOST   = 20;

	/**
	 * Makes the options where they are missing, none of them loaded with every page.
	 */
	public static function ensure(): void {
		global $wpdb;
		// add_option() would write over settings that could not be read for a moment.
		foreach ( array( self::OPTION => 'a:0:{}', self::KEY => '', self::SECRET => '' ) as $option => $empty ) {
			Db::change( "INSERT IGNORE INTO {$wpdb->options} (option_name, option_value, autoload) VALUES (%s, %s, 'no')", $option, $empty );
		}
		wp_cache_delete( 'notoptions', 'options' );
	}

	/**
	 * Where the API is, without a slash at its end; empty if it is not set.
	 */
	public static function api_url(): string {
		$settings = get_option( self::OPTION, array() );
		return is_array( $settings ) && isset( $settings['api_url'] ) && is_string( $settings['api_url'] ) ? $settings['api_url'] : '';
	}

	/**
	 * The site key; empty if it is not set.
	 */
	public static function site_key(): string {
		return self::secret( 'LIVELIST_SITE_KEY', self::KEY );
	}

	/**
	 * The secret of notices; empty if it is not set.
	 */
	public static function notify_secret(): string {
		return self::secret( 'LIVELIST_NOTIFY_SECRET', self::SECRET );
	}

	/**
	 * The feeds that are set.
	 *
	 * @return Feed[]
	 */
	public static function feeds(): array {
		$settings = get_option( self::OPTION, array() );
		$said     = is_array( $settings ) && isset( $settings['feeds'] ) && is_array( $settings['feeds'] ) ? $settings['feeds'] : array();
		return array_values( array_filter( array_map( array( Feed::class, 'parse' ), $said ) ) );
	}

	/**
	 * The feed with this id; null if it is not set.
	 *
	 * @param string $id The feed.
	 */
	public static function feed( string $id ): ?Feed {
		foreach ( self::feeds() as $feed ) {
			if ( $id === $feed->id ) {
				return $feed;
			}
		}
		return null;
	}

	/**
	 * The address as it is kept; null if it must not be used. The site key goes there, so it has to
	 * be https; only a service on the same machine may do without.
	 *
	 * @param mixed $said What was entered.
	 */
	public static function clean_url( $said ): ?string {
		$url  = is_string( $said ) ? rtrim( trim( $said ), '/' ) : '';
		$part = wp_parse_url( $url );
		if ( ! is_array( $part ) || empty( $part['host'] ) || empty( $part['scheme'] ) || isset( $part['user'] ) || isset( $part['query'] ) || isset( $part['fragment'] ) ) {
			return null;
		}
		$is_here = in_array( $part['host'], array( '127.0.0.1', 'localhost', '[::1]' ), true );
		$is_safe = 'https' === $part['scheme'] || ( 'http' === $part['scheme'] && $is_here );
		return $is_safe ? esc_url_raw( $url, array( 'http', 'https' ) ) : null;
	}

	/**
	 * The settings as they are kept, out of what a form or a program gave; tells what is wrong.
	 *
	 * @param mixed                          $said What was given.
	 * @param callable(string, string): void $tell Gets a name and a message for people.
	 * @return array<string, mixed>
	 */
	public static function clean( $said, callable $tell ): array {
		$said  = is_array( $said ) ? $said : array();
		$url   = isset( $said['api_url'] ) && '' !== $said['api_url'] ? self::clean_url( $said['api_url'] ) : '';
		$feeds = array();
		if ( null === $url ) {
			$tell( 'api_url', __( 'The address of the service has to begin with https://.', 'livelist-sync' ) );
			$url = self::api_url();
		}
		$entries = isset( $said['feeds'] ) && is_array( $said['feeds'] ) ? array_slice( $said['feeds'], 0, self::MOST ) : array();
		foreach ( $entries as $entry ) {
			if ( ! is_array( $entry ) || ! isset( $entry['feed'] ) || ! is_string( $entry['feed'] ) || '' === trim( $entry['feed'] ) ) {
				continue;
			}
			$feed = Feed::parse( $entry );
			if ( null === $feed ) {
				/* translators: %s: id of a feed */
				$tell( 'feed', sprintf( __( 'The feed %s was not saved: it needs an id, a post type and a meta key, and a condition needs both of its parts.', 'livelist-sync' ), sanitize_text_field( $entry['feed'] ) ) );
				continue;
			}
			foreach ( $feeds as $other ) {
				if ( $other->id === $feed->id || $other->overlaps( $feed ) ) {
					/* translators: 1: id of a feed, 2: id of another feed */
					$tell( 'overlap', sprintf( __( 'The feed %1$s was not saved: its posts cannot be told from those of %2$s. Give both a condition.', 'livelist-sync' ), $feed->id, $other->id ) );
					continue 2;
				}
			}
			$feeds[] = $feed;
		}
		return array(
			'api_url' => $url,
			'feeds'   => array_map(
				function ( Feed $feed ) {
					return $feed->kept();
				},
				$feeds
			),
		);
	}

	/**
	 * A secret as it is kept: an empty field means that nothing changes.
	 *
	 * @param mixed  $said   What was entered.
	 * @param string $option Its option.
	 */
	public static function clean_secret( $said, string $option ): string {
		$former = get_option( $option, '' );
		$former = is_string( $former ) ? $former : '';
		$said   = is_string( $said ) ? trim( $said ) : '';
		if ( '' === $said || 1 !== preg_match( '/\A[\x21-\x7e]{1,512}\z/', $said ) ) {
			return $former;
		}
		if ( self::SECRET === $option && null === Signature::key( $said ) ) {
			return $former;
		}
		return $said;
	}

	private static function secret( string $constant, string $option ): string {
		if ( defined( $constant ) ) {
			return (string) constant( $constant );
		}
		$value = get_option( $option, '' );
		return is_string( $value ) ? $value : '';
	}
}
