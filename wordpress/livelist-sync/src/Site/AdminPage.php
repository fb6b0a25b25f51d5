<?php
/**
 * What Settings → Livelist Sync shows. Everything is escaped where it is printed; the site key and the
 * secret are never printed. Depends on Settings, Feeds, Run, Plan, Memory, Form.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;
use Livelist\Sync\Core\Feed;

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
		Form::style();
		echo '<div class="wrap livelist-wrap"><h1>' . esc_html__( 'Livelist Sync', 'livelist-sync' ) . '</h1>';
		Admin::told();
		echo '<form method="post" action="' . esc_url( admin_url( 'options.php' ) ) . '">';
		printf( '<input type="hidden" name="option_page" value="%1$s"><input type="hidden" name="action" value="update"><input type="hidden" name="_wpnonce" value="%2$s">', esc_attr( Admin::GROUP ), esc_attr( wp_create_nonce( Admin::GROUP . '-options' ) ) );
		printf( '<input type="hidden" name="_wp_http_referer" value="%s">', esc_attr( admin_url( 'options-general.php?page=' . Admin::PAGE ) ) );
		do_settings_sections( Admin::PAGE );
		submit_button();
		echo '</form>';
		Setup::show();
		self::states();
		self::runs();
		echo '</div>';
	}

	/**
	 * Where the service is.
	 */
	public static function field_url(): void {
		if ( defined( 'LIVELIST_API_URL' ) ) {
			self::constant( 'LIVELIST_API_URL' );
			return;
		}
		printf( '<input type="url" id="livelist-api-url" class="regular-text code" name="%s[api_url]" value="%s" placeholder="https://">', esc_attr( Settings::OPTION ), esc_attr( Settings::api_url() ) );
		if ( defined( 'LIVELIST_SITE_KEY' ) ) {
			echo '<p class="description">' . esc_html__( 'The site key stands in wp-config.php, so the address has to stand there, too: LIVELIST_API_URL.', 'livelist-sync' ) . '</p>';
		}
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

	/**
	 * Where mails go.
	 */
	public static function field_mail(): void {
		printf( '<input type="email" id="livelist-mail" class="regular-text" name="%s[mail]" value="%s">', esc_attr( Settings::OPTION ), esc_attr( Settings::mail() ) );
		echo '<p class="description">' . esc_html__( 'Optional: one mail when a run waits, a list is old or is refused, and one a week while that lasts. That the cron of this site is dead only a monitor from outside can tell.', 'livelist-sync' ) . '</p>';
	}

	private static function secret( string $id, string $option, string $constant, bool $is_set ): void {
		if ( defined( $constant ) ) {
			self::constant( $constant );
			return;
		}
		printf(
			'<input type="password" id="%s" class="regular-text" name="%s" value="" autocomplete="new-password" placeholder="%s">',
			esc_attr( $id ),
			esc_attr( $option ),
			esc_attr( $is_set ? __( 'is set; leave empty to keep it', 'livelist-sync' ) : __( 'not set', 'livelist-sync' ) )
		);
	}

	private static function constant( string $constant ): void {
		/* translators: %s: name of a constant */
		echo '<p>' . esc_html( sprintf( __( 'Set by %s in wp-config.php.', 'livelist-sync' ), $constant ) ) . '</p>';
	}

	/**
	 * The feeds, and room for one more.
	 */
	public static function feeds(): void {
		FeedForm::show();
	}

	/** What is known of each feed, and what can be ordered. */
	private static function states(): void {
		foreach ( Settings::feeds() as $feed ) {
			self::state( $feed );
		}
		foreach ( Memory::orphans() as $former => $count ) {
			/* translators: 1: id of a feed, 2: number of posts */
			echo '<h2>' . esc_html( $former ) . '</h2><p>' . esc_html( sprintf( __( 'The feed %1$s is not set any more. %2$s posts that were taken down for it stay down until you say to which feed they belong.', 'livelist-sync' ), $former, number_format_i18n( $count ) ) ) . '</p>';
			foreach ( Settings::feeds() as $feed ) {
				/* translators: %s: id of a feed */
				Form::button( 'move', sprintf( __( 'They belong to %s', 'livelist-sync' ), $feed->id ), array( 'feed' => $feed->id, 'from' => $former ) );
			}
		}
	}

	private static function state( Feed $feed ): void {
		$state  = Feeds::state( $feed->id );
		$counts = Memory::counts( $feed->id );
		echo '<h2>' . esc_html( $feed->id ) . '</h2><p>';
		/* translators: 1: version of a list, 2: time, 3: time */
		echo esc_html( sprintf( __( 'List in use: %1$s, of %3$s. Last answer: %2$s.', 'livelist-sync' ), '' === $state->version ? '—' : $state->version, Findings::when( $state->checked_at ), Findings::when( $state->as_of ) ) ) . ' ';
		/* translators: 1: number of posts, 2: number of posts, 3: number of posts in the trash, 4: number of posts */
		echo esc_html( sprintf( __( 'Posts with a key: %1$s; taken down: %2$s, in the trash: %3$s; exceptions: %4$s.', 'livelist-sync' ), number_format_i18n( Map::count( $feed->id ) ), number_format_i18n( $counts[ Decision::DRAFTED ] ), number_format_i18n( $counts[ Decision::TRASHED ] ), number_format_i18n( $counts[ Decision::KEPT ] ) ) );
		printf( ' <a href="%s">%s</a></p>', esc_url( admin_url( 'tools.php?page=' . Listings::PAGE ) ), esc_html__( 'Look at them', 'livelist-sync' ) );
		if ( '' === $state->version ) {
			echo '<p>' . esc_html__( 'The first list takes nothing down: a post is missed only by lists that are younger than the moment when this site first saw it under its key.', 'livelist-sync' ) . '</p>';
		}
		if ( '' !== $state->error ) {
			echo '<p><strong>' . esc_html( $state->error . ': ' . Words::error( $state->error, $state->error_text ) ) . '</strong></p>';
		}
		$of = array( 'feed' => $feed->id );
		if ( 'other_epoch' === $state->error ) {
			Form::button( 'forget', __( 'Begin anew with this numbering', 'livelist-sync' ), $of + array( 'epoch' => $state->told_epoch ), $feed->id );
		}
		Form::button( 'test', __( 'Test connection', 'livelist-sync' ), $of, $feed->id );
		Form::button( 'dry', __( 'Dry run', 'livelist-sync' ), $of, $feed->id );
		Form::button( 'propose', __( 'Find posts', 'livelist-sync' ), array( 'id' => $feed->id, 'key_field' => $feed->key_field ), $feed->id );
		if ( 0 === $state->paused ) {
			Form::button( 'apply', __( 'Run now', 'livelist-sync' ), $of, $feed->id );
			Form::button( 'pause', __( 'Pause', 'livelist-sync' ), $of, $feed->id );
		} elseif ( 0 === $counts[ Decision::UNDONE ] ) {
			Form::button( 'resume', '' === $state->version ? __( 'Turn on', 'livelist-sync' ) : __( 'Go on', 'livelist-sync' ), $of, $feed->id );
		} else {
			/* translators: %s: number of posts */
			echo '<p>' . esc_html( sprintf( __( '%s posts that you brought back would go when the feed goes on.', 'livelist-sync' ), number_format_i18n( $counts[ Decision::UNDONE ] ) ) ) . '</p>';
			Form::button( 'resume', __( 'Go on, and take them down', 'livelist-sync' ), $of + array( 'undone' => 'down' ), $feed->id );
			Form::button( 'resume', __( 'Go on, and make them exceptions', 'livelist-sync' ), $of + array( 'undone' => 'keep' ), $feed->id );
		}
	}

	/** The newest runs. */
	private static function runs(): void {
		$runs = Run::newest( 20 );
		if ( array() === $runs ) {
			return;
		}
		echo '<h2>' . esc_html__( 'Runs', 'livelist-sync' ) . '</h2>';
		Form::table( __( 'Runs', 'livelist-sync' ), array( __( 'Run', 'livelist-sync' ), __( 'Feed', 'livelist-sync' ), __( 'Began', 'livelist-sync' ), __( 'State', 'livelist-sync' ), __( 'Numbers', 'livelist-sync' ), __( 'What to do', 'livelist-sync' ) ) );
		foreach ( $runs as $run ) {
			/* translators: the numbers of a run: 1 listed, 2 matched, 3 missing, 4 too young, 5 would go, 6 taken down, 7 to the trash, 8 brought back */
			$numbers = vsprintf( __( '%1$s listed, %2$s matched, %3$s missing, %4$s too young, %5$s would go; %6$s taken down, %7$s to the trash, %8$s brought back', 'livelist-sync' ), array_map( 'number_format_i18n', array( $run->listed, $run->matched, $run->missing, $run->young, $run->going, $run->drafted, $run->trashed, $run->restored ) ) );
			$state   = Words::state( $run->state ) . ( '' === $run->error ? '' : ': ' . Words::error( $run->error, $run->error_text ) );
			echo '<tr>';
			foreach ( array( (string) $run->id, $run->feed, Findings::when( $run->started_at ), $state, $numbers ) as $cell ) {
				echo '<td>' . esc_html( $cell ) . '</td>';
			}
			echo '<td>';
			/* translators: %d: number of a run */
			$about = sprintf( __( 'run %d', 'livelist-sync' ), $run->id );
			if ( Run::HELD === $run->state ) {
				Form::button( 'approve', __( 'Let it go on', 'livelist-sync' ), array( 'run' => $run->id ), $about );
				Form::button( 'reject', __( 'Reject', 'livelist-sync' ), array( 'run' => $run->id ), $about );
			}
			if ( 0 === $run->dry && $run->drafted + $run->trashed > 0 && in_array( $run->state, array( Run::APPLIED, Run::REFUSED, Run::SUPERSEDED ), true ) ) {
				Form::button( 'undo', __( 'Undo', 'livelist-sync' ), array( 'run' => $run->id ), $about );
			}
			self::plan( $run );
			echo '</td></tr>';
		}
		Form::end();
	}

	/** Some of the posts of a run. */
	private static function plan( Run $run ): void {
		$rows = Plan::sample( $run->id, 50 );
		if ( array() === $rows ) {
			return;
		}
		echo '<details><summary>' . esc_html__( 'Posts', 'livelist-sync' ) . '</summary><ul>';
		foreach ( $rows as $row ) {
			$link = get_edit_post_link( (int) $row[1] );
			printf( '<li>%s <a href="%s">%s</a> <code>%s</code></li>', esc_html( Words::step( (string) $row[2], (string) $row[3], (string) $row[4] ) ), esc_url( (string) $link ), esc_html( get_the_title( (int) $row[1] ) ), esc_html( (string) $row[0] ) );
		}
		echo '</ul></details>';
	}
}
