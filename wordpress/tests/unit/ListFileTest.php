<?php

use Livelist\Sync\Core\ListFile;
use Livelist\Sync\Core\Refused;
use PHPUnit\Framework\TestCase;

final class ListFileTest extends TestCase {
	private $from;
	private $to;

	protected function setUp(): void {
		$this->from = tempnam( sys_get_temp_dir(), 'list' );
		$this->to   = tempnam( sys_get_temp_dir(), 'list' );
	}

	protected function tearDown(): void {
		unlink( $this->from );
		unlink( $this->to );
	}

	private function verify( string $bytes, int $count, string $text ): string {
		file_put_contents( $this->from, $bytes );
		try {
			ListFile::verify( $this->from, $this->to, $count, hash( 'sha256', $text ) );
		} catch ( Refused $refused ) {
			return $refused->name();
		}
		$this->assertSame( $text, file_get_contents( $this->to ) );
		return 'taken';
	}

	private static function keys( int $count ): string {
		$text = '';
		for ( $i = 0; $i < $count; $i++ ) {
			$text .= sprintf( "key-%08d\n", $i );
		}
		return $text;
	}

	public function test_plain_and_compressed_lists_are_taken(): void {
		foreach ( array( 0, 1, 2, 5000 ) as $count ) {
			$text = self::keys( $count );
			$this->assertSame( 'taken', $this->verify( $text, $count, $text ) );
			foreach ( array( 1, 6, 9 ) as $level ) {
				$this->assertSame( 'taken', $this->verify( gzencode( $text, $level ), $count, $text ) );
			}
		}
	}

	public function test_any_bytes_can_be_keys(): void {
		$text = "\x01\xff\n 1e3\n1000\n1e3\nA\na\n\xc3\xa9\n";
		$keys = explode( "\n", rtrim( $text, "\n" ) );
		sort( $keys, SORT_STRING );
		$text = implode( "\n", $keys ) . "\n";
		$this->assertSame( 'taken', $this->verify( gzencode( $text ), count( $keys ), $text ) );
	}

	public function test_every_cut_of_a_list_is_refused(): void {
		$text = self::keys( 40 );
		for ( $length = 0; $length < strlen( $text ); $length++ ) {
			$this->assertNotSame( 'taken', $this->verify( substr( $text, 0, $length ), 40, $text ) );
		}
	}

	public function test_every_cut_of_a_compressed_list_is_refused(): void {
		$text  = self::keys( 400 );
		$bytes = gzencode( $text );
		for ( $length = 0; $length < strlen( $bytes ); $length++ ) {
			$this->assertNotSame( 'taken', $this->verify( substr( $bytes, 0, $length ), 400, $text ), "$length" );
		}
	}

	public function test_every_damaged_byte_is_refused_or_does_no_harm(): void {
		$text  = self::keys( 60 );
		$bytes = gzencode( $text );
		for ( $at = 0; $at < strlen( $bytes ); $at++ ) {
			$other        = $bytes;
			$other[ $at ] = chr( ord( $other[ $at ] ) ^ 0x41 );
			// verify() has compared the text if it was taken: the header holds a time, and an OS.
			$this->assertNotSame( '', $this->verify( $other, 60, $text ) );
		}
	}

	public function test_refusals_have_names(): void {
		$text = "a\nb\nc\n";
		$this->assertSame( 'list_count', $this->verify( "a\nb\n", 3, $text ) );
		$this->assertSame( 'list_count', $this->verify( "a\nb\nc\nd\n", 3, $text ) );
		$this->assertSame( 'list_sha256', $this->verify( "a\nb\nd\n", 3, $text ) );
		$this->assertSame( 'list_order', $this->verify( "b\na\nc\n", 3, $text ) );
		$this->assertSame( 'list_order', $this->verify( "a\na\nc\n", 3, $text ) );
		$this->assertSame( 'list_end', $this->verify( "a\nb\nc", 3, $text ) );
		$this->assertSame( 'list_line', $this->verify( "a\n\nc\n", 3, $text ) );
		$this->assertSame( 'list_line', $this->verify( str_repeat( 'x', 5000 ), 3, $text ) );
		$this->assertSame( 'gzip', $this->verify( substr( gzencode( $text ), 0, -4 ), 3, $text ) );
		$this->assertSame( 'gzip', $this->verify( gzencode( self::keys( 5000 ) ) . str_repeat( "\0", 5000 ), 5000, self::keys( 5000 ) ) );
	}

	public function test_order_is_that_of_bytes_also_across_blocks(): void {
		// Numeric comparison would call these equal or turn them round.
		$this->assertSame( 'taken', $this->verify( "1000\n1e3\n9\n", 3, "1000\n1e3\n9\n" ) );
		$this->assertSame( 'list_order', $this->verify( "9\n10\n", 2, "9\n10\n" ) );
		$lines = explode( "\n", rtrim( self::keys( 20000 ), "\n" ) );
		list( $lines[9000], $lines[9001] ) = array( $lines[9001], $lines[9000] );
		$text = implode( "\n", $lines ) . "\n";
		$this->assertSame( 'list_order', $this->verify( gzencode( $text ), 20000, $text ) );
	}

	public function test_a_bomb_does_not_fill_the_memory(): void {
		$bomb   = gzencode( str_repeat( 'x', 50000000 ), 9 );
		$before = memory_get_peak_usage();
		$this->assertSame( 'list_line', $this->verify( $bomb, 3, "a\n" ) );
		$this->assertLessThan( 16000000, memory_get_peak_usage() - $before );
	}

	public function test_a_file_that_was_changed_is_not_the_one(): void {
		file_put_contents( $this->to, "a\n" );
		$this->assertTrue( ListFile::is_still( $this->to, hash( 'sha256', "a\n" ) ) );
		$this->assertFalse( ListFile::is_still( $this->to, hash( 'sha256', "b\n" ) ) );
		$this->assertFalse( ListFile::is_still( $this->to . '-gone', hash( 'sha256', '' ) ) );
	}
}
