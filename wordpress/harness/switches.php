<?php
/**
 * A must-use plugin for tests: makes the post types of themes, and breaks what it is told to break.
 */

$switches = json_decode( (string) @file_get_contents( WP_CONTENT_DIR . '/switches.json' ), true );
$switches = is_array( $switches ) ? $switches : array();

add_action(
	'init',
	function () use ( $switches ) {
		foreach ( isset( $switches['post_types'] ) ? $switches['post_types'] : array() as $type => $taxonomies ) {
			register_post_type( $type, array( 'public' => true, 'supports' => array( 'title', 'editor', 'custom-fields' ) ) );
			foreach ( $taxonomies as $taxonomy ) {
				register_taxonomy( $taxonomy, $type );
			}
		}
	}
);

if ( isset( $switches['slice_seconds'] ) ) {
	add_filter(
		'livelist_sync_slice_seconds',
		function () use ( $switches ) {
			return $switches['slice_seconds'];
		}
	);
}

// The process dies in the middle of the n-th change of a status, as if the host had killed it.
if ( isset( $switches['kill_at'] ) ) {
	$killed = function () use ( $switches ) {
		static $count = 0;
		if ( ++$count === (int) $switches['kill_at'] ) {
			posix_kill( getmypid(), SIGKILL );
		}
	};
	add_action( isset( $switches['kill_hook'] ) ? $switches['kill_hook'] : 'transition_post_status', $killed );
}

// The process dies at the n-th statement.
if ( isset( $switches['kill_query'] ) ) {
	add_filter(
		'query',
		function ( $sql ) use ( $switches ) {
			static $count = 0;
			if ( false !== strpos( $sql, 'livelist_' ) && ++$count === (int) $switches['kill_query'] ) {
				posix_kill( getmypid(), SIGKILL );
			}
			return $sql;
		}
	);
}

// The database refuses the n-th statement, and as many after it as it is told.
if ( isset( $switches['break_query'] ) ) {
	add_filter(
		'query',
		function ( $sql ) use ( $switches ) {
			static $count = 0;
			if ( false === strpos( $sql, 'livelist' ) && false === strpos( $sql, 'p.ID' ) ) {
				return $sql;
			}
			++$count;
			$at = (int) $switches['break_query'];
			return $count >= $at && $count < $at + (int) $switches['break_times'] ? 'THIS IS BROKEN' : $sql;
		}
	);
}

// Holds the process up in the middle of its work.
if ( isset( $switches['slow'] ) ) {
	add_action(
		'transition_post_status',
		function () use ( $switches ) {
			usleep( (int) $switches['slow'] );
		}
	);
}
