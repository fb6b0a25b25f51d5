<?php
/**
 * The pure parts, without WordPress.
 */

error_reporting( E_ALL );
require dirname( __DIR__, 2 ) . '/livelist-sync/src/autoload.php';
