<?php
/**
 * Whether a post is changed by hand: a person saves this single post in the editor, in Quick Edit or by the
 * REST API, or brings it back from the trash, and may publish it. Imports, cron, other commands and other
 * AJAX are none of that, also where somebody is logged in. Depends on WordPress.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

/**
 * Telling people from programs.
 */
final class Hand {
	/** @var int The post that the REST request which is served is about; 0 for none. */
	private static $rest = 0;

	/**
	 * Hooks in.
	 */
	public static function register(): void {
		add_filter(
			'rest_request_before_callbacks',
			function ( $answer, $handler, $request ) {
				if ( $request instanceof \WP_REST_Request ) {
					self::$rest = self::of_request( (string) $request->get_method(), (string) $request->get_route() );
				}
				return $answer;
			},
			10,
			3
		);
	}

	/**
	 * Whether this process changes the post because a person asked for it.
	 *
	 * @param int $post The post.
	 */
	public static function is_by( int $post ): bool {
		if ( wp_doing_cron() || defined( 'WP_IMPORTING' ) || ( defined( 'WP_CLI' ) && WP_CLI ) || ! is_user_logged_in() ) {
			return false;
		}
		if ( ! self::may_publish( $post ) ) {
			return false;
		}
		if ( defined( 'REST_REQUEST' ) && REST_REQUEST ) {
			return self::$rest === $post;
		}
		// What was asked for is compared only; WordPress itself checks the nonce of these requests.
		// phpcs:disable WordPress.Security.NonceVerification
		$action = isset( $_REQUEST['action'] ) && is_string( $_REQUEST['action'] ) ? sanitize_key( wp_unslash( $_REQUEST['action'] ) ) : '';
		if ( wp_doing_ajax() ) {
			return 'inline-save' === $action && isset( $_POST['post_ID'] ) && absint( $_POST['post_ID'] ) === $post;
		}
		if ( ! is_admin() || ! isset( $GLOBALS['pagenow'] ) || 'post.php' !== $GLOBALS['pagenow'] ) {
			return false;
		}
		if ( 'editpost' === $action ) {
			return isset( $_POST['post_ID'] ) && absint( $_POST['post_ID'] ) === $post;
		}
		return 'untrash' === $action && isset( $_GET['post'] ) && absint( $_GET['post'] ) === $post;
		// phpcs:enable
	}

	/**
	 * Whether the user may decide that a post is published.
	 *
	 * @param int $post The post.
	 */
	public static function may_publish( int $post ): bool {
		$type = get_post_type_object( (string) get_post_type( $post ) );
		return null !== $type && current_user_can( 'edit_post', $post ) && current_user_can( $type->cap->publish_posts );
	}

	/** The post of a request that changes one; 0 for any other request. */
	private static function of_request( string $method, string $route ): int {
		$changes = in_array( $method, array( 'POST', 'PUT', 'PATCH' ), true );
		return $changes && 1 === preg_match( '#\A/wp/v2/[a-z0-9_-]+/(\d+)\z#', $route, $part ) ? (int) $part[1] : 0;
	}
}
