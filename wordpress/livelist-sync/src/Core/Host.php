<?php
/**
 * Which hosts are on this machine or in its network, as far as their names tell. WordPress looks at the
 * addresses that a name leads to when it asks. Depends on nothing.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * Hosts.
 */
final class Host {
	/**
	 * Whether a host is not on the public internet.
	 *
	 * @param string $host A name or an address.
	 */
	public static function is_private( string $host ): bool {
		$host = strtolower( trim( $host, '[].' ) );
		if ( false !== filter_var( $host, FILTER_VALIDATE_IP ) ) {
			// An IPv4 address in IPv6: no service is at one.
			return 0 === strpos( $host, '::ffff:' ) || false === filter_var( $host, FILTER_VALIDATE_IP, FILTER_FLAG_NO_PRIV_RANGE | FILTER_FLAG_NO_RES_RANGE );
		}
		if ( false === strpos( $host, '.' ) || 1 === preg_match( '/\A(0x[0-9a-f]+|[0-9]+)(\.(0x[0-9a-f]+|[0-9]+))*\z/', $host ) ) {
			return true;
		}
		return 1 === preg_match( '/\.(local|localhost|internal|lan|home\.arpa)\z/', $host );
	}
}
