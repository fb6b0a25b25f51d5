<?php
/**
 * Which values can be keys of a list at all. Depends on nothing.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * Keys are opaque bytes; they are compared with === and strcmp() only.
 */
final class Key {
	/** The map holds keys up to here; posts with longer ones are never touched. */
	const MAX_BYTES = 255;

	/**
	 * Whether a post with this value may be looked for in lists. A value with spaces at an end, or
	 * with control characters, was not stored as the MLS sent it: that it is not in the list would
	 * prove nothing.
	 *
	 * @param mixed $value What the post has.
	 */
	public static function is_usable( $value ): bool {
		return is_string( $value ) && '' !== $value && strlen( $value ) <= self::MAX_BYTES
			&& trim( $value ) === $value && 1 !== preg_match( '/[\x00-\x1f\x7f]/', $value );
	}
}
