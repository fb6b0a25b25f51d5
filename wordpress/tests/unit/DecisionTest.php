<?php

use Livelist\Sync\Core\Decision;
use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Key;
use Livelist\Sync\Core\Signature;
use PHPUnit\Framework\TestCase;

final class DecisionTest extends TestCase {
	const AS_OF = 1000000;
	const OLD   = 900000;

	/**
	 * @dataProvider posts
	 */
	public function test_posts( string $becomes, bool $listed, string $did, int $missed, int $seen, int $as_of, string $said ): void {
		$this->assertSame( $becomes, Decision::post( $listed, $did, $missed, $seen, $as_of, $said ) );
	}

	/** The simulation's mirror of the decision runs the same cases. */
	public function posts(): array {
		$table = json_decode( (string) file_get_contents( dirname( __DIR__ ) . '/fixtures/decision-cases.json' ), true );
		$posts = array();
		foreach ( $table['cases'] as $case ) {
			$posts[ $case['name'] ] = array( $case['becomes'], $case['listed'], $case['did'], $case['missed'], $case['seen'], $case['as_of'], $case['said'] );
		}
		return $posts;
	}

	public function test_a_listed_post_is_never_taken_down(): void {
		foreach ( array( '', 'drafted', 'trashed', 'kept', 'undone' ) as $did ) {
			foreach ( array( 0, self::OLD, self::AS_OF, self::AS_OF + 1 ) as $missed ) {
				foreach ( array( self::OLD, self::AS_OF, self::AS_OF + 1 ) as $seen ) {
					foreach ( array( '', 'gone', 'unknown' ) as $said ) {
						$this->assertContains( Decision::post( true, $did, $missed, $seen, self::AS_OF, $said ), array( 'keep', 'restore' ) );
					}
				}
			}
		}
	}

	public function test_only_what_is_called_gone_is_taken_down(): void {
		foreach ( array( '', 'drafted', 'trashed', 'kept', 'undone' ) as $did ) {
			foreach ( array( '', 'unknown', 'listed', 'Gone' ) as $said ) {
				$this->assertNotContains( Decision::post( false, $did, 1, self::OLD, self::AS_OF, $said ), array( 'draft', 'trash' ) );
			}
		}
	}

	public function test_a_person_or_a_setting_keeps_a_post(): void {
		$this->assertSame( 'keep', Decision::post( false, 'drafted', 1, 0, self::AS_OF, 'gone', null ), 'never to the trash' );
		$this->assertSame( 'keep', Decision::post( false, 'drafted', self::AS_OF - 7 * 86400 + 1, 0, self::AS_OF, 'gone', 7 * 86400 ) );
		$this->assertSame( 'trash', Decision::post( false, 'drafted', self::AS_OF - 7 * 86400, 0, self::AS_OF, 'gone', 7 * 86400 ) );
		$this->assertSame( 'keep', Decision::post( false, 'drafted', self::AS_OF - 3600, 0, self::AS_OF, 'gone', 0 ), 'a second look is twenty hours younger' );
	}

	public function test_the_limit(): void {
		$limits = array( 0 => 1, 1 => 1, 2 => 1, 3 => 2, 10 => 5, 51 => 26, 99 => 50, 100 => 50, 509 => 50, 510 => 51, 5000 => 500, 200000 => 20000 );
		foreach ( $limits as $visible => $limit ) {
			$this->assertSame( $limit, Decision::limit( $visible ), (string) $visible );
		}
		// A list with one of 51 posts.
		$this->assertSame( 'too_many', Decision::hold( 50, 0, 51, 1 ) );
		$this->assertNull( Decision::hold( 500, 0, 5000, 4500 ) );
		$this->assertSame( 'too_many', Decision::hold( 501, 0, 5000, 4499 ) );
		$this->assertSame( 'too_many', Decision::hold( 101, 400, 5000, 4499 ), 'what went in the same day counts' );
		$this->assertNull( Decision::hold( 0, 400, 500, 100 ), 'nothing goes' );
		$this->assertSame( 'nothing_matches', Decision::hold( 1, 0, 1, 0 ) );
		$this->assertNull( Decision::hold( 0, 0, 5000, 0 ) );
	}

	public function test_keys(): void {
		foreach ( array( 'a', '0', '1e3', "\xff\xfe", 'é', 'a b', str_repeat( 'x', 255 ) ) as $key ) {
			$this->assertTrue( Key::is_usable( $key ), $key );
		}
		foreach ( array( '', ' a', 'a ', "a\n", "a\tb", "\x7f", str_repeat( 'x', 256 ), null, 12, array() ) as $key ) {
			$this->assertFalse( Key::is_usable( $key ), json_encode( $key ) );
		}
	}

	public function test_feeds(): void {
		$said = array( 'feed' => 'abor-property-1f0c9a2b', 'post_type' => 'property', 'meta_key' => 'ListingKey' );
		$feed = Feed::parse( $said );
		$this->assertSame( 'ListingKey', $feed->key_field );
		$this->assertEquals( $feed, Feed::parse( $feed->kept() ) );
		foreach ( array( 'feed', 'post_type', 'meta_key' ) as $member ) {
			$this->assertNull( Feed::parse( array_merge( $said, array( $member => '' ) ) ) );
			$this->assertNull( Feed::parse( array_merge( $said, array( $member => array() ) ) ) );
		}
		$this->assertNull( Feed::parse( array_merge( $said, array( 'feed' => '../etc' ) ) ) );
		$this->assertNull( Feed::parse( array_merge( $said, array( 'only' => 'meta', 'only_key' => 'mls' ) ) ) );
		$this->assertNull( Feed::parse( 'x' ) );
	}

	public function test_feeds_that_overlap(): void {
		$make = function ( array $changes ) {
			return Feed::parse( array_merge( array( 'feed' => 'a', 'post_type' => 'property', 'meta_key' => 'K' ), $changes ) );
		};
		$all  = $make( array() );
		$a    = $make( array( 'only' => 'meta', 'only_key' => 'mls', 'only_value' => 'a' ) );
		$b    = $make( array( 'only' => 'meta', 'only_key' => 'mls', 'only_value' => 'b' ) );
		$this->assertTrue( $all->overlaps( $all ) );
		$this->assertTrue( $all->overlaps( $a ) );
		$this->assertTrue( $a->overlaps( $all ) );
		$this->assertTrue( $a->overlaps( $a ) );
		$this->assertFalse( $a->overlaps( $b ) );
		$this->assertFalse( $all->overlaps( $make( array( 'post_type' => 'estate_property' ) ) ) );
		$this->assertFalse( $all->overlaps( $make( array( 'meta_key' => 'k' ) ) ) );
		$this->assertNotSame( $a->fingerprint(), $b->fingerprint() );
	}

	public function test_signatures(): void {
		// The example of the Standard Webhooks specification.
		$secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
		$id     = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
		$when   = '1614265330';
		$body   = '{"test": 2432232314}';
		$right  = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
		$now    = 1614265330;
		$this->assertNull( Signature::refusal( $secret, $id, $when, $right, $body, $now ) );
		$this->assertNull( Signature::refusal( $secret, $id, $when, "v1,AAAA v2,x $right", $body, $now + 300 ) );
		$this->assertSame( 'timestamp', Signature::refusal( $secret, $id, $when, $right, $body, $now + 301 ) );
		$this->assertSame( 'timestamp', Signature::refusal( $secret, $id, $when, $right, $body, $now - 301 ) );
		$this->assertSame( 'signature', Signature::refusal( $secret, $id, $when, $right, $body . ' ', $now ) );
		$this->assertSame( 'signature', Signature::refusal( $secret, $id . 'x', $when, $right, $body, $now ) );
		$this->assertSame( 'signature', Signature::refusal( $secret, $id, '1614265331', $right, $body, $now ) );
		$this->assertSame( 'signature', Signature::refusal( $secret, $id, $when, '', $body, $now ) );
		$this->assertSame( 'signature', Signature::refusal( $secret, $id, $when, str_repeat( 'x ', 16 ) . $right, $body, $now ) );
		$this->assertSame( 'headers', Signature::refusal( $secret, '', $when, $right, $body, $now ) );
		$this->assertSame( 'headers', Signature::refusal( $secret, $id, '1614265330.0', $right, $body, $now ) );
		foreach ( array( '', 'whsec_', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_c2hvcnQ=', 'whsec_***' ) as $none ) {
			$this->assertSame( 'no_secret', Signature::refusal( $none, $id, $when, $right, $body, $now ), $none );
		}
	}
}
