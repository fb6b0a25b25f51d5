<?php
/**
 * What the API says of a list, checked before anything else is done with it. Depends on Instant and
 * Refused.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Core;

/**
 * A manifest that says everything a complete list has to say.
 */
final class Manifest {
	const SCHEMA = 1;
	/** An answer that is larger is none. */
	const MAX_BYTES = 65536;

	/** @var string */
	public $feed;
	/** @var string */
	public $version;
	/** @var int */
	public $sequence;
	/** @var int Unix seconds. */
	public $as_of;
	/** @var int Keys. */
	public $count;
	/** @var string SHA-256 of the uncompressed text, in hex. */
	public $sha256;
	/** @var string */
	public $url;

	private function __construct() {}

	/**
	 * Reads the body of an answer. Whatever is not said, or said in another way, is a refusal.
	 *
	 * @param string $body      The answer.
	 * @param string $feed      The feed that was asked for.
	 * @param string $key_field The field whose values this site keeps.
	 * @param int    $now       The site's clock.
	 * @throws Refused Names: not_json, schema, other_feed, not_complete, key_field, order, manifest, clock_skew.
	 */
	public static function parse( string $body, string $feed, string $key_field, int $now ): self {
		$said = json_decode( $body, true, 8 );
		if ( ! is_array( $said ) || array() === $said || isset( $said[0] ) ) {
			throw new Refused( 'not_json', 'The answer is not a manifest.', Refused::SOON );
		}
		$need = function ( string $field, bool $holds, string $name, string $message ) {
			if ( ! $holds ) {
				throw new Refused( $name, $message . ' (' . $field . ')' );
			}
		};
		$get  = function ( string $field ) use ( $said ) {
			return array_key_exists( $field, $said ) ? $said[ $field ] : null;
		};
		$need( 'schema', self::SCHEMA === $get( 'schema' ), 'schema', 'The manifest has another form than this plugin knows.' );
		$need( 'feed', $feed === $get( 'feed' ), 'other_feed', 'The manifest is of another feed.' );
		$need( 'complete', true === $get( 'complete' ), 'not_complete', 'The list is not said to be complete.' );
		$need( 'key_field', $key_field === $get( 'key_field' ), 'key_field', 'The list holds the values of another field.' );
		$need( 'order', 'bytewise' === $get( 'order' ), 'order', 'The list is sorted in another way.' );
		$wrong = 'The manifest does not say what it has to.';
		$full  = is_array( $get( 'full' ) ) ? $get( 'full' ) : array();
		$as_of = Instant::parse( $get( 'as_of' ) );
		$need( 'version', self::is_version( $get( 'version' ) ), 'manifest', $wrong );
		$need( 'sequence', is_int( $get( 'sequence' ) ) && $get( 'sequence' ) >= 1, 'manifest', $wrong );
		$need( 'count', is_int( $get( 'count' ) ) && $get( 'count' ) >= 0, 'manifest', $wrong );
		$need( 'sha256', is_string( $get( 'sha256' ) ) && 1 === preg_match( '/\A[0-9a-f]{64}\z/', $get( 'sha256' ) ), 'manifest', $wrong );
		$need( 'as_of', null !== $as_of, 'manifest', $wrong );
		$need( 'full.url', isset( $full['url'] ) && self::is_url( $full['url'] ), 'manifest', $wrong );
		$need( 'as_of', $as_of <= $now + Instant::TOLERANCE, 'clock_skew', 'The list is of a time that this site has not reached yet.' );

		$manifest           = new self();
		$manifest->feed     = $feed;
		$manifest->version  = $said['version'];
		$manifest->sequence = $said['sequence'];
		$manifest->as_of    = $as_of;
		$manifest->count    = $said['count'];
		$manifest->sha256   = $said['sha256'];
		$manifest->url      = $full['url'];
		return $manifest;
	}

	/**
	 * Whether this is newer than what was applied; refuses what is older, and a second list of one
	 * sequence.
	 *
	 * @param int    $sequence Of what was applied; 0 for nothing yet.
	 * @param string $version  Its version.
	 * @param int    $as_of    Its instant.
	 * @throws Refused Names: older_version, version_conflict.
	 */
	public function is_newer( int $sequence, string $version, int $as_of ): bool {
		if ( $this->sequence < $sequence ) {
			throw new Refused( 'older_version', 'The list is older than the one that was used last.' );
		}
		if ( $this->sequence === $sequence ) {
			if ( $this->version !== $version ) {
				throw new Refused( 'version_conflict', 'There are two lists with one number.' );
			}
			return false;
		}
		if ( $this->as_of < $as_of ) {
			throw new Refused( 'older_version', 'The list is of an earlier time than the one that was used last.' );
		}
		return true;
	}

	/**
	 * What a run keeps of it. The link is left out: it is as good as a key while it works.
	 *
	 * @return array<string, mixed>
	 */
	public function kept(): array {
		return array(
			'version'  => $this->version,
			'sequence' => $this->sequence,
			'as_of'    => $this->as_of,
			'count'    => $this->count,
			'sha256'   => $this->sha256,
		);
	}

	/** @param mixed $text */
	private static function is_version( $text ): bool {
		return is_string( $text ) && 1 === preg_match( '/\A[\x21-\x7e]{1,100}\z/', $text );
	}

	/** @param mixed $text */
	private static function is_url( $text ): bool {
		return is_string( $text ) && strlen( $text ) <= 8192 && 1 === preg_match( '#\Ahttps?://[^\s]+\z#', $text );
	}
}
