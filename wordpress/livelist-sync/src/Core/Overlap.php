<?php
/**
 * Which post type and meta key hold the keys of a list: told by samples of the site's meta that are looked up
 * in the list. Pure but for the list that it is given. Depends on Key, Merge.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * Samples of meta values by post type and meta key.
 */
final class Overlap {
	/** Values of one pair that are looked at. */
	const MOST = 300;
	/** Fewer prove nothing. */
	const FEWEST = 3;

	/** @var array<string, array<string, array<string, int>>> Posts by type, meta key and value; the last is how many have it. */
	private $values = array();

	/**
	 * A post has a value.
	 *
	 * @param string $type  Its type.
	 * @param string $meta  The meta key.
	 * @param mixed  $value The value.
	 */
	public function add( string $type, string $meta, $value ): void {
		if ( ! Key::is_usable( $value ) || ( isset( $this->values[ $type ][ $meta ] ) && count( $this->values[ $type ][ $meta ] ) >= self::MOST ) ) {
			return;
		}
		// A number would become another key of the array: a letter goes before it.
		$at = 'v' . $value;
		$this->values[ $type ][ $meta ][ $at ] = 1 + ( isset( $this->values[ $type ][ $meta ][ $at ] ) ? $this->values[ $type ][ $meta ][ $at ] : 0 );
	}

	/**
	 * The pairs whose values are keys of the list: each value is one post's, and at least half are listed. The
	 * best first.
	 *
	 * @param Merge $list A verified list, at its beginning.
	 * @return array<int, array{type: string, meta: string, listed: int, of: int}>
	 */
	public function pairs( Merge $list ): array {
		$all = array();
		foreach ( $this->values as $metas ) {
			foreach ( $metas as $values ) {
				$all += $values;
			}
		}
		$all = array_map( 'strval', array_keys( $all ) );
		sort( $all, SORT_STRING );
		$listed = array();
		foreach ( $all as $value ) {
			if ( $list->has( substr( $value, 1 ) ) ) {
				$listed[ $value ] = true;
			}
		}
		$pairs = array();
		foreach ( $this->values as $type => $metas ) {
			foreach ( $metas as $meta => $values ) {
				$of    = count( $values );
				$found = count( array_intersect_key( $values, $listed ) );
				// A few copies of one listing are no reason; a value that many posts share is no key.
				if ( $of >= self::FEWEST && 2 * $found >= $of && array_sum( $values ) <= 1.1 * $of ) {
					$pairs[] = array(
						'type'   => (string) $type,
						'meta'   => (string) $meta,
						'listed' => $found,
						'of'     => $of,
					);
				}
			}
		}
		usort(
			$pairs,
			function ( array $a, array $b ) {
				$order = $b['listed'] * $a['of'] <=> $a['listed'] * $b['of'];
				return 0 === $order ? $b['of'] <=> $a['of'] : $order;
			}
		);
		return $pairs;
	}
}
