<?php
/**
 * What an order of a page comes to, in a sentence: what was done, or why nothing was. Depends on Orders, Feeds,
 * Run, Words.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Refused;

/**
 * Orders of the pages, and what is told of them.
 */
final class Answers {
	/** Transients: what the service offers, and what was proposed. */
	const OFFERED  = 'livelist_sync_offered';
	const PROPOSED = 'livelist_sync_proposed';

	/**
	 * Whether an order is about one post.
	 *
	 * @param string $what The order.
	 */
	public static function is_of_post( string $what ): bool {
		return in_array( $what, array( 'restore', 'keep', 'unkeep', 'down' ), true );
	}

	/**
	 * Carries out an order.
	 *
	 * @param string                   $what  The order.
	 * @param callable(string): string $value What else was sent, by name.
	 * @param int                      $post  The post, if it is about one.
	 * @return array{0: string, 1: string} Kind of the notice, and its text.
	 * @throws Refused Why not.
	 */
	public static function give( string $what, callable $value, int $post ): array {
		$feed = Settings::feed( $value( 'feed' ) );
		$run  = absint( $value( 'run' ) );
		if ( null === $feed && in_array( $what, array( 'test', 'dry', 'apply', 'pause', 'resume', 'forget', 'move', 'down' ), true ) ) {
			throw Refused::because( 'no_such_feed' );
		}
		switch ( $what ) {
			case 'test':
				$manifest = Orders::test( $feed );
				/* translators: 1: number of listings, 2: version of a list */
				return array( 'success', sprintf( __( 'It works: the list has %1$s listings (version %2$s).', 'livelist-sync' ), number_format_i18n( $manifest->count ), $manifest->version ) );
			case 'dry':
				return self::after( Orders::dry( $feed, 'settings' ) );
			case 'apply':
				return self::apply( $feed );
			case 'pause':
				Orders::pause( $feed );
				return array( 'success', __( 'The feed is paused.', 'livelist-sync' ) );
			case 'resume':
				Orders::resume( $feed, $value( 'undone' ) );
				return self::apply( $feed );
			case 'forget':
				Orders::forget( $feed, $value( 'epoch' ) );
				return self::apply( $feed );
			case 'move':
				/* translators: %s: number of posts */
				return array( 'success', sprintf( __( '%s posts belong to the feed now.', 'livelist-sync' ), number_format_i18n( Moves::confirm( $value( 'from' ), $feed ) ) ) );
			case 'approve':
				return self::after( Orders::decide( $run, true ) );
			case 'reject':
				Orders::decide( $run, false );
				return array( 'success', __( 'The run was rejected: nothing was taken down. The next list is looked at anew.', 'livelist-sync' ) );
			case 'undo':
				return self::after( Orders::undo( $run ) );
			case 'feeds':
				$offered = ( new Client() )->feeds();
				set_transient( self::OFFERED, $offered, HOUR_IN_SECONDS );
				/* translators: %s: number of feeds */
				return array( 'success', sprintf( __( 'The service offers %s feeds.', 'livelist-sync' ), number_format_i18n( count( $offered ) ) ) );
			case 'propose':
				return self::propose( $value( 'id' ), $value( 'key_field' ) );
			case 'bind':
				return self::bind( $value );
			case 'restore':
				Orders::restore( $post );
				return array( 'success', __( 'The post is back, and is an exception until you end that.', 'livelist-sync' ) );
			case 'down':
				Orders::take_down( $feed, $value( 'key' ), $post );
				return array( 'success', __( 'The post is down.', 'livelist-sync' ) );
			case 'keep':
			case 'unkeep':
				Orders::keep( $post, 'keep' === $what );
				return array( 'success', 'keep' === $what ? __( 'The post is an exception: it stays.', 'livelist-sync' ) : __( 'The post is no exception any more. It is looked at again at once.', 'livelist-sync' ) );
		}
		throw Refused::because( 'no_such_order' );
	}

	/**
	 * Uses the newest list, and says what came of it.
	 *
	 * @return array{0: string, 1: string}
	 */
	private static function apply( Feed $feed ): array {
		if ( 0 !== Feeds::state( $feed->id )->paused ) {
			throw Refused::because( 'paused' );
		}
		$former = Run::newest( 1, $feed->id );
		Orders::apply( $feed );
		Worker::slice( 'settings' );
		$run   = Run::newest( 1, $feed->id );
		$state = Feeds::state( $feed->id );
		if ( array() !== $run && ( array() === $former || $former[0]->id !== $run[0]->id ) ) {
			return self::said( $run[0] );
		}
		if ( '' !== $state->error ) {
			return array( 'error', Words::error( $state->error, $state->error_text ) );
		}
		if ( 0 !== $state->due_at ) {
			return array( 'warning', __( 'Another process is at work; the site goes on by itself.', 'livelist-sync' ) );
		}
		return array( 'success', __( 'Nothing is new: the list is the one that was used last.', 'livelist-sync' ) );
	}

	/** @return array{0: string, 1: string} */
	private static function after( Run $run ): array {
		Worker::slice( 'settings' );
		$now = Run::find( $run->id );
		return self::said( null === $now ? $run : $now );
	}

	/**
	 * What became of a run: kind of the notice, and its text.
	 *
	 * @param Run $run The run.
	 * @return array{0: string, 1: string}
	 */
	public static function said( Run $run ): array {
		switch ( $run->state ) {
			case Run::RUNNING:
			case Run::UNDOING:
				/* translators: %d: number of a run */
				return array( 'warning', sprintf( __( 'Run %d goes on in the background.', 'livelist-sync' ), $run->id ) );
			case Run::REFUSED:
				return array( 'error', __( 'Nothing was changed.', 'livelist-sync' ) . ' ' . Words::error( $run->error, $run->error_text ) );
			case Run::HELD:
				/* translators: 1: number of a run, 2: number of posts */
				return array( 'warning', sprintf( __( 'Run %1$d waits for you: %2$s posts would go. Nothing was taken down.', 'livelist-sync' ), $run->id, number_format_i18n( $run->going ) ) );
			case Run::SUPERSEDED:
				return array( 'warning', __( 'There is a newer list, or the feed is paused: the run ended, and nothing more was changed.', 'livelist-sync' ) );
			case Run::UNDONE:
				list( $back, $left ) = Plan::undone( $run->id );
				/* translators: 1: number of posts, 2: number of posts */
				return array( 0 === $left ? 'success' : 'warning', sprintf( __( '%1$s posts are back; %2$s were left, because somebody had changed them. The feed is paused.', 'livelist-sync' ), number_format_i18n( $back ), number_format_i18n( $left ) ) );
			case Run::DRY:
				/* translators: 1: number of posts, 2: number of posts */
				$text = sprintf( __( 'Dry run: %1$s posts match, %2$s would go. No post was changed.', 'livelist-sync' ), number_format_i18n( $run->matched ), number_format_i18n( $run->going ) );
				return array( '' === $run->error ? 'success' : 'warning', $text . ( '' === $run->error ? '' : ' ' . Words::error( $run->error, $run->error_text ) ) . self::young( $run ) );
		}
		/* translators: 1: number of posts, 2: number of posts, 3: number of posts */
		$text = sprintf( __( 'The list was used: %1$s posts taken down, %2$s to the trash, %3$s brought back.', 'livelist-sync' ), number_format_i18n( $run->drafted ), number_format_i18n( $run->trashed ), number_format_i18n( $run->restored ) );
		return array( 'success', $text . self::young( $run ) );
	}

	private static function young( Run $run ): string {
		if ( 0 === $run->young ) {
			return '';
		}
		/* translators: %s: number of posts */
		return ' ' . sprintf( __( '%s posts are newer here than the list: the first list takes nothing down, the next one may.', 'livelist-sync' ), number_format_i18n( $run->young ) );
	}

	/** @return array{0: string, 1: string} */
	private static function propose( string $id, string $key_field ): array {
		$offered = get_transient( self::OFFERED );
		foreach ( '' === $key_field && is_array( $offered ) ? $offered : array() as $one ) {
			if ( isset( $one['feed'], $one['key_field'] ) && $id === $one['feed'] ) {
				$key_field = (string) $one['key_field'];
			}
		}
		$pairs = Proposals::find( $id, $key_field );
		set_transient( self::PROPOSED, array( $id, $key_field, $pairs ), HOUR_IN_SECONDS );
		if ( array() === $pairs ) {
			return array( 'warning', __( 'No post type and meta key of this site hold keys of that list. Is there an importer that keeps the key of the MLS?', 'livelist-sync' ) );
		}
		/* translators: 1: post type, 2: meta key, 3: number of values, 4: number of values */
		return array( 'success', sprintf( __( '%1$s / %2$s: %3$s of %4$s values that were looked at are in the list.', 'livelist-sync' ), $pairs[0]['type'], $pairs[0]['meta'], number_format_i18n( $pairs[0]['listed'] ), number_format_i18n( $pairs[0]['of'] ) ) );
	}

	/**
	 * @param callable(string): string $value What was sent.
	 * @return array{0: string, 1: string}
	 */
	private static function bind( callable $value ): array {
		$id       = $value( 'id' );
		$settings = get_option( Settings::OPTION, array() );
		$settings = is_array( $settings ) ? $settings : array();
		$entries  = array();
		$is_new   = true;
		foreach ( Settings::feeds() as $feed ) {
			$entry = $feed->kept();
			if ( $feed->id === $id ) {
				$is_new             = false;
				$entry['post_type'] = $value( 'type' );
				$entry['meta_key']  = $value( 'meta' ); // phpcs:ignore WordPress.DB.SlowDBQuery -- no query.
			}
			$entries[] = $entry;
		}
		if ( $is_new ) {
			$entries[] = array(
				'feed'      => $id,
				'post_type' => $value( 'type' ),
				'meta_key'  => $value( 'meta' ), // phpcs:ignore WordPress.DB.SlowDBQuery -- no query.
				'key_field' => $value( 'key_field' ),
			);
		}
		$wrong = '';
		$clean = Settings::clean(
			array_merge( $settings, array( 'feeds' => $entries ) ),
			function ( string $name, string $message ) use ( &$wrong ) {
				$wrong = $message;
			}
		);
		if ( '' !== $wrong ) {
			throw Refused::because( 'not_saved' );
		}
		if ( $is_new ) {
			Feeds::set( $id, array( 'paused' => 1 ) );
		}
		update_option( Settings::OPTION, $clean );
		delete_transient( self::PROPOSED );
		return array( 'success', __( 'The feed is set. Try a dry run, then turn it on.', 'livelist-sync' ) );
	}
}
