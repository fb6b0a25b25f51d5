<?php
/**
 * Plugin Name:       Livelist Sync
 * Description:       Takes down listings that their MLS no longer has, and brings back those that it has again. Follows complete, verified lists of live listings only.
 * Version:           0.1.0
 * Requires at least: 6.1
 * Requires PHP:      7.4
 * Author:            Livelist
 * License:           GPL-2.0-or-later
 * License URI:       https://www.gnu.org/licenses/gpl-2.0.html
 * Text Domain:       livelist-sync
 * Domain Path:       /languages
 *
 * This program is free software; you can redistribute it and/or modify it under the terms of the GNU
 * General Public License as published by the Free Software Foundation; either version 2 of the
 * License, or (at your option) any later version. It is distributed in the hope that it will be
 * useful, but WITHOUT ANY WARRANTY. See the file LICENSE.
 *
 * @package Livelist\Sync
 */

defined( 'ABSPATH' ) || exit;

define( 'LIVELIST_SYNC_VERSION', '0.1.0' );
define( 'LIVELIST_SYNC_FILE', __FILE__ );

require __DIR__ . '/src/autoload.php';

register_activation_hook( __FILE__, array( 'Livelist\Sync\Site\Plugin', 'activate' ) );
register_deactivation_hook( __FILE__, array( 'Livelist\Sync\Site\Plugin', 'deactivate' ) );

Livelist\Sync\Site\Plugin::boot();
