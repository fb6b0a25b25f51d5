<?php
/**
 * Queries that cannot fail silently. wpdb answers a failed SELECT with no rows; "no rows" must never
 * be mistaken for "nothing there". Depends on wpdb.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Refused;

// Every statement of the plugin passes here: tables are its own or wpdb's, values are prepared or hex.
// phpcs:disable WordPress.DB

/**
 * The database.
 */
final class Db {
	/**
	 * Rows as lists of values.
	 *
	 * @param string $sql   A statement with placeholders.
	 * @param mixed  ...$values Values.
	 * @return array<int, array<int, string|null>>
	 * @throws Refused The name is database.
	 */
	public static function rows( string $sql, ...$values ): array {
		global $wpdb;
		$wpdb->last_error = '';
		$rows             = $wpdb->get_results( self::prepared( $sql, $values ), ARRAY_N );
		$error            = $wpdb->last_error;
		// It keeps a second copy otherwise; and it forgets the error.
		$wpdb->flush();
		if ( '' !== $error || ! is_array( $rows ) ) {
			throw self::failed();
		}
		return $rows;
	}

	/**
	 * The first value of the first row; null if there is no row.
	 *
	 * @param string $sql   A statement with placeholders.
	 * @param mixed  ...$values Values.
	 * @return string|null
	 * @throws Refused The name is database.
	 */
	public static function value( string $sql, ...$values ) {
		$rows = self::rows( $sql, ...$values );
		return array() === $rows ? null : $rows[0][0];
	}

	/**
	 * Changes something; says how many rows changed.
	 *
	 * @param string $sql   A statement with placeholders.
	 * @param mixed  ...$values Values.
	 * @throws Refused The name is database.
	 */
	public static function change( string $sql, ...$values ): int {
		global $wpdb;
		$done = $wpdb->query( self::prepared( $sql, $values ) );
		if ( false === $done ) {
			throw self::failed();
		}
		return (int) $done;
	}

	/**
	 * Bytes as a literal: they need not be text in the connection's character set.
	 *
	 * @param string $bytes Any bytes.
	 */
	public static function bytes( string $bytes ): string {
		return "X'" . bin2hex( $bytes ) . "'";
	}

	/**
	 * A list of whole numbers.
	 *
	 * @param int[] $ids At least one.
	 */
	public static function ids( array $ids ): string {
		return implode( ',', array_map( 'intval', $ids ) );
	}

	/**
	 * A list of texts.
	 *
	 * @param string[] $texts At least one.
	 */
	public static function texts( array $texts ): string {
		return implode( ',', array_map( array( self::class, 'bytes' ), $texts ) );
	}

	/**
	 * @param string       $sql    A statement.
	 * @param array<mixed> $values Values.
	 */
	private static function prepared( string $sql, array $values ): string {
		global $wpdb;
		return array() === $values ? $sql : $wpdb->prepare( $sql, ...$values );
	}

	private static function failed(): Refused {
		// The database's own text may quote values; operators find it in the site's log.
		return Refused::for_now( 'database' );
	}
}
