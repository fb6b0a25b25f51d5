<?php
/**
 * Prints the plugin's template of translations: every text that its files give to gettext functions,
 * with the comments for translators, and the plugin's header. make wordpress-pot writes it.
 */

$root  = dirname( __DIR__ ) . '/livelist-sync';
$texts = array();
foreach ( new RecursiveIteratorIterator( new RecursiveDirectoryIterator( $root, FilesystemIterator::SKIP_DOTS ) ) as $file ) {
	if ( 'php' !== $file->getExtension() ) {
		continue;
	}
	$name    = substr( $file->getPathname(), strlen( $root ) + 1 );
	$tokens  = array_values(
		array_filter(
			token_get_all( file_get_contents( $file->getPathname() ) ),
			function ( $token ) {
				return ! is_array( $token ) || T_WHITESPACE !== $token[0];
			}
		)
	);
	$comment = '';
	foreach ( $tokens as $at => $token ) {
		if ( ! is_array( $token ) ) {
			continue;
		}
		if ( T_COMMENT === $token[0] && preg_match( '#/\* (translators: .*) \*/#', $token[1], $found ) ) {
			$comment = $found[1];
		}
		$is_call = T_STRING === $token[0] && in_array( $token[1], array( '__', '_e', 'esc_html__', 'esc_attr__', 'esc_html_e' ), true );
		if ( $is_call && is_array( $tokens[ $at + 2 ] ) && T_CONSTANT_ENCAPSED_STRING === $tokens[ $at + 2 ][0] ) {
			$text                       = stripslashes( substr( $tokens[ $at + 2 ][1], 1, -1 ) );
			$texts[ $text ]['at'][]     = $name . ':' . $token[2];
			$texts[ $text ]['comment']  = $comment;
			$comment                    = '';
		}
	}
}
// What WordPress shows of the plugin itself.
preg_match_all( '/^ \* (Plugin Name|Description|Author):\s+(.+)$/m', file_get_contents( $root . '/livelist-sync.php' ), $header, PREG_SET_ORDER );
foreach ( $header as $line ) {
	$texts[ $line[2] ] = array(
		'at'      => array( 'livelist-sync.php' ),
		'comment' => "translators: {$line[1]} of the plugin",
	);
}
uasort(
	$texts,
	function ( $a, $b ) {
		return strnatcmp( $a['at'][0], $b['at'][0] );
	}
);
$quote = function ( $text ) {
	return '"' . addcslashes( $text, "\"\\\n" ) . '"';
};
echo "# Livelist Sync. GPL-2.0-or-later.\nmsgid \"\"\nmsgstr \"\"\n\"Project-Id-Version: Livelist Sync\\n\"\n\"MIME-Version: 1.0\\n\"\n\"Content-Type: text/plain; charset=UTF-8\\n\"\n\"Content-Transfer-Encoding: 8bit\\n\"\n\"X-Domain: livelist-sync\\n\"\n";
foreach ( $texts as $text => $known ) {
	echo "\n", '' === $known['comment'] ? '' : "#. {$known['comment']}\n", '#: ', implode( ' ', $known['at'] ), "\nmsgid ", $quote( $text ), "\nmsgstr \"\"\n";
}
