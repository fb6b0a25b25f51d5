<?php
/**
 * The part of the settings page that asks the service what it offers, and proposes which posts that is about.
 * Depends on Answers, Form, Settings.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

/**
 * Setting up.
 */
final class Setup {
	/**
	 * What the service offers, and what was proposed.
	 */
	public static function show(): void {
		if ( '' === Settings::api_url() || '' === Settings::site_key() ) {
			return;
		}
		$offered = get_transient( Answers::OFFERED );
		if ( false === $offered && array() === Settings::feeds() ) {
			// Somebody has just entered address and key: the page asks by itself.
			try {
				$offered = ( new Client() )->feeds();
				set_transient( Answers::OFFERED, $offered, HOUR_IN_SECONDS );
			} catch ( \Livelist\Sync\Core\Refused $refused ) {
				echo '<div class="notice notice-error"><p>' . esc_html( Words::refused( $refused ) ) . '</p></div>';
			}
		}
		echo '<h2>' . esc_html__( 'Feeds of the service', 'livelist-sync' ) . '</h2>';
		Form::button( 'feeds', __( 'Ask the service', 'livelist-sync' ) );
		if ( is_array( $offered ) ) {
			self::offered( $offered );
		}
		$proposed = get_transient( Answers::PROPOSED );
		if ( is_array( $proposed ) && isset( $proposed[2] ) && is_array( $proposed[2] ) ) {
			self::proposed( (string) $proposed[0], (string) $proposed[1], $proposed[2] );
		}
	}

	/** @param array<int, array<string, mixed>> $offered What the service offers. */
	private static function offered( array $offered ): void {
		$new = array_filter(
			$offered,
			function ( $one ) {
				return is_array( $one ) && isset( $one['feed'] ) && null === Settings::feed( (string) $one['feed'] );
			}
		);
		if ( array() === $new ) {
			echo '<p>' . esc_html__( 'All feeds that the service offers are set.', 'livelist-sync' ) . '</p>';
			return;
		}
		printf( '<form method="post" class="livelist-order" action="%s">', esc_url( admin_url( 'admin-post.php' ) ) );
		printf( '<input type="hidden" name="action" value="%s"><input type="hidden" name="what" value="propose"><input type="hidden" name="_wpnonce" value="%s">', esc_attr( Admin::ORDER ), esc_attr( wp_create_nonce( Form::nonce( 'propose' ) ) ) );
		echo '<label>' . esc_html__( 'Feed', 'livelist-sync' ) . ' <select name="id">';
		foreach ( $new as $one ) {
			/* translators: 1: id of a feed, 2: number of listings */
			$label = null === $one['count'] ? $one['feed'] : sprintf( __( '%1$s (%2$s listings)', 'livelist-sync' ), $one['feed'], number_format_i18n( (int) $one['count'] ) );
			printf( '<option value="%s">%s</option>', esc_attr( (string) $one['feed'] ), esc_html( $label ) );
		}
		printf( '</select></label> <button type="submit" class="button">%s</button></form>', esc_html__( 'Find its posts', 'livelist-sync' ) );
	}

	/**
	 * @param string                           $id        The feed.
	 * @param string                           $key_field The field of its keys.
	 * @param array<int, array<string, mixed>> $pairs     What was proposed.
	 */
	private static function proposed( string $id, string $key_field, array $pairs ): void {
		foreach ( $pairs as $pair ) {
			/* translators: 1: post type, 2: meta key, 3: number of values, 4: number of values */
			echo '<div>' . esc_html( sprintf( __( '%1$s / %2$s: %3$s of %4$s values that were looked at are in the list.', 'livelist-sync' ), $pair['type'], $pair['meta'], number_format_i18n( (int) $pair['listed'] ), number_format_i18n( (int) $pair['of'] ) ) ) . ' ';
			Form::button(
				'bind',
				__( 'Use these posts', 'livelist-sync' ),
				array(
					'id'        => $id,
					'key_field' => $key_field,
					'type'      => (string) $pair['type'],
					'meta'      => (string) $pair['meta'],
				),
				$pair['type'] . ' / ' . $pair['meta']
			);
			echo '</div>';
		}
	}
}
