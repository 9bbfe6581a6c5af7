//! What the person who runs the desk needs: backup, proofs, readiness and figures.

pub mod back_up;
pub mod check_invariants;
pub mod measures;
pub mod readiness;
