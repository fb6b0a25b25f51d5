//! The chain of steps against simulated MLSs over real HTTP.
//!
//! Each test of a fault begins with a control: `naive`, a plain reconciler, is harmed by it. Every day
//! of a `world` is checked against rule zero: no live listing is ever reported as gone.
//!
//! What a client has to survive, and where it is shown:
//!
//!  1. a 200 that is no page: `empty` (what_is_no_page_*, an_answer_about_keys_*)
//!  2. error bodies of every kind: `empty` (lost_access_*), `cut` (errors_*), `throttle`, `secrets`,
//!     `quirks` (sparks_codes_*, sparks_refusals_*, rapattonis_refusal_*)
//!  3. cut JSON, gzip and connections: `cut` (errors_that_pass_*, errors_that_stay_*)
//!  4. ends: `paging` (odd_forms_*, a_null_link_*), `cut` (*_missing_link_*), `empty` (one_empty_page_*)
//!  5. forms of links: `paging` (plain_servers_*, bridge_names_*), `secrets` (a_link_with_the_token_*)
//!  6. circles, other hosts, open lines, redirects: `links`
//!  7. links that die: none is kept beyond a run; a repeated run begins anew: `crash`
//!  8. rows that move, come and go while a scan reads: `paging` (sales_*, even_counts_*, *_move_*,
//!     a_server_without_an_order_*, a_scan_that_was_none_*)
//!  9. equal timestamps: `quirks` (ampre_is_read_*); `paging` (rows_that_move_*) touches all at once
//! 10. counts: `cut` (a_count_that_*), `paging` (plain_servers_*, odd_forms_*)
//! 11. keys: `keys`; twice or missing: `paging` (odd_forms_*, rows_without_a_key_*)
//! 12. forms of timestamps: `livelist-reso::stamp` (every_form_*), and `quirks` (ampre_is_read_*) pages
//!     by them; beside keys they are kept as they are
//! 13. tokens: `tokens`, `overlap` (two_feeds_of_one_credential_*), `quirks` (rapattonis_tokens_*,
//!     constellations_cached_*)
//! 14. throttles: `throttle`, `quirks` (ampres_header_*); 504: `cut` (a_gateway_timeout_*); what is
//!     never asked for too often: `budget`
//! 15. page sizes that are cut: every `world` here has a page limit below what is asked
//! 16. lost access: `empty` (lost_access_*, half_of_the_permissions_*)
//! 17. new keys for everything: `mass` (new_keys_*); all touched at once: `paging`
//! 18. caches that lag: `quirks` (sparks_lists_*), `cut` (hidden_rows_*), `paging` (rows_that_come_*)
//! 19. gzip, lengths that lie, closed connections: `cut` (errors_that_pass_*)
//!
//! F1 and F3 `empty`; F2, F5, F6 `cut`; F4 `throttle`; F7, F14 `mass`; F8, F9 `paging`; F10 `crash`,
//! `overlap`; F11 `tokens`; F13 `links`; F15 `overlap`; F18 `keys`; F20 `secrets`; several at once
//! `chaos`. What a task that fails leaves behind: `stumble`; what many small ones do: `parts`;
//! a large plan: `planning`; a clock that is wrong: `clock`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod ahead;
mod budget;
mod by_hand;
mod chaos;
mod clock;
mod contrary;
mod crash;
mod cut;
mod days;
mod empty;
mod keys;
mod links;
mod lists;
mod literals;
mod looks;
mod mass;
mod meddler;
mod metrics;
mod naive;
mod notices;
mod overlap;
mod paging;
mod parts;
mod planning;
mod quirks;
mod secrets;
mod stumble;
mod throttle;
mod tokens;
mod world;
