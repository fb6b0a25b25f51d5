<?php
/**
 * A run from the manifest to its end, in steps that stop and go on anywhere:
 *
 *     fetch → index → compare → restore → ask → (held, or) apply
 *
 * What comes back is brought back even when what would go waits for a person. `ask` asks the service
 * about what would go: what it does not call gone stays. `recheck` asks whether the list still is the
 * newest, where time has passed since it was compared. Depends on everything else of Site, and on Core
 * for every decision.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;
use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\ListFile;
use Livelist\Sync\Core\Merge;
use Livelist\Sync\Core\Refused;

/**
 * Carrying on with runs.
 */
final class Engine {
	/** A run that nobody went on with for so long asks anew. */
	const STALE = 900;
	/** So many seconds after the last whole manifest the next one is read; less than a day, because days vary. */
	const WHOLE = 72000;
	/** So many keys are asked about at once. */
	const ASKED = 1000;

	/** @var Client */
	private $client;
	/** @var Lock */
	private $lock;

	/**
	 * An engine, for as long as the lock is held.
	 *
	 * @param Client $client The service.
	 * @param Lock   $lock   The lock.
	 */
	public function __construct( Client $client, Lock $lock ) {
		$this->client = $client;
		$this->lock   = $lock;
	}

	/**
	 * Goes on with a run; says whether it has ended.
	 *
	 * @param Feed     $feed     Its feed.
	 * @param Run      $run      The run.
	 * @param Deadline $deadline The slice.
	 * @throws Refused Why it cannot go on.
	 */
	public function advance( Feed $feed, Run $run, Deadline $deadline ): bool {
		if ( time() - $run->updated_at > self::STALE && Run::RUNNING === $run->state ) {
			$this->wake( $feed, $run );
		}
		while ( Run::RUNNING === $run->state ) {
			$this->lock->confirm();
			$step    = $run->phase;
			$is_done = $this->$step( $feed, $run, $deadline );
			$run->save();
			if ( Run::RUNNING === $run->state && ( ! $is_done || $deadline->is_over() ) ) {
				return false;
			}
		}
		return true;
	}

	/** What it had begun to do may not be right any more. */
	private function wake( Feed $feed, Run $run ): void {
		if ( in_array( $run->phase, array( 'restore', 'apply' ), true ) ) {
			$run->position['then'] = $run->phase;
			$run->phase            = 'recheck';
		} elseif ( ! in_array( $run->phase, array( 'recheck', 'fetch' ), true ) ) {
			self::once_more( $feed );
			$run->end( Run::SUPERSEDED );
		}
	}

	/** What was to be compared still is. */
	private static function once_more( Feed $feed ): void {
		Feeds::set(
			$feed->id,
			array(
				'etag'  => '',
				'again' => 1,
			)
		);
		Feeds::ask( $feed->id, time() );
	}

	/** Manifest and list: one step, because the link of the one to the other is not kept. */
	private function fetch( Feed $feed, Run $run, Deadline $deadline ): bool {
		// Both together may take 28 seconds: not at the end of a slice that did other things.
		if ( $deadline->used() > 3.0 ) {
			return false;
		}
		$state = Feeds::state( $feed->id );
		// Once a day the whole manifest is read: a "not modified" may come from a cache for ever.
		$whole  = 1 === $run->dry || 0 !== $state->again || time() - $state->told_at > self::WHOLE;
		$answer = $this->client->manifest( $feed, $whole ? '' : $state->etag );
		if ( null === $answer ) {
			$this->unchanged( $feed, $run, $state->etag );
			return true;
		}
		list( $manifest, $etag ) = $answer;
		if ( 0 === $run->dry ) {
			Feeds::set(
				$feed->id,
				array(
					'told_at'    => time(),
					'told_as_of' => $manifest->as_of,
					'told_epoch' => $manifest->epoch,
					'stale'      => (int) $manifest->stale,
				)
			);
			$is_newer = $manifest->is_newer( $state->seq, $state->version, $state->as_of, $state->epoch );
			// The list that is there is compared once more where the MLS was looked at again, where something was
			// changed here, and where the service could not say what became of some listings.
			$is_due = 0 !== $state->again || $manifest->as_of > $state->as_of || ( $state->unknown > 0 && ( $whole || $etag !== $state->etag ) );
			// A list that waits for a person, or that one rejected, is no news.
			$is_known = $is_newer && 0 === $state->again && '' !== $etag && $etag === $state->etag;
			if ( $is_known || ( ! $is_newer && ! $is_due ) ) {
				$this->unchanged( $feed, $run, $etag );
				return true;
			}
			if ( $manifest->as_of < $state->as_of ) {
				// An older answer about the same list: what was learned since stays.
				$manifest->as_of = $state->as_of;
			}
			Feeds::set( $feed->id, array( 'again' => 0 ) );
		}
		$run->version = $manifest->version;
		$run->seq     = $manifest->sequence;
		$run->as_of   = $manifest->as_of;
		$run->sha256  = $manifest->sha256;
		$run->listed  = $manifest->count;
		$run->etag    = $etag;
		$run->epoch   = $manifest->epoch;
		$run->file    = TempFiles::fresh();
		$run->save();
		$download = $run->file . '.part';
		try {
			$this->client->download( $manifest, $download );
			$this->lock->confirm();
			ListFile::verify( $download, $run->file, $manifest->count, $manifest->sha256 );
		} finally {
			wp_delete_file( $download );
		}
		$run->phase = 'index';
		return true;
	}

	private function index( Feed $feed, Run $run, Deadline $deadline ): bool {
		if ( 0 === $run->dry && empty( $run->position['placed'] ) ) {
			// One more question of eight seconds: not behind a download that was slow.
			if ( $deadline->used() > 6.0 ) {
				return false;
			}
			Moves::find( $feed, $this->client );
			$run->position = array( 'placed' => true );
			$run->save();
		}
		if ( ! Indexer::advance( $feed, $this->lock, $deadline ) ) {
			return false;
		}
		$run->phase    = 'compare';
		$run->position = array();
		return true;
	}

	/** The difference: the map and the list side by side. */
	private function compare( Feed $feed, Run $run, Deadline $deadline ): bool {
		if ( ! ListFile::is_still( $run->file, $run->sha256 ) ) {
			throw Refused::for_now( 'file' );
		}
		$comparison = new Comparison( $feed, $run );
		$merge      = new Merge( $run->file, $comparison->offset, $comparison->key );
		$saved      = microtime( true );
		while ( $comparison->next( $merge ) ) {
			if ( microtime( true ) - $saved >= 1.0 || $deadline->is_over() ) {
				$this->lock->confirm();
				$comparison->save( $merge );
				$saved = microtime( true );
				if ( $deadline->is_over() ) {
					return false;
				}
			}
		}
		$comparison->save( $merge );
		$run->local_total = Map::visible( $feed );
		$run->going       = self::going( $run );
		$this->doubt( $feed, $run );
		$run->phase       = $run->dry ? 'ask' : 'restore';
		$run->position    = array();
		return true;
	}

	/** A list that has nothing to do with the posts is no list of theirs. */
	private function doubt( Feed $feed, Run $run ): void {
		if ( 0 !== $run->matched || 0 !== $run->going || 0 === $run->listed ) {
			return;
		}
		$counts = Memory::counts( $feed->id );
		if ( $counts[ Decision::DRAFTED ] + $counts[ Decision::TRASHED ] > 0 ) {
			// All that it had may be gone.
			return;
		}
		$all = Checks::count_visible( $feed );
		if ( 0 === $all ) {
			$refused = Refused::because( 'no_posts', $feed->post_type );
			throw $refused;
		}
		$keyed = Map::count( $feed->id );
		if ( 0 === $keyed ) {
			$refused = Refused::because( 'no_keys', $all, $feed->meta_key );
			throw $refused;
		}
		$refused = Refused::because( 'nothing_matches', $keyed );
		throw $refused;
	}

	private function restore( Feed $feed, Run $run, Deadline $deadline ): bool {
		if ( ! $this->carry_out( $feed, $run, $deadline, array( Decision::RESTORE ) ) ) {
			return false;
		}
		$run->phase    = 'ask';
		$run->position = array();
		return true;
	}

	/** What would go is asked about; then it goes, or waits for a person. */
	private function ask( Feed $feed, Run $run, Deadline $deadline ): bool {
		$after = isset( $run->position['asked'] ) ? (int) $run->position['asked'] : 0;
		// Where nothing matches a setting is wrong, and these may be anything but keys.
		$steps = 0 === $run->matched && 0 === $run->approved ? array() : Plan::down( $feed->id, $run->id, $after, self::ASKED );
		while ( array() !== $steps ) {
			$this->lock->confirm();
			$this->ask_about( $feed, $run, $steps );
			$after         = $steps[ count( $steps ) - 1 ][0];
			$run->position = array( 'asked' => $after );
			$run->save();
			if ( $deadline->is_over() ) {
				return false;
			}
			$steps = Plan::down( $feed->id, $run->id, $after, self::ASKED );
		}
		$run->going = self::going( $run );
		$went   = Run::went( $feed->id, time() - Decision::WINDOW, $run->id );
		$went   = null === $went ? array( 0, $run->local_total ) : $went;
		$reason = Decision::hold( $run->going, $went[0], $went[1], $run->matched );
		if ( $run->dry ) {
			$run->error = (string) $reason;
			$run->end( Run::DRY );
			return true;
		}
		if ( 0 !== $run->approved ) {
			$reason = null;
		}
		if ( null !== $reason ) {
			$run->error = $reason;
			$this->supersede_held( $feed, $run );
			Feeds::set(
				$feed->id,
				array(
					'held_run'   => $run->id,
					'etag'       => $run->etag,
					'unknown'    => Plan::skipped( $run->id, Decision::UNKNOWN ),
					'checked_at' => time(),
					'attempts'   => 0,
					'error'      => '',
					'error_text' => '',
				)
			);
			$run->end( Run::HELD );
			return true;
		}
		$run->phase    = 'apply';
		$run->position = array();
		return true;
	}

	/**
	 * Leaves what the service does not call gone.
	 *
	 * @param Feed                                              $feed  The feed.
	 * @param Run                                               $run   The run.
	 * @param array<int, array{0: int, 1: string, 2: int|null}> $steps Step, key, seen.
	 */
	private function ask_about( Feed $feed, Run $run, array $steps ): void {
		$copies = array();
		foreach ( $steps as $step ) {
			list( , $key, $seen ) = $step;
			// What is no text is in no list of an MLS, and JSON cannot name it.
			if ( null !== $seen && 1 === preg_match( '//u', $key ) ) {
				$copies[ $key ] = isset( $copies[ $key ] ) ? max( $copies[ $key ], $seen ) : $seen;
			}
		}
		$gone = array() === $copies ? array() : array_flip( $this->client->gone( $feed, $run->version, $copies ) );
		$left = array();
		foreach ( $steps as $step ) {
			if ( ! isset( $gone[ $step[1] ] ) ) {
				$left[] = $step[0];
			}
		}
		Plan::skip( $left, Decision::UNKNOWN );
		$run->left_alone += count( $left );
	}

	private function apply( Feed $feed, Run $run, Deadline $deadline ): bool {
		if ( ! $this->carry_out( $feed, $run, $deadline, array( Decision::DRAFT, Decision::TRASH ) ) ) {
			return false;
		}
		$this->supersede_held( $feed, $run );
		$run->error    = '';
		$run->position = array();
		Feeds::set(
			$feed->id,
			array(
				'version'    => $run->version,
				'seq'        => $run->seq,
				'as_of'      => $run->as_of,
				'etag'       => $run->etag,
				'epoch'      => '' === $run->epoch ? Feeds::state( $feed->id )->epoch : $run->epoch,
				'unknown'    => Plan::skipped( $run->id, Decision::UNKNOWN ),
				'held_run'   => 0,
				'checked_at' => time(),
				'attempts'   => 0,
				'error'      => '',
				'error_text' => '',
			)
		);
		$run->end( Run::APPLIED );
		Run::prune( $feed->id );
		return true;
	}

	/**
	 * Whether the list that was compared still is the newest. The whole manifest is asked for: a "not
	 * modified" would say so of whatever had the tag, also of an answer that somebody changed.
	 */
	private function recheck( Feed $feed, Run $run ): bool {
		$answer = $this->client->manifest( $feed, '' );
		$is_old = null !== $answer && $answer[0]->version === $run->version
			&& hash_equals( $run->sha256, $answer[0]->sha256 ) && $answer[0]->count === $run->listed;
		if ( ! $is_old ) {
			self::once_more( $feed );
			$run->end( Run::SUPERSEDED );
			return true;
		}
		$then          = isset( $run->position['then'] ) ? $run->position['then'] : '';
		$run->phase    = 'restore' === $then ? 'restore' : ( 'apply' === $then ? 'apply' : 'ask' );
		$run->position = array();
		return true;
	}

	/**
	 * Carries out planned steps; says whether none is left.
	 *
	 * @param Feed     $feed     The feed.
	 * @param Run      $run      The run.
	 * @param Deadline $deadline The slice.
	 * @param string[] $actions  Which.
	 */
	private function carry_out( Feed $feed, Run $run, Deadline $deadline, array $actions ): bool {
		$steps = Plan::next( $run->id, Plan::PLANNED, $actions );
		while ( array() !== $steps ) {
			foreach ( $steps as $step ) {
				$this->lock->confirm();
				Posts::carry_out( $feed, $run, $step );
				if ( $deadline->is_over() ) {
					$this->count( $run );
					return array() === Plan::next( $run->id, Plan::PLANNED, $actions, 1 );
				}
			}
			$steps = Plan::next( $run->id, Plan::PLANNED, $actions );
		}
		$this->count( $run );
		return true;
	}

	/** So many posts would go from view. */
	private static function going( Run $run ): int {
		$counts = Plan::counts( $run->id );
		return isset( $counts['draft planned'] ) ? $counts['draft planned'] : 0;
	}

	private function count( Run $run ): void {
		$counts        = Plan::counts( $run->id ) + array(
			'draft done'   => 0,
			'trash done'   => 0,
			'restore done' => 0,
		);
		$run->drafted  = $counts['draft done'];
		$run->trashed  = $counts['trash done'];
		$run->restored = $counts['restore done'];
	}

	/** A day on which nothing changed is no entry in the history. */
	private function unchanged( Feed $feed, Run $run, string $etag ): void {
		Feeds::set(
			$feed->id,
			array(
				'etag'       => $etag,
				'checked_at' => time(),
				'attempts'   => 0,
				'error'      => '',
				'error_text' => '',
			)
		);
		$run->end( Run::UNCHANGED );
		$run->remove();
	}

	/** There is something newer to decide on. */
	private function supersede_held( Feed $feed, Run $run ): void {
		$held = Feeds::state( $feed->id )->held_run;
		if ( 0 !== $held && $held !== $run->id ) {
			$former = Run::find( $held );
			if ( null !== $former && Run::HELD === $former->state ) {
				$former->end( Run::SUPERSEDED );
			}
		}
	}
}
