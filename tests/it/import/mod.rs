//! Imports (contract.md section 4), on both databases.

/// Makes of each `fn name(world: World)` the tests `name::sqlite` and `name::postgres`.
macro_rules! on_both {
    ($(fn $name:ident($world:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "the body decides")]
            use super::*;

            fn body($world: &crate::import::world::World) $body

            #[test]
            fn sqlite() {
                body(&crate::import::world::World::sqlite());
            }

            #[test]
            fn postgres() {
                body(&crate::import::world::World::postgres());
            }
        }
    )*};
}

mod counts;
mod customers;
mod files;
mod kills;
mod previews;
mod purges;
mod redemptions;
mod rewards;
mod speed;
mod spreadsheets;
mod turns;
mod vouchers;
mod world;
