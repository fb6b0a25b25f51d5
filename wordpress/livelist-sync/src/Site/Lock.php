<?php
/**
 * One process at a time. A row of the options table, taken and given back by single statements; the
 * caches of WordPress are not asked, and the database's clock decides, so that it holds for several
 * machines with one database. Depends on Db.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Refused;

/**
 * A lease that ends by itself when its holder dies.
 */
final class Lock {
	const OPTION = 'livelist_sync_lock';
	/** Longer than the longest time between two confirmations: the download of a list. */
	const LEASE = 60;

	/** @var string */
	private $token;
	/** @var int */
	private $extended;

	private function __construct( string $token ) {
		$this->token    = $token;
		$this->extended = time();
	}

	/**
	 * The lock; null if another process has it.
	 */
	public static function take(): ?self {
		global $wpdb;
		$token = bin2hex( random_bytes( 16 ) );
		$mine  = 'CONCAT(%s, UNIX_TIMESTAMP() + ' . self::LEASE . ')';
		$done  = Db::change( "INSERT IGNORE INTO {$wpdb->options} (option_name, option_value, autoload) VALUES (%s, $mine, 'no')", self::OPTION, $token . '|' );
		if ( 0 === $done ) {
			$ended = "CAST(SUBSTRING_INDEX(option_value, '|', -1) AS UNSIGNED) < UNIX_TIMESTAMP()";
			$done  = Db::change( "UPDATE {$wpdb->options} SET option_value = $mine WHERE option_name = %s AND $ended", $token . '|', self::OPTION );
		}
		return 1 === $done ? new self( $token ) : null;
	}

	/**
	 * Goes on only if the lock is still ours: a process that was stopped for minutes finds out here.
	 *
	 * @throws Refused The name is lock_lost.
	 */
	public function confirm(): void {
		global $wpdb;
		$found = Db::value( "SELECT option_value FROM {$wpdb->options} WHERE option_name = %s", self::OPTION );
		if ( 0 !== strncmp( (string) $found, $this->token . '|', strlen( $this->token ) + 1 ) ) {
			throw Refused::because( 'lock_lost' );
		}
		if ( time() - $this->extended >= 5 ) {
			Db::change(
				"UPDATE {$wpdb->options} SET option_value = CONCAT(%s, UNIX_TIMESTAMP() + " . self::LEASE . ') WHERE option_name = %s AND option_value = %s',
				$this->token . '|',
				self::OPTION,
				$found
			);
			$this->extended = time();
		}
	}

	/**
	 * Gives it back.
	 */
	public function release(): void {
		global $wpdb;
		Db::change( "DELETE FROM {$wpdb->options} WHERE option_name = %s AND option_value LIKE %s", self::OPTION, $this->token . '|%' );
	}
}
