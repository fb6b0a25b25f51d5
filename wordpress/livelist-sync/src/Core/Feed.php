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
		$right            = 1 === preg_match( '/\A[a-z0-9][a-z0-9_-]{0,99}\z/', $feed->id )
			&& 1 === preg_match( '/\A[a-z0-9_-]{1,20}\z/', $feed->post_type )
			&& '' !== $feed->meta_key && strlen( $feed->meta_key ) <= 255
			&& 1 === preg_match( '/\A[A-Za-z_][A-Za-z0-9_]{0,127}\z/', $feed->key_field )
			&& in_array( $feed->only, array( '', 'meta', 'term' ), true )
			&& ( '' === $feed->only || ( '' !== $feed->only_key && '' !== $feed->only_value ) );
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
	 * @return array<string, string>
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
		);
	}
}
