<?php
/**
 * What Site Health says. Depends on Findings.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

/**
 * The test of Site Health.
 */
final class SiteHealth {
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
	 * The test.
	 *
	 * @return array<string, mixed>
	 */
	public static function test(): array {
		$found  = Findings::all();
		$status = 'good';
		$lines  = '';
		foreach ( $found as $one ) {
			$status = 'critical' === $one[1] || 'critical' === $status ? 'critical' : 'recommended';
			$lines .= '<li>' . esc_html( $one[2] ) . '</li>';
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
