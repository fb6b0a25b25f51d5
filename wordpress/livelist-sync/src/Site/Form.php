<?php
/**
 * Buttons of the pages: each is a form of its own that posts, with a nonce of its own action. Depends on
 * WordPress.
 *
 * @package Livelist\Sync
 */

namespace Livelist\Sync\Site;

/**
 * Buttons.
 */
final class Form {
	/**
	 * A button that gives an order.
	 *
	 * @param string                    $what   The order.
	 * @param string                    $label  What stands on it.
	 * @param array<string, string|int> $values What the order is about.
	 * @param string                    $about  What the order is about, for those who do not see where it stands.
	 */
	public static function button( string $what, string $label, array $values = array(), string $about = '' ): void {
		echo '<form method="post" class="livelist-order" action="' . esc_url( admin_url( 'admin-post.php' ) ) . '">';
		$values = array(
			'action'   => Admin::ORDER,
			'what'     => $what,
			'_wpnonce' => wp_create_nonce( self::nonce( $what ) ),
		) + $values;
		foreach ( $values as $name => $value ) {
			printf( '<input type="hidden" name="%s" value="%s">', esc_attr( $name ), esc_attr( (string) $value ) );
		}
		printf( '<button type="submit" class="button button-small"%s>%s</button>', '' === $about ? '' : ' aria-label="' . esc_attr( $label . ': ' . $about ) . '"', esc_html( $label ) );
		echo '</form> ';
	}

	/**
	 * The action of an order's nonce.
	 *
	 * @param string $what The order.
	 */
	public static function nonce( string $what ): string {
		return Admin::ORDER . '_' . $what;
	}

	/**
	 * A table that scrolls by itself where it is wider than the page.
	 *
	 * @param string   $label What it is.
	 * @param string[] $heads Heads of its columns.
	 */
	public static function table( string $label, array $heads ): void {
		printf( '<div class="livelist-scroll" role="region" tabindex="0" aria-label="%s"><table class="widefat striped"><thead><tr>', esc_attr( $label ) );
		foreach ( $heads as $head ) {
			echo '<th scope="col">' . esc_html( $head ) . '</th>';
		}
		echo '</tr></thead><tbody>';
	}

	/**
	 * The end of a table.
	 */
	public static function end(): void {
		echo '</tbody></table></div>';
	}

	/**
	 * What the pages need of style.
	 */
	public static function style(): void {
		echo '<style>.livelist-order{display:inline-block;margin:2px 4px 2px 0}.livelist-scroll{overflow-x:auto;max-width:100%}.livelist-scroll table{min-width:60em}'
			. '.livelist-feed{border:1px solid #c3c4c7;background:#fff;padding:0 16px 12px;margin:0 0 16px;max-width:60em}'
			. '.livelist-grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(15em,100%),1fr));gap:8px 16px}'
			. '.livelist-grid label{display:block}.livelist-grid input,.livelist-grid select{width:100%;max-width:100%}'
			. '.livelist-wrap code{overflow-wrap:anywhere}.livelist-wrap .regular-text{max-width:100%}</style>';
	}
}
