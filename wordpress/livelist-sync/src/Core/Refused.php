<?php
/**
 * Why a list is not used, or cannot be had. The name is stable: it is stored, shown, and told to the
 * operators of the feed. The message never holds a secret. Depends on nothing.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * A refusal.
 */
final class Refused extends \RuntimeException {
	/** Worth another try soon: the network or the service stumbled, or the answer was damaged. */
	const SOON = true;

	/**
	 * Stable name.
	 *
	 * @var string
	 */
	private $name;

	/**
	 * Whether another try soon may help.
	 *
	 * @var bool
	 */
	private $soon;

	/**
	 * Seconds that the service asked to wait; 0 if it did not.
	 *
	 * @var int
	 */
	private $retry_after;

	/**
	 * A refusal.
	 *
	 * @param string $name        Stable name.
	 * @param string $message     For people; no secrets.
	 * @param bool   $soon        Whether another try soon may help.
	 * @param int    $retry_after Seconds that the service asked to wait.
	 */
	public function __construct( string $name, string $message, bool $soon = false, int $retry_after = 0 ) {
		parent::__construct( $message );
		$this->name        = $name;
		$this->soon        = $soon;
		$this->retry_after = $retry_after;
	}

	/**
	 * Stable name.
	 */
	public function name(): string {
		return $this->name;
	}

	/**
	 * Whether another try soon may help.
	 */
	public function soon(): bool {
		return $this->soon;
	}

	/**
	 * Seconds that the service asked to wait; 0 if it did not.
	 */
	public function retry_after(): int {
		return $this->retry_after;
	}
}
