<?php
/**
 * `wp livelist`. Depends on Orders, Feeds, Run, Plan and WP-CLI.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;
use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Refused;

/**
 * Takes down listings that their MLS no longer has, and brings back those that it has again.
 */
final class Command {
	/** Seconds that a command works at most. */
	const PATIENCE = 1800;

	/**
	 * Tells what is known of each feed, and the newest runs.
	 *
	 * ## OPTIONS
	 *
	 * [--runs=<number>]
	 * : So many runs.
	 * ---
	 * default: 10
	 * ---
	 *
	 * [--format=<format>]
	 * : table or json.
	 * ---
	 * default: table
	 * ---
	 *
	 * @param string[]              $args    Arguments.
	 * @param array<string, string> $options Options.
	 */
	public function status( array $args, array $options ): void {
		Schema::ensure();
		$feeds = array();
		foreach ( Settings::feeds() as $feed ) {
			$state   = Feeds::state( $feed->id );
			$counts  = Memory::counts( $feed->id );
			$feeds[] = array(
				'feed'      => $feed->id,
				'version'   => $state->version,
				'checked'   => self::when( $state->checked_at ),
				'posts'     => Map::count( $feed->id ),
				'down'      => $counts[ Decision::DRAFTED ],
				'trash'     => $counts[ Decision::TRASHED ],
				'kept'      => $counts[ Decision::KEPT ],
				'held'      => $state->held_run,
				'paused'    => $state->paused,
				'error'     => $state->error,
			);
		}
		$runs = array_map( array( self::class, 'told' ), Run::newest( max( 1, (int) ( isset( $options['runs'] ) ? $options['runs'] : 10 ) ) ) );
		if ( isset( $options['format'] ) && 'json' === $options['format'] ) {
			\WP_CLI::line( (string) wp_json_encode( compact( 'feeds', 'runs' ) ) );
			return;
		}
		self::table( $feeds );
		self::table( $runs );
	}

	/**
	 * Shows what would happen, and changes no post.
	 *
	 * ## OPTIONS
	 *
	 * [<feed>]
	 * : Only this feed.
	 *
	 * [--keys=<number>]
	 * : Shows so many of the posts.
	 * ---
	 * default: 20
	 * ---
	 *
	 * @subcommand dry-run
	 *
	 * @param string[]              $args    Arguments.
	 * @param array<string, string> $options Options.
	 */
	public function dry_run( array $args, array $options ): void {
		foreach ( self::feeds( $args ) as $feed ) {
			$run = self::orders(
				function () use ( $feed ) {
					return Orders::dry( $feed, 'wp' );
				}
			);
			$run = self::finish( $run->id );
			self::table( array( self::told( $run ) ) );
			foreach ( Plan::sample( $run->id, max( 0, (int) ( isset( $options['keys'] ) ? $options['keys'] : 20 ) ) ) as $row ) {
				\WP_CLI::line( sprintf( '%s  post %d  %s', $row[2], $row[1], $row[0] ) );
			}
		}
	}

	/**
	 * Uses the newest list now.
	 *
	 * ## OPTIONS
	 *
	 * [<feed>]
	 * : Only this feed.
	 *
	 * @param string[] $args Arguments.
	 */
	public function apply( array $args ): void {
		$feeds  = self::feeds( $args );
		$former = array();
		foreach ( $feeds as $feed ) {
			$run                 = Run::newest( 1, $feed->id );
			$former[ $feed->id ] = array() === $run ? 0 : $run[0]->id;
			Orders::apply( $feed );
		}
		if ( ! Orders::work( 'wp', self::PATIENCE ) ) {
			\WP_CLI::error( 'Another process is at work, or it takes longer; the site goes on by itself.' );
		}
		$bad = false;
		foreach ( $feeds as $feed ) {
			$state = Feeds::state( $feed->id );
			$run   = Run::newest( 1, $feed->id );
			if ( 0 !== $state->paused ) {
				\WP_CLI::warning( sprintf( '%s: the feed is paused; nothing was done', $feed->id ) );
			} elseif ( '' !== $state->error ) {
				\WP_CLI::warning( sprintf( '%s: %s: %s', $feed->id, $state->error, Words::error( $state->error, $state->error_text ) ) );
				$bad = true;
			} elseif ( 0 !== $state->held_run ) {
				\WP_CLI::warning( sprintf( '%s: run %d is held: wp livelist hold --approve=%d, or --reject=%d', $feed->id, $state->held_run, $state->held_run, $state->held_run ) );
			} elseif ( array() === $run || $former[ $feed->id ] === $run[0]->id ) {
				\WP_CLI::line( sprintf( '%s: nothing new since the list %s', $feed->id, $state->version ) );
			} else {
				\WP_CLI::line( sprintf( '%s: %s: %d to draft, %d to trash, %d restored', $feed->id, $run[0]->state, $run[0]->drafted, $run[0]->trashed, $run[0]->restored ) );
			}
		}
		if ( $bad ) {
			\WP_CLI::halt( 1 );
		}
	}

	/**
	 * Brings back what a run took down, and pauses its feed.
	 *
	 * ## OPTIONS
	 *
	 * <run>
	 * : The run's number.
	 *
	 * @param string[] $args Arguments.
	 */
	public function undo( array $args ): void {
		$run = self::orders(
			function () use ( $args ) {
				return Orders::undo( (int) $args[0] );
			}
		);
		$run = self::finish( $run->id );
		list( $back, $left ) = Plan::undone( $run->id );
		\WP_CLI::success( sprintf( 'Run %d is undone: %d posts are back, %d were left as somebody had changed them. The feed %s is paused; wp livelist hold %s --off --undone=down (or keep) lets it go on.', $run->id, $back, $left, $run->feed, $run->feed ) );
	}

	/**
	 * Brings back one post, which is an exception then.
	 *
	 * ## OPTIONS
	 *
	 * <post>
	 * : The post's number.
	 *
	 * @param string[] $args Arguments.
	 */
	public function restore( array $args ): void {
		self::try_to(
			function () use ( $args ) {
				Orders::restore( (int) $args[0] );
			}
		);
		\WP_CLI::success( sprintf( 'Post %d is back, and is an exception.', (int) $args[0] ) );
	}

	/**
	 * Makes a post an exception: it stays, whatever lists say.
	 *
	 * ## OPTIONS
	 *
	 * <post>
	 * : The post's number.
	 *
	 * [--end]
	 * : Ends the exception instead.
	 *
	 * @param string[]              $args    Arguments.
	 * @param array<string, string> $options Options.
	 */
	public function exception( array $args, array $options ): void {
		self::try_to(
			function () use ( $args, $options ) {
				Orders::keep( (int) $args[0], ! isset( $options['end'] ) );
			}
		);
		\WP_CLI::success( sprintf( isset( $options['end'] ) ? 'Post %d is no exception any more.' : 'Post %d is an exception.', (int) $args[0] ) );
	}

	/**
	 * Begins anew with a feed whose lists the service numbers anew.
	 *
	 * ## OPTIONS
	 *
	 * <feed>
	 * : The feed.
	 *
	 * [--epoch=<epoch>]
	 * : The epoch that the service has now; without it the command says which one that is.
	 *
	 * @param string[]              $args    Arguments.
	 * @param array<string, string> $options Options.
	 */
	public function forget( array $args, array $options ): void {
		$feed = self::feeds( $args )[0];
		if ( ! isset( $options['epoch'] ) ) {
			\WP_CLI::line( sprintf( '%s: used "%s", the service has "%s": wp livelist forget %s --epoch=…', $feed->id, Feeds::state( $feed->id )->epoch, Feeds::state( $feed->id )->told_epoch, $feed->id ) );
			return;
		}
		self::try_to(
			function () use ( $feed, $options ) {
				Orders::forget( $feed, (string) $options['epoch'] );
			}
		);
		\WP_CLI::success( sprintf( '%s begins anew.', $feed->id ) );
	}

	/**
	 * Pauses feeds, and decides on runs that wait.
	 *
	 * ## OPTIONS
	 *
	 * [<feed>]
	 * : The feed.
	 *
	 * [--on]
	 * : Pauses it: lists are not used.
	 *
	 * [--off]
	 * : Lets it go on, and looks at its posts at once.
	 *
	 * [--undone=<what>]
	 * : With --off: what was brought back by undo goes ("down"), or becomes exceptions ("keep").
	 *
	 * [--approve=<run>]
	 * : Lets a run that waits go on.
	 *
	 * [--reject=<run>]
	 * : Ends a run that waits; the next list is looked at anew.
	 *
	 * @param string[]              $args    Arguments.
	 * @param array<string, string> $options Options.
	 */
	public function hold( array $args, array $options ): void {
		if ( isset( $options['approve'] ) || isset( $options['reject'] ) ) {
			$approve = isset( $options['approve'] );
			$run     = self::orders(
				function () use ( $approve, $options ) {
					return Orders::decide( (int) $options[ $approve ? 'approve' : 'reject' ], $approve );
				}
			);
			$run     = $approve ? self::finish( $run->id ) : $run;
			\WP_CLI::line( sprintf( 'Run %d: %s', $run->id, $run->state ) );
			return;
		}
		if ( isset( $options['on'] ) || isset( $options['off'] ) ) {
			foreach ( self::feeds( $args ) as $feed ) {
				if ( isset( $options['on'] ) ) {
					Orders::pause( $feed );
				} else {
					self::try_to(
						function () use ( $feed, $options ) {
							Orders::resume( $feed, isset( $options['undone'] ) ? (string) $options['undone'] : '' );
						}
					);
				}
				\WP_CLI::line( sprintf( '%s: %s', $feed->id, isset( $options['on'] ) ? 'paused' : 'goes on' ) );
			}
			return;
		}
		$held = array();
		foreach ( self::feeds( $args ) as $feed ) {
			$state = Feeds::state( $feed->id );
			$run   = 0 === $state->held_run ? null : Run::find( $state->held_run );
			if ( null !== $run ) {
				$held[] = self::told( $run );
			}
		}
		if ( array() === $held ) {
			\WP_CLI::line( 'No run waits.' );
			return;
		}
		self::table( $held );
	}

	/**
	 * @param string[] $args Arguments.
	 * @return Feed[]
	 */
	private static function feeds( array $args ): array {
		Schema::ensure();
		if ( ! isset( $args[0] ) ) {
			return Settings::feeds();
		}
		$feed = Settings::feed( $args[0] );
		if ( null === $feed ) {
			\WP_CLI::error( 'This site has no such feed.' );
		}
		return array( $feed );
	}

	private static function orders( callable $order ): Run {
		return self::try_to( $order );
	}

	/** @return mixed */
	private static function try_to( callable $order ) {
		try {
			return $order();
		} catch ( Refused $refused ) {
			\WP_CLI::error( $refused->name() . ': ' . Words::refused( $refused ) );
		}
	}

	private static function finish( int $id ): Run {
		Orders::work( 'wp', self::PATIENCE );
		$run = Run::find( $id );
		if ( null === $run ) {
			\WP_CLI::error( 'The run is gone.' );
		}
		if ( '' !== $run->error ) {
			\WP_CLI::warning( $run->error . ': ' . Words::error( $run->error, $run->error_text ) );
		}
		return $run;
	}

	/** @return array<string, mixed> */
	private static function told( Run $run ): array {
		return array(
			'run'      => $run->id,
			'feed'     => $run->feed,
			'state'    => $run->state,
			'began'    => self::when( $run->started_at ),
			'version'  => $run->version,
			'listed'   => $run->listed,
			'local'    => $run->local_total,
			'matched'  => $run->matched,
			'missing'  => $run->missing,
			'young'    => $run->young,
			'going'    => $run->going,
			'drafted'  => $run->drafted,
			'trashed'  => $run->trashed,
			'restored' => $run->restored,
			'error'    => $run->error,
		);
	}

	private static function when( int $at ): string {
		return 0 === $at ? 'never' : gmdate( 'Y-m-d H:i:s', $at );
	}

	/** @param array<int, array<string, mixed>> $rows Rows. */
	private static function table( array $rows ): void {
		if ( array() !== $rows ) {
			\WP_CLI\Utils\format_items( 'table', $rows, array_keys( $rows[0] ) );
		}
	}
}
