<?php
/**
 * The service says that there is something new: `POST /wp-json/livelist/v1/notify`, signed (Standard
 * Webhooks). It only makes the site ask; nothing in the notice is believed. Depends on Core, Feeds,
 * Schedule.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Refused;
use Livelist\Sync\Core\Signature;

/**
 * The route of notices.
 */
final class NotifyRoute {
	const SPACE = 'livelist/v1';
	/** A notice names a feed and numbers. */
	const MAX_BYTES = 16384;

	/**
	 * Makes the route.
	 */
	public static function register(): void {
		register_rest_route(
			self::SPACE,
			'/notify',
			array(
				'methods'             => 'POST',
				'callback'            => array( self::class, 'take' ),
				'permission_callback' => array( self::class, 'permit' ),
			)
		);
	}

	/**
	 * Whoever holds the secret may notify.
	 *
	 * @param \WP_REST_Request $request The notice.
	 * @return true|\WP_Error
	 */
	public static function permit( $request ) {
		$body    = (string) $request->get_body();
		$refused = strlen( $body ) > self::MAX_BYTES ? 'body' : Signature::refusal(
			Settings::notify_secret(),
			(string) $request->get_header( 'webhook_id' ),
			(string) $request->get_header( 'webhook_timestamp' ),
			(string) $request->get_header( 'webhook_signature' ),
			$body,
			time()
		);
		if ( null === $refused ) {
			return true;
		}
		// One answer for all reasons: a stranger learns nothing.
		return new \WP_Error( 'livelist_refused', __( 'The notice is not signed as it has to be.', 'livelist-sync' ), array( 'status' => 401 ) );
	}

	/**
	 * Takes a notice: asks for its feed, or for all.
	 *
	 * @param \WP_REST_Request $request The notice.
	 * @return \WP_REST_Response|\WP_Error
	 */
	public static function take( $request ) {
		$seen = 'livelist_notice_' . sha1( (string) $request->get_header( 'webhook_id' ) );
		$when = (string) $request->get_header( 'webhook_timestamp' );
		// A sender that got no answer signs anew with another time; the very same notice is a copy.
		if ( get_transient( $seen ) === $when ) {
			return new \WP_Error( 'livelist_replayed', __( 'This notice was taken already.', 'livelist-sync' ), array( 'status' => 409 ) );
		}
		set_transient( $seen, $when, 3 * Signature::TOLERANCE );
		$said = json_decode( (string) $request->get_body(), true, 8 );
		$said = is_array( $said ) && isset( $said['data'] ) && is_array( $said['data'] ) ? $said['data'] : $said;
		$name = is_array( $said ) && isset( $said['feed'] ) && is_string( $said['feed'] ) ? $said['feed'] : '';
		$one  = Settings::feed( $name );
		try {
			Schema::ensure();
			foreach ( null === $one ? Settings::feeds() : array( $one ) as $feed ) {
				Feeds::ask( $feed->id, time() );
			}
		} catch ( Refused $refused ) {
			return new \WP_Error( 'livelist_unavailable', __( 'The site cannot take notices now.', 'livelist-sync' ), array( 'status' => 503 ) );
		}
		Schedule::at( time() );
		add_action( 'shutdown', array( self::class, 'wake' ) );
		// No body, and it says so: the sender need not wait for the end of the process.
		return new \WP_REST_Response( null, 202, array( 'Content-Length' => '0' ) );
	}

	/**
	 * Works behind the answer, so that sites whose cron is dead follow as well. What is left after a
	 * slice is WP-Cron's.
	 */
	public static function wake(): void {
		ignore_user_abort( true );
		foreach ( array( 'fastcgi_finish_request', 'litespeed_finish_request' ) as $finish ) {
			if ( function_exists( $finish ) ) {
				$finish();
			}
		}
		flush();
		if ( ! Worker::slice( 'notice' ) ) {
			spawn_cron();
		}
	}
}
