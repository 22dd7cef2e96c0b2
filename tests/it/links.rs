//! Links to objects use the host of the request.

use app::source_limits::SourceLimits;
use gateway::Settings;
use reqwest::Method;
use serde_json::Value;

use crate::target::{Target, run, settings};

async fn export_link(customer: &Target, headers: &[(&str, &str)]) -> String {
    let answer = customer.send_with(Method::GET, "/customers/me/export", headers, String::new()).await;
    let link: Value = answer.expect_status(200).json();
    link["url"].as_str().unwrap().to_owned()
}

#[test]
fn a_link_names_the_host_of_its_request() {
    run(async || {
        let home = tempfile::tempdir().unwrap();
        let allowed_hosts = vec!["sextant.home.arpa".to_owned()];
        let (server, target) = Target::serve(Settings { allowed_hosts, ..settings(home.path()) }).await;
        let customer = target.newcomer().await;
        let port = server.address().port();
        for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), "sextant.home.arpa".to_owned()] {
            let link = export_link(&customer, &[("host", &host)]).await;
            let path = link.strip_prefix(&format!("http://{host}/_objects/exports/"));
            assert!(path.is_some(), "{link}");
            let here = link.replace(&host, &server.address().to_string());
            customer.follow(&here).await.expect_status(200);
        }
        // A client's proxy headers are ignored.
        let forged = [("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https")];
        let link = export_link(&customer, &forged).await;
        assert!(link.starts_with(&format!("http://127.0.0.1:{port}/_objects/")), "{link}");
        server.stop().await;
    });
}

#[test]
fn behind_a_trusted_proxy_a_link_has_the_scheme_of_the_client() {
    run(async || {
        let home = tempfile::tempdir().unwrap();
        let settings = Settings {
            allowed_hosts: vec!["sextant.example".to_owned()],
            source_limits: SourceLimits::from_settings(|name| {
                (name == "SEXTANT_TRUSTED_PROXY").then(|| "127.0.0.1".to_owned())
            })
            .unwrap()
            .on_one_machine(),
            ..settings(home.path())
        };
        let (server, target) = Target::serve(settings).await;
        let customer = target.newcomer().await;
        let by_proxy = [("host", "sextant.example"), ("x-forwarded-proto", "https"), ("x-forwarded-for", "192.0.2.1")];
        let link = export_link(&customer, &by_proxy).await;
        let path = link.strip_prefix("https://sextant.example/_objects/exports/");
        assert!(path.is_some(), "{link}");
        // The proxy passes the path on.
        let here = link.replace("https://sextant.example", &format!("http://{}", server.address()));
        customer.follow(&here).await.expect_status(200);
        // The reference and the document name no host, so that they call the one that sends them.
        let document: Value = customer.send_with(Method::GET, "/openapi.json", &by_proxy, String::new()).await.json();
        assert_eq!(document["servers"][0]["url"], "/");
        server.stop().await;
    });
}
