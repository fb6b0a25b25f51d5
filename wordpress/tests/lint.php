<?php
/**
 * Compiles every file of the plugin with the PHP that runs this, and looks whether that PHP has every
 * function of PHP that the plugin calls:
 *
 *     php lint.php used                 prints those functions
 *     php lint.php check FUNCTION …     with an older PHP
 */

error_reporting( E_ALL );
set_error_handler(
	function ( $level, $message, $file, $line ) {
		throw new ErrorException( $message, 0, $level, $file, $line );
	}
);

$root  = dirname( __DIR__ ) . '/livelist-sync';
$files = array();
foreach ( new RecursiveIteratorIterator( new RecursiveDirectoryIterator( $root, FilesystemIterator::SKIP_DOTS ) ) as $file ) {
	if ( 'php' === $file->getExtension() ) {
		$files[] = $file->getPathname();
	}
}
sort( $files );

if ( 'used' === $argv[1] ) {
	$internal = array_flip( get_defined_functions()['internal'] );
	$used     = array();
	foreach ( $files as $file ) {
		$tokens = token_get_all( file_get_contents( $file ), TOKEN_PARSE );
		foreach ( $tokens as $at => $token ) {
			if ( is_array( $token ) && T_STRING === $token[0] && isset( $internal[ strtolower( $token[1] ) ] ) ) {
				$used[ strtolower( $token[1] ) ] = true;
			}
		}
	}
	// Those are asked for with function_exists().
	unset( $used['fastcgi_finish_request'], $used['litespeed_finish_request'] );
	ksort( $used );
	echo implode( ' ', array_keys( $used ) ), "\n";
	exit;
}

$wrong = array();
foreach ( array_slice( $argv, 2 ) as $function ) {
	if ( ! function_exists( $function ) ) {
		$wrong[] = "PHP " . PHP_VERSION . " has no $function()";
	}
}
require $root . '/src/autoload.php';
foreach ( $files as $file ) {
	try {
		token_get_all( file_get_contents( $file ), TOKEN_PARSE );
		$class = strtr( substr( $file, strlen( $root . '/src/' ), -4 ), '/', '\\' );
		if ( 0 === strpos( $file, $root . '/src/' ) && preg_match( '/^(Core|Site)\\\\[A-Z]/', $class ) && ! class_exists( "Livelist\\Sync\\$class" ) ) {
			$wrong[] = "$file does not hold Livelist\\Sync\\$class";
		}
	} catch ( Throwable $error ) {
		$wrong[] = $error->getFile() . ':' . $error->getLine() . ': ' . $error->getMessage();
	}
}
// What Core may not know: it is tested without WordPress.
foreach ( glob( $root . '/src/Core/*.php' ) as $file ) {
	if ( preg_match( '/\b(wpdb|ABSPATH|esc_html|__\(|Livelist\\\\Sync\\\\Site)/', file_get_contents( $file ), $found ) ) {
		$wrong[] = "$file names {$found[0]}";
	}
}
echo $wrong ? implode( "\n", $wrong ) . "\n" : sprintf( "PHP %s: %d files, %d functions\n", PHP_VERSION, count( $files ), count( $argv ) - 2 );
exit( $wrong ? 1 : 0 );
