<?php
/**
 * Files that are read and written a block at a time: a list may be larger than the memory, and WP_Filesystem
 * reads and writes whole files only, and over FTP where the host wants that. Only the directory for temporary
 * files is touched. Depends on nothing.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * Handles of files. What fails answers false; whoever asks tells it.
 */
final class Files {
	/**
	 * Opens a file.
	 *
	 * @param string $path The file.
	 * @param string $mode As fopen() takes it.
	 * @return resource|false
	 */
	public static function open( string $path, string $mode ) {
		return @fopen( $path, $mode ); // phpcs:ignore WordPress.WP.AlternativeFunctions.file_system_operations_fopen, WordPress.PHP.NoSilencedErrors -- in blocks, see above; the caller tells the failure.
	}

	/**
	 * Reads a block; false if that fails.
	 *
	 * @param resource $handle The file.
	 * @param int      $bytes  At most so many.
	 * @return string|false
	 */
	public static function read( $handle, int $bytes ) {
		return fread( $handle, $bytes ); // phpcs:ignore WordPress.WP.AlternativeFunctions.file_system_operations_fread -- in blocks, see above.
	}

	/**
	 * Writes; says whether all was written.
	 *
	 * @param resource $handle The file.
	 * @param string   $text   What to write.
	 */
	public static function write( $handle, string $text ): bool {
		return strlen( $text ) === fwrite( $handle, $text ); // phpcs:ignore WordPress.WP.AlternativeFunctions.file_system_operations_fwrite -- in blocks, see above.
	}

	/**
	 * Closes a file.
	 *
	 * @param resource|false $handle The file.
	 */
	public static function close( $handle ): void {
		if ( is_resource( $handle ) ) {
			fclose( $handle ); // phpcs:ignore WordPress.WP.AlternativeFunctions.file_system_operations_fclose -- in blocks, see above.
		}
	}

	/**
	 * Makes a file that nobody else can read; says whether it could.
	 *
	 * @param string $path A file that is not there yet.
	 */
	public static function make( string $path ): bool {
		$handle = self::open( $path, 'xb' );
		if ( false === $handle ) {
			return false;
		}
		self::close( $handle );
		return chmod( $path, 0600 ); // phpcs:ignore WordPress.WP.AlternativeFunctions.file_system_operations_chmod -- a temporary file of this process.
	}
}
