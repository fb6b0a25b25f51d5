<?php
/**
 * Settings → Livelist Sync: what there is to set (Settings API), and orders, each with its nonce. What
 * the page shows is in AdminPage. Depends on Settings, Orders.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Refused;

/**
 * The page's hooks.
 */
final class Admin {
	const PAGE  = 'livelist-sync';
	const GROUP = 'livelist_sync';
	const ORDER = 'livelist_sync_order';
	const CSV   = 'livelist_sync_csv';

	/**
	 * Hooks in.
	 */
	public static function register(): void {
		add_action( 'admin_menu', array( self::class, 'menu' ) );
		add_action( 'admin_init', array( self::class, 'settings' ) );
		add_action( 'admin_post_' . self::ORDER, array( self::class, 'order' ) );
		add_action( 'admin_post_' . self::CSV, array( Listings::class, 'csv' ) );
		add_action( 'admin_notices', array( Notices::class, 'show' ) );
		add_action( 'network_admin_notices', array( Notices::class, 'show_network' ) );
		add_filter( 'plugin_action_links_' . plugin_basename( LIVELIST_SYNC_FILE ), array( self::class, 'links' ) );
		add_filter( 'display_post_states', array( Listings::class, 'mark' ), 10, 2 );
		add_action( 'admin_init', array( self::class, 'privacy' ) );
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
		add_management_page( __( 'Listings that were taken down', 'livelist-sync' ), __( 'Listings', 'livelist-sync' ), 'edit_others_posts', Listings::PAGE, array( Listings::class, 'show' ) );
	}

	/**
	 * The plugin's row leads to the settings.
	 *
	 * @param mixed $links The links there are.
	 * @return string[]
	 */
	public static function links( $links ): array {
		$mine = sprintf( '<a href="%s">%s</a>', esc_url( admin_url( 'options-general.php?page=' . self::PAGE ) ), esc_html__( 'Settings', 'livelist-sync' ) );
		return array_merge( array( $mine ), is_array( $links ) ? $links : array() );
	}

	/**
	 * What a site may say in its privacy policy.
	 */
	public static function privacy(): void {
		wp_add_privacy_policy_content(
			'Livelist Sync',
			'<p>' . esc_html__( 'This site sends the keys of its listings, and since when it has each, to the Livelist service that it follows, to learn which listings are gone. It sends nothing about visitors or users.', 'livelist-sync' ) . '</p>'
		);
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
						return Settings::clean_secret( $said, $option, array( self::class, 'tell' ) );
					},
				)
			);
		}
		add_settings_section( 'service', __( 'Service', 'livelist-sync' ), '__return_empty_string', self::PAGE );
		add_settings_field( 'api_url', __( 'Address', 'livelist-sync' ), array( AdminPage::class, 'field_url' ), self::PAGE, 'service', array( 'label_for' => 'livelist-api-url' ) );
		add_settings_field( 'site_key', __( 'Site key', 'livelist-sync' ), array( AdminPage::class, 'field_key' ), self::PAGE, 'service', array( 'label_for' => 'livelist-site-key' ) );
		add_settings_field( 'secret', __( 'Secret of notices', 'livelist-sync' ), array( AdminPage::class, 'field_secret' ), self::PAGE, 'service', array( 'label_for' => 'livelist-secret' ) );
		add_settings_field( 'mail', __( 'Mail about trouble to', 'livelist-sync' ), array( AdminPage::class, 'field_mail' ), self::PAGE, 'service', array( 'label_for' => 'livelist-mail' ) );
		add_settings_section( 'feeds', __( 'Feeds', 'livelist-sync' ), array( AdminPage::class, 'feeds' ), self::PAGE );
	}

	/**
	 * The settings as they are kept.
	 *
	 * @param mixed $said What the form gave.
	 * @return array<string, mixed>
	 */
	public static function clean( $said ): array {
		return Settings::clean( $said, array( self::class, 'tell' ) );
	}

	/**
	 * Tells once what was wrong with what was entered: WordPress cleans some values twice.
	 *
	 * @param string $name    A name.
	 * @param string $message For people.
	 */
	public static function tell( string $name, string $message ): void {
		foreach ( get_settings_errors( Settings::OPTION ) as $told ) {
			if ( $told['message'] === $message ) {
				return;
			}
		}
		add_settings_error( Settings::OPTION, $name, $message );
	}

	/**
	 * Carries out an order of a page, and goes back to it.
	 */
	public static function order(): void {
		$what = isset( $_POST['what'] ) && is_string( $_POST['what'] ) ? sanitize_key( wp_unslash( $_POST['what'] ) ) : '';
		check_admin_referer( Form::nonce( $what ) );
		$value = function ( string $name ): string {
			return isset( $_POST[ $name ] ) && is_string( $_POST[ $name ] ) ? sanitize_text_field( wp_unslash( $_POST[ $name ] ) ) : ''; // phpcs:ignore WordPress.Security.NonceVerification -- checked above.
		};
		$post  = absint( $value( 'post' ) );
		$page  = Answers::is_of_post( $what ) ? 'tools.php?page=' . Listings::PAGE : 'options-general.php?page=' . self::PAGE;
		try {
			if ( Answers::is_of_post( $what ) ? ! Hand::may_publish( $post ) : ! current_user_can( self::capability() ) ) {
				throw Refused::because( 'not_allowed' );
			}
			$told = Answers::give( $what, $value, $post );
		} catch ( Refused $refused ) {
			$told = array( 'error', Words::refused( $refused ) );
		}
		set_transient( 'livelist_sync_told_' . get_current_user_id(), $told, MINUTE_IN_SECONDS );
		wp_safe_redirect( admin_url( $page ) );
		exit;
	}

	/**
	 * Shows what the last order came to.
	 */
	public static function told(): void {
		$told = get_transient( 'livelist_sync_told_' . get_current_user_id() );
		if ( is_array( $told ) ) {
			delete_transient( 'livelist_sync_told_' . get_current_user_id() );
			printf( '<div class="notice notice-%s" role="status"><p>%s</p></div>', esc_attr( $told[0] ), esc_html( $told[1] ) );
		}
	}
}
