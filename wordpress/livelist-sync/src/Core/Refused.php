<?php
/**
 * Why a list is not used, or cannot be had. The name is stable: it is stored, told to the operators of the
 * feed, and turned into a sentence where it is shown (Words). Facts are what the sentence names; they never
 * hold a secret. Depends on nothing.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * A refusal.
 */
final class Refused extends \RuntimeException {
	/** @var string Stable name. */
	private $name;
	/** @var array<int, string|int> What the sentence names. */
	private $facts;
	/** @var bool Whether another try soon may help. */
	private $soon;
	/** @var int Seconds that the service asked to wait; 0 if it did not. */
	private $retry_after = 0;

	/**
	 * @param string                 $name  Stable name.
	 * @param array<int, string|int> $facts What the sentence names.
	 * @param bool                   $soon  Whether another try soon may help.
	 */
	private function __construct( string $name, array $facts, bool $soon ) {
		parent::__construct( $name );
		$this->name  = $name;
		$this->facts = $facts;
		$this->soon  = $soon;
	}

	/**
	 * A refusal that another try does not change: somebody has to do something.
	 *
	 * @param string     $name     Stable name.
	 * @param string|int ...$facts What the sentence names.
	 */
	public static function because( string $name, ...$facts ): self {
		return new self( $name, $facts, false );
	}

	/**
	 * A refusal that may be over soon: the network or the service stumbled, or the answer was damaged.
	 *
	 * @param string     $name     Stable name.
	 * @param string|int ...$facts What the sentence names.
	 */
	public static function for_now( string $name, ...$facts ): self {
		return new self( $name, $facts, true );
	}

	/**
	 * The same, and the service asked to wait.
	 *
	 * @param int $seconds So long; 0 if it did not say.
	 */
	public function after( int $seconds ): self {
		$this->retry_after = $seconds;
		return $this;
	}

	/**
	 * Stable name.
	 */
	public function name(): string {
		return $this->name;
	}

	/**
	 * What the sentence names, as it is stored: JSON, at most 500 bytes.
	 */
	public function facts(): string {
		$text = array() === $this->facts ? '' : (string) json_encode( $this->facts ); // phpcs:ignore WordPress.WP.AlternativeFunctions.json_encode_json_encode -- this part knows no WordPress.
		return strlen( $text ) > 500 ? '' : $text;
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
