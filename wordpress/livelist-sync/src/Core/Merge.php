<?php
/**
 * The difference of a verified list and of keys that come in the same order: both are read once, side
 * by side, so memory does not grow with them. Depends on Files and Refused; reads the list's file.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * A verified list, asked for keys in ascending order.
 */
final class Merge {
	/** @var resource */
	private $handle;
	/** @var string|null The line that is looked at; null behind the last one. */
	private $line = null;
	/** @var int Where that line begins. */
	private $offset;
	/** @var int Where the next one begins. */
	private $next;
	/** @var string|null The last key asked for. */
	private $asked;
	/** @var int Bytes of the whole list. */
	private $size;

	/**
	 * Opens the list, at a place where a former slice stopped.
	 *
	 * @param string      $path   A verified list.
	 * @param int         $offset What offset() said.
	 * @param string|null $asked  The last key that was asked for then.
	 * @throws Refused The name is file.
	 */
	public function __construct( string $path, int $offset = 0, ?string $asked = null ) {
		$handle = Files::open( $path, 'rb' );
		if ( false === $handle || 0 !== fseek( $handle, $offset ) ) {
			throw Refused::for_now( 'file' );
		}
		$this->handle = $handle;
		$this->size   = (int) fstat( $handle )['size'];
		$this->next   = $offset;
		$this->asked  = $asked;
		$this->advance();
	}

	public function __destruct() {
		Files::close( $this->handle );
	}

	/**
	 * Whether the list has this key. Keys have to be asked for in ascending order; the same one may
	 * be asked for again.
	 *
	 * @param string $key The key.
	 * @throws Refused The name is map_order.
	 */
	public function has( string $key ): bool {
		if ( null !== $this->asked && strcmp( $this->asked, $key ) > 0 ) {
			throw Refused::because( 'map_order' );
		}
		$this->asked = $key;
		while ( null !== $this->line ) {
			$order = strcmp( $this->line, $key );
			if ( $order >= 0 ) {
				return 0 === $order;
			}
			$this->advance();
		}
		return false;
	}

	/**
	 * Where to open the list again.
	 */
	public function offset(): int {
		return $this->offset;
	}

	private function advance(): void {
		$this->offset = $this->next;
		$line         = fgets( $this->handle );
		if ( false === $line ) {
			// A read that fails must not look like the end: every key behind it would be missing.
			if ( $this->offset !== $this->size ) {
				throw Refused::for_now( 'file' );
			}
			$this->line = null;
			return;
		}
		$this->next += strlen( $line );
		$this->line  = rtrim( $line, "\n" );
	}
}
