<?php
/**
 * What Settings → Livelist Sync shows. Everything is escaped where it is printed; the site key and the
 * secret are never printed. Depends on Settings, Feeds, Run, Plan.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;
use Livelist\Sync\Core\Presets;

/**
 * The page.
 */
final class AdminPage {
	/**
	 * The page.
	 */
	public static function show(): void {
		if ( ! current_user_can( Admin::capability() ) ) {
			return;
		}
		echo '<div class="wrap"><h1>' . esc_html__( 'Livelist Sync', 'livelist-sync' ) . '</h1>';
		$told = get_transient( 'livelist_sync_told_' . get_current_user_id() );
		if ( is_array( $told ) ) {
			delete_transient( 'livelist_sync_told_' . get_current_user_id() );
			printf( '<div class="notice notice-%s"><p>%s</p></div>', esc_attr( $told[0] ), esc_html( $told[1] ) );
		}
		echo '<form method="post" action="' . esc_url( admin_url( 'options.php' ) ) . '">';
		settings_fields( Admin::GROUP );
		do_settings_sections( Admin::PAGE );
		submit_button();
		echo '</form>';
		self::states();
		self::runs();
		echo '</div>';
	}

	/**
	 * Where the service is.
	 */
	public static function field_url(): void {
		printf( '<input type="url" id="livelist-api-url" class="regular-text code" name="%s[api_url]" value="%s" placeholder="https://">', esc_attr( Settings::OPTION ), esc_attr( Settings::api_url() ) );
	}

	/**
	 * The site key: can be set, not seen.
	 */
	public static function field_key(): void {
		self::secret( 'livelist-site-key', Settings::KEY, 'LIVELIST_SITE_KEY', '' !== Settings::site_key() );
	}

	/**
	 * The secret of notices: can be set, not seen.
	 */
	public static function field_secret(): void {
		self::secret( 'livelist-secret', Settings::SECRET, 'LIVELIST_NOTIFY_SECRET', '' !== Settings::notify_secret() );
		/* translators: %s: address of a route */
		echo '<p class="description">' . esc_html( sprintf( __( 'Begins with whsec_. Optional: with it the service may wake this site at %s.', 'livelist-sync' ), rest_url( NotifyRoute::SPACE . '/notify' ) ) ) . '</p>';
	}

	private static function secret( string $id, string $option, string $constant, bool $is_set ): void {
		if ( defined( $constant ) ) {
			/* translators: %s: name of a constant */
			echo '<p>' . esc_html( sprintf( __( 'Set by %s in wp-config.php.', 'livelist-sync' ), $constant ) ) . '</p>';
			return;
		}
		printf(
			'<input type="password" id="%s" class="regular-text" name="%s" value="" autocomplete="new-password" placeholder="%s">',
			esc_attr( $id ),
			esc_attr( $option ),
			esc_attr( $is_set ? __( 'is set; leave empty to keep it', 'livelist-sync' ) : __( 'not set', 'livelist-sync' ) )
		);
	}

	/**
	 * The feeds, and room for one more.
	 */
	public static function feeds(): void {
		echo '<p>' . esc_html__( 'Each feed touches only posts of its post type that have its meta key and meet its condition. To remove a feed, empty its id.', 'livelist-sync' ) . '</p>';
		echo '<table class="widefat"><thead><tr>';
		$heads = array( __( 'Feed', 'livelist-sync' ), __( 'Preset', 'livelist-sync' ), __( 'Post type', 'livelist-sync' ), __( 'Meta key', 'livelist-sync' ), __( 'Field of the MLS', 'livelist-sync' ), __( 'Only posts with', 'livelist-sync' ) );
		foreach ( $heads as $head ) {
			echo '<th scope="col">' . esc_html( $head ) . '</th>';
		}
		echo '</tr></thead><tbody>';
		$rows = array();
		foreach ( Settings::feeds() as $feed ) {
			$rows[] = $feed->kept();
		}
		$rows[] = array();
		foreach ( $rows as $at => $row ) {
			self::feed( $at, $row );
		}
		echo '</tbody></table>';
	}

	/**
	 * @param int                   $at  Its place.
	 * @param array<string, string> $row What is set.
	 */
	private static function feed( int $at, array $row ): void {
		$name = Settings::OPTION . '[feeds][' . $at . ']';
		$row += array_fill_keys( array( 'feed', 'post_type', 'meta_key', 'only', 'only_key', 'only_value' ), '' ) + array( 'key_field' => 'ListingKey' );
		$text = function ( string $field, string $label, string $class = '' ) use ( $name, $row ) {
			printf( '<input type="text" class="code %s" name="%s" value="%s" aria-label="%s">', esc_attr( $class ), esc_attr( $name . '[' . $field . ']' ), esc_attr( $row[ $field ] ), esc_attr( $label ) );
		};
		echo '<tr><td>';
		$text( 'feed', __( 'Feed', 'livelist-sync' ) );
		echo '</td><td><select name="' . esc_attr( $name . '[preset]' ) . '" aria-label="' . esc_attr__( 'Preset', 'livelist-sync' ) . '"><option value="">' . esc_html__( 'as given', 'livelist-sync' ) . '</option>';
		foreach ( Presets::all() as $id => $preset ) {
			echo '<option value="' . esc_attr( $id ) . '">' . esc_html( $preset[0] ) . '</option>';
		}
		echo '</select></td><td>';
		$text( 'post_type', __( 'Post type', 'livelist-sync' ) );
		echo '</td><td>';
		$text( 'meta_key', __( 'Meta key', 'livelist-sync' ) );
		echo '</td><td>';
		$text( 'key_field', __( 'Field of the MLS', 'livelist-sync' ) );
		echo '</td><td><select name="' . esc_attr( $name . '[only]' ) . '" aria-label="' . esc_attr__( 'Only posts with', 'livelist-sync' ) . '">';
		$kinds = array(
			''     => __( 'no condition', 'livelist-sync' ),
			'meta' => __( 'a meta value', 'livelist-sync' ),
			'term' => __( 'a term (slug)', 'livelist-sync' ),
		);
		foreach ( $kinds as $kind => $label ) {
			echo '<option value="' . esc_attr( $kind ) . '"' . selected( $row['only'], $kind, false ) . '>' . esc_html( $label ) . '</option>';
		}
		echo '</select> ';
		$text( 'only_key', __( 'Meta key or taxonomy', 'livelist-sync' ) );
		echo ' = ';
		$text( 'only_value', __( 'Value or slug', 'livelist-sync' ) );
		echo '</td></tr>';
	}

	/** What is known of each feed, and what can be ordered. */
	private static function states(): void {
		foreach ( Settings::feeds() as $feed ) {
			$state = Feeds::state( $feed->id );
			$taken = Map::taken( $feed->id );
			echo '<h2>' . esc_html( $feed->id ) . '</h2><p>';
			/* translators: 1: version of a list, 2: time */
			echo esc_html( sprintf( __( 'List in use: %1$s. Last answer: %2$s.', 'livelist-sync' ), '' === $state->version ? '—' : $state->version, self::when( $state->checked_at ) ) ) . ' ';
			/* translators: 1: number of posts, 2: number of drafts, 3: number of posts in the trash */
			echo esc_html( sprintf( __( 'Posts: %1$s; taken down: %2$s drafts, %3$s in the trash.', 'livelist-sync' ), number_format_i18n( Map::untouched( $feed->id ) ), number_format_i18n( $taken[ Decision::DRAFTED ] ), number_format_i18n( $taken[ Decision::TRASHED ] ) ) );
			echo '</p>';
			if ( '' !== $state->error ) {
				echo '<p><strong>' . esc_html( $state->error . ': ' . $state->error_text ) . '</strong></p>';
			}
			self::order( 'test', __( 'Test connection', 'livelist-sync' ), $feed->id );
			self::order( 'dry', __( 'Dry run', 'livelist-sync' ), $feed->id );
			self::order( 'apply', __( 'Run now', 'livelist-sync' ), $feed->id );
			if ( 0 === $state->paused ) {
				self::order( 'pause', __( 'Pause', 'livelist-sync' ), $feed->id );
			} else {
				self::order( 'resume', __( 'Go on', 'livelist-sync' ), $feed->id );
			}
		}
	}

	/** The newest runs. */
	private static function runs(): void {
		$runs = Run::newest( 20 );
		if ( array() === $runs ) {
			return;
		}
		echo '<h2>' . esc_html__( 'Runs', 'livelist-sync' ) . '</h2><table class="widefat striped"><thead><tr>';
		$heads = array( __( 'Run', 'livelist-sync' ), __( 'Feed', 'livelist-sync' ), __( 'Began', 'livelist-sync' ), __( 'State', 'livelist-sync' ), __( 'Listed', 'livelist-sync' ), __( 'Matched', 'livelist-sync' ), __( 'Missing', 'livelist-sync' ), __( 'Too young', 'livelist-sync' ), __( 'Would go', 'livelist-sync' ), __( 'To draft', 'livelist-sync' ), __( 'To trash', 'livelist-sync' ), __( 'Restored', 'livelist-sync' ), '' );
		foreach ( $heads as $head ) {
			echo '<th scope="col">' . esc_html( $head ) . '</th>';
		}
		echo '</tr></thead><tbody>';
		foreach ( $runs as $run ) {
			echo '<tr>';
			$state = $run->state . ( '' === $run->error ? '' : ' (' . $run->error . ( '' === $run->error_text ? '' : ': ' . $run->error_text ) . ')' );
			$cells = array( $run->id, $run->feed, self::when( $run->started_at ), $state, $run->listed, $run->matched, $run->missing, $run->young, $run->going, $run->drafted, $run->trashed, $run->restored );
			foreach ( $cells as $cell ) {
				echo '<td>' . esc_html( is_int( $cell ) ? number_format_i18n( $cell ) : $cell ) . '</td>';
			}
			echo '<td>';
			if ( Run::HELD === $run->state ) {
				self::order( 'approve', __( 'Let it go on', 'livelist-sync' ), '', $run->id );
				self::order( 'reject', __( 'Reject', 'livelist-sync' ), '', $run->id );
			}
			if ( 0 === $run->dry && $run->drafted + $run->trashed > 0 && in_array( $run->state, array( Run::APPLIED, Run::REFUSED, Run::SUPERSEDED ), true ) ) {
				self::order( 'undo', __( 'Undo', 'livelist-sync' ), '', $run->id );
			}
			self::plan( $run );
			echo '</td></tr>';
		}
		echo '</tbody></table>';
	}

	/** Some of the posts of a run that waits or only looked. */
	private static function plan( Run $run ): void {
		if ( ! in_array( $run->state, array( Run::DRY, Run::HELD ), true ) ) {
			return;
		}
		$rows = Plan::sample( $run->id, 50 );
		if ( array() === $rows ) {
			return;
		}
		echo '<details><summary>' . esc_html__( 'Posts', 'livelist-sync' ) . '</summary><ul>';
		foreach ( $rows as $row ) {
			$link = get_edit_post_link( (int) $row[1] );
			printf( '<li>%s <a href="%s">%s</a> <code>%s</code></li>', esc_html( (string) $row[2] ), esc_url( (string) $link ), esc_html( get_the_title( (int) $row[1] ) ), esc_html( (string) $row[0] ) );
		}
		echo '</ul></details>';
	}

	private static function order( string $what, string $label, string $feed = '', int $run = 0 ): void {
		echo '<form method="post" style="display:inline" action="' . esc_url( admin_url( 'admin-post.php' ) ) . '">';
		wp_nonce_field( Admin::ORDER );
		printf( '<input type="hidden" name="action" value="%s"><input type="hidden" name="what" value="%s"><input type="hidden" name="feed" value="%s"><input type="hidden" name="run" value="%d">', esc_attr( Admin::ORDER ), esc_attr( $what ), esc_attr( $feed ), absint( $run ) );
		submit_button( $label, 'secondary small', 'submit', false, array( 'id' => false ) );
		echo '</form> ';
	}

	private static function when( int $at ): string {
		return 0 === $at ? '—' : (string) wp_date( 'Y-m-d H:i', $at );
	}
}
