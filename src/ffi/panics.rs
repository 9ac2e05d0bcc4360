//! The one export that is never shipped.

/// What comes next to this place, a number of `Place`, will panic; 0: nothing will. Gives the place
/// that was wanted before and not come to, 0 for none.
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_want_panic(place: i32) -> i32 {
    crate::panics::want(place)
}
