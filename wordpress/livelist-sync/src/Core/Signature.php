<?php
/**
 * Signatures of notices (Standard Webhooks). Depends on nothing.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * Checking a notice.
 */
final class Signature {
	/** A notice may be so many seconds old, or ahead. */
	const TOLERANCE = 300;

	/**
	 * Why a notice is refused; null if it is right. Names: no_secret, headers, timestamp, signature.
	 *
	 * @param string $secret    `whsec_` and base64.
	 * @param string $id        Header webhook-id.
	 * @param string $timestamp Header webhook-timestamp.
	 * @param string $signature Header webhook-signature: one or several, with spaces between.
	 * @param string $body      The body as it came.
	 * @param int    $now       The site's clock.
	 */
	public static function refusal( string $secret, string $id, string $timestamp, string $signature, string $body, int $now ): ?string {
		$key = self::key( $secret );
		if ( null === $key ) {
			return 'no_secret';
		}
		if ( 1 !== preg_match( '/\A[\x21-\x7e]{1,128}\z/', $id ) || 1 !== preg_match( '/\A[1-9]\d{0,11}\z/', $timestamp ) ) {
			return 'headers';
		}
		if ( abs( (int) $timestamp - $now ) > self::TOLERANCE ) {
			return 'timestamp';
		}
		$expected = self::sign( $key, $id, $timestamp, $body );
		$right    = false;
		foreach ( array_slice( explode( ' ', $signature ), 0, 16 ) as $one ) {
			// All are compared, so that the time does not tell which one was right.
			$right = hash_equals( $expected, $one ) || $right;
		}
		return $right ? null : 'signature';
	}

	/**
	 * The key's bytes; null if the text is no secret of at least 16 bytes.
	 *
	 * @param string $secret `whsec_` and base64.
	 */
	public static function key( string $secret ): ?string {
		if ( 0 !== strncmp( $secret, 'whsec_', 6 ) ) {
			return null;
		}
		$key = base64_decode( substr( $secret, 6 ), true ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- the standard's form.
		return false === $key || strlen( $key ) < 16 ? null : $key;
	}

	private static function sign( string $key, string $id, string $timestamp, string $body ): string {
		return 'v1,' . base64_encode( hash_hmac( 'sha256', $id . '.' . $timestamp . '.' . $body, $key, true ) ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions
	}
}
