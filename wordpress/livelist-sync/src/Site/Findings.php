<?php
/**
 * What somebody should know: for Site Health, for notices and for mails alike. Depends on Feeds, Memory, Run,
 * Settings, Words.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;
use Livelist\Sync\Core\Feed;

/**
 * Findings.
 */
final class Findings {
	/** Lists come daily; a site that had no answer for so many seconds is told. */
	const LATE = 129600;
	/** So long without one is serious. */
	const LOST = 345600;
	/** A list of so long ago is old. */
	const OLD = 172800;

	/**
	 * What there is to say: code, how bad it is, and a sentence.
	 *
	 * @return array<int, array{0: string, 1: string, 2: string}> Codes: setup, error, held, paused, undone,
	 *         never, late, old, stale, unread, republished, moved, unsure, cron, trash.
	 */
	public static function all(): array {
		Schema::ensure();
		$feeds = Settings::feeds();
		if ( '' === Settings::api_url() || '' === Settings::site_key() || array() === $feeds ) {
			return array( array( 'setup', 'recommended', __( 'The address of the service, the site key or the feeds are not set yet.', 'livelist-sync' ) ) );
		}
		$found = array();
		foreach ( $feeds as $feed ) {
			$found = array_merge( $found, self::of( $feed ) );
		}
		foreach ( Memory::orphans() as $former => $count ) {
			/* translators: 1: number of posts, 2: id of a feed */
			$found[] = array( 'moved', 'recommended', sprintf( __( '%1$s posts were taken down for the feed %2$s, which is not set any more. They stay down until you say to which feed they belong.', 'livelist-sync' ), number_format_i18n( $count ), $former ) );
		}
		if ( 0 === Schedule::next() ) {
			$found[] = array( 'cron', 'critical', __( 'The daily event is missing; deactivating and activating the plugin brings it back.', 'livelist-sync' ) );
		}
		if ( ! EMPTY_TRASH_DAYS ) {
			$found[] = array( 'trash', 'recommended', __( 'The trash is switched off (EMPTY_TRASH_DAYS): posts stay drafts, because WordPress would delete them at once.', 'livelist-sync' ) );
		}
		return $found;
	}

	/** @return array<int, array{0: string, 1: string, 2: string}> */
	private static function of( Feed $feed ): array {
		$found  = array();
		$state  = Feeds::state( $feed->id );
		$counts = Memory::counts( $feed->id );
		$late   = time() - $state->checked_at;
		if ( '' !== $state->error ) {
			$found[] = array(
				'error',
				in_array( $state->error, array( 'unauthorized', 'forbidden', 'not_found', 'other_epoch', 'no_keys', 'nothing_matches' ), true ) || $late > self::LOST ? 'critical' : 'recommended',
				/* translators: 1: id of a feed, 2: name of an error, 3: sentence about it */
				sprintf( __( 'The last list of %1$s was not used (%2$s): %3$s The site keeps what it has.', 'livelist-sync' ), $feed->id, $state->error, Words::error( $state->error, $state->error_text ) ),
			);
		}
		if ( 0 !== $state->held_run ) {
			/* translators: 1: number of a run, 2: id of a feed */
			$found[] = array( 'held', 'recommended', sprintf( __( 'Run %1$d of %2$s waits for a person: unusually many listings would go. Nothing is taken down before somebody has looked.', 'livelist-sync' ), $state->held_run, $feed->id ) );
		}
		if ( 0 !== $state->paused ) {
			/* translators: %s: id of a feed */
			$found[] = array( 'paused', 'recommended', sprintf( __( 'The feed %s is paused: nothing goes and nothing comes back.', 'livelist-sync' ), $feed->id ) );
			if ( $counts[ Decision::UNDONE ] > 0 ) {
				/* translators: 1: number of posts, 2: id of a feed */
				$found[] = array( 'undone', 'recommended', sprintf( __( '%1$s posts of %2$s that you brought back would go again. Say whether they shall go or be exceptions.', 'livelist-sync' ), number_format_i18n( $counts[ Decision::UNDONE ] ), $feed->id ) );
			}
		} elseif ( 0 === $state->checked_at && '' === $state->error ) {
			/* translators: %s: id of a feed */
			$found[] = array( 'never', 'recommended', sprintf( __( 'The site never had an answer about %s.', 'livelist-sync' ), $feed->id ) );
		} elseif ( 0 !== $state->checked_at && $late > self::LATE ) {
			/* translators: %s: id of a feed */
			$found[] = array( 'late', $late > self::LOST ? 'critical' : 'recommended', sprintf( __( 'The site had no answer about %s for more than a day and a half. Does its cron run?', 'livelist-sync' ), $feed->id ) );
		}
		return array_merge( $found, self::age( $feed, $state, $counts ) );
	}

	/**
	 * @param Feed               $feed   The feed.
	 * @param \stdClass          $state  What is known of it.
	 * @param array<string, int> $counts Its posts, by what was done.
	 * @return array<int, array{0: string, 1: string, 2: string}>
	 */
	private static function age( Feed $feed, \stdClass $state, array $counts ): array {
		$found = array();
		$as_of = max( $state->told_as_of, $state->as_of );
		$old   = time() - $as_of;
		if ( 0 !== $as_of && $old > self::OLD ) {
			$found[] = array(
				'old',
				$old > self::LOST ? 'critical' : 'recommended',
				/* translators: 1: id of a feed, 2: time */
				sprintf( __( 'The list of %1$s is old: it is of %2$s, and the service has no newer one. Posts stay as they were then. Ask the operator of the service.', 'livelist-sync' ), $feed->id, self::when( $as_of ) ),
			);
		} elseif ( 0 !== $state->stale ) {
			/* translators: 1: id of a feed, 2: time */
			$found[] = array( 'stale', 'recommended', sprintf( __( 'The service says that its next look at the MLS of %1$s is overdue. The list is of %2$s.', 'livelist-sync' ), $feed->id, self::when( $as_of ) ) );
		}
		if ( 0 !== $state->told_at && 0 === $state->paused && time() - $state->told_at > self::LATE && time() - $state->checked_at <= self::LATE ) {
			/* translators: 1: id of a feed, 2: time */
			$found[] = array( 'unread', 'recommended', sprintf( __( 'About %1$s the site hears "nothing new" only, the last whole answer came %2$s. A cache may answer in place of the service.', 'livelist-sync' ), $feed->id, self::when( $state->told_at ) ) );
		}
		$again = Memory::republished( $feed->id );
		if ( $again > 0 ) {
			/* translators: 1: number of posts, 2: id of a feed */
			$found[] = array( 'republished', 'recommended', sprintf( __( 'Something publishes %1$s posts of %2$s again and again, though their listings are gone: an importer? It should not write posts that were taken down.', 'livelist-sync' ), number_format_i18n( $again ), $feed->id ) );
		}
		if ( $counts[ Memory::UNSURE ] > 0 ) {
			/* translators: 1: number of posts, 2: id of a feed */
			$found[] = array( 'unsure', 'recommended', sprintf( __( '%1$s posts of %2$s were taken down by a former installation and changed since. Look at them under Tools, Listings.', 'livelist-sync' ), number_format_i18n( $counts[ Memory::UNSURE ] ), $feed->id ) );
		}
		return $found;
	}

	/**
	 * A time, for people.
	 *
	 * @param int $at Unix seconds; 0 for never.
	 */
	public static function when( int $at ): string {
		return 0 === $at ? '—' : (string) wp_date( 'Y-m-d H:i', $at );
	}
}
