<?php
/**
 * The difference of the map and a list, a batch at a time, with a place to go on from. Depends on Core,
 * Map, Memory, Checks, Plan, Settings.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Decision;
use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Merge;

/**
 * A comparison that is under way.
 */
final class Comparison {
	/** @var int Where the list is read on. */
	public $offset = 0;
	/** @var string|null The last key of the map that was looked at. */
	public $key = null;

	/** @var Feed */
	private $feed;
	/** @var Run */
	private $run;
	/** @var int */
	private $post = 0;

	/**
	 * Begins, or goes on where the run stopped.
	 *
	 * @param Feed $feed The feed.
	 * @param Run  $run  The run.
	 */
	public function __construct( Feed $feed, Run $run ) {
		$this->feed = $feed;
		$this->run  = $run;
		if ( isset( $run->position['key'], $run->position['post'], $run->position['offset'] ) ) {
			$this->key    = (string) hex2bin( $run->position['key'] );
			$this->post   = (int) $run->position['post'];
			$this->offset = (int) $run->position['offset'];
		} else {
			$run->matched    = 0;
			$run->missing    = 0;
			$run->young      = 0;
			$run->left_alone = 0;
		}
	}

	/**
	 * Compares the next batch; says whether there was one.
	 *
	 * @param Merge $merge The list.
	 */
	public function next( Merge $merge ): bool {
		$run  = $this->run;
		$rows = Map::after( $this->feed->id, $this->key, $this->post );
		if ( array() === $rows ) {
			return false;
		}
		$back   = array();
		$absent = array(
			Decision::DRAFT => array(),
			Decision::TRASH => array(),
		);
		foreach ( $rows as $row ) {
			$listed = $merge->has( $row[0] );
			$did    = $row[3];
			if ( $listed ) {
				++$run->matched;
				if ( Decision::UNTOUCHED === $did ) {
					continue;
				}
			} else {
				++$run->missing;
			}
			if ( Decision::is_down( $did ) && ! $this->is_ours( $listed, $row ) ) {
				++$run->left_alone;
				continue;
			}
			$decide   = function ( string $said ) use ( $listed, $did, $row, $run ) {
				return Memory::UNSURE === $did ? Decision::KEEP : Decision::post( $listed, $did, (int) $row[4], (int) $row[2], $run->as_of, $said, $this->feed->wait() );
			};
			$decision = $decide( Decision::NOT_ASKED );
			if ( Decision::RESTORE === $decision ) {
				$back[] = array( $row[0], (int) $row[1], $decision );
			} elseif ( Decision::YOUNG === $decision ) {
				++$run->young;
			} elseif ( Decision::ASK === $decision ) {
				// What it becomes if the service calls it gone, which is asked before it is done.
				$decision              = $decide( Decision::GONE );
				$absent[ $decision ][] = array( $row[0], (int) $row[1], $decision );
			}
		}
		$this->key  = $row[0];
		$this->post = (int) $row[1];
		Plan::add( $run->id, $back );
		$this->plan( $absent[ Decision::DRAFT ], Checks::visible( $this->feed ) );
		$this->plan( $absent[ Decision::TRASH ], array( $this->feed->down, 'draft', 'private' ) );
		return true;
	}

	/**
	 * Whether this feed decides on a post that was taken down. Any feed of the site that has the post now may
	 * bring it back; only the feed that missed it, under the very key, may do more. What was taken down for a
	 * feed that the site does not have any more waits until it is moved (Moves).
	 *
	 * @param bool                    $listed Whether its key is in the list.
	 * @param array<int, string|null> $row    A row of the map.
	 */
	private function is_ours( bool $listed, array $row ): bool {
		if ( $this->feed->id === $row[5] ) {
			return $listed || $row[0] === $row[6];
		}
		return $listed && null !== Settings::feed( (string) $row[5] );
	}

	/**
	 * Keeps the place, and the counts that belong to it, in one statement.
	 *
	 * @param Merge $merge The list.
	 */
	public function save( Merge $merge ): void {
		$this->offset = $merge->offset();
		if ( null !== $this->key ) {
			$this->run->position = array(
				'key'    => bin2hex( $this->key ),
				'post'   => $this->post,
				'offset' => $this->offset,
			);
		}
		$this->run->save();
	}

	/**
	 * Plans what may be taken down, and mends the map where the post is another than it says.
	 *
	 * @param array<int, array{0: string, 1: int, 2: string}> $rows Key, post, action.
	 * @param string[]                                        $in   Statuses that they have to have.
	 */
	private function plan( array $rows, array $in ): void {
		$going = array();
		foreach ( Checks::posts( $this->feed, $rows, $this->run->as_of, $in ) as $at => $found ) {
			$reason = $found[1];
			if ( '' === $reason ) {
				$going[] = $rows[ $at ];
				continue;
			}
			if ( 'young' === $reason ) {
				++$this->run->young;
				continue;
			}
			++$this->run->left_alone;
			if ( 'no_post' === $reason ) {
				Map::forget( $rows[ $at ][1] );
			} elseif ( in_array( $reason, array( 'other_type', 'not_of_feed', 'other_key' ), true ) ) {
				Indexer::refresh( $this->feed, $rows[ $at ][1] );
			} elseif ( 'not_visible' === $reason && in_array( $found[0], Checks::visible(), true ) ) {
				// It was taken down and is published: something did that, and WordPress was not told.
				Posts::published_again( $rows[ $at ][1] );
			}
		}
		Plan::add( $this->run->id, $going );
	}
}
