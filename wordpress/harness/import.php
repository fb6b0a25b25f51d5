<?php
/**
 * Makes posts as an importer does: import.php FILE
 */

require __DIR__ . '/load.php';
$said = json_decode( file_get_contents( $argv[1] ), true );
wp_defer_term_counting( true );
wp_suspend_cache_addition( true );
$wpdb->query( 'START TRANSACTION' );
foreach ( $said['keys'] as $key ) {
	$post = wp_insert_post(
		array(
			'post_type'    => $said['post_type'],
			'post_status'  => isset( $said['status'] ) ? $said['status'] : 'publish',
			'post_title'   => "Listing $key",
			'post_content' => isset( $said['content'] ) ? wp_slash( $said['content'] ) : "A house. <p>Rooms: 4</p>",
			'post_date'    => isset( $said['date'] ) ? $said['date'] : '2026-01-15 12:00:00',
		),
		true
	);
	if ( is_wp_error( $post ) ) {
		fwrite( STDERR, $post->get_error_message() . "\n" );
		exit( 1 );
	}
	add_post_meta( $post, $said['meta_key'], wp_slash( $key ) );
	foreach ( isset( $said['meta'] ) ? $said['meta'] : array() as $name => $value ) {
		add_post_meta( $post, $name, wp_slash( $value ) );
	}
	foreach ( isset( $said['terms'] ) ? $said['terms'] : array() as $taxonomy => $term ) {
		wp_set_object_terms( $post, $term, $taxonomy );
	}
}
$wpdb->query( 'COMMIT' );
