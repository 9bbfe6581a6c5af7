//! One test body, two databases.

/// Makes of each `fn name(db: TestDb) { … }` the tests `name::sqlite` and `name::postgres`. The argument's type is any
/// [`Fixture`](super::Fixture); `async fn` works too. Attributes (`#[ignore]`, `#[should_panic]`) go to both.
macro_rules! both {
    () => {};
    ($(#[$attr:meta])* async fn $name:ident($($arg:tt)+) $body:block $($rest:tt)*) => {
        both! { @split [$(#[$attr])*] $name ($($arg)+) $body }
        both! { $($rest)* }
    };
    ($(#[$attr:meta])* fn $name:ident($($arg:tt)+) $body:block $($rest:tt)*) => {
        both! { @split [$(#[$attr])*] $name ($($arg)+) $body }
        both! { $($rest)* }
    };
    (@split [$(#[$attr:meta])*] $name:ident (mut $arg:ident : $fixture:ty) $body:block) => {
        both! { @tests [$(#[$attr])*] $name (mut $arg) $fixture, $body }
    };
    (@split [$(#[$attr:meta])*] $name:ident ($arg:ident : $fixture:ty) $body:block) => {
        both! { @tests [$(#[$attr])*] $name ($arg) $fixture, $body }
    };
    (@tests [$(#[$attr:meta])*] $name:ident ($($arg:tt)+) $fixture:ty, $body:block) => {
        pub mod $name {
            #[allow(unused_imports, reason = "the body decides")]
            use super::*;

            #[allow(clippy::unused_async, reason = "one shape for both kinds of body")]
            pub async fn body(engine: $crate::support::Engine) {
                let $($arg)+ = <$fixture as $crate::support::Fixture>::on(engine).await;
                $body
            }

            $(#[$attr])*
            #[test]
            fn sqlite() {
                $crate::support::block_on(body($crate::support::Engine::Sqlite));
            }

            $(#[$attr])*
            #[test]
            fn postgres() {
                $crate::support::block_on(body($crate::support::Engine::Postgres));
            }
        }
    };
}
