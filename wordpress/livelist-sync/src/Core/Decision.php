<?php
/**
 * What becomes of a post, and of a run. Pure: facts in, decision out. Depends on Instant.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * Decisions.
 */
final class Decision {
	/** What becomes of a post. */
	const KEEP    = 'keep';
	const YOUNG   = 'young';
	const RESTORE = 'restore';
	const ASK     = 'ask';
	const UNKNOWN = 'unknown';
	const DRAFT   = 'draft';
	const TRASH   = 'trash';

	/** What this plugin did to a post, or was told to. */
	const UNTOUCHED = '';
	const DRAFTED   = 'drafted';
	const TRASHED   = 'trashed';
	/** A person wants it up, whatever lists say. */
	const KEPT = 'kept';
	/** Brought back by "undo"; to be decided on when the feed goes on. */
	const UNDONE = 'undone';

	/** What the service said of a key that is not in the list. */
	const NOT_ASKED = '';
	const GONE      = 'gone';

	/** A second look has to be so many seconds younger than the first that missed a post. */
	const SECOND_LOOK = 72000;
	/** So many posts may go in a day, unless they are more than half of a feed's. */
	const FLOOR = 50;
	/** One of so many may go in a day. */
	const SHARE = 10;
	/** The limit holds for so many seconds. */
	const WINDOW = 86400;

	/**
	 * What becomes of a post. The list alone takes none down: a listing may be new and have slipped past
	 * it. So the service is asked, and whatever it says but "gone" leaves the post up. The simulation of
	 * Livelist mirrors this; tests/fixtures/decision-cases.json holds the cases of both.
	 *
	 * @param bool     $listed Whether its key is in the list.
	 * @param string   $did    What this plugin did to it: UNTOUCHED, DRAFTED, TRASHED, KEPT or UNDONE.
	 * @param int      $missed Instant of the list that it was first missed in; 0 for none.
	 * @param int      $seen   Since when the site has it under this key, Unix seconds.
	 * @param int      $as_of  Instant of the list.
	 * @param string   $said   What the service said of it: NOT_ASKED, GONE, or anything else.
	 * @param int|null $wait   Seconds between the first miss and the trash; null for never.
	 */
	public static function post( bool $listed, string $did, int $missed, int $seen, int $as_of, string $said = self::NOT_ASKED, ?int $wait = self::SECOND_LOOK ): string {
		if ( self::KEPT === $did ) {
			return self::KEEP;
		}
		$is_down = self::is_down( $did );
		if ( $listed ) {
			return $is_down ? self::RESTORE : self::KEEP;
		}
		if ( self::TRASHED === $did ) {
			return self::KEEP;
		}
		if ( self::is_young( $seen, $as_of ) ) {
			return self::YOUNG;
		}
		if ( $is_down && ( null === $wait || $as_of < $missed + max( $wait, self::SECOND_LOOK ) ) ) {
			return self::KEEP;
		}
		if ( self::GONE !== $said ) {
			return self::NOT_ASKED === $said ? self::ASK : self::UNKNOWN;
		}
		return $is_down ? self::TRASH : self::DRAFT;
	}

	/**
	 * Whether a post was taken down by this plugin.
	 *
	 * @param string $did What was done to it.
	 */
	public static function is_down( string $did ): bool {
		return self::DRAFTED === $did || self::TRASHED === $did;
	}

	/**
	 * Whether something that came at this instant may be missing in the list only because it is
	 * younger than the list.
	 *
	 * @param int $came  When it came, Unix seconds.
	 * @param int $as_of Instant of the list.
	 */
	public static function is_young( int $came, int $as_of ): bool {
		return $came > $as_of - Instant::TOLERANCE;
	}

	/**
	 * So many posts of a feed may go from view in WINDOW without a person: fifty or a tenth, whichever is
	 * more, and on a small site never more than half.
	 *
	 * @param int $visible Posts of the feed that visitors could see when the window began.
	 */
	public static function limit( int $visible ): int {
		return max( 1, min( self::FLOOR, $visible - intdiv( $visible, 2 ) ), intdiv( $visible, self::SHARE ) );
	}

	/**
	 * Why a run waits for a person; null if it does not have to.
	 *
	 * @param int $going   Posts that would go from view.
	 * @param int $went    Posts of the feed that went in the window already.
	 * @param int $visible Posts of the feed that visitors could see when the window began.
	 * @param int $matched Posts whose keys are in the list.
	 */
	public static function hold( int $going, int $went, int $visible, int $matched ): ?string {
		if ( 0 === $going ) {
			return null;
		}
		// A small site with a wrong setting would lose everything below the limit.
		if ( 0 === $matched ) {
			return 'nothing_matches';
		}
		return $going + $went > self::limit( $visible ) ? 'too_many' : null;
	}
}
