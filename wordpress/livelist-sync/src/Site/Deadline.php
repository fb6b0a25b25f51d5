<?php
/**
 * How long a slice may take. Depends on nothing.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

/**
 * The end of a slice.
 */
final class Deadline {
	const SLICE = 15.0;

	/** @var float */
	private $began;
	/** @var float */
	private $seconds;

	/**
	 * A slice that begins now.
	 *
	 * @param float $seconds How long it may take.
	 */
	public function __construct( float $seconds = self::SLICE ) {
		$this->began   = microtime( true );
		$this->seconds = $seconds;
	}

	/**
	 * Seconds since it began.
	 */
	public function used(): float {
		return microtime( true ) - $this->began;
	}

	/**
	 * Whether the slice has to end.
	 */
	public function is_over(): bool {
		return $this->used() >= $this->seconds;
	}
}
