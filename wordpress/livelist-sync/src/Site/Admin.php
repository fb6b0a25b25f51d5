<?php
/**
 * Settings → Livelist Sync: what there is to set (Settings API), and orders, each with its nonce. What
 * the page shows is in AdminPage. Depends on Settings, Orders.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Presets;
use Livelist\Sync\Core\Refused;

/**
 * The page's hooks.
 */
final class Admin {
	const PAGE  = 'livelist-sync';
	const GROUP = 'livelist_sync';
	const ORDER = 'livelist_sync_order';

	/**
	 * Hooks in.
	 */
	public static function register(): void {
		add_action( 'admin_menu', array( self::class, 'menu' ) );
		add_action( 'admin_init', array( self::class, 'settings' ) );
		add_action( 'admin_post_' . self::ORDER, array( self::class, 'order' ) );
		add_action( 'admin_notices', array( self::class, 'notice' ) );
		add_filter( 'option_page_capability_' . self::GROUP, array( self::class, 'capability' ) );
	}

	/**
	 * Who may.
	 */
	public static function capability(): string {
		return (string) apply_filters( 'livelist_sync_capability', 'manage_options' );
	}

	/**
	 * The menu entry.
	 */
	public static function menu(): void {
		add_options_page( __( 'Livelist Sync', 'livelist-sync' ), __( 'Livelist Sync', 'livelist-sync' ), self::capability(), self::PAGE, array( AdminPage::class, 'show' ) );
	}

	/**
	 * What can be set.
	 */
	public static function settings(): void {
		register_setting(
			self::GROUP,
			Settings::OPTION,
			array(
				'type'              => 'array',
				'default'           => array(),
				'sanitize_callback' => array( self::class, 'clean' ),
			)
		);
		foreach ( array( Settings::KEY, Settings::SECRET ) as $option ) {
			register_setting(
				self::GROUP,
				$option,
				array(
					'type'              => 'string',
					'default'           => '',
					'sanitize_callback' => function ( $said ) use ( $option ) {
						return Settings::clean_secret( $said, $option );
					},
				)
			);
		}
		add_settings_section( 'service', __( 'Service', 'livelist-sync' ), '__return_empty_string', self::PAGE );
		add_settings_field( 'api_url', __( 'Address', 'livelist-sync' ), array( AdminPage::class, 'field_url' ), self::PAGE, 'service', array( 'label_for' => 'livelist-api-url' ) );
		add_settings_field( 'site_key', __( 'Site key', 'livelist-sync' ), array( AdminPage::class, 'field_key' ), self::PAGE, 'service', array( 'label_for' => 'livelist-site-key' ) );
		add_settings_field( 'secret', __( 'Secret of notices', 'livelist-sync' ), array( AdminPage::class, 'field_secret' ), self::PAGE, 'service', array( 'label_for' => 'livelist-secret' ) );
		add_settings_section( 'feeds', __( 'Feeds', 'livelist-sync' ), array( AdminPage::class, 'feeds' ), self::PAGE );
	}

	/**
	 * The settings as they are kept.
	 *
	 * @param mixed $said What the form gave.
	 * @return array<string, mixed>
	 */
	public static function clean( $said ): array {
		if ( is_array( $said ) && isset( $said['feeds'] ) && is_array( $said['feeds'] ) ) {
			foreach ( $said['feeds'] as $at => $entry ) {
				$said['feeds'][ $at ] = self::with_preset( is_array( $entry ) ? $entry : array() );
			}
		}
		return Settings::clean(
			$said,
			function ( string $name, string $message ) {
				add_settings_error( Settings::OPTION, $name, $message );
			}
		);
	}

	/**
	 * @param array<string, mixed> $entry An entry of the form.
	 * @return array<string, mixed>
	 */
	private static function with_preset( array $entry ): array {
		$presets = Presets::all();
		$preset  = isset( $entry['preset'] ) && is_string( $entry['preset'] ) ? $entry['preset'] : '';
		if ( isset( $presets[ $preset ] ) ) {
			$entry['post_type'] = $presets[ $preset ][1];
			$entry['meta_key']  = $presets[ $preset ][2]; // phpcs:ignore WordPress.DB.SlowDBQuery -- no query.
		}
		return $entry;
	}

	/**
	 * Carries out an order of the page, and goes back to it.
	 */
	public static function order(): void {
		if ( ! current_user_can( self::capability() ) ) {
			wp_die( esc_html__( 'You may not do that.', 'livelist-sync' ), '', array( 'response' => 403 ) );
		}
		check_admin_referer( self::ORDER );
		$what = isset( $_POST['what'] ) ? sanitize_key( wp_unslash( $_POST['what'] ) ) : '';
		$run  = isset( $_POST['run'] ) ? absint( wp_unslash( $_POST['run'] ) ) : 0;
		$feed = Settings::feed( isset( $_POST['feed'] ) ? sanitize_text_field( wp_unslash( $_POST['feed'] ) ) : '' );
		try {
			$told = self::carry_out( $what, $feed, $run );
		} catch ( Refused $refused ) {
			$told = array( 'error', $refused->name() . ': ' . $refused->getMessage() );
		}
		set_transient( 'livelist_sync_told_' . get_current_user_id(), $told, MINUTE_IN_SECONDS );
		wp_safe_redirect( admin_url( 'options-general.php?page=' . self::PAGE ) );
		exit;
	}

	/**
	 * @param string    $what The order.
	 * @param Feed|null $feed The feed, if it is about one.
	 * @param int       $run  The run, if it is about one.
	 * @return array{0: string, 1: string} Kind of the notice, and its text.
	 * @throws Refused Why not.
	 */
	private static function carry_out( string $what, ?Feed $feed, int $run ): array {
		if ( in_array( $what, array( 'test', 'dry', 'apply', 'pause', 'resume' ), true ) && null === $feed ) {
			throw new Refused( 'not_found', 'This site has no such feed.' );
		}
		switch ( $what ) {
			case 'test':
				$manifest = Orders::test( $feed );
				/* translators: 1: number of listings, 2: version of a list */
				return array( 'success', sprintf( __( 'It works: the list has %1$s listings (version %2$s).', 'livelist-sync' ), number_format_i18n( $manifest->count ), $manifest->version ) );
			case 'dry':
				Orders::dry( $feed, 'settings' );
				break;
			case 'apply':
				Orders::apply( $feed );
				break;
			case 'pause':
			case 'resume':
				Orders::pause( $feed, 'pause' === $what );
				break;
			case 'approve':
			case 'reject':
				Orders::decide( $run, 'approve' === $what );
				break;
			case 'undo':
				Orders::undo( $run );
				break;
			default:
				throw new Refused( 'not_found', 'There is no such order.' );
		}
		Worker::slice( 'settings' );
		return array( 'success', __( 'Done, or going on in the background: see the runs below.', 'livelist-sync' ) );
	}

	/**
	 * Tells those who may decide that something waits for them.
	 */
	public static function notice(): void {
		if ( ! current_user_can( self::capability() ) || get_option( Schema::OPTION ) !== Schema::VERSION ) {
			return;
		}
		foreach ( Settings::feeds() as $feed ) {
			$held = Feeds::state( $feed->id )->held_run;
			if ( 0 !== $held ) {
				printf(
					'<div class="notice notice-warning"><p>%s <a href="%s">%s</a></p></div>',
					/* translators: %s: id of a feed */
					esc_html( sprintf( __( 'Livelist Sync: unusually many listings of %s would go. Nothing is taken down before somebody has looked.', 'livelist-sync' ), $feed->id ) ),
					esc_url( admin_url( 'options-general.php?page=' . self::PAGE ) ),
					esc_html__( 'Look', 'livelist-sync' )
				);
			}
		}
	}
}
