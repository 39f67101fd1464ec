//! What a node answers that does a part of the work: every described route says who serves it, and
//! it is so.

use serde_json::Value;
use viewlog::http::{Settings, document};

use super::site::Site;

pub(crate) const ROLES: [&str; 3] = ["collect", "process", "provide"];

/// Every described route as method, address and the roles that serve it; none is every node.
pub(crate) fn described() -> Vec<(String, String, Vec<&'static str>)> {
    let document: Value = serde_json::to_value(document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let said = operation["description"].as_str().unwrap_or_default();
            let said = said.split("Served by nodes with the role ").nth(1).unwrap_or_default();
            let roles: Vec<_> = ROLES.into_iter().filter(|role| said.contains(role)).collect();
            let is_answer = operation["responses"].get("421").is_some();
            assert_eq!(is_answer, !roles.is_empty(), "{method} {path}");
            found.push((method.to_uppercase(), path.clone(), roles));
        }
    }
    found
}

/// The address of a described route.
pub(crate) fn address(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[actix_web::test]
async fn every_route_is_served_by_the_nodes_that_its_description_names_and_by_no_others() {
    let described = described();
    for role in ROLES {
        assert!(described.iter().any(|(_, _, roles)| roles == &[role]), "{role} serves something");
        let site =
            Site::with(Settings { roles: role.parse().unwrap(), ..Settings::default() }).await;
        for (method, path, roles) in &described {
            let answer = site.call(method, &address(path)).await;
            let is_refused = answer.status == 421;
            let is_others = !roles.is_empty() && !roles.contains(&role);
            assert_eq!(is_refused, is_others, "{role}: {method} {path}: {answer:?}");
            if is_refused {
                let detail = answer.problem(421, "wrong_role");
                assert!(detail.contains(&format!("this node's role is {role}")), "{detail}");
                assert!(roles.iter().all(|needed| detail.contains(needed)), "{detail}");
            }
        }
        for page in ["/", "/accounts/home", "/ui/viewlog.css"] {
            let status = site.call("GET", page).await.status;
            assert_eq!(status == 421, role != "provide", "{role}: {page}");
        }
        assert_eq!(site.call("GET", "/nowhere").await.status, 404);
        assert_eq!(site.call("GET", "/v1/events").await.status, 405);
    }
}

#[actix_web::test]
async fn a_node_with_two_roles_says_both_and_serves_both() {
    let roles = "provide,collect".parse().unwrap();
    let site = Site::with(Settings { roles, ..Settings::default() }).await;
    let system = site.call("GET", "/v1/system").await;
    assert_eq!(system.json["roles"], serde_json::json!(["collect", "provide"]));
    assert_eq!(site.call("GET", "/v1/accounts/home/now").await.status, 200);
    assert_eq!(site.call("POST", "/v1/events").await.status, 400);
    let refused = site.call("POST", "/v1/system/rebuild").await;
    let detail = refused.problem(421, "wrong_role");
    assert_eq!(
        detail,
        "this node's role is collect,provide, and this needs process; ask a node with that role"
    );
}
