<?php
/**
 * Instants as the API writes them, and how far two clocks may be apart. Depends on nothing.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * Reading instants.
 */
final class Instant {
	/**
	 * So many seconds the clocks of the site and of the service may be apart. Whatever is younger
	 * than a list by less than this counts as younger than the list.
	 */
	const TOLERANCE = 300;

	/**
	 * Unix seconds, rounded down, of an RFC 3339 instant in UTC; null if it is none.
	 *
	 * @param mixed $text What was sent.
	 */
	public static function parse( $text ): ?int {
		if ( ! is_string( $text ) ) {
			return null;
		}
		if ( 1 !== preg_match( '/\A(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.\d{1,9})?Z\z/', $text, $part ) ) {
			return null;
		}
		$at = \DateTimeImmutable::createFromFormat( '!Y-m-d H:i:s', $part[1] . ' ' . $part[2], new \DateTimeZone( 'UTC' ) );
		// A 31st of February would roll over instead of failing.
		if ( false === $at || $at->format( 'Y-m-d H:i:s' ) !== $part[1] . ' ' . $part[2] ) {
			return null;
		}
		return $at->getTimestamp();
	}

	/**
	 * Unix seconds of a Date header; null if it is none.
	 *
	 * @param string $text The header.
	 */
	public static function of_header( string $text ): ?int {
		$at = \DateTimeImmutable::createFromFormat( '!D, d M Y H:i:s \G\M\T', $text, new \DateTimeZone( 'UTC' ) );
		return false === $at ? null : $at->getTimestamp();
	}

	/**
	 * Refuses when the clocks cannot be compared or are too far apart: "created after the list" is
	 * only decidable when both sides mean the same time.
	 *
	 * @param int|null $theirs The service's clock.
	 * @param int      $ours   The site's clock.
	 * @throws Refused The name is clock_skew.
	 */
	public static function agree( ?int $theirs, int $ours ): void {
		if ( null === $theirs ) {
			throw Refused::for_now( 'clock_skew' );
		}
		$apart = abs( $theirs - $ours );
		if ( $apart > self::TOLERANCE ) {
			$refused = Refused::because( 'clock_skew', $apart );
			throw $refused;
		}
	}
}
