<?php
/**
 * The feeds that a site may follow, as the service lists them. Depends on Refused.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * Reading answers of `/v1/feeds`.
 */
final class Catalog {
	/**
	 * The feeds with all that is known of each. What is not sound of one leaves out that one.
	 *
	 * @param string $body What was sent.
	 * @return array<int, array{feed: string, mls: string, resource: string, key_field: string, count: int|null}>
	 * @throws Refused The name is not_json.
	 */
	public static function parse( string $body ): array {
		$said = json_decode( $body, true, 8 );
		if ( ! is_array( $said ) || ! isset( $said['feeds'] ) || ! is_array( $said['feeds'] ) ) {
			throw Refused::for_now( 'not_json' );
		}
		$feeds = array();
		foreach ( $said['feeds'] as $entry ) {
			$text = function ( string $member ) use ( $entry ): string {
				$is_text = is_array( $entry ) && isset( $entry[ $member ] ) && is_string( $entry[ $member ] );
				return $is_text && 1 === preg_match( '/\A[\x21-\x7e]{1,100}\z/', $entry[ $member ] ) ? $entry[ $member ] : '';
			};
			if ( 1 !== preg_match( Feed::ID, $text( 'feed' ) ) || '' === $text( 'mls' ) || '' === $text( 'resource' ) ) {
				continue;
			}
			$feeds[] = array(
				'feed'      => $text( 'feed' ),
				'mls'       => $text( 'mls' ),
				'resource'  => $text( 'resource' ),
				'key_field' => $text( 'key_field' ),
				'count'     => isset( $entry['count'] ) && is_int( $entry['count'] ) ? $entry['count'] : null,
			);
		}
		return $feeds;
	}
}
