<?php

use Livelist\Sync\Core\Catalog;
use Livelist\Sync\Core\Csv;
use Livelist\Sync\Core\Feed;
use Livelist\Sync\Core\Host;
use Livelist\Sync\Core\Merge;
use Livelist\Sync\Core\Overlap;
use Livelist\Sync\Core\Path;
use Livelist\Sync\Core\Refused;
use PHPUnit\Framework\TestCase;

final class SmallTest extends TestCase {
	private static function list_of( array $keys ): Merge {
		$path = tempnam( sys_get_temp_dir(), 'list' );
		sort( $keys, SORT_STRING );
		file_put_contents( $path, array() === $keys ? '' : implode( "\n", $keys ) . "\n" );
		return new Merge( $path );
	}

	public function test_overlap_finds_where_the_keys_are(): void {
		$overlap = new Overlap();
		$keys    = array();
		for ( $n = 0; $n < 40; $n++ ) {
			$keys[] = (string) ( 1000 + $n );
			$overlap->add( 'property', 'ListingKey', (string) ( 1000 + $n ) );
			$overlap->add( 'property', 'agent', (string) ( 1000 + $n % 3 ) );
			$overlap->add( 'property', 'price', (string) ( 1020 + $n ) );
			$overlap->add( 'property', 'half', (string) ( 1020 + $n ) . ( $n < 20 ? '' : 'x' ) );
			$overlap->add( 'page', 'few', '1000' );
			$overlap->add( 'page', 'spaces', ' 10' . $n );
		}
		$pairs = $overlap->pairs( self::list_of( $keys ) );
		$this->assertSame( array( 'type' => 'property', 'meta' => 'ListingKey', 'listed' => 40, 'of' => 40 ), $pairs[0] );
		// Half of the values are keys by chance: proposed, but behind. Values that many posts share are none.
		$this->assertSame( array( 'ListingKey', 'price', 'half' ), array_column( $pairs, 'meta' ) );
		$this->assertSame( array(), $overlap->pairs( self::list_of( array( 'other' ) ) ) );
	}

	public function test_overlap_compares_bytes(): void {
		$overlap = new Overlap();
		foreach ( array( '1e3', '01', 'ABC', 'é' ) as $value ) {
			$overlap->add( 'property', 'key', $value );
		}
		$this->assertSame( array(), $overlap->pairs( self::list_of( array( '1000', '1', 'abc', 'e' ) ) ) );
		$this->assertSame( 4, $overlap->pairs( self::list_of( array( '1e3', '01', 'ABC', 'é' ) ) )[0]['listed'] );
	}

	public function test_cells_are_no_formulas(): void {
		$this->assertSame( "\"'=1+1\",\"'+1\",\"'-1\",\"'@x\",\"'\t\",\"'\r\",\"a\"\"b\",\"\",\"1-2\"\r\n", Csv::line( array( '=1+1', '+1', '-1', '@x', "\t", "\r", 'a"b', '', '1-2' ) ) );
	}

	public function test_hosts_of_ones_own_network(): void {
		foreach ( array( '127.0.0.1', '10.0.0.1', '192.168.1.1', '172.16.0.1', '169.254.169.254', '0.0.0.0', '[::1]', '[fd00::1]', '[fe80::1]', '[::ffff:10.0.0.1]', 'localhost', 'db', 'a.local', 'A.INTERNAL', 'a.internal.', '2130706433', '0x7f.1', '127.1' ) as $host ) {
			$this->assertTrue( Host::is_private( $host ), $host );
		}
		foreach ( array( 'lists.example.com', 'localhost.example.com', '8.8.8.8', '[2606:4700::1]' ) as $host ) {
			$this->assertFalse( Host::is_private( $host ), $host );
		}
	}

	public function test_paths(): void {
		$this->assertSame( '/property/house', Path::of( 'https://example.com/property/house/?a=b#c' ) );
		$this->assertSame( '/property/house', Path::of( '/property/house' ) );
		$this->assertSame( '/property/haus-ä', Path::of( '/property/haus-%C3%A4/' ) );
		$this->assertSame( Path::of( '/property/haus-%C3%A4/' ), Path::of( '/property/haus-%c3%a4/' ) );
		foreach ( array( 'https://example.com', 'https://example.com/', '/?property=house', '' ) as $none ) {
			$this->assertSame( '', Path::of( $none ), $none );
		}
		$this->assertSame( 45, strlen( Path::of( '/' . str_repeat( 'x', 300 ) ) ) );
	}

	public function test_the_feeds_of_a_service(): void {
		$one  = array( 'feed' => 'abor-property-1', 'mls' => 'abor', 'resource' => 'Property', 'count' => 5, 'key_field' => 'ListingKey' );
		$said = array( 'feeds' => array( $one, array( 'feed' => '../x' ) + $one, array( 'mls' => 5 ) + $one, 'x', array( 'count' => '5', 'key_field' => null ) + $one ) );
		$this->assertSame(
			array( array( 'feed' => 'abor-property-1', 'mls' => 'abor', 'resource' => 'Property', 'key_field' => 'ListingKey', 'count' => 5 ), array( 'feed' => 'abor-property-1', 'mls' => 'abor', 'resource' => 'Property', 'key_field' => '', 'count' => null ) ),
			Catalog::parse( (string) json_encode( $said ) )
		);
		$this->expectException( Refused::class );
		Catalog::parse( '{"feeds": 1}' );
	}

	public function test_what_becomes_of_a_gone_listing_is_set_per_feed(): void {
		$said = array( 'feed' => 'a', 'post_type' => 'property', 'meta_key' => 'K' );
		$feed = Feed::parse( $said );
		$this->assertSame( array( 'draft', 86400, 404 ), array( $feed->down, $feed->wait(), $feed->answer ) );
		$this->assertNull( Feed::parse( $said + array( 'trash_days' => '-1' ) )->wait() );
		$this->assertSame( 0, Feed::parse( $said + array( 'trash_days' => '0' ) )->wait() );
		foreach ( array( array( 'down' => 'trash' ), array( 'trash_days' => '-2' ), array( 'trash_days' => 'x' ), array( 'trash_days' => '99999' ), array( 'answer' => '301' ), array( 'keep_key' => 'mine' ) ) as $wrong ) {
			$this->assertNull( Feed::parse( $said + $wrong ), (string) json_encode( $wrong ) );
		}
		$this->assertSame( $feed->fingerprint(), Feed::parse( $said + array( 'down' => 'private', 'answer' => 410 ) )->fingerprint(), 'the same posts' );
	}
}
