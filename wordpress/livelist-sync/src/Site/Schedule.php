<?php
/**
 * When slices run: once a day at a minute of the site's own, and again while there is work left. With
 * Action Scheduler where a plugin brings it, else with WP-Cron. Depends on WordPress.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

/**
 * The events.
 */
final class Schedule {
	const DAILY    = 'livelist_sync_daily';
	const CONTINUE = 'livelist_sync_continue';
	const GROUP    = 'livelist-sync';

	/**
	 * Makes the daily event if it is missing. Its minute is drawn, so that sites do not all ask at once.
	 */
	public static function ensure(): void {
		if ( self::has_actions() ) {
			if ( ! as_next_scheduled_action( self::DAILY, array(), self::GROUP ) ) {
				as_schedule_recurring_action( self::first(), DAY_IN_SECONDS, self::DAILY, array(), self::GROUP );
			}
			wp_clear_scheduled_hook( self::DAILY );
			return;
		}
		if ( ! wp_next_scheduled( self::DAILY ) ) {
			wp_schedule_event( self::first(), 'daily', self::DAILY );
		}
	}

	/**
	 * The next slice, in place of the one that was asked for before.
	 *
	 * @param int $at Unix seconds.
	 */
	public static function at( int $at ): void {
		self::nothing();
		if ( self::has_actions() ) {
			as_schedule_single_action( $at, self::CONTINUE, array(), self::GROUP );
			return;
		}
		wp_schedule_single_event( $at, self::CONTINUE );
	}

	/**
	 * No slice but the daily one.
	 */
	public static function nothing(): void {
		if ( self::has_actions() ) {
			as_unschedule_all_actions( self::CONTINUE, array(), self::GROUP );
		}
		wp_clear_scheduled_hook( self::CONTINUE );
	}

	/**
	 * When the next event is; 0 if there is none.
	 */
	public static function next(): int {
		$times = array( wp_next_scheduled( self::DAILY ), wp_next_scheduled( self::CONTINUE ) );
		if ( self::has_actions() ) {
			$times[] = as_next_scheduled_action( self::DAILY, array(), self::GROUP );
			$times[] = as_next_scheduled_action( self::CONTINUE, array(), self::GROUP );
		}
		$times = array_filter( array_map( 'intval', $times ) );
		return array() === $times ? 0 : min( $times );
	}

	/**
	 * Takes all events away.
	 */
	public static function clear(): void {
		self::nothing();
		if ( self::has_actions() ) {
			as_unschedule_all_actions( self::DAILY, array(), self::GROUP );
		}
		wp_clear_scheduled_hook( self::DAILY );
	}

	private static function first(): int {
		return time() + random_int( 60, DAY_IN_SECONDS );
	}

	/** Its functions exist before its tables can be used. */
	private static function has_actions(): bool {
		return function_exists( 'as_schedule_single_action' ) && did_action( 'action_scheduler_init' ) > 0;
	}
}
