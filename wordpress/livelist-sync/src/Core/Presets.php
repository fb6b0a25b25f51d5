<?php
/**
 * Which posts importers and themes make. Data only.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * Presets of bindings.
 */
final class Presets {
	/**
	 * Name, post type and meta key by preset.
	 *
	 * @return array<string, array{0: string, 1: string, 2: string}>
	 */
	public static function all(): array {
		return array(
			'mlsimport-wpresidence' => array( 'MLSImport + WP Residence', 'estate_property', 'ListingKey' ),
			'mlsimport-houzez'      => array( 'MLSImport + Houzez', 'property', 'ListingKey' ),
			'mlsimport-realhomes'   => array( 'MLSImport + Real Homes', 'property', 'ListingKey' ),
			// The number is that of the import: another import has another meta key.
			'houzez-property-feed'  => array( 'Houzez Property Feed (first import)', 'property', '_imported_ref_1' ),
		);
	}
}
