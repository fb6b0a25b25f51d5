<?php
/**
 * Takes posts down and brings them back. Every change is a comparison and a swap on the row of the
 * post, announced to WordPress as its own functions do; nothing is ever deleted. What is about to be
 * done is noted first, so that a process may die between any two lines. Depends on Db, Map,
 * Memory, Mirror, Plan, Checks and WordPress.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;
use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Path;

// phpcs:disable WordPress.DB

/**
 * Steps of a plan.
 */
final class Posts {
	/** @var int The post that this plugin is changing; 0 for none. */
	private static $busy = 0;
	/** @var Run|null The run for which it does so. */
	private static $run = null;

	/**
	 * The post that this plugin is changing right now; 0 for none.
	 */
	public static function busy_with(): int {
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
		$seen = Map::seen( $feed->id, $step->key, $step->post );
		if ( null === $seen ) {
			Plan::end( $step->id, Plan::SKIPPED, 'not_in_map' );
			return;
		}
		$row       = Memory::find( $step->post );
		self::$run = $run;
		try {
			if ( Decision::RESTORE === $step->action ) {
				$reason = self::restore( $feed, $step, $row );
			} elseif ( Decision::TRASH === $step->action ) {
				$reason = self::trash( $feed, $run, $step, $row );
			} else {
				$reason = self::down( $feed, $run, $step, $row, $seen );
			}
		} finally {
			self::$run = null;
		}
		Plan::end( $step->id, '' === $reason ? Plan::DONE : Plan::SKIPPED, $reason );
	}

	/** First miss. */
	private static function down( Feed $feed, Run $run, \stdClass $step, ?\stdClass $row, int $seen ): string {
		$did   = null === $row ? Decision::UNTOUCHED : $row->did;
		$began = Decision::DRAFTED === $did && $row->run_id === $run->id && '' !== $step->from;
		if ( ! $began && ! in_array( $did, array( Decision::UNTOUCHED, Decision::UNDONE ), true ) ) {
			return 'changed';
		}
		if ( ! $began && Decision::is_young( $seen, $run->as_of ) ) {
			return 'young';
		}
		if ( $began && $row->set_status === self::status( $step->post ) ) {
			// A process died just behind the swap.
			self::announce( $step->post, $row->set_status, $step->from );
			Mirror::write( $step->post );
			return '';
		}
		list( $status, $reason ) = Checks::posts( $feed, array( array( $step->key, $step->post ) ), $run->as_of, Checks::visible( $feed ) )[0];
		if ( '' !== $reason ) {
			if ( $began ) {
				Memory::forget( $step->post );
			}
			return $reason;
		}
		Plan::from( $step->id, $status );
		return self::take( $feed, $step->key, $step->post, $status, $run->as_of, $run->id ) ? '' : 'changed';
	}

	/** A later miss, in another list. */
	private static function trash( Feed $feed, Run $run, \stdClass $step, ?\stdClass $row ): string {
		if ( ! EMPTY_TRASH_DAYS ) {
			// Without a trash WordPress would delete at once.
			return 'no_trash';
		}
		$did   = null === $row ? Decision::UNTOUCHED : $row->did;
		$began = Decision::TRASHED === $did && '' !== $step->from;
		if ( $began && 'trash' === self::status( $step->post ) ) {
			Mirror::write( $step->post );
			return '';
		}
		if ( ! $began && ( Decision::DRAFTED !== $did || $row->missed >= $run->as_of ) ) {
			return 'changed';
		}
		$set             = $began ? $step->from : $row->set_status;
		list( , $reason ) = Checks::posts( $feed, array( array( $step->key, $step->post ) ), $run->as_of, array( $set ) )[0];
		if ( '' !== $reason ) {
			if ( 'not_visible' === $reason && in_array( self::status( $step->post ), Checks::visible(), true ) ) {
				// Something published it again and WordPress was not told.
				self::published_again( $step->post );
				return 'published_again';
			}
			return 'not_visible' === $reason ? 'changed' : $reason;
		}
		Plan::from( $step->id, $set );
		Memory::note(
			$step->post,
			array(
				'did'        => Decision::TRASHED,
				'set_status' => 'trash',
			)
		);
		self::unfiltered(
			$step->post,
			function () use ( $step ) {
				wp_trash_post( $step->post );
			}
		);
		if ( 'trash' !== self::status( $step->post ) ) {
			Memory::note(
				$step->post,
				array(
					'did'        => Decision::DRAFTED,
					'set_status' => $set,
				)
			);
			return 'not_trashed';
		}
		Mirror::write( $step->post );
		return '';
	}

	/** The key is back. */
	private static function restore( Feed $feed, \stdClass $step, ?\stdClass $row ): string {
		if ( null === $row || ! Decision::is_down( $row->did ) ) {
			return '' === $step->from ? 'changed' : '';
		}
		if ( array() !== self::strangers( $step->post, Map::twins( $feed, $step->key, $step->post, $row->down_at ) ) ) {
			return 'twin';
		}
		Plan::from( $step->id, self::status( $step->post ) );
		$is_back = self::bring_back( $row );
		// Its listing lives: who published it meanwhile was right.
		Memory::note( $step->post, array( 'times' => 0 ) );
		Memory::forget( $step->post );
		return $is_back ? '' : 'changed';
	}

	/**
	 * Takes one post down because a person asks for it, though the service could not say that it is gone; says
	 * why not, or nothing.
	 *
	 * @param Feed   $feed The feed.
	 * @param string $key  The key.
	 * @param int    $post The post.
	 */
	public static function down_one( Feed $feed, string $key, int $post ): string {
		$row = Memory::find( $post );
		if ( null !== $row && in_array( $row->did, array( Decision::DRAFTED, Decision::TRASHED, Memory::UNSURE ), true ) ) {
			return 'changed';
		}
		list( $status, $reason ) = Checks::posts( $feed, array( array( $key, $post ) ), PHP_INT_MAX, Checks::visible( $feed ) )[0];
		if ( '' !== $reason ) {
			return $reason;
		}
		return self::take( $feed, $key, $post, $status, time(), 0 ) ? '' : 'changed';
	}

	/** Writes down what is about to be done, and does it. */
	private static function take( Feed $feed, string $key, int $post, string $status, int $missed, int $run ): bool {
		Memory::note(
			$post,
			array(
				'feed'        => $feed->id,
				'listing_key' => $key,
				'did'         => Decision::DRAFTED,
				'set_status'  => $feed->down,
				'prior'       => $status,
				'path'        => Path::of( (string) get_permalink( $post ) ),
				'missed'      => $missed,
				'down_at'     => time(),
				'run_id'      => $run,
			)
		);
		if ( ! self::swap( $post, $status, $feed->down ) ) {
			Memory::forget( $post );
			return false;
		}
		Mirror::write( $post );
		return true;
	}

	/**
	 * Brings one post back because a person asks for it; says why not, or nothing.
	 *
	 * @param int $post The post.
	 */
	public static function restore_one( int $post ): string {
		$row = Memory::find( $post );
		if ( null === $row || ! ( Decision::is_down( $row->did ) || Memory::UNSURE === $row->did ) ) {
			return 'changed';
		}
		$is_back = self::bring_back( $row );
		if ( $is_back ) {
			Memory::keep( $post, $row->feed, $row->listing_key );
		}
		return $is_back ? '' : 'changed';
	}

	/**
	 * Undoes a step that was done; says why it was left, or nothing.
	 *
	 * @param \stdClass $step A row of the plan.
	 */
	public static function undo( \stdClass $step ): string {
		$row = Memory::find( $step->post );
		if ( null === $row || ! Decision::is_down( $row->did ) ) {
			return 'changed';
		}
		if ( Decision::DRAFT === $step->action ) {
			if ( ! self::bring_back( $row ) ) {
				Memory::forget( $step->post );
				return 'changed';
			}
			// A person decides what becomes of it when the feed goes on.
			Memory::note( $step->post, array( 'did' => Decision::UNDONE ) );
			Mirror::remove( $step->post );
			return '';
		}
		if ( Decision::TRASHED !== $row->did ) {
			return 'changed';
		}
		$is_back = self::untrash( $step->post );
		$set     = '' === $step->from ? 'draft' : $step->from;
		if ( $is_back && self::status( $step->post ) !== $set ) {
			self::swap( $step->post, self::status( $step->post ), $set );
		}
		Memory::note(
			$step->post,
			array(
				'did'        => Decision::DRAFTED,
				'set_status' => $set,
			)
		);
		Mirror::write( $step->post );
		return $is_back ? '' : 'changed';
	}

	/**
	 * Something else than a person published a post that was taken down: it counts as new.
	 *
	 * @param int $post The post.
	 */
	public static function published_again( int $post ): void {
		$row = Memory::find( $post );
		Map::seen_now( $post );
		if ( null !== $row ) {
			Memory::note( $post, array( 'times' => $row->times + 1 ) );
			Memory::forget( $post );
		}
	}

	/**
	 * What other code does to another post while this plugin changes one (a translation that is trashed along)
	 * is this plugin's own doing.
	 *
	 * @param int    $post The other post.
	 * @param string $from Its status before.
	 * @param string $to   Its status now.
	 */
	public static function along( int $post, string $from, string $to ): void {
		$leader = Memory::find( self::$busy );
		$row    = Memory::find( $post );
		if ( null === $leader ) {
			return;
		}
		$is_down = null !== $row && Decision::is_down( $row->did );
		if ( in_array( $to, Checks::visible(), true ) ) {
			if ( $is_down ) {
				Memory::forget( $post );
			}
			return;
		}
		if ( ! Decision::is_down( $leader->did ) || ! ( $is_down || in_array( $from, Checks::visible(), true ) ) ) {
			return;
		}
		$did = 'trash' === $to ? Decision::TRASHED : Decision::DRAFTED;
		Memory::note(
			$post,
			array(
				'feed'        => $leader->feed,
				'listing_key' => $leader->listing_key,
				'did'         => $did,
				'set_status'  => $to,
				'prior'       => $is_down ? $row->prior : $from,
				'missed'      => $leader->missed,
				'down_at'     => $leader->down_at,
				'run_id'      => $leader->run_id,
			)
		);
		if ( null !== self::$run ) {
			Plan::add( self::$run->id, array( array( $leader->listing_key, $post, Decision::TRASHED === $did ? Decision::TRASH : Decision::DRAFT ) ), Plan::DONE, $from );
		}
	}

	/**
	 * Whether a post may get this status back.
	 *
	 * @param string $status The status that it had.
	 */
	public static function may_be_prior( string $status ): bool {
		return 'future' === $status || in_array( $status, get_post_stati( array( 'public' => true ) ), true );
	}

	/** To the status that it had, if it still is where this plugin put it. */
	private static function bring_back( \stdClass $row ): bool {
		if ( ! self::may_be_prior( $row->prior ) ) {
			return false;
		}
		if ( Decision::TRASHED === $row->did || Memory::UNSURE === $row->did ) {
			self::untrash( $row->post_id );
		}
		$status = self::status( $row->post_id );
		// The filter of another plugin may have brought it all the way.
		if ( $row->prior === $status ) {
			return true;
		}
		$from = Decision::DRAFTED === $row->did ? array( $row->set_status ) : array( 'draft', 'private', 'pending' );
		if ( ! in_array( $status, $from, true ) ) {
			return false;
		}
		self::unique( $row->post_id, $row->prior );
		return self::swap( $row->post_id, $status, $row->prior );
	}

	/** A draft does not hold its address: another post may have it now. */
	private static function unique( int $id, string $status ): void {
		global $wpdb;
		$post = get_post( $id );
		if ( ! $post || '' === $post->post_name ) {
			return;
		}
		$slug = wp_unique_post_slug( $post->post_name, $id, $status, $post->post_type, $post->post_parent );
		if ( $slug !== $post->post_name ) {
			Db::change( "UPDATE {$wpdb->posts} SET post_name = %s WHERE ID = %d", $slug, $id );
			clean_post_cache( $id );
		}
	}

	/**
	 * Those of some posts that are no translations of a post. WPML and Polylang are asked; others may filter.
	 *
	 * @param int   $post  The post.
	 * @param int[] $twins Posts with the same key.
	 * @return int[]
	 */
	private static function strangers( int $post, array $twins ): array {
		$same = function_exists( 'pll_get_post_translations' ) ? array_map( 'intval', pll_get_post_translations( $post ) ) : array();
		$type = 'post_' . get_post_type( $post );
		// phpcs:ignore WordPress.NamingConventions.PrefixAllGlobals -- a filter of WPML.
		$group = apply_filters( 'wpml_element_trid', null, $post, $type );
		foreach ( null === $group ? array() : $twins as $twin ) {
			// phpcs:ignore WordPress.NamingConventions.PrefixAllGlobals -- a filter of WPML.
			if ( apply_filters( 'wpml_element_trid', null, $twin, $type ) === $group ) {
				$same[] = $twin;
			}
		}
		/**
		 * Posts that are translations of a post: they share its key, and are no other copy of the listing.
		 *
		 * @param int[] $same Posts.
		 * @param int   $post The post.
		 */
		return array_values( array_diff( $twins, (array) apply_filters( 'livelist_sync_translations', $same, $post ) ) );
	}

	private static function untrash( int $post ): bool {
		if ( 'trash' === self::status( $post ) ) {
			self::unfiltered(
				$post,
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
		self::$busy = $id;
		try {
			wp_transition_post_status( $to, $from, $post );
			// phpcs:disable WordPress.NamingConventions.PrefixAllGlobals -- WordPress's own, as wp_publish_post() fires them.
			do_action( "edit_post_{$post->post_type}", $id, $post );
			do_action( 'edit_post', $id, $post );
			do_action( "save_post_{$post->post_type}", $id, $post, true );
			do_action( 'save_post', $id, $post, true );
			do_action( 'wp_insert_post', $id, $post, true );
			// phpcs:enable
			/**
			 * The status of a post was changed by this plugin: page caches forget its address here.
			 *
			 * @param int    $id   The post.
			 * @param string $to   Its status now.
			 * @param string $from Its status before.
			 */
			do_action( 'livelist_sync_changed', $id, $to, $from );
		} finally {
			self::$busy = 0;
		}
	}

	/**
	 * The trash goes through wp_update_post(), which cleans the content as if a visitor had written
	 * it when nobody is logged in, as in cron: maps and virtual tours would be lost.
	 */
	private static function unfiltered( int $post, callable $work ): void {
		$filtered   = false !== has_filter( 'content_save_pre', 'wp_filter_post_kses' );
		self::$busy = $post;
		if ( $filtered ) {
			kses_remove_filters();
		}
		try {
			$work();
		} finally {
			if ( $filtered ) {
				kses_init_filters();
			}
			self::$busy = 0;
		}
	}
}
