//! `#[both]`: one test body, two databases.

use proc_macro::{Group, Span, TokenStream, TokenTree};

/// What a test becomes. The names in capitals are replaced by its parts.
const TESTS: &str = "
    pub mod NAME {
        #[allow(unused_imports, reason = \"the body decides\")]
        use super::*;

        #[allow(clippy::unused_async, reason = \"a body may be async or not\")]
        pub async fn body(engine: crate::support::Engine) {
            let ARGUMENT = <FIXTURE as crate::support::Fixture>::on(engine).await;
            BODY
        }

        ATTRIBUTES
        #[test]
        fn sqlite() {
            crate::support::block_on(body(crate::support::Engine::Sqlite));
        }

        ATTRIBUTES
        #[test]
        fn postgres() {
            crate::support::block_on(body(crate::support::Engine::Postgres));
        }
    }
";

/// Turns `fn name(db: TestDb) { … }` into the tests `name::sqlite` and `name::postgres`. The
/// argument's type is any `Fixture` of `tests/it/support`. The function may be async. Other
/// attributes, such as `#[ignore]`, go to both tests.
///
/// Panics, which stops the build, where it stands on anything but a function with one argument.
#[proc_macro_attribute]
pub fn both(_: TokenStream, function: TokenStream) -> TokenStream {
    let mut tokens = function.into_iter();
    let before_fn = tokens.by_ref().take_while(|token| token.to_string() != "fn");
    let attributes = before_fn.filter(|token| token.to_string() != "async").collect();
    let (Some(name), Some(TokenTree::Group(arguments)), Some(body), None) =
        (tokens.next(), tokens.next(), tokens.next(), tokens.next())
    else {
        panic!("#[both] goes on a function that returns nothing");
    };
    let mut argument = arguments.stream().into_iter();
    let pattern = argument.by_ref().take_while(|token| token.to_string() != ":").collect();
    let parts = [
        ("NAME", name.into()),
        ("ARGUMENT", pattern),
        ("FIXTURE", argument.filter(|token| token.to_string() != ",").collect()),
        ("BODY", body.into()),
        ("ATTRIBUTES", attributes),
    ];
    match TESTS.parse() {
        Ok(tests) => filled(tests, &parts),
        Err(error) => panic!("{error}"),
    }
}

/// The template with these parts in it. They keep their place in the source, so a failing test
/// names its own line.
fn filled(template: TokenStream, parts: &[(&str, TokenStream)]) -> TokenStream {
    let mut filled = TokenStream::new();
    for mut token in template {
        let text = token.to_string();
        if let Some((_, part)) = parts.iter().find(|(name, _)| *name == text) {
            filled.extend(part.clone());
        } else if let TokenTree::Group(group) = token {
            let inner = self::filled(group.stream(), parts);
            filled.extend([TokenTree::Group(Group::new(group.delimiter(), inner))]);
        } else {
            // The test's own names and the template's do not meet.
            token.set_span(Span::mixed_site());
            filled.extend([token]);
        }
    }
    filled
}
