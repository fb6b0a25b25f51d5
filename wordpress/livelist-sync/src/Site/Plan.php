<?php
/**
 * What a run is going to do, and did: one row a post. The difference writes it, Posts carries it out,
 * undo walks it back. Depends on Core, Db and Map.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;

// phpcs:disable WordPress.DB

/**
 * The table livelist_plan.
 */
final class Plan {
	const PLANNED = 'planned';
	const DONE    = 'done';
	const SKIPPED = 'skipped';
	const UNDONE  = 'undone';

	/**
	 * The table's name.
	 */
	public static function table(): string {
		global $wpdb;
		return $wpdb->prefix . 'livelist_plan';
	}

	/**
	 * Adds steps that are not there yet: a slice that died may have added some of them.
	 *
	 * @param int                                              $run  The run.
	 * @param array<int, array{0: string, 1: int, 2: string}>  $rows Key, post, action.
	 * @param string                                           $state PLANNED or DONE.
	 * @param string                                           $from  The status that they had, if they are done.
	 */
	public static function add( int $run, array $rows, string $state = self::PLANNED, string $from = '' ): void {
		foreach ( array_chunk( $rows, Map::BATCH ) as $some ) {
			$values = array();
			foreach ( $some as $row ) {
				$values[] = '(' . $run . ',' . (int) $row[1] . ',' . Db::bytes( $row[0] ) . ",'" . $row[2] . "','" . $state . "'," . Db::bytes( $from ) . ')';
			}
			Db::change( 'INSERT IGNORE INTO ' . self::table() . ' (run_id, post_id, listing_key, action, state, from_status) VALUES ' . implode( ',', $values ) );
		}
	}

	/**
	 * The next steps in a state.
	 *
	 * @param int      $run     The run.
	 * @param string   $state   Their state.
	 * @param string[] $actions Only these.
	 * @param int      $most    At most so many.
	 * @return array<int, \stdClass> With id, post, key, action, from, reason.
	 */
	public static function next( int $run, string $state, array $actions, int $most = 50 ): array {
		$rows = Db::rows(
			'SELECT id, post_id, listing_key, action, from_status, reason FROM ' . self::table()
			. " WHERE run_id = %d AND state = %s AND action IN ('" . implode( "','", $actions ) . "') ORDER BY id LIMIT %d",
			$run,
			$state,
			$most
		);
		return array_map(
			function ( array $row ) {
				return (object) array(
					'id'     => (int) $row[0],
					'post'   => (int) $row[1],
					'key'    => (string) $row[2],
					'action' => (string) $row[3],
					'from'   => (string) $row[4],
					'reason' => (string) $row[5],
				);
			},
			$rows
		);
	}

	/**
	 * The next planned steps behind one that would take a post down, with since when the site has it.
	 *
	 * @param string $feed  The feed.
	 * @param int    $run   The run.
	 * @param int    $after The last step that was had.
	 * @param int    $most  At most so many.
	 * @return array<int, array{0: int, 1: string, 2: int|null}> Step, key, seen.
	 */
	public static function down( string $feed, int $run, int $after, int $most ): array {
		$rows = Db::rows(
			'SELECT p.id, p.listing_key, m.seen FROM ' . self::table() . ' p LEFT JOIN ' . Map::table()
			. ' m ON m.feed = ' . Db::bytes( $feed ) . ' AND m.listing_key = p.listing_key AND m.post_id = p.post_id'
			. " WHERE p.run_id = %d AND p.state = %s AND p.action IN ('" . Decision::DRAFT . "','" . Decision::TRASH . "') AND p.id > %d ORDER BY p.id LIMIT %d",
			$run,
			self::PLANNED,
			$after,
			$most
		);
		return array_map(
			function ( array $row ) {
				return array( (int) $row[0], (string) $row[1], null === $row[2] ? null : (int) $row[2] );
			},
			$rows
		);
	}

	/**
	 * Leaves the posts of these steps as they are.
	 *
	 * @param int[]  $ids    Steps.
	 * @param string $reason Why.
	 */
	public static function skip( array $ids, string $reason ): void {
		if ( array() !== $ids ) {
			Db::change( 'UPDATE ' . self::table() . ' SET state = %s, reason = %s WHERE id IN (' . Db::ids( $ids ) . ')', self::SKIPPED, $reason );
		}
	}

	/**
	 * Notes the status that a post has before the step.
	 *
	 * @param int    $id   The step.
	 * @param string $from The status.
	 */
	public static function from( int $id, string $from ): void {
		Db::change( 'UPDATE ' . self::table() . ' SET from_status = %s WHERE id = %d', $from, $id );
	}

	/**
	 * Ends a step.
	 *
	 * @param int    $id     The step.
	 * @param string $state  How.
	 * @param string $reason Why, if it was skipped.
	 */
	public static function end( int $id, string $state, string $reason = '' ): void {
		Db::change( 'UPDATE ' . self::table() . ' SET state = %s, reason = %s WHERE id = %d', $state, $reason, $id );
	}

	/**
	 * How many steps there are, by action and state.
	 *
	 * @param int $run The run.
	 * @return array<string, int> By `action state`.
	 */
	public static function counts( int $run ): array {
		$counts = array();
		foreach ( Db::rows( 'SELECT action, state, COUNT(*) FROM ' . self::table() . ' WHERE run_id = %d GROUP BY action, state', $run ) as $row ) {
			$counts[ $row[0] . ' ' . $row[1] ] = (int) $row[2];
		}
		return $counts;
	}

	/**
	 * Steps of a run that were left, and those that still wait.
	 *
	 * @param int  $run   The run.
	 * @param bool $waits Whether those that are planned are meant, too.
	 * @param int  $most  At most so many.
	 * @return array<int, array<int, string|null>> Key, post, action, state, reason.
	 */
	public static function left( int $run, bool $waits, int $most ): array {
		$states = $waits ? array( self::SKIPPED, self::PLANNED ) : array( self::SKIPPED );
		return Db::rows( 'SELECT listing_key, post_id, action, state, reason FROM ' . self::table() . ' WHERE run_id = %d AND state IN (' . Db::texts( $states ) . ') ORDER BY id LIMIT %d', $run, $most );
	}

	/**
	 * How many steps of a run were skipped for a reason.
	 *
	 * @param int    $run    The run.
	 * @param string $reason The reason.
	 */
	public static function skipped( int $run, string $reason ): int {
		return (int) Db::value( 'SELECT COUNT(*) FROM ' . self::table() . ' WHERE run_id = %d AND state = %s AND reason = %s', $run, self::SKIPPED, $reason );
	}

	/**
	 * How many steps were undone: brought back, and left as they were.
	 *
	 * @param int $run The run.
	 * @return array{0: int, 1: int}
	 */
	public static function undone( int $run ): array {
		$rows = Db::rows( 'SELECT COALESCE(SUM(reason = %s), 0), COUNT(*) FROM ' . self::table() . ' WHERE run_id = %d AND state = %s', '', $run, self::UNDONE );
		return array( (int) $rows[0][0], (int) $rows[0][1] - (int) $rows[0][0] );
	}

	/**
	 * Steps of a run to look at.
	 *
	 * @param int $run  The run.
	 * @param int $most At most so many.
	 * @return array<int, array<int, string|null>> Key, post, action, state, reason.
	 */
	public static function sample( int $run, int $most ): array {
		return Db::rows( 'SELECT listing_key, post_id, action, state, reason FROM ' . self::table() . ' WHERE run_id = %d ORDER BY id LIMIT %d', $run, $most );
	}
}
