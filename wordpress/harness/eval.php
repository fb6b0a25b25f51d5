<?php
/**
 * Runs code in the site: eval.php CODE
 */

require __DIR__ . '/load.php';
eval( $argv[1] );
