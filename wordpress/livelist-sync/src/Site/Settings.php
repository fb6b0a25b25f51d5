<?php
/**
 * What the site's owner has set. The site key is never loaded with every page, and never given to
 * anything that prints. Depends on the options of WordPress and Core.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Host;
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
	 * Where the API is, without a slash at its end; empty if it is not set. A key that stands in wp-config.php
	 * goes only to an address that stands there as well.
	 */
	public static function api_url(): string {
		if ( defined( 'LIVELIST_API_URL' ) ) {
			return (string) self::clean_url( constant( 'LIVELIST_API_URL' ), true );
		}
		if ( defined( 'LIVELIST_SITE_KEY' ) ) {
			return '';
		}
		$settings = get_option( self::OPTION, array() );
		return is_array( $settings ) && isset( $settings['api_url'] ) && is_string( $settings['api_url'] ) ? $settings['api_url'] : '';
	}

	/**
	 * Whether the service may be on this machine or in its network: only wp-config.php can say so.
	 */
	public static function may_be_local(): bool {
		return defined( 'LIVELIST_API_URL' ) || ( defined( 'LIVELIST_ALLOW_LOCAL' ) && constant( 'LIVELIST_ALLOW_LOCAL' ) );
	}

	/**
	 * Whoever changes the service's host enters its key anew: no key goes to another host than it was given for.
	 *
	 * @param mixed $former What was set.
	 * @param mixed $now    What is set.
	 */
	public static function host_changed( $former, $now ): void {
		$host = function ( $settings ): string {
			$url = is_array( $settings ) && isset( $settings['api_url'] ) && is_string( $settings['api_url'] ) ? $settings['api_url'] : '';
			return strtolower( (string) wp_parse_url( $url, PHP_URL_HOST ) . ':' . (string) wp_parse_url( $url, PHP_URL_PORT ) );
		};
		if ( ':' !== $host( $former ) && $host( $former ) !== $host( $now ) ) {
			update_option( self::KEY, '' );
		}
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
	 * be https; only a service on the same machine may do without, and only wp-config.php can allow that.
	 *
	 * @param mixed     $said  What was entered.
	 * @param bool|null $local Whether it may be on this machine or in its network; null asks may_be_local().
	 */
	public static function clean_url( $said, ?bool $local = null ): ?string {
		$url   = is_string( $said ) ? rtrim( trim( $said ), '/' ) : '';
		$part  = wp_parse_url( $url );
		$local = null === $local ? self::may_be_local() : $local;
		if ( ! is_array( $part ) || empty( $part['host'] ) || empty( $part['scheme'] ) || isset( $part['user'] ) || isset( $part['query'] ) || isset( $part['fragment'] ) ) {
			return null;
		}
		$is_here = in_array( $part['host'], array( '127.0.0.1', 'localhost', '[::1]' ), true );
		if ( ! $local && ( $is_here || Host::is_private( $part['host'] ) ) ) {
			return null;
		}
		$is_safe = 'https' === $part['scheme'] || ( 'http' === $part['scheme'] && $is_here );
		return $is_safe ? esc_url_raw( $url, array( 'http', 'https' ) ) : null;
	}

	/**
	 * The settings as they are kept, out of what a form or a program gave; tells what is wrong. What is wrong
	 * keeps the values that were stored: nothing is lost by a mistake.
	 *
	 * @param mixed                          $said What was given.
	 * @param callable(string, string): void $tell Gets a name and a message for people.
	 * @return array<string, mixed>
	 */
	public static function clean( $said, callable $tell ): array {
		$said    = is_array( $said ) ? $said : array();
		$was     = get_option( self::OPTION, array() );
		$was     = is_array( $was ) ? $was : array();
		// What a program does not name stays as it is.
		$said   += array_intersect_key( $was, array_flip( array( 'api_url', 'feeds', 'mail' ) ) );
		$url     = isset( $said['api_url'] ) && '' !== $said['api_url'] ? self::clean_url( $said['api_url'] ) : '';
		$mail    = isset( $said['mail'] ) && is_string( $said['mail'] ) ? trim( $said['mail'] ) : '';
		$stored  = self::feeds();
		$feeds   = array();
		$is_kept = false;
		if ( null === $url ) {
			$tell( 'api_url', __( 'The address of the service was not saved: it has to begin with https:// and to be a public one.', 'livelist-sync' ) );
			$url = self::api_url();
		}
		if ( '' !== $mail && ! is_email( $mail ) ) {
			$tell( 'mail', __( 'The address for mails was not saved: it is none.', 'livelist-sync' ) );
			$mail = self::mail();
		}
		$entries = isset( $said['feeds'] ) && is_array( $said['feeds'] ) ? array_values( $said['feeds'] ) : array();
		foreach ( $entries as $at => $entry ) {
			$id = is_array( $entry ) && isset( $entry['feed'] ) && is_string( $entry['feed'] ) ? trim( $entry['feed'] ) : '';
			if ( '' === $id ) {
				continue;
			}
			$feed  = Feed::parse( $entry );
			$wrong = '';
			if ( null === $feed ) {
				/* translators: %s: id of a feed */
				$wrong = sprintf( __( 'The feed "%s" was not saved: an id has small letters, digits and hyphens only; a post type and a meta key are needed; a condition needs both of its parts; days are a whole number, or -1.', 'livelist-sync' ), sanitize_text_field( $id ) );
			} elseif ( count( $feeds ) >= self::MOST ) {
				/* translators: 1: id of a feed, 2: number of feeds */
				$wrong = sprintf( __( 'The feed %1$s was not saved: a site can follow %2$d feeds.', 'livelist-sync' ), $feed->id, self::MOST );
			} else {
				$other = self::like( $feed, $feeds );
				if ( null !== $other ) {
					/* translators: 1: id of a feed, 2: id of another feed */
					$wrong = sprintf( __( 'The feed %1$s was not saved: its posts cannot be told from those of %2$s. Give both a condition.', 'livelist-sync' ), $feed->id, $other->id );
				}
			}
			if ( '' !== $wrong ) {
				$tell( null === $feed ? 'feed' : 'overlap', $wrong );
				$was  = isset( $entry['was'] ) && is_string( $entry['was'] ) ? self::feed( $entry['was'] ) : ( isset( $stored[ $at ] ) ? $stored[ $at ] : null );
				$feed = $was;
				if ( null === $was ) {
					continue;
				}
				$is_kept = true;
				if ( null !== self::like( $was, $feeds ) ) {
					// What was stored does not go with what was changed: nothing of it is saved.
					$feeds = $stored;
					break;
				}
			}
			$feeds[] = $feed;
		}
		if ( $is_kept && count( $feeds ) > self::MOST ) {
			$feeds = $stored;
		}
		return array(
			'api_url' => $url,
			'mail'    => $mail,
			'feeds'   => array_map(
				function ( Feed $feed ) {
					return $feed->kept();
				},
				$feeds
			),
		);
	}

	/**
	 * Where mails about trouble go; empty for nowhere.
	 */
	public static function mail(): string {
		$settings = get_option( self::OPTION, array() );
		return is_array( $settings ) && isset( $settings['mail'] ) && is_string( $settings['mail'] ) ? $settings['mail'] : '';
	}

	/**
	 * One of some feeds that has the same id or the same posts; null if there is none.
	 *
	 * @param Feed   $feed  The feed.
	 * @param Feed[] $feeds Others.
	 */
	private static function like( Feed $feed, array $feeds ): ?Feed {
		foreach ( $feeds as $other ) {
			if ( $other->id === $feed->id || $other->overlaps( $feed ) ) {
				return $other;
			}
		}
		return null;
	}

	/**
	 * Something was set: every feed is looked at again.
	 */
	public static function changed(): void {
		if ( get_option( Schema::OPTION ) !== Schema::VERSION ) {
			return;
		}
		foreach ( self::feeds() as $feed ) {
			Feeds::set( $feed->id, array( 'again' => 1 ) );
		}
	}

	/**
	 * A secret as it is kept: an empty field means that nothing changes, and so does one that cannot be right.
	 *
	 * @param mixed         $said   What was entered.
	 * @param string        $option Its option.
	 * @param callable|null $tell   Gets a name and a message for people, as with clean().
	 */
	public static function clean_secret( $said, string $option, ?callable $tell = null ): string {
		$former = get_option( $option, '' );
		$former = is_string( $former ) ? $former : '';
		$said   = is_string( $said ) ? trim( $said ) : '';
		if ( '' === $said ) {
			return $former;
		}
		$is_right = 1 === preg_match( '/\A[\x21-\x7e]{1,512}\z/', $said ) && ( self::SECRET !== $option || null !== Signature::key( $said ) );
		if ( $is_right ) {
			return $said;
		}
		if ( null !== $tell ) {
			$tell( $option, self::KEY === $option ? __( 'The site key was not saved: it holds spaces or characters that no key has.', 'livelist-sync' ) : __( 'The secret of notices was not saved: it begins with whsec_, and Base64 of 16 bytes or more follows.', 'livelist-sync' ) );
		}
		return $former;
	}

	private static function secret( string $constant, string $option ): string {
		if ( defined( $constant ) ) {
			return (string) constant( $constant );
		}
		$value = get_option( $option, '' );
		return is_string( $value ) ? $value : '';
	}
}
