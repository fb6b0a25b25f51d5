//! Switches that turn single guards off, so that a simulation can show that each is needed: without
//! it a live listing is lost, a token leaks, a feed is stuck. They exist only with the feature
//! `mutations`; without it a guard is never off, and the compiler removes the question.

/// Whether the switches are compiled in. Programs that are deployed refuse it.
pub const ARE_COMPILED_IN: bool = cfg!(feature = "mutations");

/// A guard that can be turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// Absent keys are asked for by key before they are called gone.
    Confirmation,
    /// A scan's keys are compared with the provider's count.
    Count,
    /// An answer by key counts only if it shows the live keys that were asked for as well.
    Controls,
    /// The head is written only if it is the one that was read.
    ConditionalWrite,
    /// A refused token is replaced.
    TokenRefresh,
    /// A 200 that is no page is an error, not an empty page.
    PageValidation,
    /// The last page is accepted only with the provider's own sign of the end.
    EndSign,
    /// Links are followed only to the feed's hosts.
    AllowList,
    /// If keys cannot be asked for, a second scan has to agree.
    SecondLook,
    /// A scan without any row is held.
    EmptyScan,
    /// A run starts over if another run of the feed has changed the head since.
    Overtaken,
    /// One run at a time uses a credential.
    Lease,
    /// Paging that loops ends.
    Loop,
    /// More removals than the guards allow wait for a second look or an operator.
    MassRemoval,
    /// A question that is refused is asked in another form, and shorter.
    Form,
    /// Answers by another id than the key prove nothing once ids have changed.
    Ids,
    /// Requests and empty pages of a scan are counted and limited.
    Bounds,
    /// The plugin asks `check` before it takes a post down, and acts on `gone` alone.
    AsksCheck,
    /// A window of records that lacks rows which the provider counts is read again.
    WholeWindow,
    /// Once a day a window of records reaches back over what was read before.
    LookBack,
    /// Records that are neither listed nor proved gone are asked for.
    Unsure,
    /// Records are compared with when the nightly run saw their listings modified.
    Stamps,
}

impl Guard {
    /// All of them.
    pub const ALL: [Guard; 22] = [
        Guard::Confirmation,
        Guard::Count,
        Guard::Controls,
        Guard::ConditionalWrite,
        Guard::TokenRefresh,
        Guard::PageValidation,
        Guard::EndSign,
        Guard::AllowList,
        Guard::SecondLook,
        Guard::EmptyScan,
        Guard::Overtaken,
        Guard::Lease,
        Guard::Loop,
        Guard::MassRemoval,
        Guard::Form,
        Guard::Ids,
        Guard::Bounds,
        Guard::AsksCheck,
        Guard::WholeWindow,
        Guard::LookBack,
        Guard::Unsure,
        Guard::Stamps,
    ];

    /// Its name in words.
    pub fn name(self) -> &'static str {
        match self {
            Guard::Confirmation => "confirmation",
            Guard::Count => "count",
            Guard::Controls => "controls",
            Guard::ConditionalWrite => "conditional-write",
            Guard::TokenRefresh => "token-refresh",
            Guard::PageValidation => "page-validation",
            Guard::EndSign => "end-sign",
            Guard::AllowList => "allow-list",
            Guard::SecondLook => "second-look",
            Guard::EmptyScan => "empty-scan",
            Guard::Overtaken => "overtaken",
            Guard::Lease => "lease",
            Guard::Loop => "loop",
            Guard::MassRemoval => "mass-removal",
            Guard::Form => "form",
            Guard::Ids => "ids",
            Guard::Bounds => "bounds",
            Guard::AsksCheck => "asks-check",
            Guard::WholeWindow => "whole-window",
            Guard::LookBack => "look-back",
            Guard::Unsure => "unsure",
            Guard::Stamps => "stamps",
        }
    }
}

/// Whether a guard is off. In deployed code it never is.
#[cfg(not(feature = "mutations"))]
#[inline(always)]
pub const fn is_off(_: Guard) -> bool {
    false
}

#[cfg(feature = "mutations")]
thread_local! {
    static OFF: std::cell::Cell<Option<Guard>> = const { std::cell::Cell::new(None) };
}

/// Whether a guard is off on this thread.
#[cfg(feature = "mutations")]
pub fn is_off(guard: Guard) -> bool {
    OFF.get() == Some(guard)
}

/// Turns one guard off on this thread, and all others on.
#[cfg(feature = "mutations")]
pub fn turn_off(guard: Option<Guard>) {
    OFF.set(guard);
}
