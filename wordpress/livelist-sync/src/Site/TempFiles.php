<?php
/**
 * Files that live as long as a run, in the directory for temporary files: outside what the web server
 * shows. Depends on WordPress.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Files;
use Livelist\Sync\Core\Refused;

/**
 * Temporary files.
 */
final class TempFiles {
	const DAY = 86400;

	/**
	 * A new file that only this site can read; old ones of this site are removed.
	 *
	 * @throws Refused The name is file.
	 */
	public static function fresh(): string {
		$begin = get_temp_dir() . 'livelist-sync-' . substr( sha1( home_url() . '|' . wp_salt( 'nonce' ) ), 0, 12 ) . '-';
		$old   = glob( $begin . '*' );
		foreach ( false === $old ? array() : $old as $file ) {
			if ( (int) @filemtime( $file ) < time() - self::DAY ) { // phpcs:ignore WordPress.PHP.NoSilencedErrors -- another process may be quicker.
				wp_delete_file( $file );
			}
		}
		$path = $begin . bin2hex( random_bytes( 16 ) ) . '.txt';
		if ( ! Files::make( $path ) ) {
			throw Refused::because( 'file' );
		}
		return $path;
	}
}
