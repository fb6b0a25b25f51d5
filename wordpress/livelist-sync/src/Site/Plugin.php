<?php
/**
 * Ties the plugin to WordPress: which hook calls what. Nothing else happens here.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

/**
 * The hooks.
 */
final class Plugin {
	/**
	 * Hooks in.
	 */
	public static function boot(): void {
		add_action( Schedule::DAILY, array( Worker::class, 'daily' ) );
		add_action( Schedule::CONTINUE, array( Worker::class, 'on' ) );
		add_action( 'init', array( self::class, 'ready' ), 20 );
		add_action( 'rest_api_init', array( NotifyRoute::class, 'register' ) );
		add_filter( 'site_status_tests', array( SiteHealth::class, 'register' ) );
		add_filter( 'wpmu_drop_tables', array( self::class, 'drop_with_site' ) );
		MapHooks::register();
		Hand::register();
		Mirror::register();
		Gone::register();
		add_action( 'update_option_' . Settings::OPTION, array( Settings::class, 'host_changed' ), 10, 2 );
		add_action( 'update_option_' . Settings::OPTION, array( Settings::class, 'changed' ) );
		if ( is_admin() ) {
			Admin::register();
		}
		if ( defined( 'WP_CLI' ) && WP_CLI ) {
			\WP_CLI::add_command( 'livelist', Command::class );
		}
	}

	/**
	 * Makes what is missing, also on sites of a network that came later. Visitors do not wait for it.
	 */
	public static function ready(): void {
		if ( is_admin() || wp_doing_cron() || ( defined( 'WP_CLI' ) && WP_CLI ) ) {
			if ( get_option( Schema::OPTION ) !== Schema::VERSION ) {
				Settings::ensure();
				Schema::ensure();
			}
			Schedule::ensure();
		}
	}

	/**
	 * The plugin is activated.
	 */
	public static function activate(): void {
		Settings::ensure();
		Schema::ensure();
		Schedule::ensure();
	}

	/**
	 * The plugin is deactivated: nothing happens any more, and nothing is lost.
	 */
	public static function deactivate(): void {
		Schedule::clear();
	}

	/**
	 * A site of a network is removed, and its tables with it.
	 *
	 * @param mixed $tables Tables that will be dropped.
	 * @return string[]
	 */
	public static function drop_with_site( $tables ): array {
		return array_merge( is_array( $tables ) ? $tables : array(), Schema::names() );
	}

	/**
	 * Removes what the plugin made on this site. No post is touched: drafts stay drafts, and the copies of what
	 * was done stay in the posts' own meta (Mirror), so that a new installation can bring them back.
	 */
	public static function uninstall(): void {
		Schedule::clear();
		foreach ( Schema::names() as $table ) {
			Db::change( "DROP TABLE IF EXISTS {$table}" );
		}
		foreach ( array_merge( Settings::ALL, array( Schema::OPTION, Lock::OPTION, Mirror::TO_READ, Notices::SENT ) ) as $option ) {
			delete_option( $option );
		}
		foreach ( array( Answers::OFFERED, Answers::PROPOSED ) as $transient ) {
			delete_transient( $transient );
		}
	}
}
