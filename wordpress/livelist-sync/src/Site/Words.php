<?php
/**
 * The sentences that belong to names of errors, states and reasons, in the language of whoever looks. Names
 * are stored; sentences are made where they are shown. Depends on WordPress, Core\Refused.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Refused;

/**
 * Sentences.
 */
final class Words {
	/**
	 * What a refusal means.
	 *
	 * @param Refused $refused The refusal.
	 */
	public static function refused( Refused $refused ): string {
		return self::error( $refused->name(), $refused->facts() );
	}

	/**
	 * What an error means; its name, if there is no sentence.
	 *
	 * @param string $name  Its name.
	 * @param string $facts What the sentence names, as it was stored.
	 */
	public static function error( string $name, string $facts = '' ): string {
		$texts = self::errors();
		$text  = isset( $texts[ $name ] ) ? $texts[ $name ] : $name;
		$known = json_decode( $facts, true );
		$known = is_array( $known ) ? array_values( array_filter( $known, 'is_scalar' ) ) : array();
		foreach ( array( 0, 1 ) as $at ) {
			$fact = isset( $known[ $at ] ) ? $known[ $at ] : '—';
			$text = str_replace( '{' . ( $at + 1 ) . '}', is_int( $fact ) ? number_format_i18n( $fact ) : (string) $fact, $text );
		}
		return $text;
	}

	/** @return array<string, string> By name; {1} and {2} are facts. */
	private static function errors(): array {
		return array(
			'not_configured'    => __( 'The address of the service or the site key is not set.', 'livelist-sync' ),
			'unauthorized'      => __( 'The service does not know this site key.', 'livelist-sync' ),
			'forbidden'         => __( 'This feed is not open to this site key, or it is suspended.', 'livelist-sync' ),
			'not_found'         => __( 'The service has no such feed.', 'livelist-sync' ),
			'too_many_requests' => __( 'The service asks to wait.', 'livelist-sync' ),
			/* translators: {1} is the status of an HTTP answer */
			'unavailable'       => __( 'The service cannot answer now (status {1}).', 'livelist-sync' ),
			/* translators: {1} is the name of an error */
			'transport'         => __( 'The service cannot be reached ({1}).', 'livelist-sync' ),
			'redirected'        => __( 'The service sent this site elsewhere; that is not followed.', 'livelist-sync' ),
			'link'              => __( 'The link to the list is not secure.', 'livelist-sync' ),
			'link_expired'      => __( 'The link to the list does not work any more.', 'livelist-sync' ),
			'not_json'          => __( 'The answer of the service cannot be read.', 'livelist-sync' ),
			/* translators: {1} is a member of a document */
			'manifest'          => __( 'The service does not say of its list what it has to ({1}).', 'livelist-sync' ),
			'schema'            => __( 'The service speaks another version. Update the plugin.', 'livelist-sync' ),
			'other_feed'        => __( 'The service answers about another feed.', 'livelist-sync' ),
			'not_complete'      => __( 'The list is not said to be complete.', 'livelist-sync' ),
			'key_field'         => __( 'The list holds the values of another field. Check "Field of the MLS".', 'livelist-sync' ),
			'order'             => __( 'The list is sorted in another way.', 'livelist-sync' ),
			'clock_skew'        => __( 'The clocks of this site and of the service differ. Ask the host to set the clock.', 'livelist-sync' ),
			'other_epoch'       => __( 'The service numbers its lists anew. If its operator says so as well, begin anew.', 'livelist-sync' ),
			'older_version'     => __( 'The list is older than the one that was used last. A cache may answer in place of the service.', 'livelist-sync' ),
			'version_conflict'  => __( 'There are two lists with one number.', 'livelist-sync' ),
			'gzip'              => __( 'The list was damaged on its way.', 'livelist-sync' ),
			'list_line'         => __( 'The list has a line that is no key.', 'livelist-sync' ),
			'list_order'        => __( 'The list is not in order.', 'livelist-sync' ),
			'list_end'          => __( 'The last line of the list is cut off.', 'livelist-sync' ),
			'list_count'        => __( 'The list does not have as many keys as the service says.', 'livelist-sync' ),
			'list_sha256'       => __( 'The list has another digest than the service says.', 'livelist-sync' ),
			'no_zlib'           => __( 'PHP lacks zlib.', 'livelist-sync' ),
			'file'              => __( 'The directory for temporary files cannot be written, is full, or was emptied.', 'livelist-sync' ),
			'database'          => __( 'The database refused a statement.', 'livelist-sync' ),
			'map_order'         => __( 'The database does not sort keys by their bytes.', 'livelist-sync' ),
			/* translators: {1} is a post type */
			'no_posts'          => __( 'There are no published posts of the type {1}. Press "Find posts" to see which would match.', 'livelist-sync' ),
			/* translators: {1} is a number of posts, {2} a meta key */
			'no_keys'           => __( '0 of {1} posts have a key in {2}. Press "Find posts" to see which post type and meta key would match.', 'livelist-sync' ),
			'nothing_matches'   => __( 'Not one key of a post is in the list. Press "Find posts" to see which post type and meta key would match.', 'livelist-sync' ),
			'too_many'          => __( 'Unusually many listings would go.', 'livelist-sync' ),
			'busy'              => __( 'A run is at work. Try again in a minute.', 'livelist-sync' ),
			'paused'            => __( 'The feed is paused.', 'livelist-sync' ),
			'not_held'          => __( 'That run does not wait for anybody.', 'livelist-sync' ),
			'not_undoable'      => __( 'That run did nothing that can be undone.', 'livelist-sync' ),
			/* translators: {1} is a number of posts */
			'undone'            => __( '{1} posts that you brought back would go. Say whether they shall go or be exceptions.', 'livelist-sync' ),
			'epoch'             => __( 'The service numbers its lists in another way by now. Look again.', 'livelist-sync' ),
			'changed'           => __( 'The post is not where this plugin put it. Nothing was changed.', 'livelist-sync' ),
			'not_kept'          => __( 'The post is no exception.', 'livelist-sync' ),
			'is_down'           => __( 'The post is down: restore it, then it is an exception.', 'livelist-sync' ),
			'not_of_a_feed'     => __( 'That is no post of any feed.', 'livelist-sync' ),
			'nothing_to_move'   => __( 'Nothing waits to be moved from that feed.', 'livelist-sync' ),
			'no_such_feed'      => __( 'This site has no such feed.', 'livelist-sync' ),
			'no_such_order'     => __( 'There is no such order.', 'livelist-sync' ),
			'not_allowed'       => __( 'You may not do that.', 'livelist-sync' ),
			'not_saved'         => __( 'The feed was not saved: its id, post type or meta key is not right, or another feed has the same posts.', 'livelist-sync' ),
		);
	}

	/**
	 * What became of a run.
	 *
	 * @param string $state Its state.
	 */
	public static function state( string $state ): string {
		$texts = array(
			Run::RUNNING    => __( 'at work', 'livelist-sync' ),
			Run::UNDOING    => __( 'is undone', 'livelist-sync' ),
			Run::HELD       => __( 'waits for a person', 'livelist-sync' ),
			Run::APPLIED    => __( 'applied', 'livelist-sync' ),
			Run::UNCHANGED  => __( 'nothing new', 'livelist-sync' ),
			Run::DRY        => __( 'dry run', 'livelist-sync' ),
			Run::REFUSED    => __( 'refused', 'livelist-sync' ),
			Run::REJECTED   => __( 'rejected', 'livelist-sync' ),
			Run::SUPERSEDED => __( 'ended early', 'livelist-sync' ),
			Run::UNDONE     => __( 'undone', 'livelist-sync' ),
		);
		return isset( $texts[ $state ] ) ? $texts[ $state ] : $state;
	}

	/**
	 * What a person reads of a post that is remembered.
	 *
	 * @param string $did What was done.
	 */
	public static function did( string $did ): string {
		$texts = array(
			'drafted' => __( 'down', 'livelist-sync' ),
			'trashed' => __( 'down, in the trash', 'livelist-sync' ),
			'kept'    => __( 'exception', 'livelist-sync' ),
			'undone'  => __( 'brought back by "undo"', 'livelist-sync' ),
			'unsure'  => __( 'changed while the plugin was off', 'livelist-sync' ),
		);
		return isset( $texts[ $did ] ) ? $texts[ $did ] : $did;
	}

	/**
	 * What is planned for a post, or was done.
	 *
	 * @param string $action The action.
	 * @param string $state  The state of the step.
	 * @param string $reason Why it was skipped.
	 */
	public static function step( string $action, string $state, string $reason ): string {
		$actions = array(
			'draft'   => __( 'take down', 'livelist-sync' ),
			'trash'   => __( 'to the trash', 'livelist-sync' ),
			'restore' => __( 'bring back', 'livelist-sync' ),
		);
		$states  = array(
			Plan::PLANNED => __( 'planned', 'livelist-sync' ),
			Plan::DONE    => __( 'done', 'livelist-sync' ),
			Plan::SKIPPED => __( 'left', 'livelist-sync' ),
			Plan::UNDONE  => __( 'undone', 'livelist-sync' ),
		);
		$reasons = array(
			'unknown'    => __( 'the service does not call it gone', 'livelist-sync' ),
			'young'      => __( 'too new here', 'livelist-sync' ),
			'kept'       => __( 'an exception', 'livelist-sync' ),
			'twin'       => __( 'another visible post has its key', 'livelist-sync' ),
			'changed'    => __( 'somebody changed it', 'livelist-sync' ),
			'no_trash'   => __( 'the trash is switched off', 'livelist-sync' ),
			'not_trashed' => __( 'another plugin prevented it', 'livelist-sync' ),
		);
		$text    = ( isset( $actions[ $action ] ) ? $actions[ $action ] : $action ) . ', ' . ( isset( $states[ $state ] ) ? $states[ $state ] : $state );
		return '' === $reason ? $text : $text . ': ' . ( isset( $reasons[ $reason ] ) ? $reasons[ $reason ] : $reason );
	}
}
