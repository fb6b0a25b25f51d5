<?php
/**
 * What the service says of single keys. It only counts if it speaks of the list that was compared.
 * Depends on nothing.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * Reading answers of `check`.
 */
final class Verdict {
	/**
	 * The keys that are called gone, and nothing else of them. None if the answer is of another list,
	 * or of a service that does not know the word "unknown": such a service calls gone whatever is
	 * not in its list.
	 *
	 * @param string $body    What was sent.
	 * @param string $version The list that was compared.
	 * @return string[]
	 * @throws Refused The name is not_json.
	 */
	public static function gone( string $body, string $version ): array {
		$said = json_decode( $body, true, 8 );
		if ( ! is_array( $said ) ) {
			throw Refused::for_now( 'not_json' );
		}
		foreach ( array( 'version', 'complete', 'gone', 'unknown' ) as $member ) {
			if ( ! isset( $said[ $member ] ) ) {
				return array();
			}
		}
		if ( $version !== $said['version'] || true !== $said['complete'] || ! is_array( $said['gone'] ) || ! is_array( $said['unknown'] ) ) {
			return array();
		}
		$gone = array();
		foreach ( $said['gone'] as $key ) {
			if ( is_string( $key ) && ! in_array( $key, $said['unknown'], true ) ) {
				$gone[] = $key;
			}
		}
		return $gone;
	}
}
