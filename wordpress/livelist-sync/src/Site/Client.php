<?php
/**
 * The service, over HTTP. Believes nothing that it is told: what a status means is decided here, what
 * a body is worth in Core. The site key goes to the API and nowhere else. Depends on the HTTP API of
 * WordPress, Core and Settings.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Catalog;
use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Instant;
use Livelist\Sync\Core\Manifest;
use Livelist\Sync\Core\Refused;
use Livelist\Sync\Core\Verdict;

/**
 * Asking the service.
 */
final class Client {
	/** Seconds; both together fit a request of 30 seconds. */
	const MANIFEST_SECONDS = 8;
	const LIST_SECONDS     = 20;
	const CHECK_SECONDS    = 10;
	const ACK_SECONDS      = 5;
	/** A list of feeds that is longer is none. */
	const FEEDS_BYTES = 1048576;

	/**
	 * Asks for the manifest; null if the service says that it is the one with this tag.
	 *
	 * @param Feed   $feed The feed.
	 * @param string $etag Tag of the last answer that was worked through; empty for none.
	 * @return array{0: Manifest, 1: string}|null The manifest and its tag.
	 * @throws Refused Why there is none.
	 */
	public function manifest( Feed $feed, string $etag ): ?array {
		$headers = $this->headers();
		if ( '' !== $etag ) {
			$headers['If-None-Match'] = $etag;
		}
		$answer = wp_remote_get(
			$this->url( $feed, 'live' ),
			array(
				'headers'             => $headers,
				'timeout'             => self::MANIFEST_SECONDS,
				'redirection'         => 0,
				'reject_unsafe_urls'  => ! Settings::may_be_local(),
				'limit_response_size' => Manifest::MAX_BYTES,
				'user-agent'          => $this->agent(),
			)
		);
		$now    = time();
		$status = self::status( $answer );
		if ( 304 === $status && '' !== $etag ) {
			Instant::agree( self::date( $answer ), $now );
			return null;
		}
		if ( 200 !== $status ) {
			$refused = self::refusal( $status, $answer );
			throw $refused;
		}
		$manifest = Manifest::parse( wp_remote_retrieve_body( $answer ), $feed->id, $feed->key_field, $now );
		Instant::agree( self::date( $answer ), $now );
		$tag = wp_remote_retrieve_header( $answer, 'etag' );
		return array( $manifest, is_string( $tag ) && strlen( $tag ) <= 200 ? $tag : '' );
	}

	/**
	 * Asks which feeds this site may follow.
	 *
	 * @return array<int, array<string, mixed>> With feed, mls, resource, and what else the service says.
	 * @throws Refused Why there is no answer.
	 */
	public function feeds(): array {
		$answer = wp_remote_get(
			$this->base() . '/v1/feeds',
			array(
				'headers'             => $this->headers(),
				'timeout'             => self::MANIFEST_SECONDS,
				'redirection'         => 0,
				'reject_unsafe_urls'  => ! Settings::may_be_local(),
				'limit_response_size' => self::FEEDS_BYTES,
				'user-agent'          => $this->agent(),
			)
		);
		$status = self::status( $answer );
		if ( 200 !== $status ) {
			$refused = self::refusal( $status, $answer );
			throw $refused;
		}
		return Catalog::parse( wp_remote_retrieve_body( $answer ) );
	}

	/**
	 * Downloads a list into a file: no credentials, no redirects.
	 *
	 * @param Manifest $manifest What links to it.
	 * @param string   $path     The file.
	 * @throws Refused Why it cannot be had.
	 */
	public function download( Manifest $manifest, string $path ): void {
		if ( null === Settings::clean_url( strtok( $manifest->url, '?' ) ) ) {
			throw Refused::because( 'link' );
		}
		$answer = wp_remote_get(
			$manifest->url,
			array(
				'timeout'             => self::LIST_SECONDS,
				'redirection'         => 0,
				'reject_unsafe_urls'  => ! Settings::may_be_local(),
				'stream'              => true,
				'filename'            => $path,
				// No list can be larger: an endless answer ends here.
				'limit_response_size' => $manifest->count * 1024 + 65536,
				'user-agent'          => $this->agent(),
			)
		);
		$status = self::status( $answer );
		if ( 200 !== $status ) {
			// 403 is what an expired link gets: the next manifest brings another one.
			$refused = 403 === $status ? Refused::for_now( 'link_expired' ) : self::refusal( $status, $answer );
			throw $refused;
		}
	}

	/**
	 * Asks which of these keys are gone. Whatever is not named stays.
	 *
	 * @param Feed               $feed    The feed.
	 * @param string             $version The list that was compared.
	 * @param array<string, int> $copies  Since when the site has each key, Unix seconds.
	 * @return string[]
	 * @throws Refused Why there is no answer.
	 */
	public function gone( Feed $feed, string $version, array $copies ): array {
		$keys = array();
		foreach ( $copies as $key => $seen ) {
			$keys[] = array(
				'key' => (string) $key,
				'got' => gmdate( 'Y-m-d\TH:i:s\Z', $seen ),
			);
		}
		$answer = wp_remote_post(
			$this->url( $feed, 'check' ),
			array(
				'headers'             => $this->headers() + array( 'Content-Type' => 'application/json' ),
				'body'                => wp_json_encode( array( 'keys' => $keys ) ),
				'timeout'             => self::CHECK_SECONDS,
				'redirection'         => 0,
				'reject_unsafe_urls'  => ! Settings::may_be_local(),
				'limit_response_size' => count( $keys ) * 1024 + Manifest::MAX_BYTES,
				'user-agent'          => $this->agent(),
			)
		);
		$status = self::status( $answer );
		if ( 200 !== $status ) {
			$refused = self::refusal( $status, $answer );
			throw $refused;
		}
		return Verdict::gone( wp_remote_retrieve_body( $answer ), $version );
	}

	/**
	 * Tells the operators of the feed what this site did. Nothing depends on it.
	 *
	 * @param Feed                 $feed What it is about.
	 * @param array<string, mixed> $said Numbers and names, no keys.
	 */
	public function ack( Feed $feed, array $said ): bool {
		if ( '' === Settings::api_url() || '' === Settings::site_key() ) {
			return false;
		}
		$said  += array(
			'plugin' => LIVELIST_SYNC_VERSION,
			'wp'     => get_bloginfo( 'version' ),
			'php'    => PHP_VERSION,
		);
		$answer = wp_remote_post(
			$this->url( $feed, 'acks' ),
			array(
				'headers'             => $this->headers() + array( 'Content-Type' => 'application/json' ),
				'body'                => wp_json_encode( $said ),
				'timeout'             => self::ACK_SECONDS,
				'redirection'         => 0,
				'reject_unsafe_urls'  => ! Settings::may_be_local(),
				'limit_response_size' => Manifest::MAX_BYTES,
				'user-agent'          => $this->agent(),
			)
		);
		return ! is_wp_error( $answer ) && 2 === intdiv( (int) wp_remote_retrieve_response_code( $answer ), 100 );
	}

	private function url( Feed $feed, string $what ): string {
		return $this->base() . '/v1/feeds/' . rawurlencode( $feed->id ) . '/' . $what;
	}

	private function base(): string {
		$base = Settings::api_url();
		if ( '' === $base ) {
			throw Refused::because( 'not_configured' );
		}
		return $base;
	}

	/** @return array<string, string> */
	private function headers(): array {
		$key = Settings::site_key();
		if ( '' === $key ) {
			throw Refused::because( 'not_configured' );
		}
		return array(
			'Authorization' => 'Bearer ' . $key,
			'Accept'        => 'application/json',
		);
	}

	/** The default would tell the site's address to whoever stores the list. */
	private function agent(): string {
		return 'livelist-sync/' . LIVELIST_SYNC_VERSION;
	}

	/** @param array<string, mixed>|\WP_Error $answer */
	private static function status( $answer ): int {
		if ( is_wp_error( $answer ) ) {
			// Its text may hold the link, and with it the signature.
			$refused = Refused::for_now( 'transport', sanitize_key( $answer->get_error_code() ) );
			throw $refused;
		}
		return (int) wp_remote_retrieve_response_code( $answer );
	}

	/** @param array<string, mixed>|\WP_Error $answer */
	private static function date( $answer ): ?int {
		$date = wp_remote_retrieve_header( $answer, 'date' );
		return is_string( $date ) ? Instant::of_header( $date ) : null;
	}

	/** @param array<string, mixed>|\WP_Error $answer */
	private static function refusal( int $status, $answer ): Refused {
		$wait = wp_remote_retrieve_header( $answer, 'retry-after' );
		$wait = is_string( $wait ) && 1 === preg_match( '/\A\d{1,6}\z/', $wait ) ? (int) $wait : 0;
		switch ( $status ) {
			case 401:
				return Refused::because( 'unauthorized' );
			case 403:
				return Refused::because( 'forbidden' );
			case 404:
				return Refused::because( 'not_found' );
			case 429:
				return Refused::for_now( 'too_many_requests' )->after( $wait );
		}
		if ( $status >= 300 && $status < 400 ) {
			return Refused::for_now( 'redirected' );
		}
		return Refused::for_now( 'unavailable', $status )->after( $wait );
	}
}
