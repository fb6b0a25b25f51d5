<?php
/**
 * Addresses of posts, in one spelling. Depends on nothing.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * Paths.
 */
final class Path {
	/** Bytes that are kept of one. */
	const MAX_BYTES = 200;

	/**
	 * The path of an address as it is kept and looked for: decoded, without a slash at its end. Empty if the
	 * address has no path of its own, as with plain permalinks. A long one is told by its digest.
	 *
	 * @param string $url An address, or what follows the host in one.
	 */
	public static function of( string $url ): string {
		$path = strtok( (string) preg_replace( '#\A[a-z]+://[^/]*#i', '', $url ), '?#' );
		$path = false === $path ? '' : rtrim( rawurldecode( $path ), '/' );
		return strlen( $path ) > self::MAX_BYTES ? 'sha1:' . sha1( $path ) : $path;
	}
}
