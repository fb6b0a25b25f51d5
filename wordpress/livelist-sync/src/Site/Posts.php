<?php
/**
 * Takes posts down and brings them back. Every change is a comparison and a swap on the row of the
 * post, announced to WordPress as its own functions do; nothing is ever deleted. What is about to be
 * done is noted first, so that a process may die between any two lines. Depends on Db, Map, Plan,
 * Checks and WordPress.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;
use Livelist\Sync\Core\Feed;

// phpcs:disable WordPress.DB

/**
 * Steps of a plan.
 */
final class Posts {
	/** @var bool Whether a change of status is this plugin's own. */
	private static $busy = false;

	/**
	 * Whether a change of status that is going on is this plugin's own.
	 */
	public static function is_busy(): bool {
		return self::$busy;
	}

	/**
	 * Carries out a step and ends it.
	 *
	 * @param Feed      $feed The feed.
	 * @param Run       $run  The run.
	 * @param \stdClass $step A row of the plan.
	 */
	public static function carry_out( Feed $feed, Run $run, \stdClass $step ): void {
		$row = Map::row( $feed->id, $step->key, $step->post );
		if ( null === $row ) {
			Plan::end( $step->id, Plan::SKIPPED, 'not_in_map' );
			return;
		}
		list( $did, $prior, $missed, $seen ) = $row;
		switch ( $step->action ) {
			case Decision::RESTORE:
				$reason = self::restore( $feed->id, $step, $did, $prior );
				break;
			case Decision::DRAFT:
				$reason = Decision::UNTOUCHED === $did && Decision::is_young( $seen, $run->as_of ) ? 'young' : self::draft( $feed, $run, $step, $did, $missed );
				break;
			default:
				$reason = self::trash( $feed, $run, $step, $did, $prior, $missed );
		}
		Plan::end( $step->id, '' === $reason ? Plan::DONE : Plan::SKIPPED, $reason );
	}

	/** First miss. */
	private static function draft( Feed $feed, Run $run, \stdClass $step, string $did, int $missed ): string {
		$began = Decision::DRAFTED === $did && $missed === $run->seq && '' !== $step->from;
		if ( Decision::UNTOUCHED !== $did && ! $began ) {
			return 'changed';
		}
		if ( $began && 'draft' === self::status( $step->post ) ) {
			// A process died just behind the swap.
			self::announce( $step->post, 'draft', $step->from );
			return '';
		}
		list( $status, $reason ) = Checks::posts( $feed, array( array( $step->key, $step->post ) ), $run->as_of, Checks::visible() )[0];
		if ( '' !== $reason ) {
			if ( $began ) {
				Map::note( $feed->id, $step->key, $step->post, Decision::UNTOUCHED, '', 0 );
			}
			return $reason;
		}
		Plan::from( $step->id, $status );
		Map::note( $feed->id, $step->key, $step->post, Decision::DRAFTED, $status, $run->seq );
		if ( ! self::swap( $step->post, $status, 'draft' ) ) {
			Map::note( $feed->id, $step->key, $step->post, Decision::UNTOUCHED, '', 0 );
			return 'changed';
		}
		return '';
	}

	/** Second miss, in another list. */
	private static function trash( Feed $feed, Run $run, \stdClass $step, string $did, string $prior, int $missed ): string {
		if ( ! EMPTY_TRASH_DAYS ) {
			// Without a trash WordPress would delete at once.
			return 'no_trash';
		}
		if ( Decision::TRASHED === $did && '' !== $step->from && 'trash' === self::status( $step->post ) ) {
			return '';
		}
		$began = Decision::TRASHED === $did && '' !== $step->from;
		if ( ! $began && ( Decision::DRAFTED !== $did || $missed >= $run->seq ) ) {
			return 'changed';
		}
		list( , $reason ) = Checks::posts( $feed, array( array( $step->key, $step->post ) ), $run->as_of, array( 'draft' ) )[0];
		if ( '' !== $reason ) {
			if ( 'not_visible' === $reason && in_array( self::status( $step->post ), Checks::visible(), true ) ) {
				// Somebody published it again and WordPress was not told: it is theirs.
				Map::let_go( $step->post );
				return 'published_again';
			}
			return 'not_visible' === $reason ? 'changed' : $reason;
		}
		Plan::from( $step->id, 'draft' );
		Map::note( $feed->id, $step->key, $step->post, Decision::TRASHED, $prior, $missed );
		self::unfiltered(
			function () use ( $step ) {
				wp_trash_post( $step->post );
			}
		);
		if ( 'trash' !== self::status( $step->post ) ) {
			Map::note( $feed->id, $step->key, $step->post, Decision::DRAFTED, $prior, $missed );
			return 'not_trashed';
		}
		return '';
	}

	/** The key is back. */
	private static function restore( string $feed, \stdClass $step, string $did, string $prior ): string {
		if ( Decision::UNTOUCHED === $did ) {
			return '' === $step->from ? 'changed' : '';
		}
		Plan::from( $step->id, self::status( $step->post ) );
		$is_back = self::bring_back( $step->post, $did, $prior );
		Map::note( $feed, $step->key, $step->post, Decision::UNTOUCHED, '', 0 );
		return $is_back ? '' : 'changed';
	}

	/**
	 * Undoes a step that was done; says why it was left, or nothing.
	 *
	 * @param string    $feed The feed.
	 * @param \stdClass $step A row of the plan.
	 */
	public static function undo( string $feed, \stdClass $step ): string {
		$row = Map::row( $feed, $step->key, $step->post );
		if ( null === $row || Decision::UNTOUCHED === $row[0] ) {
			return 'changed';
		}
		list( $did, $prior, $missed ) = $row;
		if ( Decision::DRAFT === $step->action ) {
			$is_back = self::bring_back( $step->post, $did, $prior );
			// As seen now: it takes a list that is younger than this to miss it again.
			Map::let_go( $step->post );
			return $is_back ? '' : 'changed';
		}
		if ( Decision::TRASHED !== $did ) {
			return 'changed';
		}
		$is_back = self::untrash( $step->post );
		Map::note( $feed, $step->key, $step->post, Decision::DRAFTED, $prior, $missed );
		return $is_back ? '' : 'changed';
	}

	/** To the status that it had, if it still is where this plugin put it. */
	private static function bring_back( int $post, string $did, string $prior ): bool {
		if ( Decision::TRASHED === $did ) {
			self::untrash( $post );
		}
		if ( '' === $prior ) {
			return false;
		}
		// The filter of another plugin may have brought it all the way.
		return $prior === self::status( $post ) || self::swap( $post, 'draft', $prior );
	}

	private static function untrash( int $post ): bool {
		if ( 'trash' === self::status( $post ) ) {
			self::unfiltered(
				function () use ( $post ) {
					wp_untrash_post( $post );
				}
			);
		}
		return 'trash' !== self::status( $post );
	}

	/** The status in the database; empty if there is no such post. */
	private static function status( int $post ): string {
		global $wpdb;
		return (string) Db::value( "SELECT post_status FROM {$wpdb->posts} WHERE ID = %d", $post );
	}

	/** Only the status changes: wp_update_post() would send the content through filters. */
	private static function swap( int $post, string $from, string $to ): bool {
		global $wpdb;
		$done = Db::change( "UPDATE {$wpdb->posts} SET post_status = %s WHERE ID = %d AND post_status = %s", $to, $post, $from );
		if ( 1 !== $done ) {
			return false;
		}
		self::announce( $post, $to, $from );
		return true;
	}

	/** What wp_publish_post() does after its own change. */
	private static function announce( int $id, string $to, string $from ): void {
		clean_post_cache( $id );
		$post = get_post( $id );
		if ( ! $post ) {
			return;
		}
		self::$busy = true;
		try {
			wp_transition_post_status( $to, $from, $post );
			// phpcs:disable WordPress.NamingConventions.PrefixAllGlobals -- WordPress's own, as wp_publish_post() fires them.
			do_action( "edit_post_{$post->post_type}", $id, $post );
			do_action( 'edit_post', $id, $post );
			do_action( "save_post_{$post->post_type}", $id, $post, true );
			do_action( 'save_post', $id, $post, true );
			do_action( 'wp_insert_post', $id, $post, true );
			// phpcs:enable
		} finally {
			self::$busy = false;
		}
	}

	/**
	 * The trash goes through wp_update_post(), which cleans the content as if a visitor had written
	 * it when nobody is logged in, as in cron: maps and virtual tours would be lost.
	 */
	private static function unfiltered( callable $work ): void {
		$filtered   = false !== has_filter( 'content_save_pre', 'wp_filter_post_kses' );
		self::$busy = true;
		if ( $filtered ) {
			kses_remove_filters();
		}
		try {
			$work();
		} finally {
			if ( $filtered ) {
				kses_init_filters();
			}
			self::$busy = false;
		}
	}
}
