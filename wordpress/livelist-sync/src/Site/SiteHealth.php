<?php
/**
 * What Site Health says. Depends on Feeds, Run, Settings.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

/**
 * The test of Site Health.
 */
final class SiteHealth {
	/** Lists come daily; a site that got none for so long is told. */
	const LATE = 129600;
	/** So long without a list is serious. */
	const LOST = 345600;

	/**
	 * Adds the test.
	 *
	 * @param mixed $tests The tests there are.
	 * @return array<string, mixed>
	 */
	public static function register( $tests ): array {
		$tests                            = is_array( $tests ) ? $tests : array();
		$tests['direct']['livelist_sync'] = array(
			'label' => __( 'Livelist Sync', 'livelist-sync' ),
			'test'  => array( self::class, 'test' ),
		);
		return $tests;
	}

	/**
	 * What there is to say, the worst first: status and sentence.
	 *
	 * @return array<int, array{0: string, 1: string}>
	 */
	public static function findings(): array {
		Schema::ensure();
		$found = array();
		if ( '' === Settings::api_url() || '' === Settings::site_key() || array() === Settings::feeds() ) {
			$found[] = array( 'recommended', __( 'The address of the service, the site key or the feeds are not set yet.', 'livelist-sync' ) );
			return $found;
		}
		foreach ( Settings::feeds() as $feed ) {
			$state = Feeds::state( $feed->id );
			$late  = time() - $state->checked_at;
			if ( '' !== $state->error ) {
				$found[] = array(
					in_array( $state->error, array( 'unauthorized', 'forbidden', 'not_found' ), true ) || $late > self::LOST ? 'critical' : 'recommended',
					/* translators: 1: id of a feed, 2: name of an error, 3: sentence about it */
					sprintf( __( 'The last list of %1$s was not used (%2$s): %3$s The site keeps what it has.', 'livelist-sync' ), $feed->id, $state->error, $state->error_text ),
				);
			}
			if ( 0 !== $state->held_run ) {
				/* translators: 1: number of a run, 2: id of a feed */
				$found[] = array( 'recommended', sprintf( __( 'Run %1$d of %2$s waits for a person: unusually many posts would go.', 'livelist-sync' ), $state->held_run, $feed->id ) );
			}
			if ( 0 !== $state->paused ) {
				/* translators: %s: id of a feed */
				$found[] = array( 'recommended', sprintf( __( 'The feed %s is paused.', 'livelist-sync' ), $feed->id ) );
			} elseif ( $late > self::LATE ) {
				/* translators: %s: id of a feed */
				$text    = 0 === $state->checked_at ? __( 'The site never had an answer about %s.', 'livelist-sync' ) : __( 'The site had no answer about %s for more than a day and a half. Does its cron run?', 'livelist-sync' );
				$found[] = array( 0 !== $state->checked_at && $late > self::LOST ? 'critical' : 'recommended', sprintf( $text, $feed->id ) );
			}
		}
		if ( 0 === Schedule::next() ) {
			$found[] = array( 'critical', __( 'The daily event is missing; deactivating and activating the plugin brings it back.', 'livelist-sync' ) );
		}
		if ( ! EMPTY_TRASH_DAYS ) {
			$found[] = array( 'recommended', __( 'The trash is switched off (EMPTY_TRASH_DAYS): posts stay drafts, because WordPress would delete them at once.', 'livelist-sync' ) );
		}
		return $found;
	}

	/**
	 * The test.
	 *
	 * @return array<string, mixed>
	 */
	public static function test(): array {
		$found  = self::findings();
		$status = 'good';
		$lines  = '';
		foreach ( $found as $one ) {
			$status = 'critical' === $one[0] || 'critical' === $status ? 'critical' : 'recommended';
			$lines .= '<li>' . esc_html( $one[1] ) . '</li>';
		}
		return array(
			'label'       => array() === $found ? __( 'Listings follow their MLS', 'livelist-sync' ) : __( 'Livelist Sync needs a look', 'livelist-sync' ),
			'status'      => $status,
			'badge'       => array(
				'label' => __( 'Listings', 'livelist-sync' ),
				'color' => 'blue',
			),
			'description' => array() === $found ? '<p>' . esc_html__( 'The newest list of each feed was used.', 'livelist-sync' ) . '</p>' : '<ul>' . $lines . '</ul>',
			'actions'     => sprintf( '<p><a href="%s">%s</a></p>', esc_url( admin_url( 'options-general.php?page=livelist-sync' ) ), esc_html__( 'Livelist Sync settings', 'livelist-sync' ) ),
			'test'        => 'livelist_sync',
		);
	}
}
