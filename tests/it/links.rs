//! Links to objects use the host of the request.

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
        let (server, target) = Target::serve(gateway::Settings { allowed_hosts, ..settings(home.path()) }).await;
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
