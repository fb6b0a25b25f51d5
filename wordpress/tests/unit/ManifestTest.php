<?php

use Livelist\Sync\Core\Instant;
use Livelist\Sync\Core\Manifest;
use Livelist\Sync\Core\Refused;
use PHPUnit\Framework\TestCase;

final class ManifestTest extends TestCase {
	const NOW = 1795320000;

	private static function said( array $changes = array(), array $without = array() ): string {
		$said = array_merge(
			array(
				'schema'         => 1,
				'feed'           => 'acme-property-1f0c9a2b',
				'version'        => '2026-11-21T04:05:11Z-000123',
				'sequence'       => 123,
				'as_of'          => '2026-11-21T04:00:02Z',
				'complete'       => true,
				'count'          => 196000,
				'previous_count' => 196420,
				'key_field'      => 'ListingKey',
				'order'          => 'bytewise',
				'sha256'         => str_repeat( 'ab', 32 ),
				'full'           => array(
					'url'   => 'https://lists.example.com/a.txt.gz?signature=x',
					'bytes' => 511901,
				),
			),
			$changes
		);
		return json_encode( array_diff_key( $said, array_flip( $without ) ) );
	}

	private static function refusal( string $body ): string {
		try {
			Manifest::parse( $body, 'acme-property-1f0c9a2b', 'ListingKey', self::NOW );
		} catch ( Refused $refused ) {
			return $refused->name();
		}
		return 'taken';
	}

	public function test_a_complete_manifest_is_taken(): void {
		$manifest = Manifest::parse( self::said(), 'acme-property-1f0c9a2b', 'ListingKey', self::NOW );
		$this->assertSame( 123, $manifest->sequence );
		$this->assertSame( gmmktime( 4, 0, 2, 11, 21, 2026 ), $manifest->as_of );
		$this->assertSame( 196000, $manifest->count );
	}

	public function test_members_that_it_does_not_know_do_no_harm(): void {
		$this->assertSame( 'taken', self::refusal( self::said( array( 'stale' => true, 'new' => array( 1 ) ) ) ) );
	}

	/**
	 * @dataProvider each_member
	 */
	public function test_whatever_is_left_out_is_a_refusal( string $member ): void {
		$this->assertNotSame( 'taken', self::refusal( self::said( array(), array( $member ) ) ) );
	}

	/**
	 * @dataProvider each_member
	 */
	public function test_whatever_has_another_type_is_a_refusal( string $member ): void {
		foreach ( array( null, false, '', 'true', '1', 0, -1, 1.5, array(), array( 'x' ) ) as $value ) {
			// A version may be any short text.
			if ( 'version' !== $member || ! is_string( $value ) || '' === $value ) {
				$this->assertNotSame( 'taken', self::refusal( self::said( array( $member => $value ) ) ), $member . ' ' . json_encode( $value ) );
			}
		}
	}

	public function each_member(): array {
		return array_map(
			function ( $member ) {
				return array( $member );
			},
			array( 'schema', 'feed', 'version', 'sequence', 'as_of', 'complete', 'key_field', 'order', 'sha256', 'full' )
		);
	}

	/**
	 * @dataProvider refused
	 */
	public function test_refusals_have_names( string $name, array $changes ): void {
		$this->assertSame( $name, self::refusal( self::said( $changes ) ) );
	}

	public function refused(): array {
		return array(
			array( 'schema', array( 'schema' => '1' ) ),
			array( 'not_complete', array( 'complete' => 1 ) ),
			array( 'other_feed', array( 'feed' => 'acme-property-1F0C9A2B' ) ),
			array( 'key_field', array( 'key_field' => 'listingkey' ) ),
			array( 'manifest', array( 'count' => -1 ) ),
			array( 'manifest', array( 'count' => null ) ),
			array( 'manifest', array( 'sequence' => 0 ) ),
			array( 'manifest', array( 'sha256' => str_repeat( 'AB', 32 ) ) ),
			array( 'manifest', array( 'version' => "a\nb" ) ),
			array( 'manifest', array( 'as_of' => '2026-02-31T00:00:00Z' ) ),
			array( 'manifest', array( 'as_of' => '2026-11-21 04:00:02' ) ),
			array( 'manifest', array( 'full' => array( 'url' => 'ftp://x/y' ) ) ),
			array( 'manifest', array( 'full' => array( 'url' => "https://x/y\r\nHost: z" ) ) ),
			array( 'clock_skew', array( 'as_of' => '2099-01-01T00:00:00Z' ) ),
		);
	}

	public function test_what_is_no_json_object_is_refused(): void {
		foreach ( array( '', '<html>', 'null', 'true', '[]', '{}', '[1]', '"x"', substr( self::said(), 0, -1 ), self::said() . 'x', str_repeat( '[', 100 ) ) as $body ) {
			$this->assertSame( 'not_json', self::refusal( $body ), $body );
		}
	}

	public function test_only_newer_lists_are_new(): void {
		$manifest = Manifest::parse( self::said(), 'acme-property-1f0c9a2b', 'ListingKey', self::NOW );
		$this->assertTrue( $manifest->is_newer( 0, '', 0 ) );
		$this->assertTrue( $manifest->is_newer( 122, 'before', $manifest->as_of - 1 ) );
		$this->assertFalse( $manifest->is_newer( 123, $manifest->version, $manifest->as_of ) );
		foreach ( array( array( 124, 'after', 0 ), array( 122, 'before', $manifest->as_of + 1 ), array( 123, 'other', 0 ) ) as $applied ) {
			try {
				$manifest->is_newer( ...$applied );
				$this->fail( json_encode( $applied ) );
			} catch ( Refused $refused ) {
				$this->assertContains( $refused->name(), array( 'older_version', 'version_conflict' ) );
			}
		}
	}

	public function test_lists_that_are_numbered_anew(): void {
		$of = function ( ...$members ) {
			return Manifest::parse( self::said( ...$members ), 'acme-property-1f0c9a2b', 'ListingKey', self::NOW );
		};
		$manifest = $of( array( 'epoch' => 'two' ) );
		$this->assertSame( array( 'two', false ), array( $manifest->epoch, $manifest->stale ) );
		$this->assertTrue( $of( array( 'stale' => true ) )->stale );
		$this->assertSame( '', $of( array() )->epoch );
		$this->assertSame( '', $of( array( 'epoch' => '' ) )->epoch );
		$this->assertSame( 'manifest', self::refusal( self::said( array( 'epoch' => 1 ) ) ) );
		$this->assertTrue( $manifest->is_newer( 122, 'before', 0, '' ), 'a service that did not say it before' );
		$this->assertTrue( $manifest->is_newer( 122, 'before', 0, 'two' ) );
		foreach ( array( 1, 122, 124 ) as $sequence ) {
			try {
				$manifest->is_newer( $sequence, 'before', 0, 'one' );
				$this->fail( (string) $sequence );
			} catch ( Refused $refused ) {
				$this->assertSame( 'other_epoch', $refused->name() );
				$this->assertFalse( $refused->soon() );
			}
		}
	}

	public function test_what_a_run_keeps_has_no_link(): void {
		$kept = Manifest::parse( self::said(), 'acme-property-1f0c9a2b', 'ListingKey', self::NOW )->kept();
		$this->assertStringNotContainsString( 'signature', json_encode( $kept ) );
	}

	public function test_clocks(): void {
		Instant::agree( self::NOW + 300, self::NOW );
		foreach ( array( null, self::NOW + 301, self::NOW - 301 ) as $theirs ) {
			try {
				Instant::agree( $theirs, self::NOW );
				$this->fail( (string) $theirs );
			} catch ( Refused $refused ) {
				$this->assertSame( 'clock_skew', $refused->name() );
			}
		}
		$this->assertSame( 784111777, Instant::of_header( 'Sun, 06 Nov 1994 08:49:37 GMT' ) );
		$this->assertNull( Instant::of_header( 'yesterday' ) );
	}
}
