<?php
/**
 * What visitors get at the address of a post that was taken down: 404 or 410, and never WordPress's guess at
 * another listing. And page caches forget such an address. Depends on Memory, Settings, Core\Path.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Path;

/**
 * Addresses of posts that were taken down.
 */
final class Gone {
	/**
	 * Hooks in.
	 */
	public static function register(): void {
		// Before redirect_canonical(), which guesses.
		add_action( 'template_redirect', array( self::class, 'answer' ), 5 );
		add_filter( 'do_redirect_guess_404_permalink', array( self::class, 'guess' ) );
		add_action( 'livelist_sync_changed', array( self::class, 'purge' ) );
	}

	/**
	 * Says 410 where the feed says so, and only where nothing was found.
	 */
	public static function answer(): void {
		$feed = is_404() ? self::feed() : null;
		if ( null !== $feed && 410 === $feed->answer ) {
			status_header( 410 );
		}
	}

	/**
	 * No guess at the address of a listing that is gone.
	 *
	 * @param mixed $guesses Whether WordPress guesses.
	 * @return mixed
	 */
	public static function guess( $guesses ) {
		return $guesses && is_404() && null !== self::feed() ? false : $guesses;
	}

	/**
	 * Page caches that are known forget the address; others hook into livelist_sync_changed.
	 *
	 * @param mixed $post The post.
	 */
	public static function purge( $post ): void {
		$id  = (int) $post;
		$url = self::url( $id );
		// What is a draft now has another address: caches are told the one that visitors know.
		foreach ( array( 'w3tc_flush_url', 'wpsc_delete_url_cache' ) as $purge ) {
			if ( function_exists( $purge ) ) {
				$purge( $url );
			}
		}
		if ( function_exists( 'rocket_clean_files' ) ) {
			rocket_clean_files( array( $url ) );
		}
		if ( function_exists( 'wpfc_clear_post_cache_by_id' ) ) {
			wpfc_clear_post_cache_by_id( $id );
		}
		// phpcs:disable WordPress.NamingConventions.PrefixAllGlobals -- LiteSpeed Cache's and Cache Enabler's own.
		do_action( 'litespeed_purge_url', $url );
		do_action( 'cache_enabler_clear_page_cache_by_url', $url );
		// phpcs:enable
	}

	/** The address that visitors know. */
	private static function url( int $post ): string {
		$row  = Memory::find( $post );
		$path = null === $row ? '' : $row->path;
		if ( '' === $path || 0 === strpos( $path, 'sha1:' ) ) {
			return (string) get_permalink( $post );
		}
		$home = (array) wp_parse_url( home_url() );
		$host = ( isset( $home['host'] ) ? $home['host'] : '' ) . ( isset( $home['port'] ) ? ':' . $home['port'] : '' );
		return ( isset( $home['scheme'] ) ? $home['scheme'] : 'http' ) . '://' . $host . user_trailingslashit( implode( '/', array_map( 'rawurlencode', explode( '/', $path ) ) ) );
	}

	/** The feed of what was taken down at the address that is asked for. */
	private static function feed(): ?Feed {
		static $known = array();
		if ( array() === Settings::feeds() || get_option( Schema::OPTION ) !== Schema::VERSION ) {
			return null;
		}
		$asked = isset( $_SERVER['REQUEST_URI'] ) && is_string( $_SERVER['REQUEST_URI'] ) ? Path::of( wp_unslash( $_SERVER['REQUEST_URI'] ) ) : ''; // phpcs:ignore WordPress.Security.ValidatedSanitizedInput -- compared only.
		if ( '' === $asked ) {
			return null;
		}
		if ( ! array_key_exists( $asked, $known ) ) {
			$known[ $asked ] = null;
			try {
				foreach ( Memory::at( $asked ) as $row ) {
					$known[ $asked ] = Settings::feed( $row->feed );
				}
			} catch ( \Livelist\Sync\Core\Refused $refused ) {
				return null;
			}
		}
		return $known[ $asked ];
	}
}
