<?php
/**
 * Tools → Listings: what this plugin took down, since when and why; exceptions; what waits. Each row asks
 * whether the user may edit and publish that very post. Depends on Memory, Form, Words.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

use Livelist\Sync\Core\Csv;
use Livelist\Sync\Core\Decision;

/**
 * The page of posts.
 */
final class Listings {
	const PAGE = 'livelist-sync-listings';
	/** Rows of a page. */
	const ROWS = 50;
	/** Rows of a file. */
	const MOST = 100000;
	const ALL  = array( Decision::DRAFTED, Decision::TRASHED, Memory::UNSURE, Decision::UNDONE, Decision::KEPT );

	/**
	 * The page.
	 */
	public static function show(): void {
		// phpcs:disable WordPress.Security.NonceVerification -- it only chooses what is shown.
		$seek = isset( $_GET['seek'] ) && is_string( $_GET['seek'] ) ? sanitize_text_field( wp_unslash( $_GET['seek'] ) ) : '';
		$page = isset( $_GET['paged'] ) && is_string( $_GET['paged'] ) ? max( 1, absint( wp_unslash( $_GET['paged'] ) ) ) : 1;
		// phpcs:enable
		Schema::ensure();
		Form::style();
		echo '<div class="wrap livelist-wrap"><h1>' . esc_html__( 'Listings that were taken down', 'livelist-sync' ) . '</h1>';
		Admin::told();
		printf( '<form method="get"><input type="hidden" name="page" value="%s">', esc_attr( self::PAGE ) );
		printf( '<p><label>%s <input type="search" name="seek" value="%s"></label> <button type="submit" class="button">%s</button></p></form>', esc_html__( 'Key or title', 'livelist-sync' ), esc_attr( $seek ), esc_html__( 'Search', 'livelist-sync' ) );
		$rows = Memory::listed( self::ALL, $seek, self::ROWS + 1, ( $page - 1 ) * self::ROWS );
		$more = count( $rows ) > self::ROWS;
		self::rows( array_slice( $rows, 0, self::ROWS ) );
		self::pages( $seek, $page, $more );
		self::waiting();
		printf( '<p><a class="button" href="%s">%s</a></p></div>', esc_url( wp_nonce_url( admin_url( 'admin-post.php?action=' . Admin::CSV ), Admin::CSV ) ), esc_html__( 'All of them as a file (CSV)', 'livelist-sync' ) );
	}

	/** @param \stdClass[] $rows Rows of the memory. */
	private static function rows( array $rows ): void {
		$rows = array_filter(
			$rows,
			function ( \stdClass $row ) {
				return current_user_can( 'edit_post', $row->post_id );
			}
		);
		if ( array() === $rows ) {
			echo '<p>' . esc_html__( 'None.', 'livelist-sync' ) . '</p>';
			return;
		}
		$listed = Map::which( array_column( $rows, 'post_id' ) );
		Form::table( __( 'Listings that were taken down', 'livelist-sync' ), array( __( 'Post', 'livelist-sync' ), __( 'Key', 'livelist-sync' ), __( 'Feed', 'livelist-sync' ), __( 'What', 'livelist-sync' ), __( 'Since', 'livelist-sync' ), __( 'Why', 'livelist-sync' ), __( 'What to do', 'livelist-sync' ) ) );
		foreach ( $rows as $row ) {
			$title = '' === $row->title ? '#' . $row->post_id : $row->title;
			printf( '<tr><td><a href="%s">%s</a></td>', esc_url( (string) get_edit_post_link( $row->post_id ) ), esc_html( $title ) );
			$cells = array( $row->listing_key, $row->feed, Words::did( $row->did ), Findings::when( $row->down_at ), self::why( $row, isset( $listed[ $row->post_id ] ) ) );
			foreach ( $cells as $cell ) {
				echo '<td>' . esc_html( $cell ) . '</td>';
			}
			echo '<td>';
			if ( Hand::may_publish( $row->post_id ) ) {
				if ( Decision::KEPT === $row->did ) {
					Form::button( 'unkeep', __( 'End the exception', 'livelist-sync' ), array( 'post' => $row->post_id ), $title );
				} elseif ( Decision::UNDONE === $row->did ) {
					Form::button( 'keep', __( 'Make it an exception', 'livelist-sync' ), array( 'post' => $row->post_id ), $title );
				} else {
					Form::button( 'restore', __( 'Restore', 'livelist-sync' ), array( 'post' => $row->post_id ), $title );
				}
				if ( Memory::UNSURE === $row->did ) {
					Form::button( 'unkeep', __( 'Leave it as it is', 'livelist-sync' ), array( 'post' => $row->post_id ), $title );
				}
			}
			echo '</td></tr>';
		}
		Form::end();
	}

	/** Why a post is here. */
	private static function why( \stdClass $row, bool $is_followed ): string {
		if ( Decision::KEPT === $row->did || Decision::UNDONE === $row->did ) {
			return __( 'a person wants it up', 'livelist-sync' );
		}
		if ( ! $is_followed ) {
			return __( 'no longer followed: no feed of the site has this post under a key', 'livelist-sync' );
		}
		if ( 0 === $row->run_id && $row->missed === $row->down_at ) {
			return __( 'a person took it down, or an earlier version of the plugin', 'livelist-sync' );
		}
		/* translators: %s: time */
		return sprintf( __( 'the list of %s does not have it, and the service calls it gone', 'livelist-sync' ), Findings::when( $row->missed ) );
	}

	/** What the newest run of each feed left, and waits. */
	private static function waiting(): void {
		foreach ( Settings::feeds() as $feed ) {
			foreach ( Run::newest( 1, $feed->id ) as $run ) {
				$rows = Plan::left( $run->id, Run::HELD === $run->state, self::ROWS );
				if ( array() === $rows ) {
					continue;
				}
				/* translators: 1: id of a feed, 2: number of a run */
				echo '<h2>' . esc_html( sprintf( __( '%1$s: what run %2$d left as it is', 'livelist-sync' ), $feed->id, $run->id ) ) . '</h2><ul>';
				foreach ( $rows as $row ) {
					if ( current_user_can( 'edit_post', (int) $row[1] ) ) {
						printf( '<li><a href="%s">%s</a> <code>%s</code> %s ', esc_url( (string) get_edit_post_link( (int) $row[1] ) ), esc_html( get_the_title( (int) $row[1] ) ), esc_html( (string) $row[0] ), esc_html( Words::step( (string) $row[2], (string) $row[3], (string) $row[4] ) ) );
						if ( Decision::UNKNOWN === $row[4] && Hand::may_publish( (int) $row[1] ) ) {
							$of = array(
								'post' => (int) $row[1],
								'key'  => (string) $row[0],
								'feed' => $feed->id,
							);
							Form::button( 'down', __( 'Take it down', 'livelist-sync' ), $of, get_the_title( (int) $row[1] ) );
						}
						echo '</li>';
					}
				}
				echo '</ul>';
			}
		}
	}

	private static function pages( string $seek, int $page, bool $more ): void {
		$link = function ( int $to, string $label ) use ( $seek ) {
			printf( '<a class="button" href="%s">%s</a> ', esc_url( add_query_arg( array( 'page' => self::PAGE, 'seek' => rawurlencode( $seek ), 'paged' => $to ), admin_url( 'tools.php' ) ) ), esc_html( $label ) );
		};
		echo '<p>';
		if ( $page > 1 ) {
			$link( $page - 1, __( 'Newer', 'livelist-sync' ) );
		}
		if ( $more ) {
			$link( $page + 1, __( 'Older', 'livelist-sync' ) );
		}
		echo '</p>';
	}

	/**
	 * Marks posts in WordPress's own lists.
	 *
	 * @param mixed $states What stands behind the title.
	 * @param mixed $post   The post.
	 * @return mixed
	 */
	public static function mark( $states, $post ) {
		if ( ! is_array( $states ) || ! $post instanceof \WP_Post || ! in_array( $post->post_type, array_column( Settings::feeds(), 'post_type' ), true ) || get_option( Schema::OPTION ) !== Schema::VERSION ) {
			return $states;
		}
		$row = Memory::find( (int) $post->ID );
		if ( null !== $row && in_array( $row->did, self::ALL, true ) ) {
			$states['livelist_sync'] = 'Livelist: ' . Words::did( $row->did );
		}
		return $states;
	}

	/**
	 * All of them as a file.
	 */
	public static function csv(): void {
		if ( ! current_user_can( 'edit_others_posts' ) ) {
			wp_die( esc_html__( 'You may not do that.', 'livelist-sync' ), '', array( 'response' => 403 ) );
		}
		check_admin_referer( Admin::CSV );
		nocache_headers();
		header( 'Content-Type: text/csv; charset=utf-8' );
		header( 'Content-Disposition: attachment; filename=listings.csv' );
		echo Csv::line( array( 'post', 'title', 'key', 'feed', 'what', 'since', 'list' ) ); // phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- text/csv, quoted by Csv::line().
		for ( $after = 0; $after < self::MOST; $after += 500 ) {
			$rows = Memory::listed( self::ALL, '', 500, $after );
			foreach ( $rows as $row ) {
				if ( current_user_can( 'edit_post', $row->post_id ) ) {
					// A file is no page: entities would change what is in it.
					echo Csv::line( array( (string) $row->post_id, $row->title, $row->listing_key, $row->feed, $row->did, gmdate( 'c', $row->down_at ), gmdate( 'c', $row->missed ) ) ); // phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped -- text/csv, quoted by Csv::line().
				}
			}
			if ( count( $rows ) < 500 ) {
				break;
			}
		}
		exit;
	}
}
