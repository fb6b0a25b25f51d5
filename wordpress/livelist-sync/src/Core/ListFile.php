<?php
/**
 * Turns what was downloaded into a list that can be believed: a file of plain text whose length in
 * lines, digest and order are those of the manifest. Depends on Files and Refused; reads and writes
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
		$in  = Files::open( $from, 'rb' );
		$out = false === $in ? false : Files::open( $to, 'wb' );
		if ( false === $in || false === $out ) {
			throw Refused::because( 'file' );
		}
		try {
			$list  = new self( $out, $count );
			$magic = (string) Files::read( $in, 2 );
			rewind( $in );
			if ( "\x1f\x8b" === $magic ) {
				$list->inflate( $in );
			} else {
				$list->copy( $in );
			}
			$list->finish( $count, $sha256 );
		} finally {
			Files::close( $in );
			Files::close( $out );
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
			$block = Files::read( $in, 16384 );
			if ( false === $block ) {
				throw Refused::because( 'file' );
			}
			$this->take( $block );
		}
	}

	/** @param resource $in */
	private function inflate( $in ): void {
		if ( ! function_exists( 'inflate_init' ) ) {
			throw Refused::because( 'no_zlib' );
		}
		$state = inflate_init( ZLIB_ENCODING_GZIP );
		$ended = false;
		while ( ! feof( $in ) ) {
			$block = Files::read( $in, self::BLOCK );
			if ( false === $block ) {
				throw Refused::because( 'file' );
			}
			if ( '' === $block ) {
				continue;
			}
			if ( $ended ) {
				throw Refused::for_now( 'gzip' );
			}
			$text = @inflate_add( $state, $block ); // phpcs:ignore WordPress.PHP.NoSilencedErrors -- it warns of bad data.
			if ( false === $text ) {
				throw Refused::for_now( 'gzip' );
			}
			$this->take( $text );
			$ended = ZLIB_STREAM_END === inflate_get_status( $state );
		}
		if ( ! $ended ) {
			throw Refused::for_now( 'gzip' );
		}
	}

	private function take( string $text ): void {
		if ( '' === $text ) {
			return;
		}
		hash_update( $this->hash, $text );
		if ( ! Files::write( $this->out, $text ) ) {
			throw Refused::because( 'file' );
		}
		$lines      = explode( "\n", $this->rest . $text );
		$this->rest = (string) array_pop( $lines );
		$last       = $this->last;
		foreach ( $lines as $line ) {
			if ( '' === $line ) {
				throw Refused::for_now( 'list_line' );
			}
			if ( null !== $last && strcmp( $last, $line ) >= 0 ) {
				throw Refused::for_now( 'list_order' );
			}
			$last = $line;
		}
		$this->last   = $last;
		$this->lines += count( $lines );
		if ( strlen( $this->rest ) > self::MAX_LINE ) {
			throw Refused::for_now( 'list_line' );
		}
		if ( $this->lines > $this->most ) {
			throw Refused::for_now( 'list_count' );
		}
	}

	private function finish( int $count, string $sha256 ): void {
		if ( ! fflush( $this->out ) ) {
			throw Refused::because( 'file' );
		}
		if ( '' !== $this->rest ) {
			throw Refused::for_now( 'list_end' );
		}
		if ( $count !== $this->lines ) {
			$refused = Refused::for_now( 'list_count', $this->lines, $count );
			throw $refused;
		}
		if ( ! hash_equals( $sha256, hash_final( $this->hash ) ) ) {
			throw Refused::for_now( 'list_sha256' );
		}
	}
}
