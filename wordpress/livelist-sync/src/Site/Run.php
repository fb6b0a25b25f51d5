<?php
/**
 * A run: one look at one list. Its row is all that a slice leaves to the next one. Depends on Db.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

// phpcs:disable WordPress.DB

/**
 * A row of livelist_runs.
 */
final class Run {
	/** Still at work. */
	const RUNNING = 'running';
	/** Takes back what it did. */
	const UNDOING = 'undoing';
	/** Waits for a person. */
	const HELD = 'held';
	/** Ends. */
	const APPLIED    = 'applied';
	const UNCHANGED  = 'unchanged';
	const DRY        = 'dry';
	const REFUSED    = 'refused';
	const REJECTED   = 'rejected';
	const SUPERSEDED = 'superseded';
	const UNDONE     = 'undone';

	const NUMBERS = array( 'dry', 'approved', 'seq', 'as_of', 'listed', 'local_total', 'matched', 'missing', 'young', 'left_alone', 'going', 'drafted', 'trashed', 'restored', 'started_at', 'updated_at', 'ended_at' );
	const TEXTS   = array( 'started_by', 'state', 'phase', 'version', 'sha256', 'etag', 'epoch', 'file', 'error', 'error_text' );
	/** So many runs of a feed are remembered, and can be undone. */
	const KEPT = 60;

	/** @var int */
	public $id = 0;
	/** @var string */
	public $feed = '';
	/** @var int */
	public $dry = 0;
	/** @var int Whether a person let it go on. */
	public $approved = 0;
	/** @var string */
	public $started_by = '';
	/** @var string */
	public $state = self::RUNNING;
	/** @var string */
	public $phase = 'fetch';
	/** @var string */
	public $version = '';
	/** @var int */
	public $seq = 0;
	/** @var int */
	public $as_of = 0;
	/** @var string */
	public $sha256 = '';
	/** @var string */
	public $etag = '';
	/** @var string */
	public $epoch = '';
	/** @var int */
	public $listed = 0;
	/** @var string */
	public $file = '';
	/** @var array<string, mixed> Where the next slice goes on. */
	public $position = array();
	/** @var int */
	public $local_total = 0;
	/** @var int */
	public $matched = 0;
	/** @var int */
	public $missing = 0;
	/** @var int */
	public $young = 0;
	/** @var int */
	public $left_alone = 0;
	/** @var int */
	public $going = 0;
	/** @var int */
	public $drafted = 0;
	/** @var int */
	public $trashed = 0;
	/** @var int */
	public $restored = 0;
	/** @var string */
	public $error = '';
	/** @var string */
	public $error_text = '';
	/** @var int */
	public $started_at = 0;
	/** @var int */
	public $updated_at = 0;
	/** @var int */
	public $ended_at = 0;

	private function __construct() {}

	private static function table(): string {
		global $wpdb;
		return $wpdb->prefix . 'livelist_runs';
	}

	/**
	 * Begins a run.
	 *
	 * @param string $feed       The feed.
	 * @param string $started_by Who asked for it.
	 * @param bool   $dry        Whether it only looks.
	 */
	public static function begin( string $feed, string $started_by, bool $dry ): self {
		global $wpdb;
		$now             = time();
		$run             = new self();
		$run->feed       = $feed;
		$run->started_by = $started_by;
		$run->dry        = (int) $dry;
		$run->started_at = $now;
		$run->updated_at = $now;
		Db::change(
			'INSERT INTO ' . self::table() . ' (feed, dry, started_by, state, phase, started_at, updated_at) VALUES (' . Db::bytes( $feed ) . ', %d, %s, %s, %s, %d, %d)',
			$run->dry,
			$started_by,
			$run->state,
			$run->phase,
			$now,
			$now
		);
		$run->id = (int) $wpdb->insert_id;
		return $run;
	}

	/**
	 * The run with this number; null if there is none.
	 *
	 * @param int $id Its number.
	 */
	public static function find( int $id ): ?self {
		$found = self::read( 'WHERE id = %d', $id );
		return array() === $found ? null : $found[0];
	}

	/**
	 * The run of a feed that is still at work; null if there is none.
	 *
	 * @param string $feed The feed.
	 */
	public static function current( string $feed ): ?self {
		$found = self::read( 'WHERE feed = ' . Db::bytes( $feed ) . ' AND state IN (%s, %s) ORDER BY id LIMIT 1', self::RUNNING, self::UNDOING );
		return array() === $found ? null : $found[0];
	}

	/**
	 * The newest runs, newest first.
	 *
	 * @param int         $most At most so many.
	 * @param string|null $feed Only of this feed.
	 * @return self[]
	 */
	public static function newest( int $most, ?string $feed = null ): array {
		return self::read( ( null === $feed ? '' : 'WHERE feed = ' . Db::bytes( $feed ) . ' ' ) . 'ORDER BY id DESC LIMIT %d', $most );
	}

	/**
	 * What went from view of a feed since an instant without a person, and how many posts visitors saw before:
	 * null if nothing went. What was undone does not count.
	 *
	 * @param string $feed  The feed.
	 * @param int    $since Unix seconds.
	 * @param int    $but   A run that is left out.
	 * @return array{0: int, 1: int}|null Went, and visible before.
	 */
	public static function went( string $feed, int $since, int $but ): ?array {
		$rows = Db::rows(
			'SELECT drafted, local_total FROM ' . self::table() . ' WHERE feed = ' . Db::bytes( $feed )
			. ' AND dry = 0 AND approved = 0 AND drafted > 0 AND started_at > %d AND id <> %d AND state NOT IN (%s, %s) ORDER BY id',
			$since,
			$but,
			self::UNDONE,
			self::UNDOING
		);
		return array() === $rows ? null : array( (int) array_sum( array_column( $rows, 0 ) ), (int) $rows[0][1] );
	}

	/**
	 * Keeps what the run knows now.
	 */
	public function save(): void {
		$this->updated_at = time();
		$set              = array( 'position = %s' );
		$values           = array( (string) wp_json_encode( $this->position ) );
		foreach ( self::NUMBERS as $column ) {
			$set[]    = "$column = %d";
			$values[] = $this->$column;
		}
		foreach ( self::TEXTS as $column ) {
			$set[]    = "$column = %s";
			$values[] = $this->$column;
		}
		$values[] = $this->id;
		Db::change( 'UPDATE ' . self::table() . ' SET ' . implode( ', ', $set ) . ' WHERE id = %d', ...$values );
	}

	/**
	 * Ends the run.
	 *
	 * @param string $state How.
	 */
	public function end( string $state ): void {
		if ( '' !== $this->file ) {
			wp_delete_file( $this->file );
			$this->file = '';
		}
		$this->state    = $state;
		$this->ended_at = time();
		$this->save();
	}

	/**
	 * Forgets this run.
	 */
	public function remove(): void {
		Db::change( 'DELETE FROM ' . self::table() . ' WHERE id = %d', $this->id );
	}

	/**
	 * Forgets old runs and what they did.
	 *
	 * @param string $feed The feed.
	 */
	public static function prune( string $feed ): void {
		$last = Db::value( 'SELECT id FROM ' . self::table() . ' WHERE feed = ' . Db::bytes( $feed ) . ' ORDER BY id DESC LIMIT 1 OFFSET ' . self::KEPT );
		if ( null !== $last ) {
			Db::change( 'DELETE p FROM ' . Plan::table() . ' p JOIN ' . self::table() . ' r ON r.id = p.run_id WHERE r.id <= %d AND r.state NOT IN (%s, %s) AND r.feed = ' . Db::bytes( $feed ), $last, self::RUNNING, self::UNDOING );
			Db::change( 'DELETE FROM ' . self::table() . ' WHERE id <= %d AND state NOT IN (%s, %s) AND feed = ' . Db::bytes( $feed ), $last, self::RUNNING, self::UNDOING );
		}
	}

	/**
	 * @param string $where  The end of a statement.
	 * @param mixed  ...$values Values.
	 * @return self[]
	 */
	private static function read( string $where, ...$values ): array {
		$columns = array_merge( array( 'id', 'feed', 'position' ), self::NUMBERS, self::TEXTS );
		$found   = array();
		foreach ( Db::rows( 'SELECT ' . implode( ', ', $columns ) . ' FROM ' . self::table() . ' ' . $where, ...$values ) as $row ) {
			$run = new self();
			foreach ( array_combine( $columns, $row ) as $column => $value ) {
				$run->$column = in_array( $column, self::NUMBERS, true ) || 'id' === $column ? (int) $value : (string) $value;
			}
			$position      = json_decode( (string) $run->position, true );
			$run->position = is_array( $position ) ? $position : array();
			$found[]       = $run;
		}
		return $found;
	}
}
