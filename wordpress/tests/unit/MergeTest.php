<?php

use Livelist\Sync\Core\Merge;
use Livelist\Sync\Core\Refused;
use PHPUnit\Framework\TestCase;

final class MergeTest extends TestCase {
	private $path;

	protected function setUp(): void {
		$this->path = tempnam( sys_get_temp_dir(), 'merge' );
	}

	protected function tearDown(): void {
		unlink( $this->path );
	}

	private function listed( array $keys ): void {
		file_put_contents( $this->path, array() === $keys ? '' : implode( "\n", $keys ) . "\n" );
	}

	public function test_it_says_the_same_as_a_set(): void {
		mt_srand( 7 );
		for ( $round = 0; $round < 200; $round++ ) {
			$all = array();
			for ( $i = 0; $i < 60; $i++ ) {
				$all[] = (string) mt_rand( 0, 40 ) . substr( "e\x00\xffA a", mt_rand( 0, 5 ), mt_rand( 0, 2 ) );
			}
			$all = array_unique( array_filter( $all, 'strlen' ) );
			$all = array_map( 'strval', array_values( str_replace( "\x00", 'z', $all ) ) );
			$all = array_values( array_unique( $all ) );
			sort( $all, SORT_STRING );
			$list = array_values( array_filter( $all, function () { return mt_rand( 0, 1 ) === 1; } ) );
			$this->listed( $list );
			$merge = new Merge( $this->path );
			foreach ( $all as $key ) {
				$this->assertSame( in_array( $key, $list, true ), $merge->has( $key ), $key );
				$this->assertSame( in_array( $key, $list, true ), $merge->has( $key ), "$key again" );
			}
		}
	}

	public function test_it_goes_on_where_it_stopped(): void {
		$list = array( 'b', 'd', 'e', 'h', 'k', 'zz' );
		$keys = array( 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'k', 'l', 'zz', 'zzz' );
		$this->listed( $list );
		$offset = 0;
		$asked  = null;
		foreach ( $keys as $key ) {
			$merge = new Merge( $this->path, $offset, $asked );
			$this->assertSame( in_array( $key, $list, true ), $merge->has( $key ), $key );
			$offset = $merge->offset();
			$asked  = $key;
		}
	}

	public function test_an_empty_list_has_nothing(): void {
		$this->listed( array() );
		$this->assertFalse( ( new Merge( $this->path ) )->has( 'a' ) );
	}

	public function test_keys_out_of_order_are_noticed(): void {
		$this->listed( array( 'a', 'b' ) );
		$merge = new Merge( $this->path );
		$merge->has( 'b' );
		$this->expectException( Refused::class );
		$merge->has( 'a' );
	}

	public function test_a_list_that_shrinks_while_it_is_read_has_no_end(): void {
		$keys = array();
		for ( $i = 0; $i < 20000; $i++ ) {
			$keys[] = sprintf( 'k%06d', $i );
		}
		$this->listed( $keys );
		$merge = new Merge( $this->path );
		$merge->has( 'k000001' );
		$handle = fopen( $this->path, 'r+' );
		ftruncate( $handle, 16000 );
		fclose( $handle );
		$this->expectException( Refused::class );
		$merge->has( 'k019999' );
	}

	public function test_a_list_that_is_gone_is_told(): void {
		$this->expectException( Refused::class );
		new Merge( $this->path . '-gone' );
	}
}
