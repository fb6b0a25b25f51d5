<?php

use Livelist\Sync\Core\Refused;
use Livelist\Sync\Core\Verdict;
use PHPUnit\Framework\TestCase;

final class VerdictTest extends TestCase {
	const VERSION = '2026-11-21T20:20:10Z-000003';

	private static function said( array $changes ): string {
		$said = array(
			'version'  => self::VERSION,
			'as_of'    => '2026-11-21T20:20:10Z',
			'complete' => true,
			'checked'  => 3,
			'gone'     => array( '12', '0012', 'é' ),
			'unknown'  => array( '13' ),
		);
		return (string) json_encode( array_filter( array_merge( $said, $changes ), 'is_not_left_out' ) );
	}

	public function test_what_is_called_gone(): void {
		$this->assertSame( array( '12', '0012', 'é' ), Verdict::gone( self::said( array() ), self::VERSION ) );
		$this->assertSame( array(), Verdict::gone( self::said( array( 'gone' => array() ) ), self::VERSION ) );
	}

	/**
	 * @dataProvider others
	 */
	public function test_nothing_else_is( array $changes ): void {
		$this->assertNotContains( '12', Verdict::gone( self::said( $changes ), self::VERSION ) );
	}

	public function others(): array {
		return array(
			'another list'                => array( array( 'version' => '2026-11-22T20:20:10Z-000004' ) ),
			'no list'                     => array( array( 'version' => 'left out' ) ),
			'not complete'                => array( array( 'complete' => false ) ),
			'complete by a word'          => array( array( 'complete' => 'true' ) ),
			'a service without "unknown"' => array( array( 'unknown' => 'left out' ) ),
			'unknown is no list'          => array( array( 'unknown' => 0 ) ),
			'no list of gone ones'        => array( array( 'gone' => '12' ) ),
			'no gone ones'                => array( array( 'gone' => 'left out' ) ),
			'a number'                    => array( array( 'gone' => array( 12 ) ) ),
			'gone and unknown'            => array( array( 'unknown' => array( '12' ) ) ),
		);
	}

	public function test_what_is_no_json_is_refused(): void {
		foreach ( array( '', '<html>', '"gone"', 'null', '{"gone":["12"]' ) as $body ) {
			try {
				Verdict::gone( $body, self::VERSION );
				$this->fail( $body );
			} catch ( Refused $refused ) {
				$this->assertSame( 'not_json', $refused->name() );
				$this->assertTrue( $refused->soon() );
			}
		}
	}
}

function is_not_left_out( $value ): bool {
	return 'left out' !== $value;
}
