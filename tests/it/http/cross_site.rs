//! Forms of other sites are refused on every unsafe route, sign-in included (guarantee S2).

use reqwest::Method;
use rewarddesk::{domain::role::Role, web::server::router};

use crate::support::App;

#[both]
async fn only_our_own_pages_can_send_forms(app: App) {
    let scene = app.scene(1);
    let ann = app.sign_in(Role::Administrator).await;
    let support = app.user(Role::Support);
    let (own, other) = (ann.base.clone(), "https://evil.example".to_owned());
    let other_port = format!("{own}1");
    let https = own.replace("http:", "https:");
    let passes: [&[(&'static str, &str)]; 6] = [
        &[("Sec-Fetch-Site", "same-origin")],
        &[("Sec-Fetch-Site", "none")],
        &[("Sec-Fetch-Site", "same-origin"), ("Origin", &own)],
        &[("Sec-Fetch-Site", "none"), ("Origin", "null")],
        &[("Origin", &own)],
        &[("Origin", &own), ("Referer", &other)],
    ];
    let refused: [&[(&'static str, &str)]; 14] = [
        &[],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "")],
        &[("Sec-Fetch-Site", "Same-Origin")],
        &[("Sec-Fetch-Site", "anything")],
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", &own)],
        &[("Origin", &other)],
        &[("Origin", "null")],
        &[("Origin", "")],
        &[("Origin", &other_port)],
        &[("Origin", &https)],
        &[("Referer", &own)],
        &[("HX-Request", "true")],
    ];
    let paths = router::rules()
        .all()
        .iter()
        .filter(|rule| rule.method == "POST")
        .map(|rule| {
            // Somebody else, whose sessions can be ended without ending ours.
            let id = if rule.pattern.contains("/users/") { support } else { scene.customer };
            let path = rule.pattern.replace("{merchant}", "acme").replace("{id}", &id.to_string());
            path.replace("{reward}", &scene.reward.to_string())
        })
        .collect::<Vec<_>>();
    assert!(paths.len() >= 4, "{paths:?}");
    for path in paths.iter().filter(|path| *path != "/sign-out") {
        for headers in refused {
            let answer = ann.bare(Method::POST, path, headers).await;
            assert_eq!(answer.status, 403, "{path} took a form with {headers:?}");
            assert!(
                answer.header("Content-Security-Policy").contains("default-src"),
                "a refusal keeps the headers"
            );
        }
        for headers in passes {
            let status = ann.bare(Method::POST, path, headers).await.status;
            assert!(
                status != 403 && status < 500,
                "{path} refused a form of ours, {headers:?}: {status}"
            );
        }
    }
    for headers in refused {
        ann.bare(Method::POST, "/sign-out", headers).await.expect(403);
    }
    ann.get("/m/acme/customers").await.expect(200);
    ann.bare(Method::POST, "/sign-out", passes[4]).await.expect(303);
    ann.get("/m/acme/customers").await.expect(303);
    app.overlook_mails();
    assert_eq!(app.count("reissues"), 0);
}

#[both]
async fn every_other_unsafe_method_is_refused_too(app: App) {
    let scene = app.scene(1);
    let ann = app.sign_in(Role::Administrator).await;
    let path = app.reissue_path(scene.customer, scene.reward);
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        ann.bare(method.clone(), &path, &[("Sec-Fetch-Site", "cross-site")]).await.expect(403);
        ann.bare(method, &path, &[("Sec-Fetch-Site", "same-origin")]).await.expect(405);
    }
}
