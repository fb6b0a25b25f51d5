<?php
/**
 * Notices to those who may decide, in the admin and, where it is switched on, by mail: one mail for the site
 * when something begins, one a week while it lasts. That cron itself is dead nobody in here can tell; an
 * uptime monitor from outside can. Depends on Findings, Settings.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Refused;

/**
 * Telling people.
 */
final class Notices {
	/** Findings that are told outside of Site Health as well. */
	const TOLD = array( 'error', 'held', 'paused', 'undone', 'late', 'old', 'moved', 'unsure', 'cron' );
	/** Findings that are mailed. */
	const MAILED = array( 'error', 'held', 'old', 'late' );
	/** So many sites of a network are looked at. */
	const SITES = 200;
	/** Option: what the last mail was about, and when it was sent. */
	const SENT = 'livelist_sync_mailed';

	/**
	 * What is shown in the admin.
	 */
	public static function show(): void {
		if ( ! current_user_can( Admin::capability() ) || get_option( Schema::OPTION ) !== Schema::VERSION ) {
			return;
		}
		$page = admin_url( 'options-general.php?page=' . Admin::PAGE );
		try {
			$found = Findings::all();
		} catch ( Refused $refused ) {
			// The database fails: that is no reason to take the admin away as well.
			return;
		}
		foreach ( $found as $one ) {
			if ( 'setup' === $one[0] && self::is_on_page() ) {
				continue;
			}
			if ( 'setup' === $one[0] ) {
				self::one( 'info', __( 'Livelist Sync is active. Tell it where the service is, and it proposes the rest.', 'livelist-sync' ), $page, __( 'Set up', 'livelist-sync' ) );
			} elseif ( in_array( $one[0], self::TOLD, true ) ) {
				self::one( 'critical' === $one[1] ? 'error' : 'warning', __( 'Livelist Sync:', 'livelist-sync' ) . ' ' . $one[2], $page, __( 'Look', 'livelist-sync' ) );
			}
		}
	}

	/**
	 * What is shown in the admin of a network: which of its sites need a look.
	 */
	public static function show_network(): void {
		if ( ! current_user_can( 'manage_network_plugins' ) ) {
			return;
		}
		foreach ( get_sites( array( 'number' => self::SITES, 'fields' => 'ids' ) ) as $site ) {
			switch_to_blog( (int) $site );
			$texts = array();
			// A site that does not use the plugin has no tables, and gets none here.
			foreach ( get_option( Schema::OPTION ) === Schema::VERSION && array() !== Settings::feeds() ? Findings::all() : array() as $one ) {
				if ( in_array( $one[0], self::TOLD, true ) ) {
					$texts[] = $one[2];
				}
			}
			if ( array() !== $texts ) {
				self::one( 'warning', 'Livelist Sync, ' . get_option( 'blogname' ) . ': ' . implode( ' ', $texts ), admin_url( 'options-general.php?page=' . Admin::PAGE ), __( 'Look', 'livelist-sync' ) );
			}
			restore_current_blog();
		}
	}

	/**
	 * Mails what is new, once for the site. Called behind each slice.
	 */
	public static function mail(): void {
		$to = Settings::mail();
		if ( '' === $to ) {
			return;
		}
		$lines = array();
		$codes = array();
		foreach ( Findings::all() as $one ) {
			if ( in_array( $one[0], self::MAILED, true ) && ( 'error' !== $one[0] || 'critical' === $one[1] ) ) {
				$lines[]          = $one[2];
				$codes[ $one[0] ] = true;
			}
		}
		if ( ! self::claim( implode( ',', array_keys( $codes ) ) ) ) {
			return;
		}
		/* translators: %s: name of the site */
		$subject = sprintf( __( '[%s] Listings need a look', 'livelist-sync' ), wp_specialchars_decode( (string) get_option( 'blogname' ), ENT_QUOTES ) );
		$lines[] = admin_url( 'options-general.php?page=' . Admin::PAGE );
		wp_mail( $to, $subject, implode( "\n\n", $lines ) . "\n" );
	}

	/**
	 * Whether this process is the one that mails. A row that one statement changes decides.
	 *
	 * @param string $codes What it is about; empty where all is well.
	 */
	private static function claim( string $codes ): bool {
		global $wpdb;
		$sent = (string) Db::value( "SELECT option_value FROM {$wpdb->options} WHERE option_name = %s", self::SENT ); // phpcs:ignore WordPress.DB
		list( $about, $at ) = array_pad( explode( '|', $sent ), 2, '0' );
		$is_due             = '' !== $codes && ( $about !== $codes || time() - (int) $at > WEEK_IN_SECONDS );
		if ( $about === $codes && ! $is_due ) {
			return false;
		}
		$now = '' === $codes ? '|0' : $codes . '|' . time();
		Db::change( "INSERT IGNORE INTO {$wpdb->options} (option_name, option_value, autoload) VALUES (%s, '|0', 'no')", self::SENT );
		$won = 1 === Db::change( "UPDATE {$wpdb->options} SET option_value = %s WHERE option_name = %s AND option_value = %s", $now, self::SENT, '' === $sent ? '|0' : $sent );
		return $won && $is_due;
	}

	private static function is_on_page(): bool {
		$screen = function_exists( 'get_current_screen' ) ? get_current_screen() : null;
		return null !== $screen && 'settings_page_' . Admin::PAGE === $screen->id;
	}

	private static function one( string $kind, string $text, string $link, string $label ): void {
		printf( '<div class="notice notice-%s"><p>%s <a href="%s">%s</a></p></div>', esc_attr( $kind ), esc_html( $text ), esc_url( $link ), esc_html( $label ) );
	}
}
