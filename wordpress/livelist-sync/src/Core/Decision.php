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

	/** What this plugin did to a post. */
	const UNTOUCHED = '';
	const DRAFTED   = 'drafted';
	const TRASHED   = 'trashed';

	/** What the service said of a key that is not in the list. */
	const NOT_ASKED = '';
	const GONE      = 'gone';

	/** So many posts may always go in one run. */
	const FLOOR = 50;
	/** One of so many may go in one run. */
	const SHARE = 10;

	/**
	 * What becomes of a post. The list alone takes none down: a listing may be new and have slipped past
	 * it. So the service is asked, and whatever it says but "gone" leaves the post up. The simulation of
	 * Livelist mirrors this; tests/fixtures/decision-cases.json holds the cases of both.
	 *
	 * @param bool   $listed   Whether its key is in the list.
	 * @param string $did      What this plugin did to it: UNTOUCHED, DRAFTED or TRASHED.
	 * @param int    $missed   The sequence of the list that it was first missed in; 0 for none.
	 * @param int    $seen     Since when the site has it under this key, Unix seconds.
	 * @param int    $as_of    Instant of the list.
	 * @param int    $sequence Sequence of the list.
	 * @param string $said     What the service said of it: NOT_ASKED, GONE, or anything else.
	 */
	public static function post( bool $listed, string $did, int $missed, int $seen, int $as_of, int $sequence, string $said = self::NOT_ASKED ): string {
		if ( $listed ) {
			return self::UNTOUCHED === $did ? self::KEEP : self::RESTORE;
		}
		if ( self::TRASHED === $did ) {
			return self::KEEP;
		}
		if ( self::is_young( $seen, $as_of ) ) {
			return self::YOUNG;
		}
		if ( self::DRAFTED === $did && $sequence <= $missed ) {
			return self::KEEP;
		}
		if ( self::GONE !== $said ) {
			return self::NOT_ASKED === $said ? self::ASK : self::UNKNOWN;
		}
		return self::DRAFTED === $did ? self::TRASH : self::DRAFT;
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
	 * So many posts may go from view in one run without a person.
	 *
	 * @param int $local Posts of the feed that visitors can see.
	 */
	public static function limit( int $local ): int {
		return max( self::FLOOR, intdiv( $local, self::SHARE ) );
	}

	/**
	 * Why a run waits for a person; null if it does not have to.
	 *
	 * @param int $going   Posts that would go from view.
	 * @param int $local   Posts of the feed that visitors can see.
	 * @param int $matched Posts whose keys are in the list.
	 */
	public static function hold( int $going, int $local, int $matched ): ?string {
		if ( 0 === $going ) {
			return null;
		}
		// A small site with a wrong setting would lose everything below the limit.
		if ( 0 === $matched ) {
			return 'nothing_matches';
		}
		return $going > self::limit( $local ) ? 'too_many' : null;
	}
}
