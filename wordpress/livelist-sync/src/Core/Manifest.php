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
	/** @var string Which numbering of lists this is; empty if the service does not say. */
	public $epoch = '';
	/** @var bool Whether the service says that its next look at the MLS is overdue. */
	public $stale = false;

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
			throw Refused::for_now( 'not_json' );
		}
		$need = function ( string $field, bool $holds, string $name ) {
			if ( ! $holds ) {
				$refused = Refused::because( $name, $field );
				throw $refused;
			}
		};
		$get  = function ( string $field ) use ( $said ) {
			return array_key_exists( $field, $said ) ? $said[ $field ] : null;
		};
		$need( 'schema', self::SCHEMA === $get( 'schema' ), 'schema' );
		$need( 'feed', $feed === $get( 'feed' ), 'other_feed' );
		$need( 'complete', true === $get( 'complete' ), 'not_complete' );
		$need( 'key_field', $key_field === $get( 'key_field' ), 'key_field' );
		$need( 'order', 'bytewise' === $get( 'order' ), 'order' );
		$full  = is_array( $get( 'full' ) ) ? $get( 'full' ) : array();
		$as_of = Instant::parse( $get( 'as_of' ) );
		$need( 'version', self::is_version( $get( 'version' ) ), 'manifest' );
		$need( 'sequence', is_int( $get( 'sequence' ) ) && $get( 'sequence' ) >= 1, 'manifest' );
		$need( 'count', is_int( $get( 'count' ) ) && $get( 'count' ) >= 0, 'manifest' );
		$need( 'sha256', is_string( $get( 'sha256' ) ) && 1 === preg_match( '/\A[0-9a-f]{64}\z/', $get( 'sha256' ) ), 'manifest' );
		$need( 'as_of', null !== $as_of, 'manifest' );
		$need( 'full.url', isset( $full['url'] ) && self::is_url( $full['url'] ), 'manifest' );
		$need( 'epoch', null === $get( 'epoch' ) || '' === $get( 'epoch' ) || self::is_version( $get( 'epoch' ) ), 'manifest' );
		$need( 'as_of', $as_of <= $now + Instant::TOLERANCE, 'clock_skew' );

		$manifest           = new self();
		$manifest->feed     = $feed;
		$manifest->version  = $said['version'];
		$manifest->sequence = $said['sequence'];
		$manifest->as_of    = $as_of;
		$manifest->count    = $said['count'];
		$manifest->sha256   = $said['sha256'];
		$manifest->url      = $full['url'];
		$manifest->epoch    = null === $get( 'epoch' ) ? '' : $said['epoch'];
		$manifest->stale    = true === $get( 'stale' );
		return $manifest;
	}

	/**
	 * Whether this is newer than what was applied; refuses what is older, a second list of one sequence, and
	 * lists that are numbered anew: which of those is newer their numbers do not tell, so a person has to.
	 *
	 * @param int    $sequence Of what was applied; 0 for nothing yet.
	 * @param string $version  Its version.
	 * @param int    $as_of    Its instant.
	 * @param string $epoch    Its epoch; empty if it is not known.
	 * @throws Refused Names: other_epoch, older_version, version_conflict.
	 */
	public function is_newer( int $sequence, string $version, int $as_of, string $epoch = '' ): bool {
		if ( '' !== $epoch && '' !== $this->epoch && $epoch !== $this->epoch ) {
			throw Refused::because( 'other_epoch' );
		}
		if ( $this->sequence < $sequence ) {
			throw Refused::because( 'older_version' );
		}
		if ( $this->sequence === $sequence ) {
			if ( $this->version !== $version ) {
				throw Refused::because( 'version_conflict' );
			}
			return false;
		}
		if ( $this->as_of < $as_of ) {
			throw Refused::because( 'older_version' );
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
