<?php
/**
 * Turns what was downloaded into a list that can be believed: a file of plain text whose length in
 * lines, digest and order are those of the manifest. Depends on Manifest and Refused; reads and writes
 * the two files that it is given.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * Verifying a download, in one pass and little memory.
 */
final class ListFile {
	/** Small, so that a gzip bomb cannot fill the memory: a block grows to a thousandfold at most. */
	const BLOCK = 2048;
	/** Longest key that Livelist lists, and its line feed. */
	const MAX_LINE = 1021;

	/** @var resource */
	private $out;
	/** @var resource|\HashContext */
	private $hash;
	/** @var string What came behind the last line feed. */
	private $rest = '';
	/** @var string|null */
	private $last = null;
	/** @var int */
	private $lines = 0;
	/** @var int */
	private $most;

	/**
	 * @param resource $out  Where the plain text goes.
	 * @param int      $most More lines than this are too many.
	 */
	private function __construct( $out, int $most ) {
		$this->out  = $out;
		$this->hash = hash_init( 'sha256' );
		$this->most = $most;
	}

	/**
	 * Writes the plain text of `$from` to `$to` and checks every line. Gzip is told by its first two
	 * bytes, because one transport of WordPress decodes what another leaves as it is.
	 *
	 * @param string $from   The download.
	 * @param string $to     The file to write.
	 * @param int    $count  Lines that have to be there.
	 * @param string $sha256 Digest of the plain text, in hex.
	 * @throws Refused Names: file, gzip, list_line, list_order, list_end, list_count, list_sha256, no_zlib.
	 */
	public static function verify( string $from, string $to, int $count, string $sha256 ): void {
		$in  = @fopen( $from, 'rb' ); // phpcs:ignore WordPress.PHP.NoSilencedErrors -- the failure is told below.
		$out = false === $in ? false : @fopen( $to, 'wb' ); // phpcs:ignore WordPress.PHP.NoSilencedErrors
		if ( false === $in || false === $out ) {
			throw new Refused( 'file', 'A file in the directory for temporary files cannot be used.' );
		}
		try {
			$list  = new self( $out, $count );
			$magic = (string) fread( $in, 2 );
			rewind( $in );
			if ( "\x1f\x8b" === $magic ) {
				$list->inflate( $in );
			} else {
				$list->copy( $in );
			}
			$list->finish( $count, $sha256 );
		} finally {
			fclose( $in );
			fclose( $out );
		}
	}

	/**
	 * Whether the plain text in `$path` still is the verified one. Directories for temporary files
	 * are emptied by others.
	 *
	 * @param string $path   The file.
	 * @param string $sha256 Its digest.
	 */
	public static function is_still( string $path, string $sha256 ): bool {
		$found = is_file( $path ) ? hash_file( 'sha256', $path ) : false;
		return false !== $found && hash_equals( $sha256, $found );
	}

	/** @param resource $in */
	private function copy( $in ): void {
		while ( ! feof( $in ) ) {
			$block = fread( $in, 16384 );
			if ( false === $block ) {
				throw new Refused( 'file', 'The download cannot be read.' );
			}
			$this->take( $block );
		}
	}

	/** @param resource $in */
	private function inflate( $in ): void {
		if ( ! function_exists( 'inflate_init' ) ) {
			throw new Refused( 'no_zlib', 'PHP lacks zlib.' );
		}
		$state = inflate_init( ZLIB_ENCODING_GZIP );
		$ended = false;
		while ( ! feof( $in ) ) {
			$block = fread( $in, self::BLOCK );
			if ( false === $block ) {
				throw new Refused( 'file', 'The download cannot be read.' );
			}
			if ( '' === $block ) {
				continue;
			}
			if ( $ended ) {
				throw new Refused( 'gzip', 'Something follows the compressed list.', Refused::SOON );
			}
			$text = @inflate_add( $state, $block ); // phpcs:ignore WordPress.PHP.NoSilencedErrors -- it warns of bad data.
			if ( false === $text ) {
				throw new Refused( 'gzip', 'The compressed list is damaged.', Refused::SOON );
			}
			$this->take( $text );
			$ended = ZLIB_STREAM_END === inflate_get_status( $state );
		}
		if ( ! $ended ) {
			throw new Refused( 'gzip', 'The compressed list is cut off.', Refused::SOON );
		}
	}

	private function take( string $text ): void {
		if ( '' === $text ) {
			return;
		}
		hash_update( $this->hash, $text );
		if ( strlen( $text ) !== fwrite( $this->out, $text ) ) {
			throw new Refused( 'file', 'There is no room for temporary files.' );
		}
		$lines      = explode( "\n", $this->rest . $text );
		$this->rest = (string) array_pop( $lines );
		$last       = $this->last;
		foreach ( $lines as $line ) {
			if ( '' === $line ) {
				throw new Refused( 'list_line', 'The list has an empty line.', Refused::SOON );
			}
			if ( null !== $last && strcmp( $last, $line ) >= 0 ) {
				throw new Refused( 'list_order', 'The list is not in order.', Refused::SOON );
			}
			$last = $line;
		}
		$this->last   = $last;
		$this->lines += count( $lines );
		if ( strlen( $this->rest ) > self::MAX_LINE ) {
			throw new Refused( 'list_line', 'The list has a line that is no key.', Refused::SOON );
		}
		if ( $this->lines > $this->most ) {
			throw new Refused( 'list_count', 'The list has more keys than the manifest says.', Refused::SOON );
		}
	}

	private function finish( int $count, string $sha256 ): void {
		if ( ! fflush( $this->out ) ) {
			throw new Refused( 'file', 'There is no room for temporary files.' );
		}
		if ( '' !== $this->rest ) {
			throw new Refused( 'list_end', 'The last line of the list is cut off.', Refused::SOON );
		}
		if ( $count !== $this->lines ) {
			throw new Refused( 'list_count', sprintf( 'The list has %d keys, not %d.', $this->lines, $count ), Refused::SOON );
		}
		if ( ! hash_equals( $sha256, hash_final( $this->hash ) ) ) {
			throw new Refused( 'list_sha256', 'The list has another digest than the manifest says.', Refused::SOON );
		}
	}
}
