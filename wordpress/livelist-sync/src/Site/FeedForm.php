<?php
/**
 * The part of the settings form that is about feeds. Depends on Settings, Form.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

/**
 * Fields of feeds.
 */
final class FeedForm {
	/**
	 * The feeds, and room for one more.
	 */
	public static function show(): void {
		echo '<p>' . esc_html__( 'Each feed touches only posts of its post type that have its meta key and meet its condition. To remove a feed, empty its id.', 'livelist-sync' ) . '</p>';
		$rows = array();
		foreach ( Settings::feeds() as $feed ) {
			$rows[] = $feed->kept() + array( 'was' => $feed->id );
		}
		$rows[] = array();
		foreach ( $rows as $at => $row ) {
			self::feed( $at, $row );
		}
	}

	/**
	 * @param int                       $at  Its place.
	 * @param array<string, string|int|string[]> $row What is set.
	 */
	private static function feed( int $at, array $row ): void {
		$is_new = array() === $row;
		$row   += array_fill_keys( array( 'feed', 'was', 'post_type', 'meta_key', 'only', 'only_key', 'only_value', 'keep_key', 'keep_value' ), '' );
		$row   += array(
			'key_field'  => 'ListingKey',
			'down'       => 'draft',
			'trash_days' => 1,
			'answer'     => 404,
		);
		if ( $is_new ) {
			echo '<details' . ( 0 === $at ? ' open' : '' ) . '><summary>' . esc_html__( 'Another feed, by hand', 'livelist-sync' ) . '</summary>';
		}
		echo '<fieldset class="livelist-feed"><legend>' . esc_html( $is_new ? __( 'Another feed', 'livelist-sync' ) : (string) $row['feed'] ) . '</legend>';
		printf( '<input type="hidden" name="%s[feeds][%d][was]" value="%s">', esc_attr( Settings::OPTION ), absint( $at ), esc_attr( (string) $row['was'] ) );
		echo '<div class="livelist-grid">';
		self::text( $at, 'feed', __( 'Feed', 'livelist-sync' ), (string) $row['feed'] );
		self::text( $at, 'post_type', __( 'Post type', 'livelist-sync' ), (string) $row['post_type'] );
		self::text( $at, 'meta_key', __( 'Meta key', 'livelist-sync' ), (string) $row['meta_key'] );
		self::text( $at, 'key_field', __( 'Field of the MLS', 'livelist-sync' ), (string) $row['key_field'] );
		self::choice(
			$at,
			'only',
			__( 'Only posts with', 'livelist-sync' ),
			array(
				''     => __( 'no condition', 'livelist-sync' ),
				'meta' => __( 'a meta value', 'livelist-sync' ),
				'term' => __( 'a term (slug)', 'livelist-sync' ),
			),
			(string) $row['only']
		);
		self::text( $at, 'only_key', __( 'Meta key or taxonomy of the condition', 'livelist-sync' ), (string) $row['only_key'] );
		self::text( $at, 'only_value', __( 'Value or slug of the condition', 'livelist-sync' ), (string) $row['only_value'] );
		self::statuses( $at, isset( $row['statuses'] ) ? (array) $row['statuses'] : array() );
		self::choice(
			$at,
			'down',
			__( 'A listing that is gone becomes', 'livelist-sync' ),
			array(
				'draft'   => __( 'a draft', 'livelist-sync' ),
				'private' => __( 'private', 'livelist-sync' ),
			),
			(string) $row['down']
		);
		self::text( $at, 'trash_days', __( 'Days until the trash (-1: never)', 'livelist-sync' ), (string) $row['trash_days'] );
		self::choice(
			$at,
			'answer',
			__( 'Its address answers', 'livelist-sync' ),
			array(
				'404' => __( '404, not found', 'livelist-sync' ),
				'410' => __( '410, gone', 'livelist-sync' ),
			),
			(string) $row['answer']
		);
		self::text( $at, 'keep_key', __( 'Posts that stay: taxonomy', 'livelist-sync' ), (string) $row['keep_key'] );
		self::text( $at, 'keep_value', __( 'Posts that stay: slug of the term', 'livelist-sync' ), (string) $row['keep_value'] );
		echo '</div></fieldset>' . ( $is_new ? '</details>' : '' );
	}

	/**
	 * Statuses of themes and plugins that visitors see.
	 *
	 * @param int      $at     The feed's place.
	 * @param string[] $ticked What is ticked.
	 */
	private static function statuses( int $at, array $ticked ): void {
		$others = get_post_stati( array( 'public' => true ), 'objects' );
		unset( $others['publish'] );
		foreach ( $others as $status ) {
			/* translators: %s: name of a status of posts */
			printf( '<label><input type="checkbox" name="%s[]" value="%s"%s style="width:auto"> %s</label>', esc_attr( self::name( $at, 'statuses' ) ), esc_attr( $status->name ), checked( in_array( $status->name, $ticked, true ), true, false ), esc_html( sprintf( __( '"%s" counts as published', 'livelist-sync' ), $status->label ) ) );
		}
	}

	private static function text( int $at, string $field, string $label, string $value ): void {
		printf( '<label>%s <input type="text" class="code" name="%s" value="%s"></label>', esc_html( $label ), esc_attr( self::name( $at, $field ) ), esc_attr( $value ) );
	}

	/** @param array<string|int, string> $choices */
	private static function choice( int $at, string $field, string $label, array $choices, string $value ): void {
		printf( '<label>%s <select name="%s">', esc_html( $label ), esc_attr( self::name( $at, $field ) ) );
		foreach ( $choices as $choice => $text ) {
			printf( '<option value="%s"%s>%s</option>', esc_attr( (string) $choice ), selected( $value, (string) $choice, false ), esc_html( $text ) );
		}
		echo '</select></label>';
	}

	private static function name( int $at, string $field ): string {
		return Settings::OPTION . '[feeds][' . $at . '][' . $field . ']';
	}
}
