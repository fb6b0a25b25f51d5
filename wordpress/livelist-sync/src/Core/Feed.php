<?php
/**
 * A feed as this site has it: which list, and which posts are its own. Depends on nothing.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * A feed's binding to posts.
 */
final class Feed {
	/** @var string The feed's id. */
	public $id;
	/** @var string */
	public $post_type;
	/** @var string The meta key that holds the listing's key. */
	public $meta_key;
	/** @var string The field of the MLS that it is a copy of. */
	public $key_field;
	/** @var string What else tells the feed's posts: '', 'meta' or 'term'. */
	public $only;
	/** @var string Meta key or taxonomy. */
	public $only_key;
	/** @var string Meta value or the term's slug. */
	public $only_value;
	/** @var string What a post becomes whose listing is gone: 'draft' or 'private'. */
	public $down;
	/** @var int Days until the trash; NEVER for never. */
	public $trash_days;
	/** @var int What visitors get at the address of a post that was taken down: 404 or 410. */
	public $answer;
	/** @var string[] Statuses beside publish and future that count as published. */
	public $statuses;
	/** @var string Taxonomy of posts that stay; empty for none. */
	public $keep_key;
	/** @var string Slug of the term of posts that stay. */
	public $keep_value;

	/** What an id of a feed looks like. */
	const ID = '/\A[a-z0-9][a-z0-9_-]{0,99}\z/';
	/** A post is never put into the trash. */
	const NEVER = -1;
	/** Most days that can be set. */
	const MOST_DAYS = 3650;

	/**
	 * Reads what the settings hold; null if it is no binding.
	 *
	 * @param mixed $said One entry of the settings.
	 */
	public static function parse( $said ): ?self {
		if ( ! is_array( $said ) ) {
			return null;
		}
		$text = function ( string $name, string $otherwise = '' ) use ( $said ): string {
			return isset( $said[ $name ] ) && is_string( $said[ $name ] ) && '' !== trim( $said[ $name ] ) ? trim( $said[ $name ] ) : $otherwise;
		};
		$feed             = new self();
		$feed->id         = $text( 'feed' );
		$feed->post_type  = $text( 'post_type' );
		$feed->meta_key   = $text( 'meta_key' );
		$feed->key_field  = $text( 'key_field', 'ListingKey' );
		$feed->only       = $text( 'only' );
		$feed->only_key   = $text( 'only_key' );
		$feed->only_value = $text( 'only_value' );
		$feed->down       = $text( 'down', 'draft' );
		$feed->keep_key   = $text( 'keep_key' );
		$feed->keep_value = $text( 'keep_value' );
		$feed->statuses   = array();
		foreach ( isset( $said['statuses'] ) && is_array( $said['statuses'] ) ? $said['statuses'] : array() as $status ) {
			if ( is_string( $status ) && 1 === preg_match( '/\A[a-z0-9_-]{1,20}\z/', $status ) ) {
				$feed->statuses[] = $status;
			}
		}
		$feed->trash_days = self::number( $said, 'trash_days', 1 );
		$feed->answer     = self::number( $said, 'answer', 404 );
		$right            = 1 === preg_match( self::ID, $feed->id )
			&& 1 === preg_match( '/\A[a-z0-9_-]{1,20}\z/', $feed->post_type )
			&& '' !== $feed->meta_key && strlen( $feed->meta_key ) <= 255
			&& 1 === preg_match( '/\A[A-Za-z_][A-Za-z0-9_]{0,127}\z/', $feed->key_field )
			&& in_array( $feed->only, array( '', 'meta', 'term' ), true )
			&& ( '' === $feed->only || ( '' !== $feed->only_key && '' !== $feed->only_value ) )
			&& in_array( $feed->down, array( 'draft', 'private' ), true )
			&& ( '' === $feed->keep_key ) === ( '' === $feed->keep_value )
			&& $feed->trash_days >= self::NEVER && $feed->trash_days <= self::MOST_DAYS
			&& in_array( $feed->answer, array( 404, 410 ), true );
		if ( ! $right ) {
			return null;
		}
		if ( '' === $feed->only ) {
			$feed->only_key   = '';
			$feed->only_value = '';
		}
		return $feed;
	}

	/**
	 * Seconds between the first list that missed a post and the trash; null for never.
	 */
	public function wait(): ?int {
		return self::NEVER === $this->trash_days ? null : 86400 * $this->trash_days;
	}

	/**
	 * @param array<mixed> $said      One entry of the settings.
	 * @param string       $name      Its member.
	 * @param int          $otherwise Where nothing is said.
	 */
	private static function number( array $said, string $name, int $otherwise ): int {
		if ( ! isset( $said[ $name ] ) || '' === $said[ $name ] ) {
			return $otherwise;
		}
		$number = filter_var( $said[ $name ], FILTER_VALIDATE_INT );
		return false === $number ? -2 : $number;
	}

	/**
	 * Whether a post could belong to both: two feeds that cannot be told apart would each take the
	 * other's posts for missing.
	 *
	 * @param Feed $other Another feed of the site.
	 */
	public function overlaps( Feed $other ): bool {
		if ( $this->post_type !== $other->post_type || $this->meta_key !== $other->meta_key ) {
			return false;
		}
		if ( '' === $this->only || '' === $other->only ) {
			return true;
		}
		// Other conditions of one kind tell them apart; posts that meet both are left alone later.
		return $this->only === $other->only && $this->only_key === $other->only_key && $this->only_value === $other->only_value;
	}

	/**
	 * Changes when the feed is bound to other posts.
	 */
	public function fingerprint(): string {
		return sha1( implode( "\0", array( $this->post_type, $this->meta_key, $this->key_field, $this->only, $this->only_key, $this->only_value ) ) );
	}

	/**
	 * What the settings hold.
	 *
	 * @return array<string, string|int|string[]>
	 */
	public function kept(): array {
		return array(
			'feed'       => $this->id,
			'post_type'  => $this->post_type,
			'meta_key'   => $this->meta_key, // phpcs:ignore WordPress.DB.SlowDBQuery -- no query.
			'key_field'  => $this->key_field,
			'only'       => $this->only,
			'only_key'   => $this->only_key,
			'only_value' => $this->only_value,
			'statuses'   => $this->statuses,
			'down'       => $this->down,
			'trash_days' => $this->trash_days,
			'answer'     => $this->answer,
			'keep_key'   => $this->keep_key,
			'keep_value' => $this->keep_value,
		);
	}
}
