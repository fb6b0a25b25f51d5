<?php
/**
 * Lines of CSV that a spreadsheet takes for text. Depends on nothing.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * Writing CSV.
 */
final class Csv {
	/**
	 * A line, with its end. A cell that a spreadsheet would take for a formula gets a quote before it.
	 *
	 * @param string[] $cells Cells.
	 */
	public static function line( array $cells ): string {
		$quoted = array();
		foreach ( $cells as $cell ) {
			$is_formula = '' !== $cell && false !== strpos( "=+-@\t\r", $cell[0] );
			$quoted[]   = '"' . str_replace( '"', '""', ( $is_formula ? "'" : '' ) . $cell ) . '"';
		}
		return implode( ',', $quoted ) . "\r\n";
	}
}
